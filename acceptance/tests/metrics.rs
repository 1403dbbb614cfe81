//! What the operator counts by says what happened, and nothing that a client wrote.

use std::sync::Arc;

use http::HeaderName;
use outcrop_config::{Budget, Measure, OnStoreLoss, Policy, Window};
use outcrop_core::limit::{Alerts, Counters, StoreWish, Timepiece};
use outcrop_model::PicoUsd;
use outcrop_server::Metrics;
use serde_json::json;
use tokio::net::TcpListener;

use crate::failover::pair;
use crate::leaving::leave;
use crate::limits::limit;
use crate::support::{CLAUDE, NOVA, Options, ROUTES, Stack, chat};

/// The text that the operator gets.
struct Counted(String);

impl Counted {
    fn at(stack: &Stack) -> Self {
        let text = stack.metrics.text(stack.readiness.gateway());
        assert!(text.ends_with("# EOF\n"), "{text}");
        Self(text)
    }

    /// The value of the one line that begins so and has all of these labels.
    fn value(&self, name: &str, labels: &[&str]) -> f64 {
        let is_it = |line: &&str| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']))
                && labels.iter().all(|label| line.contains(label))
        };
        let found: Vec<&str> = self.0.lines().filter(is_it).collect();
        let [line] = found[..] else { panic!("{name} {labels:?}: {found:?} in {}", self.0) };
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    }
}

