//! Limits over counters in memory: what is granted, what is given back, what is said.

#![cfg(test)]

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use outcrop_config::{Budget, HeaderMatch, Limit, Measure, Origin, Pattern, Per, Selector, Window};
use outcrop_core::limit::{
    Alert, Alerts, Counters, Event, Expected, Facts, Limiter, Refusal, Reservation, Rules, Spent,
    StoreWish, Timepiece,
};
use outcrop_model::{Dialect, ErrorClass, PicoUsd, Usage};
use proptest::prelude::*;

const MINUTE: Window = Window::Rolling(Duration::from_secs(60));
/// 2026-11-26T12:00:00Z, a Thursday.
const NOON: u64 = 1_795_694_400_000;

/// A limiter with a clock that only the test moves.
struct Bench {
    limiter: Limiter,
    counters: Arc<Counters>,
    clock: Arc<AtomicU64>,
    alerts: Arc<Mutex<Vec<Alert>>>,
}

fn limit(name: &str, measure: Measure, amount: u128, window: Window) -> Limit {
    let (name, selector, origin) = (name.to_owned(), Selector::default(), Origin::default());
    Limit { name, selector, measure, amount, window, origin }
}

impl Bench {
    fn new(limits: &[Limit]) -> Self {
        let clock = Arc::new(AtomicU64::new(NOON));
        let now = Arc::clone(&clock);
        let timepiece = Timepiece::new(move || {
            SystemTime::UNIX_EPOCH + Duration::from_millis(now.load(Ordering::Relaxed))
        });
        let alerts = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&alerts);
        let sink = Alerts::new(move |alert| told.lock().unwrap().push(alert));
        let counters = Arc::new(Counters::open(StoreWish::Memory, sink, timepiece).unwrap());
        let mut bench = Self { limiter: Limiter::default(), counters, clock, alerts };
        bench.change(limits);
        bench
    }

    /// Another configuration over the same counters.
    fn change(&mut self, limits: &[Limit]) {
        let rules = Arc::new(Rules::compile(limits).unwrap());
        self.limiter = Limiter::new(rules, Arc::clone(&self.counters));
    }

    fn pass(&self, seconds: u64) {
        self.clock.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    fn set_back(&self, seconds: u64) {
        self.clock.fetch_sub(seconds * 1000, Ordering::Relaxed);
    }

    async fn ask(&self, input: u64, output: u64) -> Result<Reservation, Box<Refusal>> {
        let headers = HeaderMap::new();
        self.ask_as(&facts("k", &headers), input, output).await
    }

    async fn ask_as(
        &self,
        facts: &Facts<'_>,
        input: u64,
        output: u64,
    ) -> Result<Reservation, Box<Refusal>> {
        let usage = Usage { input, output, ..Usage::default() };
        // A cent for each token.
        let cost = Some(PicoUsd::new(10_000_000_000) * usage.total());
        let expected = move || Expected { usage, cost };
        Ok(self.limiter.reserve(facts, expected).await?.expect("a limit is for it"))
    }
}

fn facts<'a>(key: &'a str, headers: &'a HeaderMap) -> Facts<'a> {
    let models = ["fast", "us.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"];
    Facts { key: Some(key), tags: &[], route: "all", backend: "east", models, headers, peer: None }
}

fn used(input: u64, output: u64) -> Spent {
    let usage = Usage { input, output, ..Usage::default() };
    Spent::Told { usage, cost: Some(PicoUsd::new(10_000_000_000) * usage.total()) }
}

#[tokio::test]
async fn what_is_reserved_holds_until_the_truth_is_known() {
    let bench = Bench::new(&[limit("m", Measure::TotalTokens, 1000, MINUTE)]);
    let first = bench.ask(100, 500).await.unwrap();
    assert_eq!(bench.ask(100, 400).await.unwrap_err().limits, ["m"]);
    first.settle(&used(80, 20));
    let second = bench.ask(400, 500).await.unwrap();
    second.settle(&Spent::Nothing);
    drop(bench.ask(400, 500).await.unwrap());
    assert!(bench.ask(0, 1).await.is_err(), "what nobody told stays as reserved");
}

