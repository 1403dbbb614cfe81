//! Limits that instances share in a real Redis or Valkey, which is killed, stopped and started again.
//!
//! Without `redis-server` and `valkey-server` these tests fail and say that they were not run:
//! `cargo xtask redis` brings both.

#![cfg(test)]

mod asking;
mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderMap;
use outcrop_config::{Budget, Limit, Measure, OnStoreLoss, Per, Window};
use outcrop_core::limit::{
    Alert, Alerts, Counters, Event, Expected, Limiter, Reservation, Rules, Spent, StoreWish,
    Timepiece, Told,
};
use outcrop_model::{ErrorClass, PicoUsd, Usage};
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use self::asking::*;
use self::server::{Kind, Redis};

/// A test of each name for each kind of server.
macro_rules! on_each_server {
    ($($name:ident $threads:tt)*) => {
        mod on_redis {
            $(on_each_server!(@ Redis $name $threads);)*
        }
        mod on_valkey {
            $(on_each_server!(@ Valkey $name $threads);)*
        }
    };
    (@ $kind:ident $name:ident one_thread) => {
        #[tokio::test]
        async fn $name() {
            super::$name(super::Kind::$kind).await;
        }
    };
    (@ $kind:ident $name:ident two_threads) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            super::$name(super::Kind::$kind).await;
        }
    };
    (@ $kind:ident $name:ident own_runtime) => {
        #[test]
        fn $name() {
            super::$name(super::Kind::$kind);
        }
    };
}

on_each_server! {
    instances_share_a_limit_and_never_overspend_it two_threads
    a_killed_store_stops_nobody_and_loses_nothing one_thread
    what_is_handed_over_late_takes_nothing_from_what_came_since one_thread
    what_is_no_counter_takes_the_store_from_nobody one_thread
    a_reservation_whose_answer_is_lost_is_taken_back one_thread
    who_does_not_wait_for_the_store_takes_nothing one_thread
    requests_in_flight_are_shared_and_given_back one_thread
    what_is_in_flight_stays_so_while_the_store_goes_and_comes one_thread
    instances_go_by_the_clock_of_the_store one_thread
    what_is_settled_at_once_goes_to_the_store_at_once one_thread
    settlements_whose_answer_is_lost_are_made_once one_thread
    under_a_load_that_lasts_nothing_counts_for_longer_than_it_takes one_thread
    of_all_instances_one_tells_of_a_budget one_thread
    a_share_that_is_too_small_is_no_budget_that_is_spent one_thread
    who_goes_on_gives_back_and_takes_in_one_step one_thread
    who_ends_waits_for_the_store own_runtime
}

async fn instances_share_a_limit_and_never_overspend_it(kind: Kind) {
    const MOST: u64 = 5000;
    let redis = Redis::start(kind);
    let limits = [
        limit("tokens", Measure::OutputTokens, MOST.into()),
        limit("flight", Measure::Concurrent, 9),
    ];
    let instances: Vec<Limiter> =
        (0..2).map(|_| instance(&redis, OnStoreLoss::Refuse, &limits)).collect();
    for limiter in &instances {
        until_there(limiter).await;
    }
    let (held, spent) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let tasks: Vec<_> = (0..12_u64)
        .map(|task| {
            let limiter = instances[task as usize % 2].clone();
            let (held, spent) = (Arc::clone(&held), Arc::clone(&spent));
            tokio::spawn(async move {
                let mut granted = 0_u64;
                for round in 0..100_u64 {
                    let expect = 500 + (round * 31 + task * 97) % 500;
                    let Ok(reservation) = ask(&limiter, expect).await else { continue };
                    granted += 1;
                    let before = spent.load(Ordering::SeqCst);
                    let sum = before + held.fetch_add(expect, Ordering::SeqCst) + expect;
                    assert!(sum <= MOST, "{sum}");
                    tokio::task::yield_now().await;
                    held.fetch_sub(expect, Ordering::SeqCst);
                    let truth = round % 3;
                    reservation.settle(&used(truth));
                    spent.fetch_add(truth, Ordering::SeqCst);
                }
                granted
            })
        })
        .collect();
    let mut granted = 0;
    for task in tasks {
        granted += task.await.unwrap();
    }
    assert!(granted > 50, "{granted}");
    let left = MOST - spent.load(Ordering::SeqCst);
    for limiter in &instances {
        until_left(limiter, left).await;
    }
}

