//! `outcrop serve`

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use outcrop_aws::{
    AwsClient, Backoff, ClientConfig, CredentialSource, Credentials, Endpoint, EndpointWish,
    Endpoints, Region, Timeouts,
};
use outcrop_core::{Gateway, ResponseStore, Settings, StoreLimits};
use outcrop_emulator::{
    Config, EXAMPLE_ACCESS_KEY_ID, EXAMPLE_REGION, EXAMPLE_SECRET_ACCESS_KEY, Emulator,
};
use outcrop_fetch::Fetcher;
use outcrop_model::Prices;
use outcrop_server::{Cors, Server, ServerConfig};

use crate::access_log;
use crate::cli::{ServeArgs, StoreArgs, TimeoutArgs};
use crate::print::print_line;
use crate::stop::{Asked, Stop};

pub async fn run(args: ServeArgs) -> anyhow::Result<()> {
    access_log::start(args.log_format, "info")?;
    let emulator = match args.emulator {
        true => Some(
            Emulator::bind("127.0.0.1:0", Config::default())
                .await
                .context("cannot start the emulator")?,
        ),
        false => None,
    };
    let credential_headers = args.lent.credential_headers()?;
    let lends_only = args.lent.credential_headers_only;
    let mut config = match &emulator {
        Some(emulator) => emulated(emulator)?,
        None => {
            let wish = EndpointWish {
                region: args.region.as_deref(),
                endpoint_url: args.endpoint_url.as_deref(),
            };
            let identity = args.identity.wish()?;
            ClientConfig::from_env(wish, &identity, &|name| std::env::var(name).ok()).await?
        }
    };
    // A gateway that only uses what callers lend needs no identity of its own.
    if !lends_only {
        config.credentials.begin().await?;
    }
    config.timeouts = timeouts(&args.timeouts);
    let backoff = Backoff { attempts: args.max_attempts, ..Backoff::default() };
    let settings = Settings {
        fidelity: args.fidelity.into(),
        backoff,
        carrier: args.carrier.into(),
        uncounted: args.count_tokens.into(),
        media: Fetcher::new(args.media.into()),
        geography: args.geography,
        prices: prices(args.prices.as_deref())?,
        cost_header: args.cost_header,
        credential_headers,
        store: store_limits(&args.store),
        ..Settings::default()
    };
    let (tls, authority) = args.tls.tls(args.listen)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let server_config = ServerConfig {
        max_body: args.max_body,
        tls,
        cors: Cors(args.cors_origin),
        drain: args.drain_timeout,
        ..ServerConfig::default()
    };
    let (region, upstream, credentials) = (
        config.endpoints.region.clone(),
        config.endpoints.runtime.to_string(),
        config.credentials.to_string(),
    );
    let mut gateway = Gateway::new(AwsClient::new(config)?, settings, access_log::receipts());
    if let Some(path) = &args.store.response_store {
        let limits = store_limits(&args.store);
        let store = ResponseStore::open(limits, path)
            .with_context(|| format!("cannot keep answers in {}", path.display()))?;
        gateway = gateway.keeping(store);
    }
    let server = bind(args.listen, gateway, server_config).await?;
    let address = server.local_addr()?;
    // The first line is for programs: it tells where the gateway can be reached.
    print_line(&format!("listening on {scheme}://{address}"))?;
    tracing::info!(region = region.as_str(), upstream, credentials, "serving");
    if let Some(file) = authority {
        tracing::info!(
            "clients must trust {0}: AWS_CA_BUNDLE={0} or SSL_CERT_FILE={0}",
            file.display()
        );
    }
    if !address.ip().is_loopback() {
        tracing::warn!(
            "anyone who can reach {address} can use this gateway's AWS identity: it asks clients for no key"
        );
    }
    serve(server, args.drain_notice).await
}

/// Serves until asked to stop, then until all is done, the time for it has passed, or asked again.
///
/// A supervisor's request is followed by `notice`: `/ready` says no, and all goes on as before, until
/// load balancers have noticed.
async fn serve(server: Server, notice: Duration) -> anyhow::Result<()> {
    let mut stop = Stop::watch().context("cannot watch for signals")?;
    let readiness = server.readiness();
    let (close, closing) = tokio::sync::oneshot::channel::<()>();
    let leaving = async {
        let asked = stop.asked().await;
        readiness.withdraw();
        if asked == Asked::Terminate && !notice.is_zero() {
            tracing::info!(
                seconds = notice.as_secs_f64(),
                "not ready any more; closing the door soon"
            );
            tokio::select! {
                () = tokio::time::sleep(notice) => {}
                _ = stop.asked() => return,
            }
        }
        drop(close);
        stop.asked().await;
    };
    let serving = server.serve(async move {
        // An error means that the sender is gone, which is the sign.
        let _sign = closing.await;
    });
    tokio::select! {
        finished = serving => match finished {
            true => Ok(()),
            false => anyhow::bail!("some requests did not finish in time and were cut off"),
        },
        () = leaving => anyhow::bail!("asked to stop twice: running requests were cut off"),
    }
}

/// A client of a local emulator.
pub fn emulated(emulator: &Emulator) -> anyhow::Result<ClientConfig> {
    let region = Region::new(EXAMPLE_REGION, "the emulator")?;
    let endpoint = Endpoint::parse(&emulator.base_url(), "the emulator")?;
    let credentials = Credentials::keys(EXAMPLE_ACCESS_KEY_ID, EXAMPLE_SECRET_ACCESS_KEY, None)?;
    let mut endpoints = Endpoints::single(region, endpoint);
    endpoints.mantle = Endpoint::parse(&emulator.mantle_url(), "the emulator")?;
    Ok(ClientConfig::new(endpoints, CredentialSource::Static(credentials)))
}

pub async fn bind(
    address: SocketAddr,
    gateway: Gateway,
    config: ServerConfig,
) -> anyhow::Result<Server> {
    Server::bind(address, gateway, config).await.with_context(|| {
        format!("cannot listen on {address}; choose another address with --listen")
    })
}

fn store_limits(args: &StoreArgs) -> StoreLimits {
    StoreLimits { max_bytes: args.response_store_bytes, max_age: args.response_store_age }
}

/// The built-in price list, with the operator's own laid over it.
fn prices(file: Option<&Path>) -> anyhow::Result<Prices> {
    let built_in = Prices::built_in();
    let Some(file) = file else { return Ok(built_in.clone()) };
    let name = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    built_in.with(&text).map_err(|misprint| anyhow::anyhow!("{name}:{misprint}"))
}

fn timeouts(args: &TimeoutArgs) -> Timeouts {
    let default = Timeouts::default();
    Timeouts {
        connect: args.connect_timeout.unwrap_or(default.connect),
        first_byte: args.first_byte_timeout.unwrap_or(default.first_byte),
        idle: args.idle_timeout.unwrap_or(default.idle),
        total: args.total_timeout.unwrap_or(default.total),
    }
}