#[tokio::test]
async fn a_window_moves_on_and_the_refusal_says_when() {
    let bench = Bench::new(&[limit("m", Measure::Requests, 2, MINUTE)]);
    drop(bench.ask(0, 0).await.unwrap());
    bench.pass(30);
    drop(bench.ask(0, 0).await.unwrap());
    let refusal = bench.ask(0, 0).await.unwrap_err();
    assert_eq!(refusal.fault.class, ErrorClass::Throttled);
    let wait = refusal.fault.retry_after.unwrap();
    assert!(wait <= Duration::from_secs(32), "{wait:?}");
    assert_eq!(
        refusal.fault.message,
        format!(
            "The limit `m` allows 2 requests per minute, which is reached. Try again in {} s.",
            wait.as_secs()
        )
    );
    bench.pass(wait.as_secs());
    drop(bench.ask(0, 0).await.unwrap());
    assert!(bench.ask(0, 0).await.is_err(), "the second still counts");
}

#[tokio::test]
async fn a_limit_counts_nothing_that_it_counted_as_another() {
    let rolling = |seconds| Window::Rolling(Duration::from_secs(seconds));
    let cel = |text: &str| Measure::Cel(text.to_owned());
    for (before, after) in [
        ((Measure::TotalTokens, Window::Month), (Measure::TotalTokens, Window::Day)),
        ((Measure::TotalTokens, Window::Day), (Measure::TotalTokens, Window::Week)),
        ((Measure::TotalTokens, rolling(86_400)), (Measure::TotalTokens, Window::Day)),
        ((Measure::TotalTokens, rolling(60)), (Measure::TotalTokens, rolling(3600))),
        ((Measure::TotalTokens, rolling(3600)), (Measure::TotalTokens, rolling(60))),
        ((Measure::TotalTokens, MINUTE), (Measure::Requests, MINUTE)),
        ((Measure::TotalTokens, MINUTE), (Measure::Concurrent, MINUTE)),
        ((cel("input_tokens * 2u"), MINUTE), (cel("output_tokens * 2u"), MINUTE)),
    ] {
        let say = format!("{before:?} {after:?}");
        let [before, after] =
            [before, after].map(|(measure, window)| limit("m", measure, 100, window));
        let more = Limit { amount: 102, ..before.clone() };
        let mut bench = Bench::new(std::slice::from_ref(&before));
        drop(bench.ask(50, 50).await.unwrap());
        bench.change(&[after]);
        drop(bench.ask(50, 50).await.unwrap_or_else(|_| panic!("{say}")));
        bench.change(&[before]);
        assert!(bench.ask(1, 0).await.is_err(), "what it counted is not forgotten: {say}");
        bench.change(&[more]);
        drop(bench.ask(1, 0).await.unwrap());
        assert!(bench.ask(2, 0).await.is_err(), "another amount is the same limit: {say}");
    }
}

#[tokio::test]
async fn a_clock_that_was_wrong_leaves_no_trace() {
    const AHEAD: u64 = 10 * 86_400;
    for window in [MINUTE, Window::Day, Window::Month] {
        let bench = Bench::new(&[limit("m", Measure::TotalTokens, 100, window)]);
        bench.pass(AHEAD);
        drop(bench.ask(100, 0).await.unwrap());
        bench.set_back(AHEAD);
        drop(bench.ask(100, 0).await.expect("what is far ahead does not count"));
        assert!(bench.ask(1, 0).await.is_err());
    }
    // A clock that is set by a second or two is no reason to grant all again.
    let bench = Bench::new(&[limit("m", Measure::TotalTokens, 100, MINUTE)]);
    drop(bench.ask(100, 0).await.unwrap());
    bench.set_back(2);
    assert!(bench.ask(1, 0).await.is_err());
    // The month is over for a moment only.
    let bench = Bench::new(&[limit("m", Measure::TotalTokens, 100, Window::Month)]);
    drop(bench.ask(90, 0).await.unwrap());
    bench.pass(AHEAD);
    drop(bench.ask(20, 0).await.unwrap());
    bench.set_back(AHEAD);
    assert!(bench.ask(11, 0).await.is_err(), "what was spent is spent");
    drop(bench.ask(10, 0).await.unwrap());
}

