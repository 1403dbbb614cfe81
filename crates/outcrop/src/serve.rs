//! `outcrop serve`

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use outcrop_config::Severity;
use outcrop_core::{Around, Gateway, ResponseStore, Settings, StoreLimits};
use outcrop_emulator::{Config, Emulator};
use outcrop_fetch::Fetcher;
use outcrop_server::{Cors, Server, ServerConfig};

use crate::cli::{LISTEN, ServeArgs, StoreArgs};
use crate::configuration::{self, told};
use crate::print::print_line;
use crate::stop::{Asked, Hangup, Stop};
use crate::{access_log, admission, counters};

pub async fn run(args: ServeArgs) -> anyhow::Result<()> {
    access_log::start(args.log_format, "info")?;
    let anonymous = args.admission.anonymous;
    let emulator = match args.emulator {
        true => Some(
            Emulator::bind("127.0.0.1:0", Config::default())
                .await
                .context("cannot start the emulator")?,
        ),
        false => None,
    };
    let config = match args.files.is_empty() {
        true => configuration::of_flags(&args, emulator.as_ref())?,
        false => {
            let (config, told) = configuration::of_files(&args, emulator.as_ref())?;
            eprint!("{told}");
            config
        }
    };
    let asked = args.clone();
    let written = config.listeners.first().map(|listener| listener.address);
    let listen = args.listen.or(written).unwrap_or(LISTEN);
    let admitter = admission::admitter(args.admission.clone(), listen)?;
    let mut listing = args.account.listing(|name| std::env::var(name).ok());
    if let (Some(listing), Some(_)) = (&mut listing, &emulator) {
        // What the emulator lists is at hand as soon as it runs.
        listing.cache = None;
    }
    let settings = Settings {
        uncounted: args.count_tokens.into(),
        media: Fetcher::new(args.media.into()),
        store: store_limits(&args.store),
        around: Around { listing, ..Around::default() },
        ..Settings::default()
    };
    let (tls, authority) = args.tls.tls(listen)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let server_config = ServerConfig {
        max_body: args.max_body,
        tls,
        cors: Cors(args.cors_origin),
        drain: args.drain_timeout,
        ..ServerConfig::default()
    };
    let mut gateway = Gateway::new(settings, access_log::receipts())
        .admitting(admitter)
        .counting(counters::open(&config.store)?);
    let notes = gateway.reload(&config).await;
    let notes = notes.map_err(|found| anyhow::anyhow!(told(&found, Severity::Error)))?;
    let backends = gateway.backends();
    if let Some(path) = &args.store.response_store {
        let limits = store_limits(&args.store);
        let store = ResponseStore::open(limits, path)
            .with_context(|| format!("cannot keep answers in {}", path.display()))?;
        gateway = gateway.keeping(store);
    }
    let server = bind(listen, gateway, server_config).await?;
    let address = server.local_addr()?;
    // The first line is for programs: it tells where the gateway can be reached.
    print_line(&format!("listening on {scheme}://{address}"))?;
    for backend in backends {
        let (endpoints, name) = (backend.endpoints(), backend.name());
        let (region, upstream) = (endpoints.region.as_str(), endpoints.runtime.to_string());
        let credentials = backend.identity();
        tracing::info!(backend = name, region, upstream, credentials, "serving");
    }
    if !notes.is_empty() {
        tracing::warn!("{}", told(&notes, Severity::Notice));
    }
    if let Some(file) = authority {
        tracing::info!(
            "clients must trust {0}: AWS_CA_BUNDLE={0} or SSL_CERT_FILE={0}",
            file.display()
        );
    }
    if anonymous && !address.ip().is_loopback() {
        tracing::warn!(
            "anyone who can reach {address} can use this gateway's AWS identity: --anonymous lets all in"
        );
    }
    let readiness = server.readiness();
    let serving = serve(server, args.drain_notice);
    if asked.files.is_empty() {
        return serving.await;
    }
    let mut hangup = Hangup::watch().context("cannot watch for signals")?;
    let reloading = async {
        loop {
            hangup.next().await;
            reload(&asked, emulator.as_ref(), readiness.gateway()).await;
        }
    };
    tokio::select! {
        ended = serving => ended,
        () = reloading => Ok(()),
    }
}

/// Reads the files again. What is wrong with them is told, and the last good configuration stays.
async fn reload(args: &ServeArgs, emulator: Option<&Emulator>, gateway: &Gateway) {
    let outcome = match configuration::of_files(args, emulator) {
        Ok((config, _told)) => {
            let outcome = gateway.reload(&config).await;
            outcome.map_err(|found| told(&found, Severity::Error))
        }
        Err(error) => Err(format!("{error:#}")),
    };
    match outcome {
        Ok(notes) => {
            let (generation, notes) = (gateway.generation(), told(&notes, Severity::Notice));
            tracing::info!(generation, notes, "another configuration is at work");
        }
        Err(wrong) => {
            tracing::error!(wrong, "the configuration was not changed: the last good one stays");
        }
    }
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
