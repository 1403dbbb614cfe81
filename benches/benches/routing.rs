//! What it costs to find the way of a request, with few routes and with many.

#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use divan::{Bencher, black_box};
use outcrop_config::{
    ANY_SERVICE, Backend, Config, Identity, IdentitySource, Match, Pattern, Redacted, Route,
    Secret, Target,
};
use outcrop_core::{Gateway, Inbound, Operation, ReceiptSink, Settings};

const ROUTES: [usize; 3] = [1, 100, 10_000];

fn main() {
    divan::main();
}

fn gateway(routes: usize) -> Gateway {
    let inline = |text: &str| Secret::Inline(Redacted::new(text));
    let source = IdentitySource::Keys {
        access_key_id: inline("AKIDEXAMPLE"),
        secret_access_key: inline("s3cr3t"),
        session_token: None,
    };
    let backend = Backend {
        region: Some("us-east-1".to_owned()),
        endpoints: vec![(ANY_SERVICE.to_owned(), "http://127.0.0.1:9".to_owned())],
        identity: Identity { source, ..Identity::default() },
        ..Backend::default()
    };
    let routes = (0..routes).map(|at| Route {
        name: at.to_string(),
        matches: vec![Match {
            model: Some(Pattern::Exact(format!("model-{at}"))),
            ..Match::default()
        }],
        targets: vec![Target::new("one")],
        ..Route::default()
    });
    let config = Config {
        backends: [("one".to_owned(), backend)].into(),
        routes: routes.collect(),
        ..Config::default()
    };
    let gateway = Gateway::new(Settings::default(), ReceiptSink::new(drop));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(gateway.reload(&config)).unwrap();
    gateway
}

#[divan::bench(args = ROUTES)]
fn the_last_route(bencher: Bencher<'_, '_>, routes: usize) {
    let gateway = gateway(routes);
    let body = format!(r#"{{"model":"model-{}","messages":[]}}"#, routes - 1);
    let inbound = Inbound::post(Operation::ChatCompletions, body, "1");
    let settlement = gateway.begin(&inbound.operation, "1");
    bencher.bench_local(|| black_box(gateway.way_of(black_box(&inbound), &settlement)).is_ok());
}