#[tokio::test]
async fn a_clock_that_is_not_set_yet_takes_nothing_out_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits");
    let limits = [limit("m", Measure::Requests, 1, Window::Day)];
    let ask_at = async |now| {
        let clock = Timepiece::new(move || SystemTime::UNIX_EPOCH + Duration::from_millis(now));
        let counters = Counters::open(StoreWish::File(&path), Alerts::default(), clock).unwrap();
        let limiter = Limiter::new(Arc::new(Rules::compile(&limits).unwrap()), Arc::new(counters));
        let headers = HeaderMap::new();
        limiter.reserve(&facts("k", &headers), Expected::default).await.is_ok()
    };
    assert!(ask_at(NOON).await);
    assert!(ask_at(NOON + 14 * 3_600_000).await, "another day");
    assert!(!ask_at(NOON).await, "what was spent is spent");
}

#[tokio::test]
async fn of_several_limits_all_are_taken_from_or_none() {
    let bench = Bench::new(&[
        limit("requests", Measure::Requests, 2, MINUTE),
        limit("tokens", Measure::OutputTokens, 100, Window::Day),
    ]);
    for _ in 0..5 {
        let refusal = bench.ask(0, 101).await.unwrap_err();
        assert_eq!(refusal.limits, ["tokens"]);
        assert_eq!(refusal.fault.class, ErrorClass::QuotaExceeded);
        assert!(refusal.fault.message.contains("101"), "{}", refusal.fault.message);
    }
    drop(bench.ask(0, 60).await.unwrap());
    let refusal = bench.ask(0, 60).await.unwrap_err();
    assert_eq!(refusal.fault.class, ErrorClass::QuotaSpent, "not before the day is over");
    assert_eq!(refusal.fault.retry_after, Some(Duration::from_secs(12 * 3600)));
    drop(bench.ask(0, 40).await.unwrap());
}

#[tokio::test]
async fn requests_in_flight_are_counted_while_they_are() {
    let bench = Bench::new(&[limit("flight", Measure::Concurrent, 2, MINUTE)]);
    let first = bench.ask(0, 0).await.unwrap();
    let second = bench.ask(0, 0).await.unwrap();
    let refusal = bench.ask(0, 0).await.unwrap_err();
    assert!(refusal.fault.message.contains("2 requests at once"), "{}", refusal.fault.message);
    assert_eq!(refusal.fault.retry_after, Some(Duration::from_secs(1)));
    drop(first);
    let third = bench.ask(0, 0).await.unwrap();
    drop((second, third));
    let _both = (bench.ask(0, 0).await.unwrap(), bench.ask(0, 0).await.unwrap());
}

#[tokio::test]
async fn a_budget_is_told_once_and_stops_for_good() {
    let dollar = PicoUsd::new(1_000_000_000_000);
    let budget = Budget { soft: Some(dollar), webhook: None };
    let measure = Measure::Money(budget);
    let bench = Bench::new(&[limit("team", measure, (dollar * 2).get(), Window::Day)]);
    bench.ask(90, 60).await.unwrap().settle(&used(90, 0));
    assert!(bench.alerts.lock().unwrap().is_empty(), "an estimate is no alarm");
    bench.ask(10, 0).await.unwrap().settle(&used(10, 0));
    bench.ask(50, 0).await.unwrap().settle(&used(50, 0));
    for _ in 0..3 {
        let refusal = bench.ask(51, 0).await.unwrap_err();
        assert_eq!(refusal.fault.class, ErrorClass::QuotaSpent);
        assert!(refusal.fault.message.contains("$2 per day"), "{}", refusal.fault.message);
    }
    let alerts: Vec<_> =
        bench.alerts.lock().unwrap().iter().map(|a| (a.event, a.spent.to_string())).collect();
    assert_eq!(alerts, [(Event::Soft, "1".to_owned()), (Event::Spent, "1.5".to_owned())]);
    let json = bench.alerts.lock().unwrap()[0].json();
    assert_eq!(json["ends"], "2026-11-27T00:00:00Z");
    bench.pass(12 * 3600);
    bench.ask(100, 0).await.unwrap().settle(&used(100, 0));
    assert_eq!(bench.alerts.lock().unwrap().len(), 3, "another day, another alert");
}

