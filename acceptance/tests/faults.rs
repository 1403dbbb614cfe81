//! Each fault that a target can have, in each dialect, streaming and not, alone and together: see
//! `acceptance/faults`.

pub mod port;
mod table;

use std::collections::HashMap;
use std::time::Duration;

use outcrop_config::{self as config, AttemptTimeouts, Config, Policy, RetryPolicy, Target};
use outcrop_emulator::{Emulator, Fault};
use outcrop_model::{PicoUsd, Receipt, Usage};
use tokio::task::JoinSet;

use self::table::{Case, Sent, Told};
use crate::streams::{assert_failed, has_success_end};
use crate::support::{Answer, CLAUDE, EXAMPLE_SECRET, NOVA, Options, Stack, backend, chat, route};

/// Asked over OpenAI's API, whose streams are server-sent events and whose errors are the vendor's.
const GPT_OSS: &str = "openai.gpt-oss-120b-1:0";
/// Most attempts at one target.
const ATTEMPTS: u32 = 3;
/// What a target that never answers is given; a good one has the default.
const PATIENCE: Duration = Duration::from_millis(20);
/// The same for one that falls silent, long enough for what it says before that.
const IDLE: Duration = Duration::from_millis(500);
/// Checks at a time, so that no silence comes from the machine.
const AT_ONCE: usize = 4;
/// Long enough for a stream of many events.
const PROMPT: &str = "one two three four five six seven eight nine ten eleven twelve";

/// A request of a client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Asked {
    dialect: &'static str,
    model: &'static str,
    stream: bool,
}

type Truth = HashMap<Asked, (Usage, Option<PicoUsd>)>;

// === impl Asked ===

impl Asked {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for dialect in ["openai", "responses", "anthropic", "converse"] {
            for model in [NOVA, CLAUDE, GPT_OSS] {
                all.extend([false, true].map(|stream| Self { dialect, model, stream }));
            }
        }
        all
    }

    /// In each dialect, streaming and not, for one model or another by turns.
    fn some(turn: usize) -> impl Iterator<Item = Self> {
        let all = Self::all().into_iter().enumerate();
        // The dialects are six requests long, the models two.
        all.filter(move |(at, _)| (at / 2 + at / 6 + turn).is_multiple_of(3))
            .map(|(_, asked)| asked)
    }

    async fn ask(self, targets: &mut Targets) -> (Answer, Receipt) {
        let (path, body) = chat(self.dialect, self.model, PROMPT, self.stream);
        let answer = targets.stack.post(&path, &body).await;
        (answer, targets.stack.receipt().await)
    }

    fn assert_whole(self, place: &str, answer: &Answer) {
        let text = answer.text();
        assert_eq!(answer.status, 200, "{place}: {text}");
        match (self.stream, self.dialect) {
            (false, _) => assert!(text.contains("twelve"), "{place}: {text}"),
            (true, "converse") => assert!(text.contains("messageStop"), "{place}: {text}"),
            (true, dialect) => assert!(has_success_end(dialect, &text), "{place}: {text}"),
        }
    }

    fn assert_error(self, place: &str, case: &Case, answer: &Answer) {
        let text = answer.text();
        match case.told(self.dialect) {
            Told::InStream => {
                assert_eq!(answer.status, 200, "{place}: {text}");
                assert!(text.contains("one"), "{place}: {text}");
            }
            Told::Error { status, code } => {
                let found = (answer.status.as_u16(), &*kind_of(self.dialect, answer));
                assert_eq!(found, (*status, &**code), "{place}: {text}");
            }
        }
        assert_failed(place, self.dialect, answer);
        assert!(!answer.header("x-request-id").is_empty(), "{place}");
        assert!(!text.contains("127.0.0.1") && !text.contains("<html"), "{place}: {text}");
    }
}

/// Some targets that fail, one after the other, and perhaps a good one behind them.
struct Targets {
    stack: Stack,
    /// The good one.
    last: Emulator,
    _faulty: Vec<Emulator>,
}

