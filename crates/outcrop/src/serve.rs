//! `outcrop serve`

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use outcrop_core::{Around, Gateway, ResponseStore, Settings, StoreLimits};
use outcrop_emulator::{Config, Emulator};
use outcrop_fetch::Fetcher;
use outcrop_server::{Cors, Metrics, Server, ServerConfig};

use crate::admission::Admission;
use crate::cli::{ServeArgs, StoreArgs};
use crate::configuration::Gaps;
use crate::listen::{self, Certified, Place};
use crate::print::print_line;
use crate::running::{Parts, Plan, Running};
use crate::sources::Files;
use crate::stop::{Asked, Stop};
use crate::{access_log, admin, configuration, counters, open_files, watch};

/// What limits that are shared may still take once all requests are done: a store that is well takes a
/// hundredth of it, and with the notice and the drain it is less than the 30 s that Kubernetes gives.
const CLOSING: Duration = Duration::from_secs(1);

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
    let plan = plan(&args, emulator.as_ref())?;
    let loaded = plan.load().await?;
    let places = listen::places(args.listen, args.tls.clone(), &loaded.config.listeners)?;
    let metrics = Arc::<Metrics>::default();
    let parts = Parts {
        gateway: gateway(&args, emulator.as_ref(), &loaded.config.store, &metrics)?,
        metrics,
        admission: Admission::open(args.admission)?,
        addresses: places.iter().map(|place| place.address).collect(),
        certified: Certified::of(&places),
    };
    let running = Running::start(plan, loaded, parts).await?;
    let running = Arc::new(running);
    let server_config = ServerConfig {
        max_body: args.max_body,
        max_bodies: args.max_bodies,
        cors: Cors(args.cors_origin),
        drain: args.drain_timeout,
        ..ServerConfig::default()
    };
    for address in args.admin {
        admin::start(address, &running).await?;
    }
    if !args.config.is_empty() {
        watch::start(&running).context("cannot watch for SIGHUP")?;
    }
    let server = open(places, &running, server_config).await?;
    open_files::raise();
    for backend in running.gateway().backends() {
        let (endpoints, name) = (backend.endpoints(), backend.name());
        let (region, upstream) = (endpoints.region.as_str(), endpoints.runtime.to_string());
        let credentials = backend.identity();
        tracing::info!(backend = name, region, upstream, credentials, "serving");
    }
    let outcome = serve(server, args.drain_notice).await;
    running.gateway().close(CLOSING).await;
    outcome
}

/// Where the configuration comes from: files, else flags.
fn plan(args: &ServeArgs, emulator: Option<&Emulator>) -> anyhow::Result<Plan> {
    if args.config.is_empty() {
        return Ok(Plan::Flags(Box::new(configuration::of_flags(args, emulator)?)));
    }
    if emulator.is_some() {
        tracing::info!("a local Bedrock takes the place of all backends, with its own credentials");
    }
    let emulated = emulator.map(|emulator| Box::new(configuration::emulated(emulator)));
    let gaps = Box::new(Gaps::of_flags(args)?);
    let (files, listen) = (Files::new(args.config.clone())?, args.listen);
    Ok(Plan::Files { files, gaps, listen, emulated })
}

/// The gateway, with no configuration yet.
fn gateway(
    args: &ServeArgs,
    emulator: Option<&Emulator>,
    store: &outcrop_config::Store,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<Gateway> {
    let mut listing = args.account.listing(|name| std::env::var(name).ok());
    if let (Some(listing), Some(_)) = (&mut listing, emulator) {
        // What the emulator lists is at hand as soon as it runs.
        listing.cache = None;
    }
    let settings = Settings {
        uncounted: args.count_tokens.into(),
        media: Fetcher::new(args.media.clone().into()),
        store: store_limits(&args.store),
        around: Around { listing, ..Around::default() },
        ..Settings::default()
    };
    let counters = counters::open(store, Arc::clone(metrics))?;
    let receipts = access_log::receipts(Arc::clone(metrics));
    let gateway = Gateway::new(settings, receipts).counting(counters);
    let Some(path) = &args.store.response_store else { return Ok(gateway) };
    let store = ResponseStore::open(store_limits(&args.store), path)
        .with_context(|| format!("cannot keep answers in {}", path.display()))?;
    Ok(gateway.keeping(store))
}

/// Listens on all of `places`, and says so.
async fn open(
    places: Vec<Place>,
    running: &Running,
    config: ServerConfig,
) -> anyhow::Result<Server> {
    let anonymous = running.is_anonymous();
    let mut server: Option<Server> = None;
    for Place { name, address, tls, authority, .. } in places {
        let name = name.as_deref();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let bound = match &mut server {
            Some(server) => {
                server.bind_also(address, tls, name).await.with_context(|| unbound(address))?
            }
            None => {
                let config = ServerConfig { tls, ..config.clone() };
                let first = bind(address, Arc::clone(running.gateway()), config).await?;
                server.insert(first.named(name)).local_addr()?
            }
        };
        // The first lines are for programs: they tell where the gateway can be reached.
        print_line(&format!("listening on {scheme}://{bound}"))?;
        if let Some(file) = authority {
            tracing::info!(
                "clients of {bound} must trust {0}: AWS_CA_BUNDLE={0} or SSL_CERT_FILE={0}",
                file.display()
            );
        }
        if anonymous && !bound.ip().is_loopback() {
            tracing::warn!(
                "anyone who can reach {bound} can use this gateway's AWS identity: it lets all in, as it was told"
            );
        }
    }
    server.context("there is nowhere to listen")
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
    gateway: impl Into<Arc<Gateway>>,
    config: ServerConfig,
) -> anyhow::Result<Server> {
    Server::bind(address, gateway, config).await.with_context(|| unbound(address))
}

fn unbound(address: SocketAddr) -> String {
    format!("cannot listen on {address}; choose another address with --listen")
}

fn store_limits(args: &StoreArgs) -> StoreLimits {
    StoreLimits { max_bytes: args.response_store_bytes, max_age: args.response_store_age }
}