#[tokio::test]
async fn a_budget_of_any_stretch_of_time_is_told_once_in_it() {
    let dollar = PicoUsd::new(1_000_000_000_000);
    let measure = Measure::Money(Budget { soft: Some(dollar), webhook: None });
    let bench = Bench::new(&[limit("team", measure, (dollar * 2).get(), MINUTE)]);
    let told = || bench.alerts.lock().unwrap().iter().map(|a| a.event).collect::<Vec<_>>();
    bench.ask(150, 0).await.unwrap().settle(&used(150, 0));
    for _ in 0..5 {
        bench.pass(10);
        bench.ask(1, 0).await.unwrap().settle(&used(1, 0));
        assert!(bench.ask(100, 0).await.is_err());
    }
    assert_eq!(told(), [Event::Soft, Event::Spent]);
    bench.pass(62);
    bench.ask(100, 0).await.unwrap().settle(&used(100, 0));
    assert_eq!(told(), [Event::Soft, Event::Spent, Event::Soft]);
}

#[tokio::test]
async fn what_was_told_of_a_budget_is_not_told_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits");
    let soft = Some(PicoUsd::new(1));
    let measure = Measure::Money(Budget { soft, webhook: None });
    let limits = [limit("team", measure, 1_000_000_000_000, Window::Month)];
    for told_now in [vec![Event::Soft, Event::Spent], vec![]] {
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&told);
        let alerts = Alerts::new(move |alert| sink.lock().unwrap().push(alert.event));
        let counters = Counters::open(StoreWish::File(&path), alerts, Timepiece::default());
        let mut bench = Bench::new(&[]);
        bench.counters = Arc::new(counters.unwrap());
        bench.change(&limits);
        bench.ask(1, 0).await.unwrap().settle(&used(1, 0));
        assert!(bench.ask(100, 0).await.is_err());
        assert_eq!(*told.lock().unwrap(), told_now);
    }
}

#[tokio::test]
async fn no_name_of_a_limit_is_what_another_is_known_by() {
    let dollar = PicoUsd::new(1_000_000_000_000);
    let named = |name: &str, key: &str| {
        let measure = Measure::Money(Budget { soft: Some(dollar), webhook: None });
        let mut limit = limit(name, measure, (dollar * 2).get(), Window::Day);
        limit.selector.keys = vec![key.to_owned()];
        limit
    };
    let bench = Bench::new(&[
        named("team", "a"),
        named("team!", "b"),
        named("team%2F", "c"),
        named("team/", "d"),
    ]);
    let headers = HeaderMap::new();
    for key in ["a", "b", "c", "d"] {
        let facts = facts(key, &headers);
        bench.ask_as(&facts, 150, 0).await.unwrap().settle(&used(150, 0));
        assert!(bench.ask_as(&facts, 51, 0).await.is_err());
        let told: Vec<_> = bench.alerts.lock().unwrap().drain(..).map(|a| a.event).collect();
        assert_eq!(told, [Event::Soft, Event::Spent], "{key}");
    }
}

#[tokio::test]
async fn a_budget_holds_nothing_that_has_no_price() {
    let bench = Bench::new(&[limit("team", Measure::Money(Budget::default()), 1, Window::Month)]);
    let headers = HeaderMap::new();
    let refusal =
        bench.limiter.reserve(&facts("k", &headers), Expected::default).await.unwrap_err();
    assert_eq!(
        (refusal.fault.class, &*refusal.limits),
        (ErrorClass::InvalidRequest, &["team".to_owned()][..])
    );
}

#[tokio::test]
async fn who_is_counted_apart_is_counted_apart() {
    let mut apart = limit("apart", Measure::Requests, 1, MINUTE);
    apart.selector.per = vec![Per::Key, Per::Header("x-tenant".to_owned())];
    let bench = Bench::new(&[apart]);
    let tenant =
        |name: &str| HeaderMap::from_iter([("x-tenant".parse().unwrap(), name.parse().unwrap())]);
    let none = HeaderMap::new();
    for (key, headers) in
        [("ab", &tenant("c")), ("a", &tenant("bc")), ("a", &none), ("a", &tenant(""))]
    {
        let facts = facts(key, headers);
        drop(bench.ask_as(&facts, 0, 0).await.unwrap());
        let refusal = bench.ask_as(&facts, 0, 0).await.unwrap_err();
        assert!(!refusal.fault.message.contains("bc"), "values may be secret");
    }
}

