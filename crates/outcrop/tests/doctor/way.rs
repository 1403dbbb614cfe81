//! The way to AWS, and the clock.

use crate::visit::{NOVA, Visit};

async fn at(url: &str) -> Visit {
    Visit::new().await.flags(&["--endpoint-url", url])
}

#[tokio::test]
async fn an_endpoint_that_is_not_there() {
    // No label of a name is so long: it fails without being asked for anywhere.
    let name = "x".repeat(64);
    at(&format!("http://{name}.invalid")).await.told().await.fails("name", 26);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    at(&format!("http://{address}")).await.told().await.fails("refused", 26);
}

#[tokio::test]
async fn a_proxy_that_is_not_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let visit = at("https://bedrock.invalid").await.env("HTTPS_PROXY", &proxy);
    visit.told().await.fails("proxy", 26);
}

#[tokio::test]
async fn an_endpoint_without_trusted_tls() {
    let visit = Visit::new().await;
    let plain = visit.emulator.base_url().replace("http:", "https:");
    visit.flags(&["--endpoint-url", &plain]).told().await.fails("certificate", 26);
}

#[tokio::test]
async fn what_is_set_wrong_is_named() {
    let visit = || async { Visit::new().await };
    visit()
        .await
        .env("AWS_CA_BUNDLE", "/nowhere")
        .flags(&["--endpoint-url", "https://127.0.0.1:1"])
        .told()
        .await
        .fails("bad-ca-bundle", 20);
    at("ftp://x").await.told().await.fails("bad-setting", 20);
    let proxied = visit().await.env("NO_PROXY", "u:s3cr3t@host").told().await;
    let shown = proxied.report.to_string();
    assert!(shown.contains("NO_PROXY") && shown.contains("…@host"), "{shown}");
}

#[tokio::test]
async fn a_clock_that_is_off_is_a_warning() {
    for skew in ["skew=-600", "skew=600"] {
        let visit = Visit::new().await.flags(&["--model", NOVA]);
        visit.ill("UnknownOperation", skew).told().await.warns("clock");
    }
}

#[tokio::test]
async fn each_backend_of_a_configuration_has_a_report() {
    let visit = Visit::new().await;
    let text = "backends: {good: eu-west-1, bad: {identity: {profile: absent}}}\nroutes: [{name: r, targets: [good, bad]}]\n";
    let file = visit.file("outcrop.yaml", text);
    let output = visit.output(&["--json", "-f", &file]).await;
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |at: usize, name: &str| told["reports"][at][name].clone();
    assert_eq!((of(0, "backend"), of(1, "backend")), ("bad".into(), "good".into()), "{told}");
    assert_eq!((of(1, "region"), of(1, "healthy")), ("eu-west-1".into(), true.into()), "{told}");
    assert_eq!(output.status.code(), Some(28), "{told}");
}
