//! Instances that ask it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use outcrop_config::{Limit, Measure, OnStoreLoss, Origin, Selector, Window};
use outcrop_core::limit::{
    Alerts, Counters, Expected, Facts, Limiter, Refusal, Reservation, Rules, Spent, StoreWish,
    Timepiece,
};
use outcrop_model::{ErrorClass, PicoUsd, Usage};

use super::server::Redis;

pub(super) fn limit(name: &str, measure: Measure, amount: u128) -> Limit {
    let (name, selector) = (name.to_owned(), Selector::default());
    Limit { name, selector, measure, amount, window: Window::Day, origin: Origin::default() }
}

/// One instance of the gateway, as far as limits go.
pub(super) fn instance(redis: &Redis, on_loss: OnStoreLoss, limits: &[Limit]) -> Limiter {
    instance_telling(redis, on_loss, limits, Alerts::default())
}

pub(super) fn instance_telling(
    redis: &Redis,
    on_loss: OnStoreLoss,
    limits: &[Limit],
    alerts: Alerts,
) -> Limiter {
    opened(redis, on_loss, limits, (alerts, Timepiece::default()))
}

pub(super) fn opened(
    redis: &Redis,
    on_loss: OnStoreLoss,
    limits: &[Limit],
    (alerts, clock): (Alerts, Timepiece),
) -> Limiter {
    let url = redis.url();
    let counters = Counters::open(StoreWish::Redis { url: &url, on_loss }, alerts, clock).unwrap();
    Limiter::new(Arc::new(Rules::compile(limits).unwrap()), Arc::new(counters))
}

/// A clock that is so many seconds ahead, or behind.
pub(super) fn clock(ahead: &Arc<AtomicI64>) -> Timepiece {
    let ahead = Arc::clone(ahead);
    Timepiece::new(move || {
        let by = ahead.load(Ordering::SeqCst);
        let seconds = Duration::from_secs(by.unsigned_abs());
        if by < 0 { SystemTime::now() - seconds } else { SystemTime::now() + seconds }
    })
}

pub(super) fn facts(headers: &HeaderMap) -> Facts<'_> {
    let (models, tags) = (["m"; 3], &[][..]);
    Facts { key: None, tags, route: "r", backend: "b", models, headers, peer: None }
}

pub(super) async fn ask(limiter: &Limiter, output: u64) -> Result<Reservation, Box<Refusal>> {
    let headers = HeaderMap::new();
    let usage = Usage { output, ..Usage::default() };
    let cost = Some(PicoUsd::new(1) * output);
    let expected = || Expected { usage, cost };
    Ok(limiter.reserve(&facts(&headers), expected).await?.expect("a limit is for it"))
}

pub(super) fn used(output: u64) -> Spent {
    let cost = Some(PicoUsd::new(1) * output);
    Spent::Told { usage: Usage { output, ..Usage::default() }, cost }
}

pub(super) fn is_away(outcome: &Result<Reservation, Box<Refusal>>) -> bool {
    matches!(outcome, Err(refusal) if refusal.fault.class == ErrorClass::Overloaded)
}

/// Asks again until it is so; fails when it never will be.
#[track_caller]
pub(super) fn until<F: Future<Output = bool>>(
    mut is_so: impl FnMut() -> F,
) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let asking = async {
            while !is_so().await {
                tokio::task::yield_now().await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(60), asking).await;
        assert!(in_time.is_ok(), "it never is, at {caller}");
    }
}

/// Granted once what was settled before has reached the store.
pub(super) async fn granted(limiter: &Limiter, output: u64) -> Reservation {
    let outcome = std::cell::RefCell::new(None);
    until(|| async {
        let reservation = ask(limiter, output).await;
        reservation.map(|granted| *outcome.borrow_mut() = Some(granted)).is_ok()
    })
    .await;
    outcome.into_inner().unwrap()
}

/// Waits until this instance, which refuses without it, has the store.
pub(super) async fn until_there(refusing: &Limiter) {
    until(|| async { !is_away(&ask(refusing, 0).await) }).await;
}

/// Waits until the store has exactly so much left.
pub(super) async fn until_left(refusing: &Limiter, left: u64) {
    until(|| async {
        let Ok(all) = ask(refusing, left).await else { return false };
        let is_more = ask(refusing, 1).await;
        all.settle(&Spent::Nothing);
        if let Ok(more) = is_more {
            more.settle(&Spent::Nothing);
            return false;
        }
        true
    })
    .await;
}