#[tokio::test]
async fn an_ipv6_peer_is_its_network() {
    let mut apart = limit("apart", Measure::Requests, 1, MINUTE);
    apart.selector.per = vec![Per::Peer];
    let bench = Bench::new(&[apart]);
    let headers = HeaderMap::new();
    for (peer, is_new) in [
        ("2001:db8::1", true),
        ("2001:db8::2:1", false),
        ("2001:db8:0:1::1", true),
        ("192.0.2.1", true),
        ("192.0.2.2", true),
        ("::ffff:192.0.2.2", false),
    ] {
        let facts = Facts { peer: Some(peer.parse().unwrap()), ..facts("k", &headers) };
        assert_eq!(bench.ask_as(&facts, 0, 0).await.is_ok(), is_new, "{peer}");
    }
}

#[tokio::test]
async fn models_that_clients_make_up_share_a_counter_in_the_end() {
    let mut apart = limit("apart", Measure::Requests, 1, Window::Month);
    apart.selector.per = vec![Per::Model];
    apart.selector.unless.keys = vec!["other".to_owned()];
    let mut named_alike = limit("apart/other", Measure::Requests, 1, Window::Month);
    named_alike.selector.keys = vec!["other".to_owned()];
    let bench = Bench::new(&[apart, named_alike]);
    let headers = HeaderMap::new();
    for at in 0..=100_001 {
        let model = format!("m{at}");
        let facts = Facts { models: [&*model; 3], ..facts("k", &headers) };
        assert_eq!(bench.ask_as(&facts, 0, 0).await.is_ok(), at <= 100_000, "{model}");
    }
    drop(bench.ask_as(&facts("other", &headers), 0, 0).await.expect("another limit"));
}

fn env(value: &str) -> HeaderMatch {
    HeaderMatch { name: "x-env".to_owned(), value: Pattern::Exact(value.to_owned()) }
}

#[tokio::test]
async fn a_limit_is_for_those_it_names() {
    let is_for = |change: fn(&mut Selector)| async move {
        let mut limit = limit("named", Measure::Requests, 0, MINUTE);
        change(&mut limit.selector);
        let bench = Bench::new(&[limit]);
        let headers =
            HeaderMap::from_iter([("x-env".parse().unwrap(), "prod-eu".parse().unwrap())]);
        let tags = [("team".to_owned(), "search".to_owned())];
        let facts = Facts { tags: &tags, ..facts("k", &headers) };
        match bench.limiter.reserve(&facts, Expected::default).await {
            Ok(reservation) => reservation.is_some(),
            Err(_) => true,
        }
    };
    assert!(is_for(|_| {}).await);
    assert!(is_for(|s| s.routes = vec!["all".into()]).await);
    assert!(!is_for(|s| s.routes = vec!["other".into()]).await);
    assert!(is_for(|s| s.keys = vec!["j".into(), "k".into()]).await);
    assert!(!is_for(|s| s.keys = vec!["j".into()]).await);
    assert!(is_for(|s| s.models = vec![Pattern::Wildcard("*nova*".to_owned())]).await);
    assert!(is_for(|s| s.models = vec![Pattern::Wildcard("fast".to_owned())]).await);
    assert!(!is_for(|s| s.models = vec![Pattern::Wildcard("nova*".to_owned())]).await);
    assert!(is_for(|s| s.models = vec![Pattern::Regex(".*nova-[a-z]+.*".to_owned())]).await);
    assert!(!is_for(|s| s.models = vec![Pattern::Regex("nova".to_owned())]).await);
    assert!(!is_for(|s| s.unless.keys = vec!["j".into(), "k".into()]).await);
    assert!(is_for(|s| s.unless.keys = vec!["j".into()]).await);
    assert!(!is_for(|s| s.unless.models = vec![Pattern::Exact("fast".to_owned())]).await);
    assert!(is_for(|s| s.unless.models = vec![Pattern::Exact("slow".to_owned())]).await);
    assert!(!is_for(|s| s.unless.headers = vec![env("prod-eu")]).await);
    assert!(is_for(|s| s.unless.headers = vec![env("prod-us")]).await);
    assert!(is_for(|s| s.tags = vec![("team".into(), "search".into())]).await);
    assert!(!is_for(|s| s.tags = vec![("team".into(), "ads".into())]).await);
    assert!(
        is_for(|s| s.headers =
            vec![HeaderMatch { name: "x-env".into(), value: Pattern::Prefix("prod".into()) }])
        .await
    );
    assert!(
        !is_for(|s| s.headers =
            vec![HeaderMatch { name: "x-env".into(), value: Pattern::Regex("prod".into()) }])
        .await
    );
    assert!(
        !is_for(|s| s.headers = vec![HeaderMatch { name: "x-other".into(), value: Pattern::Any }])
            .await
    );
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let mut regex = limit("b", Measure::Requests, 1, MINUTE);
    let value = Pattern::Regex("(".to_owned());
    regex.selector.headers = vec![HeaderMatch { name: "x".to_owned(), value }];
    let cel = limit("a", Measure::Cel("tokens".to_owned()), 1, MINUTE);
    let wrong = Rules::compile(&[cel, regex]).unwrap_err();
    assert!(wrong[0].what.contains("limit `a`: the expression `tokens`"), "{}", wrong[0].what);
    assert!(wrong[1].what.contains("limit `b`: the pattern"), "{}", wrong[1].what);
    assert!(wrong.iter().all(|diagnostic| diagnostic.hint.is_some()));
}