impl Targets {
    async fn new(cases: &[&Case], is_saved: bool) -> Self {
        let last = Emulator::bind("127.0.0.1:0", Default::default()).await.unwrap();
        let mut backends = vec![("last".to_owned(), backend(&last, EXAMPLE_SECRET))];
        let mut faulty = Vec::new();
        for (at, case) in cases.iter().enumerate() {
            let mut settings = backend(&last, EXAMPLE_SECRET);
            if let Some(what) = case.fault.strip_prefix("port ") {
                let endpoint = port::endpoint(what).await;
                settings.endpoints.retain(|(service, _)| service == "sts");
                settings.endpoints.push((config::ANY_SERVICE.to_owned(), endpoint));
            } else {
                let emulator = Emulator::bind("127.0.0.1:0", Default::default()).await.unwrap();
                emulator.inject(Fault::parse_list(&case.fault).unwrap(), 99);
                settings = backend(&emulator, EXAMPLE_SECRET);
                faulty.push(emulator);
            }
            settings.timeouts = match &*case.fault {
                "slow=60000" | "port says nothing" => {
                    AttemptTimeouts { first_byte: Some(PATIENCE), ..AttemptTimeouts::default() }
                }
                "port hangs before tls" => {
                    AttemptTimeouts { connect: Some(PATIENCE), ..AttemptTimeouts::default() }
                }
                "port says a head and stays silent" => {
                    AttemptTimeouts { idle: Some(IDLE), ..AttemptTimeouts::default() }
                }
                fault if fault.starts_with("stall") => {
                    AttemptTimeouts { idle: Some(IDLE), ..AttemptTimeouts::default() }
                }
                _ => AttemptTimeouts::default(),
            };
            backends.push((name(at), settings));
        }
        let names = (0..cases.len()).map(name).chain(is_saved.then(|| "last".to_owned()));
        let targets = names.enumerate().map(|(at, name)| Target {
            priority: u32::try_from(at).unwrap(),
            ..Target::new(&name)
        });
        let mut all = route("all", targets.collect());
        all.policy = Policy {
            retry: RetryPolicy {
                attempts: Some(ATTEMPTS),
                cap: Some(Duration::ZERO),
                ..RetryPolicy::default()
            },
            route_header: Some(true),
            ..Policy::default()
        };
        let (routes, backends) = (vec![all], backends.into_iter().collect());
        let config = Config { backends, routes, ..Config::default() };
        let stack = Stack::routing(Options::default(), config).await;
        Self { stack, last, _faulty: faulty }
    }
}

/// The error's own word.
fn kind_of(dialect: &str, answer: &Answer) -> String {
    let body = answer.json();
    match dialect {
        "openai" | "responses" => body["error"]["code"].as_str().unwrap().to_owned(),
        "anthropic" => {
            assert_eq!(body["type"], "error");
            assert_eq!(body["request_id"], answer.header("request-id"));
            body["error"]["type"].as_str().unwrap().to_owned()
        }
        _ => answer.header("x-amzn-errortype").to_owned(),
    }
}

fn name(at: usize) -> String {
    format!("faulty-{at}")
}

/// How often `case` lets a request be sent to its target.
fn sent(case: &Case, has_others: bool) -> u32 {
    match case.sent {
        Sent::Again => ATTEMPTS,
        Sent::Alone if has_others => 1,
        Sent::Alone => ATTEMPTS,
        Sent::Twice => 2,
        Sent::Once => 1,
    }
}

/// What good answers take, and cost.
async fn truth() -> Truth {
    let mut targets = Targets::new(&[], true).await;
    let mut truth = Truth::new();
    for asked in Asked::all() {
        let (answer, receipt) = asked.ask(&mut targets).await;
        asked.assert_whole("good", &answer);
        assert!(receipt.cost.is_some(), "{asked:?}");
        truth.insert(asked, (receipt.usage.unwrap(), receipt.cost));
    }
    truth
}

/// Every case in every dialect, streaming and not.
async fn each<F>(check: impl Fn(Case, Asked) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut checks = Vec::new();
    for (at, case) in Case::all().into_iter().enumerate() {
        let asked = Asked::some(at).filter(|asked| case.is_for(*asked));
        checks.extend(asked.map(|asked| check(case.clone(), asked)));
    }
    run(checks).await;
}

/// A few at a time; tells of all that failed.
async fn run<F: Future<Output = ()> + Send + 'static>(checks: Vec<F>) {
    let (mut failed, mut running) = (0, JoinSet::new());
    for check in checks {
        if running.len() >= AT_ONCE {
            failed += usize::from(running.join_next().await.is_some_and(|ended| ended.is_err()));
        }
        running.spawn(check);
    }
    while let Some(ended) = running.join_next().await {
        failed += usize::from(ended.is_err());
    }
    assert_eq!(failed, 0, "what failed is above");
}