async fn a_killed_store_stops_nobody_and_loses_nothing(kind: Kind) {
    let mut redis = Redis::start(kind);
    let limits = [limit("tokens", Measure::OutputTokens, 1000)];
    let refusing = instance(&redis, OnStoreLoss::Refuse, &limits);
    until_there(&refusing).await;
    let going_on = instance(&redis, OnStoreLoss::Local, &limits);
    // It counts in the store once the other instance sees it there.
    until(|| async {
        let own = granted(&going_on, 600).await;
        let other = ask(&refusing, 600).await;
        own.settle(&Spent::Nothing);
        other.map(|other| other.settle(&Spent::Nothing)).is_err()
    })
    .await;
    until_left(&refusing, 1000).await;
    let under_way = granted(&going_on, 300).await;

    redis.kill();
    let refusal = ask(&refusing, 1).await.unwrap_err();
    assert_eq!(refusal.fault.class, ErrorClass::Overloaded, "never a refusal of the caller");
    assert!(refusal.fault.retry_after.is_some() && refusal.limits.is_empty());
    // 700 were left, at most, and there may be two instances.
    assert!(ask(&going_on, 701).await.is_err());
    let meanwhile = ask(&going_on, 100).await.expect("its share");
    let settled = ask(&going_on, 50).await.expect("its share");
    settled.settle(&used(20));
    under_way.settle(&used(200));

    redis.start_again();
    until_there(&refusing).await;
    // 200 from before, 20 from meanwhile, 100 reserved meanwhile.
    until_left(&refusing, 1000 - 320).await;
    meanwhile.settle(&used(60));
    until_left(&refusing, 1000 - 280).await;
}

async fn what_is_handed_over_late_takes_nothing_from_what_came_since(kind: Kind) {
    // It counts for a moment more, or no more at all.
    for (seconds_ago, late) in [(50, 20), (70, 10)] {
        let mut redis = Redis::start(kind);
        let minute = Window::Rolling(Duration::from_secs(60));
        let limits = [Limit { window: minute, ..limit("m", Measure::OutputTokens, 1000) }];
        let ahead = Arc::new(AtomicI64::new(-seconds_ago));
        redis.kill();
        let clocked = (Alerts::default(), clock(&ahead));
        let going_on = opened(&redis, OnStoreLoss::Local, &limits, clocked);
        let here = granted(&going_on, 10).await;
        ahead.store(0, Ordering::SeqCst);
        redis.start_again();
        let other = instance(&redis, OnStoreLoss::Refuse, &limits);
        until_there(&other).await;
        // Its share is in the store once it is handed over, if it still counts.
        if seconds_ago < 60 {
            until_left(&other, 990).await;
        }
        let since = granted(&other, 90).await;
        here.settle(&used(20));
        const KEY: &str = "outcrop:{limits}:c:output_tokens:60000ms:m";
        let is_made = format!("\r\n{late}\r\n");
        until(|| async { redis.say(&format!("HVALS {KEY}")).contains(&is_made) }).await;
        let life = redis.say(&format!("PTTL {KEY}"));
        let life: u64 = life.trim_start_matches(':').split("\r\n").next().unwrap().parse().unwrap();
        assert!(life > 30_000, "what came since is forgotten in {life} ms");
        since.settle(&used(90));
    }
}

async fn what_is_no_counter_takes_the_store_from_nobody(kind: Kind) {
    let redis = Redis::start(kind);
    let limits =
        [limit("tokens", Measure::OutputTokens, 100), limit("flight", Measure::Concurrent, 1)];
    let limiter = instance(&redis, OnStoreLoss::Refuse, &limits);
    until_there(&limiter).await;
    let spoil = || {
        for counter in ["output_tokens:day:tokens", "concurrent:flight"] {
            let key = format!("outcrop:{{limits}}:c:{counter}");
            assert!(redis.say(&format!("SET {key} nonsense")).starts_with("+OK"));
        }
    };
    let is_mended =
        || async { redis.say("EXISTS outcrop:{limits}:c:concurrent:flight").starts_with(":0\r\n") };
    spoil();
    let held = ask(&limiter, 100).await.expect("it counts anew");
    assert_eq!(ask(&limiter, 1).await.unwrap_err().limits, ["flight", "tokens"]);
    spoil();
    held.settle(&used(50));
    until(is_mended).await;
    drop(ask(&limiter, 100).await.expect("it counts anew"));
}