#[tokio::test]
async fn answers_tell_how_limits_stand() {
    let bench = Bench::new(&[
        limit("wide", Measure::Requests, 100, Window::Day),
        limit("narrow", Measure::Requests, 2, MINUTE),
        limit("tokens", Measure::TotalTokens, 1000, MINUTE),
    ]);
    let put = |told: &outcrop_core::limit::Told| {
        let mut headers = HeaderMap::new();
        told.put(Dialect::OpenAiChat, &mut headers);
        [
            "x-ratelimit-limit-requests",
            "x-ratelimit-remaining-requests",
            "x-ratelimit-remaining-tokens",
        ]
        .map(|name| headers[name].to_str().unwrap().to_owned())
    };
    let first = bench.ask(100, 300).await.unwrap();
    assert_eq!(put(first.told()), ["2", "1", "600"]);
    first.settle(&used(50, 50));
    drop(bench.ask(0, 100).await.unwrap());
    assert_eq!(put(&bench.ask(0, 0).await.unwrap_err().told), ["2", "0", "800"]);
}

#[tokio::test]
async fn who_leaves_while_it_is_written_takes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits");
    let limits = [
        limit("tokens", Measure::OutputTokens, 100, Window::Day),
        limit("flight", Measure::Concurrent, 1, MINUTE),
    ];
    let wish = StoreWish::File(&path);
    let counters = Counters::open(wish, Alerts::default(), Timepiece::default()).unwrap();
    let limiter = Limiter::new(Arc::new(Rules::compile(&limits).unwrap()), Arc::new(counters));
    let headers = HeaderMap::new();
    let facts = facts("k", &headers);
    let all = || {
        let usage = Usage { output: 100, ..Usage::default() };
        limiter.reserve(&facts, move || Expected { usage, cost: None })
    };
    let mut left = 0;
    for _ in 0..20 {
        tokio::select! {
            biased;
            granted = all() => granted.unwrap().unwrap().settle(&Spent::Nothing),
            () = std::future::ready(()) => left += 1,
        }
    }
    assert!(left > 0, "nobody left in time");
    all().await.unwrap().unwrap().settle(&Spent::Nothing);
}

/// What is said of a file with these bytes; nothing where it is used.
fn refusal_of(path: &Path, bytes: &[u8]) -> Option<String> {
    std::fs::write(path, bytes).unwrap();
    let wish = StoreWish::File(path);
    let opened = Counters::open(wish, Alerts::default(), Timepiece::default());
    opened.err().map(|error| error.to_string())
}