#[tokio::test]
async fn alone_a_faulty_target_is_an_error_of_the_clients_dialect() {
    each(|case, asked| async move {
        let place = format!("{} {asked:?}", case.fault);
        let mut targets = Targets::new(&[&case], false).await;
        let (answer, receipt) = asked.ask(&mut targets).await;
        asked.assert_error(&place, &case, &answer);
        let found = (receipt.outcome.as_str(), receipt.attempts, receipt.retries);
        let times = sent(&case, false);
        assert_eq!(found, (case.class(asked.stream), times, times - 1), "{place}");
        assert_eq!(receipt.status, answer.status.as_u16(), "{place}");
        assert!(receipt.detail.is_some() && receipt.failed_over.is_empty(), "{place}");
        if *case.told(asked.dialect) != Told::InStream {
            assert_eq!((receipt.usage, receipt.cost, receipt.first_byte), (None, None, None));
        }
    })
    .await;
}

#[tokio::test]
async fn another_target_saves_what_has_not_begun() {
    let truth = truth().await;
    each(|case, asked| {
        let truth = truth[&asked];
        async move {
            let place = format!("{} {asked:?}", case.fault);
            let mut targets = Targets::new(&[&case], true).await;
            let (answer, receipt) = asked.ask(&mut targets).await;
            let asked_last = targets.last.requests().len();
            let times = sent(&case, true);
            if !case.goes_on {
                asked.assert_error(&place, &case, &answer);
                let found = (receipt.outcome.as_str(), receipt.attempts, asked_last);
                assert_eq!(found, (case.class(asked.stream), times, 0), "{place}");
                assert!(receipt.failed_over.is_empty(), "{place}");
                return;
            }
            asked.assert_whole(&place, &answer);
            assert_saved(&place, asked, (&[&case], &receipt));
            let way = format!("backend=last; failed=faulty-0 {}", case.class(asked.stream));
            assert!(answer.header("x-outcrop-route").contains(&way), "{place}");
            assert_eq!(asked_last, 1, "{place}");
            assert_eq!((receipt.usage.unwrap(), receipt.cost), truth, "{place}");
        }
    })
    .await;
}

#[tokio::test]
async fn together_they_are_asked_in_turn() {
    let cases: Vec<Case> = Case::all().into_iter().filter(|case| case.goes_on).collect();
    let mut checks = Vec::new();
    for (at, asked) in (0..cases.len()).zip(Asked::all().into_iter().cycle()) {
        let three: Vec<Case> = cases.iter().cycle().skip(at).take(3).cloned().collect();
        // Streams of Nova's know all of them.
        let knows_all = three.iter().all(|case| case.is_for(asked));
        let asked = if knows_all { asked } else { Asked { model: NOVA, stream: true, ..asked } };
        checks.push(async move {
            let three: Vec<&Case> = three.iter().collect();
            let faults: Vec<&str> = three.iter().map(|case| &*case.fault).collect();
            let place = format!("{faults:?} {asked:?}");
            let mut targets = Targets::new(&three, true).await;
            let (answer, receipt) = asked.ask(&mut targets).await;
            asked.assert_whole(&place, &answer);
            assert_saved(&place, asked, (&three, &receipt));

            let mut targets = Targets::new(&three, false).await;
            let (answer, receipt) = asked.ask(&mut targets).await;
            let [_, _, last] = &three[..] else { panic!("{place}") };
            let told = three.iter().rev().find(|case| case.is_busy(asked.stream)).unwrap_or(last);
            asked.assert_error(&place, told, &answer);
            assert_eq!(receipt.outcome.as_str(), told.class(asked.stream), "{place}");
            assert_eq!(receipt.failed_over.len(), 2, "{place}");
            assert_eq!((receipt.usage, receipt.cost), (None, None), "{place}");
        });
    }
    run(checks).await;
}

/// All of `cases` were asked in vain and in order, and then the good one.
fn assert_saved(place: &str, asked: Asked, (cases, receipt): (&[&Case], &Receipt)) {
    assert_eq!(receipt.outcome.as_str(), "completed", "{place}");
    assert_eq!((receipt.backend.as_deref(), receipt.status), (Some("last"), 200), "{place}");
    let failed: Vec<(String, &str)> =
        receipt.failed_over.iter().map(|(name, class)| (name.clone(), class.as_str())).collect();
    let expected: Vec<(String, &str)> =
        cases.iter().enumerate().map(|(at, case)| (name(at), case.class(asked.stream))).collect();
    assert_eq!(failed, expected, "{place}");
    let times: u32 = cases.iter().map(|case| sent(case, true)).sum();
    assert_eq!(receipt.attempts, times + 1, "{place}");
    assert!(receipt.cost.is_some(), "{place}");
}