async fn a_reservation_whose_answer_is_lost_is_taken_back(kind: Kind) {
    let redis = Redis::start(kind);
    let limits = [limit("tokens", Measure::OutputTokens, 1000)];
    let refusing = instance(&redis, OnStoreLoss::Refuse, &limits);
    let witness = instance(&redis, OnStoreLoss::Refuse, &limits);
    until_there(&refusing).await;
    redis.signal("STOP");
    assert!(is_away(&ask(&refusing, 1000).await), "no request waits for a store that hangs");
    // Redis has the request already, and grants it when it goes on.
    redis.signal("CONT");
    until_there(&witness).await;
    until_left(&witness, 1000).await;
}

async fn who_does_not_wait_for_the_store_takes_nothing(kind: Kind) {
    let redis = Redis::start(kind);
    let limits =
        [limit("tokens", Measure::OutputTokens, 1000), limit("flight", Measure::Concurrent, 1)];
    let refusing = instance(&redis, OnStoreLoss::Refuse, &limits);
    until_there(&refusing).await;
    for _ in 0..20 {
        tokio::select! {
            biased;
            granted = ask(&refusing, 1000) => drop(granted.map(|g| g.settle(&Spent::Nothing))),
            () = tokio::task::yield_now() => {}
        }
    }
    granted(&refusing, 1000).await.settle(&Spent::Nothing);
}

async fn requests_in_flight_are_shared_and_given_back(kind: Kind) {
    let redis = Redis::start(kind);
    let limits = [limit("flight", Measure::Concurrent, 1)];
    let one = instance(&redis, OnStoreLoss::Refuse, &limits);
    let other = instance(&redis, OnStoreLoss::Refuse, &limits);
    until_there(&one).await;
    until_there(&other).await;
    let held = granted(&one, 0).await;
    let refusal = ask(&other, 0).await.unwrap_err();
    assert_eq!(
        (refusal.fault.class, &*refusal.limits),
        (ErrorClass::Throttled, &["flight".to_owned()][..])
    );
    drop(held);
    until(|| async { ask(&other, 0).await.is_ok() }).await;
}

async fn what_is_in_flight_stays_so_while_the_store_goes_and_comes(kind: Kind) {
    let mut redis = Redis::start(kind);
    let limits = [limit("flight", Measure::Concurrent, 3)];
    let here = instance(&redis, OnStoreLoss::Local, &limits);
    let are_there = |redis: &Redis, count| {
        let reply = redis.say("ZCARD outcrop:{limits}:c:concurrent:flight");
        reply.starts_with(&format!(":{count}\r\n"))
    };
    until(|| async {
        let _held = granted(&here, 0).await;
        are_there(&redis, 1)
    })
    .await;
    until(|| async { are_there(&redis, 0) }).await;
    let (first, second) = (granted(&here, 0).await, granted(&here, 0).await);
    assert!(are_there(&redis, 2));

    redis.kill();
    let alone = ask(&here, 0).await.expect("one more may be");
    assert_eq!(ask(&here, 0).await.unwrap_err().limits, ["flight"]);
    drop(first);
    let instead = ask(&here, 0).await.expect("one has ended");
    assert_eq!(ask(&here, 0).await.unwrap_err().limits, ["flight"]);
    // It has forgotten all when it comes back.
    std::fs::remove_dir_all(redis.folder.path().join("appendonlydir")).unwrap();
    redis.start_again();
    until(|| async { are_there(&redis, 3) }).await;
    let other = instance(&redis, OnStoreLoss::Refuse, &limits);
    until_there(&other).await;
    assert_eq!(ask(&other, 0).await.unwrap_err().limits, ["flight"]);
    drop(alone);
    let since = granted(&other, 0).await;
    assert_eq!(ask(&other, 0).await.unwrap_err().limits, ["flight"]);
    drop((second, instead, since));
    until(|| async { are_there(&redis, 0) }).await;
}