#[test]
fn a_file_that_cannot_be_used_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits");
    assert_eq!(refusal_of(&path, b""), None);
    let whole = std::fs::read(&path).unwrap();
    for length in [1, 9, 320, 4096, whole.len() / 2, whole.len() - 1] {
        let said = refusal_of(&path, &whole[..length]).unwrap();
        assert!(said.contains("move it away"), "{length} bytes: {said}");
    }
    // A page that is none is found where it is read.
    for page in whole.chunks(4096).enumerate().skip(1).map(|(page, _)| page * 4096) {
        let mut bytes = whole.clone();
        bytes[page] ^= 0x55;
        let said = refusal_of(&path, &bytes);
        assert!(
            said.as_ref().is_none_or(|said| said.contains("it is damaged")),
            "{page}: {said:?}"
        );
    }
    let mut older = whole.clone();
    // The version, in each of two places that take turns.
    (older[64], older[192]) = (1, 1);
    let said = refusal_of(&path, &older).unwrap();
    assert!(said.contains("another version") && said.contains("move it away"), "{said}");
    let said = refusal_of(&path, &b"not a database ".repeat(1000)).unwrap();
    assert!(said.contains("something else") && said.contains("move it away"), "{said}");
    let nowhere = folder.path().join("no").join("limits");
    let said = Counters::open(StoreWish::File(&nowhere), Alerts::default(), Timepiece::default());
    assert!(said.unwrap_err().to_string().contains("no such folder"));
}

#[test]
fn a_file_whose_making_was_cut_off_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits");
    assert_eq!(refusal_of(&path, b""), None);
    let mut whole = std::fs::read(&path).unwrap();
    // Its first word is written last, and nothing after the head before.
    whole[..9].fill(0);
    assert!(refusal_of(&path, &whole).is_some(), "what holds something is left as it is");
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    whole[320..].fill(0);
    for unfinished in [&whole[..], &[0; 4096], &[0]] {
        assert_eq!(refusal_of(&path, unfinished), None);
    }
}

/// What a request does, and how long after the one before.
#[derive(Debug, Clone)]
struct Step {
    wait_ms: u64,
    expect: u64,
    truth: Option<u64>,
    /// How many later steps it is in flight for.
    lasts: usize,
}

fn step() -> impl Strategy<Value = Step> {
    (0..4000_u64, 0..60_u64, proptest::option::of(0..60_u64), 0..6_usize).prop_map(
        |(wait_ms, expect, truth, lasts)| Step {
            wait_ms,
            expect,
            truth: truth.map(|t| t.min(expect)),
            lasts,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// In no stretch of a window's length does what is reserved or used exceed the limit.
    #[test]
    fn no_stretch_of_time_holds_more_than_the_limit(steps in proptest::collection::vec(step(), 1..80)) {
        const MOST: u64 = 100;
        const LENGTH: u64 = 10_000;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let window = Window::Rolling(Duration::from_millis(LENGTH));
        let bench = Bench::new(&[limit("m", Measure::OutputTokens, MOST.into(), window)]);
        // When, and what it counts as now.
        let mut counted: Vec<(u64, u64)> = Vec::new();
        let mut running: Vec<(usize, usize, Step, Reservation)> = Vec::new();
        for (index, step) in steps.into_iter().enumerate() {
            let now = bench.clock.fetch_add(step.wait_ms, Ordering::Relaxed) + step.wait_ms;
            let (done, still): (Vec<_>, Vec<_>) = running.into_iter().partition(|(till, ..)| *till <= index);
            running = still;
            for (_, at, step, reservation) in done {
                match step.truth {
                    Some(truth) => {
                        counted[at].1 = truth;
                        reservation.settle(&used(0, truth));
                    }
                    None => drop(reservation),
                }
            }
            if let Ok(reservation) = runtime.block_on(bench.ask(0, step.expect)) {
                counted.push((now, step.expect));
                running.push((index + step.lasts, counted.len() - 1, step, reservation));
            }
            let within = counted.iter().filter(|(at, _)| *at + LENGTH > now);
            let sum: u64 = within.map(|(_, amount)| amount).sum();
            prop_assert!(sum <= MOST, "{sum} at {now}: {counted:?}");
        }
    }
}

/// From many threads: the sum of what is granted never exceeds the limit, and in the end nothing is lost
/// and nothing is there twice.
#[test]
fn no_race_overspends_or_loses_a_reservation() {
    const MOST: u64 = 1000;
    let bench = Arc::new(Bench::new(&[
        limit("tokens", Measure::OutputTokens, MOST.into(), Window::Day),
        limit("flight", Measure::Concurrent, 7, MINUTE),
    ]));
    let (held, used_up) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let threads: Vec<_> = (0..8_u64)
        .map(|thread| {
            let (bench, held, used_up) =
                (Arc::clone(&bench), Arc::clone(&held), Arc::clone(&used_up));
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                let (mut granted, mut refused) = (0, 0);
                for round in 0..500_u64 {
                    let expect = 20 + (round * 7 + thread * 13) % 80;
                    let Ok(reservation) = runtime.block_on(bench.ask(0, expect)) else {
                        refused += 1;
                        continue;
                    };
                    granted += 1;
                    // It is counted here after it is granted and until before it is settled: never too much.
                    let before = used_up.load(Ordering::SeqCst);
                    let sum = before + held.fetch_add(expect, Ordering::SeqCst) + expect;
                    assert!(sum <= MOST, "{sum}");
                    std::thread::yield_now();
                    held.fetch_sub(expect, Ordering::SeqCst);
                    let truth = u64::from(round % 100 == 0);
                    let headers = HeaderMap::new();
                    let facts = facts("k", &headers);
                    // Some go on elsewhere, which may be dearer.
                    if round % 3 == 0 {
                        let dearer = move || Expected {
                            usage: Usage { output: expect + 10, ..Usage::default() },
                            cost: None,
                        };
                        let earlier = reservation.ending_as(used(0, truth));
                        let exchange = bench.limiter.exchange(Some(earlier), &facts, dearer);
                        if let Ok(Some(reservation)) = runtime.block_on(exchange) {
                            reservation.settle(&Spent::Nothing);
                        }
                    } else {
                        reservation.settle(&used(0, truth));
                    }
                    used_up.fetch_add(truth, Ordering::SeqCst);
                }
                (granted, refused)
            })
        })
        .collect();
    let outcomes: Vec<(u64, u64)> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    assert!(outcomes.iter().map(|(granted, _)| granted).sum::<u64>() > 100, "{outcomes:?}");
    let left = MOST - used_up.load(Ordering::SeqCst);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert!(runtime.block_on(bench.ask(0, left + 1)).is_err(), "nothing was lost");
    drop(runtime.block_on(bench.ask(0, left)).expect("nothing was counted twice"));
}