#[tokio::test]
async fn an_answer_counts_with_its_tokens_and_its_cost() {
    let mut stack = Stack::start().await;
    let mut cost = 0.0;
    for stream in [false, true] {
        let (path, body) = chat("openai", NOVA, "hi", stream);
        assert_eq!(stack.post(&path, &body).await.status, 200);
        let receipt = stack.receipt().await;
        cost += receipt.cost.unwrap().get() as f64 / 1e12;
        let counted = Counted::at(&stack);
        let times = if stream { 2.0 } else { 1.0 };
        let labels = [
            r#"dialect="openai_chat",operation="chat_completions",outcome="completed",status="2xx""#,
            r#"route="all",backend="bedrock""#,
        ];
        assert_eq!(counted.value("outcrop_requests_total", &labels), times);
        let usage = receipt.usage.unwrap();
        let model = format!("model=\"{NOVA}\"");
        let tokens = |kind| counted.value("outcrop_tokens_total", &[&model, kind]);
        assert_eq!(tokens(r#"kind="output""#), usage.output as f64 * times);
        assert_eq!(tokens(r#"kind="input""#), usage.input as f64 * times);
        let input = [&*model, r#"gen_ai_token_type="input""#, r#"provider_name="aws.bedrock""#];
        let sum = counted.value("gen_ai_client_token_usage_sum", &input);
        assert_eq!(sum, usage.prompt() as f64 * times);
        let call = [&*model, r#"gen_ai_operation_name="chat""#, r#"error_type="""#];
        let name = "gen_ai_client_operation_duration_seconds_count";
        assert_eq!(counted.value(name, &call), times);
        let spent = counted.value("outcrop_cost_usd_total", &[&model, r#"route="all""#]);
        assert!((spent - cost).abs() < 1e-12, "{spent} {cost}");
        let first = "gen_ai_client_operation_time_to_first_chunk_seconds_count";
        match stream {
            true => assert_eq!(counted.value(first, &call), 1.0),
            false => assert!(!counted.0.contains(&format!("{first}{{"))),
        }
    }
    assert_eq!(Counted::at(&stack).value("outcrop_config_generation", &[]), 1.0);
}

#[tokio::test]
async fn failures_retries_and_failovers_count() {
    let (mut stack, _second, _) = pair(Policy::default()).await;
    stack.fault("error=ThrottlingException;retry-after=60", 1);
    let (path, body) = chat("anthropic", CLAUDE, "hi", false);
    assert_eq!(stack.post(&path, &body).await.status, 200);
    stack.receipt().await;
    let counted = Counted::at(&stack);
    let failed = [r#"route="all",backend="bedrock",class="throttled""#];
    assert_eq!(counted.value("outcrop_failovers_total", &failed), 1.0);
    assert_eq!(counted.value("outcrop_requests_total", &[r#"backend="second""#]), 1.0);
    assert_eq!(counted.value("outcrop_attempts_total", &[]), 2.0);
    assert!(!counted.0.contains("outcrop_retries_total{"), "{}", counted.0);
    let standing = |backend: &str, condition: &str| {
        counted.value("outcrop_backend_models", &[backend, condition])
    };
    assert_eq!(standing(r#"backend="bedrock""#, r#"condition="cooling""#), 1.0);
    assert_eq!(standing(r#"backend="second""#, r#"condition="well""#), 1.0);

    let mut stack = Stack::with(Options { attempts: 3, ..Options::default() }).await;
    stack.fault("error=InternalServerException", 2);
    assert_eq!(stack.post(&path, &body).await.status, 200);
    assert_eq!(stack.receipt().await.retries, 2);
    let counted = Counted::at(&stack);
    assert_eq!(counted.value("outcrop_retries_total", &[r#"route="all""#]), 2.0);
    assert_eq!(counted.value("outcrop_attempts_total", &[]), 3.0);
    stack.fault("error=ValidationException", 1);
    assert_eq!(stack.post(&path, &body).await.status, 400);
    stack.receipt().await;
    let counted = Counted::at(&stack);
    let refused = [r#"outcome="invalid_request",status="4xx""#];
    assert_eq!(counted.value("outcrop_requests_total", &refused), 1.0);
}

#[tokio::test]
async fn who_is_here_and_who_has_left_counts() {
    let mut stack = Stack::start().await;
    stack.fault("slow=60000", 2);
    let (path, body) = chat("openai", NOVA, "x", false);
    let text = body.to_string();
    let request =
        format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{text}", text.len());
    let socket = stack.say(request.as_bytes()).await;
    while stack.emulator.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(Counted::at(&stack).value("outcrop_requests_in_flight", &[]), 1.0);
    drop(socket);
    stack.receipt().await;
    let counted = Counted::at(&stack);
    assert_eq!(counted.value("outcrop_requests_in_flight", &[]), 0.0);
    let left = [r#"outcome="client_left",status="4xx""#];
    assert_eq!(counted.value("outcrop_requests_total", &left), 1.0);

    stack.emulator.clear_faults();
    stack.emulator.set_engine("lorem;tokens=100000;chunk=1;rate=200".parse().unwrap());
    let (path, mut body) = chat("openai", NOVA, "x", true);
    body["max_tokens"] = json!(5000);
    leave(&stack, &path, &body, 600).await;
    stack.receipt().await;
    let left = [r#"outcome="client_left",status="2xx""#];
    assert_eq!(Counted::at(&stack).value("outcrop_requests_total", &left), 1.0);
}

#[tokio::test]
async fn limits_count_with_their_names() {
    let metrics = Arc::<Metrics>::default();
    let told = Arc::clone(&metrics);
    let alerts = Alerts::default().also(move |alert| told.alert(alert));
    let counters = Counters::open(StoreWish::Memory, alerts, Timepiece::default()).unwrap();
    let budget = Budget { soft: Some(PicoUsd::new(1)), webhook: None };
    let limits = vec![
        limit("team", Measure::Money(budget), 1_000_000_000_000, Window::Month),
        limit("few", Measure::Requests, 1, Window::Day),
    ];
    let options = Options { limits, counters, metrics, ..Options::default() };
    let mut stack = Stack::with(options).await;
    let (path, body) = chat("openai", NOVA, "x", false);
    assert_eq!(stack.post(&path, &body).await.status, 200);
    stack.receipt().await;
    let soft = [r#"limit="team",event="budget_soft""#];
    assert_eq!(Counted::at(&stack).value("outcrop_budget_alerts_total", &soft), 1.0);
    for refusals in [1.0, 2.0] {
        assert_eq!(stack.post(&path, &body).await.status, 429);
        stack.receipt().await;
        let counted = Counted::at(&stack);
        let few = [r#"limit="few""#];
        assert_eq!(counted.value("outcrop_limit_refusals_total", &few), refusals);
    }
    assert_eq!(Counted::at(&stack).value("outcrop_budget_alerts_total", &soft), 1.0);
}

#[tokio::test]
async fn a_shared_store_that_is_away_is_no_limit_that_is_reached() {
    // Nobody answers there.
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", hanging.local_addr().unwrap());
    for (dialect, model) in ROUTES {
        let wish = StoreWish::Redis { url: &url, on_loss: OnStoreLoss::Refuse };
        let counters = Counters::open(wish, Alerts::default(), Timepiece::default()).unwrap();
        let limits = vec![limit("few", Measure::Requests, 1, Window::Day)];
        let mut stack = Stack::with(Options { limits, counters, ..Options::default() }).await;
        let (path, body) = chat(dialect, model, "x", false);
        let answer = stack.post(&path, &body).await;
        let status = if dialect == "anthropic" { 529 } else { 503 };
        assert_eq!(
            (answer.status.as_u16(), answer.header("retry-after")),
            (status, "2"),
            "{dialect}"
        );
        let is_of_limits = |name: &HeaderName| name.as_str().contains("ratelimit");
        assert!(!answer.headers.keys().any(is_of_limits), "{:?}", answer.headers);
        let receipt = stack.receipt().await;
        assert!(receipt.attempts == 0 && receipt.limits.is_empty());
        let counted = Counted::at(&stack);
        assert_eq!(counted.value("outcrop_limit_store_is_there", &[]), 0.0);
        assert_eq!(counted.value("outcrop_limit_store_refusals_total", &[]), 1.0);
        assert!(!counted.0.contains("outcrop_limit_refusals_total{"), "{}", counted.0);
    }
}

/// A client that invents models, or names what is secret, makes no series of its own.
#[tokio::test]
async fn what_a_client_writes_is_no_label() {
    let mut stack = Stack::start().await;
    let arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/made-up-9";
    for model in ["amazon.nova-lite-v1:0:made-up-1", "made-up-2", arn, "claude-made-up-3"] {
        let (path, body) = chat("openai", model, "made-up-4", false);
        stack.post(&path, &body).await;
        stack.receipt().await;
    }
    let counted = Counted::at(&stack);
    assert!(!counted.0.contains("made-up") && !counted.0.contains("123456789012"), "{}", counted.0);
    assert!(counted.0.contains("gen_ai_request_model=\"other\""), "{}", counted.0);
}