async fn instances_go_by_the_clock_of_the_store(kind: Kind) {
    const DAY: i64 = 86_400;
    let redis = Redis::start(kind);
    let minute = Window::Rolling(Duration::from_secs(60));
    let limits = [
        limit("day", Measure::OutputTokens, 100),
        Limit { window: minute, ..limit("minute", Measure::OutputTokens, 100) },
    ];
    let ahead = Arc::new(AtomicI64::new(DAY));
    let clocked = (Alerts::default(), clock(&ahead));
    let wrong = opened(&redis, OnStoreLoss::Refuse, &limits, clocked);
    let right = instance(&redis, OnStoreLoss::Refuse, &limits);
    until_there(&wrong).await;
    until_there(&right).await;
    drop(granted(&wrong, 60).await);
    assert_eq!(ask(&right, 41).await.unwrap_err().limits.len(), 2, "both count the same window");
    // Until the clock is compared again, it takes nothing away.
    ahead.store(2 * DAY, Ordering::SeqCst);
    drop(granted(&wrong, 100).await);
    assert_eq!(ask(&right, 41).await.unwrap_err().limits.len(), 2);
    drop(granted(&right, 40).await);
}

async fn what_is_settled_at_once_goes_to_the_store_at_once(kind: Kind) {
    const AT_ONCE: u64 = 64;
    const EACH: u64 = 130;
    const MANY: u64 = AT_ONCE * EACH;
    let redis = Redis::start(kind);
    let limits = [
        limit("flight", Measure::Concurrent, MANY.into()),
        limit("tokens", Measure::OutputTokens, 10_000_000),
    ];
    let limiter = instance(&redis, OnStoreLoss::Refuse, &limits);
    until_there(&limiter).await;
    let tasks: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move {
                let mut held = Vec::new();
                for _ in 0..EACH {
                    held.push(ask(&limiter, 100).await.expect("there is room for all"));
                }
                held
            })
        })
        .collect();
    let mut held = Vec::new();
    for task in tasks {
        held.extend(task.await.unwrap());
    }
    let before = redis.calls();
    held.into_iter().for_each(|reservation| reservation.settle(&used(1)));
    // So many must not become more.
    assert!(is_away(&ask(&limiter, 0).await), "requests wait for settlements");
    until(|| async {
        redis.say("ZCARD outcrop:{limits}:c:concurrent:flight").starts_with(":0\r\n")
    })
    .await;
    let calls = redis.calls() - before;
    assert!(calls <= 20, "{calls} calls for {MANY} settlements");
    until_there(&limiter).await;
    until_left(&limiter, 10_000_000 - MANY).await;
}

async fn settlements_whose_answer_is_lost_are_made_once(kind: Kind) {
    const MANY: u64 = 100;
    let redis = Redis::start(kind);
    let limits = [
        limit("flight", Measure::Concurrent, MANY.into()),
        limit("tokens", Measure::OutputTokens, 100_000),
    ];
    let limiter = instance(&redis, OnStoreLoss::Refuse, &limits);
    until_there(&limiter).await;
    let mut held = Vec::new();
    for _ in 0..MANY {
        held.push(granted(&limiter, 100).await);
    }
    redis.signal("STOP");
    held.into_iter().for_each(|reservation| reservation.settle(&used(7)));
    // Redis has got them already, and does them when it goes on; they are sent again all the same.
    assert!(is_away(&ask(&limiter, 0).await));
    redis.signal("CONT");
    until_there(&limiter).await;
    until_left(&limiter, 100_000 - MANY * 7).await;
}