/// Facts of a request that goes on to another model.
fn elsewhere(headers: &HeaderMap) -> Facts<'_> {
    let models = ["fast", "us.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"];
    Facts { models, ..facts("k", headers) }
}

#[tokio::test]
async fn who_goes_on_gives_back_and_takes_in_one_step() {
    let mut each = limit("each", Measure::Requests, 10, MINUTE);
    each.selector.per = vec![Per::Model];
    let bench = Bench::new(&[
        limit("tokens", Measure::OutputTokens, 1000, Window::Day),
        limit("requests", Measure::Requests, 1, MINUTE),
        limit("flight", Measure::Concurrent, 1, MINUTE),
        each,
    ]);
    let headers = HeaderMap::new();
    let go_on = |earlier, output| {
        let usage = Usage { output, ..Usage::default() };
        let facts = elsewhere(&headers);
        let limiter = bench.limiter.clone();
        async move {
            limiter.exchange(Some(earlier), &facts, move || Expected { usage, cost: None }).await
        }
    };
    // It is the only request that there may be, with all tokens there are; 50 of them were used in vain.
    let first = bench.ask(0, 1000).await.unwrap().ending_as(used(0, 50));
    let second = go_on(first, 950).await.unwrap().unwrap();
    assert_eq!(bench.ask(0, 0).await.unwrap_err().limits, ["flight", "requests"]);
    bench.pass(62);
    assert_eq!(bench.ask(0, 1).await.unwrap_err().limits, ["flight", "tokens"]);
    second.settle(&used(0, 450));
    // What finds no room leaves nothing but what was used.
    let first = bench.ask(0, 500).await.unwrap().ending_as(used(0, 100));
    let refusal = go_on(first, 401).await.unwrap_err();
    assert_eq!(refusal.limits, ["tokens"]);
    bench.pass(62);
    assert!(bench.ask(0, 401).await.is_err());
    drop(bench.ask(0, 400).await.unwrap());
}
