//! Reloads under load: the configuration changes again and again while requests go on, and none may fail.
//!
//! 1. The gateway is the program as shipped, its configuration a file, each reload asked for at the
//!    operator's door. Two configurations take turns; they differ in routes, keys and limits.
//! 2. Reloads are spread over the requests, [`REQUESTS`] to each. What is asked for is plain and streamed,
//!    relayed and translated, each answer read to its end.
//! 3. A status other than 200, an answer without its end, a broken connection and a refused reload are
//!    failures, and the command fails with any.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::LocalSet;

use crate::args::Args;
use crate::cases::{self, Case};
use crate::drive::{self, Sender, Target};
use crate::pairs::{self, LIMITS};
use crate::process::{Build, Launch};

/// Requests to each reload: 200 reloads make 50,000.
const REQUESTS: usize = 250;
/// Requests at a time.
const CONCURRENCY: usize = 16;
/// Failures that are told one by one.
const TOLD: usize = 5;

/// What is asked, and what a whole answer ends with.
#[derive(Debug)]
struct Ask {
    target: Target,
    expect: &'static str,
}

/// How far it is.
#[derive(Debug, Default)]
struct Progress {
    begun: Cell<usize>,
    done: Cell<usize>,
    failed: Cell<usize>,
    more: Notify,
}

/// What came of it.
#[derive(Debug)]
struct Outcome {
    requests: usize,
    failed: usize,
    reloads: usize,
    /// As the gateway counts its configurations, with that of the start.
    generation: u64,
}

/// # Errors
/// When a request failed, or a reload was refused.
pub fn run(reloads: usize, build: &Build, upstream: &SocketAddr, args: &Args) -> Result<()> {
    let files = tempfile::TempDir::new()?;
    let file = |text: &str| pairs::configuration(&files, ("gateway", text), upstream);
    let one = pairs::keys(1) + &pairs::routes(1);
    let other = pairs::keys(1000) + &pairs::routes(1000) + LIMITS;
    let admin = pairs::free_address()?;
    let gateway = Launch::configured(build, &file(&one)?, args).with_door(&admin).start()?;
    let asks = asks(gateway.address);
    let mut configurations = [other, one].into_iter().cycle();
    let change = || {
        let next = configurations.next().context("it goes round")?;
        file(&next).map(|_| ())
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let both = both(asks, &admin, reloads, change);
    let outcome = runtime.block_on(LocalSet::new().run_until(both))?;
    let Outcome { requests, failed, reloads, generation } = outcome;
    println!("requests {requests}, failed {failed}; reloads {reloads}, generation {generation}");
    ensure!(failed == 0, "{failed} of {requests} requests failed");
    // The gateway looks at its file too, so that it may have loaded it more often.
    ensure!(generation > reloads as u64, "{generation} generations after {reloads} reloads");
    Ok(())
}

/// Each kind of a small chat, and of a stream.
fn asks(address: SocketAddr) -> Rc<[Ask]> {
    let as_asked = |Case { path, body, expect, .. }: Case| Ask {
        target: Target { address, path, body },
        expect,
    };
    cases::small().into_iter().chain(cases::streamed_at_once()).map(as_asked).collect()
}

async fn both(
    asks: Rc<[Ask]>,
    admin: &SocketAddr,
    reloads: usize,
    mut change: impl FnMut() -> Result<()>,
) -> Result<Outcome> {
    let (progress, requests) = (Rc::new(Progress::default()), reloads * REQUESTS);
    let workers: Vec<_> = (0..CONCURRENCY)
        .map(|_| tokio::task::spawn_local(work(Rc::clone(&asks), requests, Rc::clone(&progress))))
        .collect();
    let mut generation = 0;
    for number in 0..reloads {
        while progress.done.get() < number * REQUESTS {
            progress.more.notified().await;
        }
        change()?;
        let reloaded = reload(admin).await;
        generation = reloaded.with_context(|| format!("reload {}", number + 1))?;
    }
    for worker in workers {
        worker.await.context("a connection's task")?;
    }
    let (requests, failed) = (progress.done.get(), progress.failed.get());
    Ok(Outcome { requests, failed, reloads, generation })
}

/// One request after the other, until all are begun; a connection that broke is made anew.
async fn work(asks: Rc<[Ask]>, requests: usize, progress: Rc<Progress>) {
    let mut sender = None;
    while progress.begun.get() < requests {
        let number = progress.begun.replace(progress.begun.get() + 1);
        if let Err(error) = ask(&mut sender, &asks[number % asks.len()]).await {
            sender = None;
            progress.failed.set(progress.failed.get() + 1);
            if progress.failed.get() <= TOLD {
                eprintln!("request {number} failed: {error:#}");
            }
        }
        progress.done.set(progress.done.get() + 1);
        progress.more.notify_one();
    }
}

async fn ask(sender: &mut Option<Sender>, Ask { target, expect }: &Ask) -> Result<()> {
    let sender = match sender {
        Some(sender) => sender,
        none => none.insert(drive::connect(target.address).await?),
    };
    let (head, body) = drive::send(sender, target).await?.into_parts();
    let body = body.collect().await.context("the answer broke off")?.to_bytes();
    let text = String::from_utf8_lossy(&body);
    ensure!(head.status == StatusCode::OK, "status {}: {text}", head.status);
    ensure!(text.contains(expect), "an answer without `{expect}`");
    Ok(())
}

/// Asks for a reload; the generation that is at work then.
async fn reload(admin: &SocketAddr) -> Result<u64> {
    let target = Target { address: *admin, path: "/admin/reload".to_owned(), body: Bytes::new() };
    let answer: Value = serde_json::from_slice(&drive::once(&target).await?)?;
    answer["generation"].as_u64().context("a reload without a generation")
}