async fn under_a_load_that_lasts_nothing_counts_for_longer_than_it_takes(kind: Kind) {
    const AT_ONCE: u64 = 16;
    let redis = Redis::start(kind);
    // So many were under way, and as many again in each of the batches between.
    let limits = [limit("flight", Measure::Concurrent, u128::from(AT_ONCE) * 4)];
    let limiter = instance(&redis, OnStoreLoss::Refuse, &limits);
    until_there(&limiter).await;
    let tasks: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move {
                for _ in 0..200 {
                    ask(&limiter, 0).await.expect("it is not reached").settle(&Spent::Nothing);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn of_all_instances_one_tells_of_a_budget(kind: Kind) {
    let redis = Redis::start(kind);
    let soft = Some(PicoUsd::new(5000));
    let measure = Measure::Money(Budget { soft, webhook: None });
    let limits = [limit("team", measure, 10_000_000)];
    let (send, mut alerts) = tokio::sync::mpsc::unbounded_channel();
    let instances: Vec<Limiter> = (0..2)
        .map(|_| {
            let send = send.clone();
            let sink = Alerts::new(move |alert| send.send(alert).unwrap());
            instance_telling(&redis, OnStoreLoss::Refuse, &limits, sink)
        })
        .collect();
    drop(send);
    for limiter in &instances {
        until_there(limiter).await;
    }
    for limiter in instances.iter().cycle().take(6) {
        ask(limiter, 3000).await.unwrap().settle(&used(3000));
    }
    // Counted in billionths of a dollar.
    until_left(&instances[0], 10_000_000 - 18_000).await;
    until_left(&instances[1], 10_000_000 - 18_000).await;
    drop(instances);
    let mut told = Vec::new();
    while let Some(alert) = alerts.recv().await {
        told.push(alert);
    }
    // Looking for the end of the budget told of that too.
    let events = [Event::Soft, Event::Spent].map(|e| told.iter().filter(|a| a.event == e).count());
    assert!(events == [1, 1] && told[0].spent >= PicoUsd::new(6000), "{told:?}");
}

async fn a_share_that_is_too_small_is_no_budget_that_is_spent(kind: Kind) {
    const MOST: u64 = 10_000_000;
    let mut redis = Redis::start(kind);
    let measure = Measure::Money(Budget { soft: None, webhook: None });
    let mut each = limit("team", measure, MOST.into());
    each.selector.per = vec![Per::Header("x-user".to_owned())];
    let limits = [each, limit("flight", Measure::Concurrent, 9)];
    let other = instance(&redis, OnStoreLoss::Refuse, &limits);
    until_there(&other).await;
    let are_there = |count| {
        let reply = redis.say("ZCARD outcrop:{limits}:c:concurrent:flight");
        reply.starts_with(&format!(":{count}\r\n"))
    };
    until(|| async { are_there(0) }).await;
    let (send, mut alerts) = tokio::sync::mpsc::unbounded_channel();
    let sink = Alerts::new(move |alert: Alert| send.send(alert.spent).unwrap());
    let here = instance_telling(&redis, OnStoreLoss::Local, &limits, sink);
    until(|| async {
        let _held = granted(&here, 0).await;
        are_there(1)
    })
    .await;

    redis.kill();
    let refusal = ask(&here, MOST / 2 + 1).await.unwrap_err();
    assert_eq!(refusal.fault.class, ErrorClass::Overloaded, "more than its share");
    assert!(refusal.fault.message.contains("`team`"), "{}", refusal.fault.message);
    assert_eq!(refusal.fault.retry_after, Some(Duration::from_secs(2)));
    assert!(refusal.limits.is_empty() && *refusal.told == Told::default(), "none is reached");
    ask(&here, MOST / 2).await.unwrap().settle(&used(MOST / 2));
    let refusal = ask(&here, MOST / 2 + 1).await.unwrap_err();
    assert_eq!(refusal.fault.class, ErrorClass::QuotaSpent, "more than is left at all");
    assert_eq!(refusal.limits, ["team"]);
    assert_eq!(alerts.recv().await, Some(PicoUsd::new((MOST / 2).into())));
}

#[tokio::test]
async fn a_store_over_tls_is_asked_for_tls_again_and_again() {
    const HANDSHAKE: u8 = 22;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rediss://{}", listener.local_addr().unwrap());
    let wish = StoreWish::Redis { url: &url, on_loss: OnStoreLoss::Local };
    let _counters = Counters::open(wish, Alerts::default(), Timepiece::default()).unwrap();
    for _ in 0..2 {
        let (mut socket, _) = listener.accept().await.unwrap();
        assert_eq!(socket.read_u8().await.unwrap(), HANDSHAKE);
    }
}

#[test]
fn an_address_that_is_none_is_refused_without_being_repeated() {
    let wish = StoreWish::Redis { url: "http://user:secret@cache", on_loss: OnStoreLoss::Local };
    let error = Counters::open(wish, Alerts::default(), Timepiece::default()).unwrap_err();
    assert!(!error.to_string().contains("secret") && error.to_string().contains("redis://"));
}

async fn who_goes_on_gives_back_and_takes_in_one_step(kind: Kind) {
    let mut redis = Redis::start(kind);
    let limits = [
        limit("tokens", Measure::OutputTokens, 1000),
        limit("requests", Measure::Requests, 4),
        limit("flight", Measure::Concurrent, 1),
    ];
    let here = instance(&redis, OnStoreLoss::Refuse, &limits);
    let other = instance(&redis, OnStoreLoss::Refuse, &limits);
    // The first of four requests.
    until_there(&other).await;
    let go_on = |earlier: Reservation, spent, output| {
        let limiter = here.clone();
        async move {
            let headers = HeaderMap::new();
            let usage = Usage { output, ..Usage::default() };
            let expected = move || Expected { usage, cost: None };
            limiter.exchange(Some(earlier.ending_as(used(spent))), &facts(&headers), expected).await
        }
    };
    let first = granted(&here, 1000).await;
    let second = go_on(first, 50, 950).await.unwrap().unwrap();
    assert_eq!(ask(&other, 0).await.unwrap_err().limits, ["flight"]);
    second.settle(&used(150));
    // What finds no room leaves nothing but what was used.
    let first = granted(&here, 500).await;
    assert_eq!(go_on(first, 100, 701).await.unwrap_err().limits, ["tokens"]);
    let first = granted(&here, 700).await;
    assert_eq!(ask(&other, 0).await.unwrap_err().limits, ["flight", "requests"]);
    // Where it is not known whether it was granted, it is as if it had not been.
    redis.signal("STOP");
    assert!(is_away(&go_on(first, 100, 700).await.map(Option::unwrap)));
    redis.signal("CONT");
    redis.kill();
    redis.start_again();
    let more = [limit("tokens", Measure::OutputTokens, 1000)];
    let here = instance(&redis, OnStoreLoss::Refuse, &more);
    until_left(&here, 600).await;
}

/// What an instance did counts though it ends at once, where the store is there.
fn who_ends_waits_for_the_store(kind: Kind) {
    let mut redis = Redis::start(kind);
    let limits = [limit("tokens", Measure::OutputTokens, 1000)];
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let open = |redis: &Redis| {
        let url = redis.url();
        let wish = StoreWish::Redis { url: &url, on_loss: OnStoreLoss::Local };
        let counters = Counters::open(wish, Alerts::default(), Timepiece::default()).unwrap();
        let (rules, counters) = (Rules::compile(&limits).unwrap(), Arc::new(counters));
        (Limiter::new(Arc::new(rules), Arc::clone(&counters)), counters)
    };
    let in_time = || Instant::now() + Duration::from_secs(60);
    runtime().block_on(async {
        let (limiter, counters) = open(&redis);
        // The first is counted here: the store is not found yet.
        for output in [10, 20] {
            ask(&limiter, 100).await.unwrap().settle(&used(output));
            assert_eq!(counters.close(in_time()).await, 0);
        }
    });
    runtime().block_on(async {
        let refusing = instance(&redis, OnStoreLoss::Refuse, &limits);
        until_there(&refusing).await;
        until_left(&refusing, 970).await;
    });
    redis.kill();
    runtime().block_on(async {
        let (limiter, counters) = open(&redis);
        ask(&limiter, 100).await.unwrap().settle(&used(10));
        assert_eq!(counters.close(Instant::now()).await, 1, "it says what is lost");
    });
}
