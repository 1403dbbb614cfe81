//! Limits as clients see them: refused in their own dialect, told in their own headers, settled with the
//! truth.

use std::time::Duration;

use http::Method;
use outcrop_config::{
    AttemptTimeouts, Budget, CacheRule, Config, Limit, Measure, Origin, Pattern, Policy, Redacted,
    Route, Secret, Selector, Target, Window,
};
use outcrop_core::limit::{Counters, StoreWish, Timepiece, posting};
use outcrop_fetch::Courier;
use outcrop_model::chat::CacheTtl;
use outcrop_model::{Fidelity, PicoUsd, Usage};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{CLAUDE, NOVA, Options, ROUTES, Stack, chat, route};

pub fn limit(name: &str, measure: Measure, amount: u128, window: Window) -> Limit {
    let (name, selector, origin) = (name.to_owned(), Selector::default(), Origin::default());
    Limit { name, selector, measure, amount, window, origin }
}

async fn limited(limits: Vec<Limit>) -> Stack {
    Stack::with(Options { limits, ..Options::default() }).await
}

const MINUTE: Window = Window::Rolling(Duration::from_secs(60));

#[tokio::test]
async fn a_refusal_is_a_proper_429_in_every_dialect() {
    for (dialect, model) in ROUTES {
        let limits = vec![limit("two-a-minute", Measure::Requests, 1, MINUTE)];
        let mut stack = limited(limits).await;
        let (path, body) = chat(dialect, model, "x", false);
        assert_eq!(stack.post(&path, &body).await.status, 200, "{dialect}");
        assert!(stack.receipt().await.limits.is_empty());
        for stream in [false, true] {
            let (path, body) = chat(dialect, model, "x", stream);
            let answer = stack.post(&path, &body).await;
            assert_eq!(answer.status, 429, "{dialect} {stream}");
            let wait: u64 = answer.header("retry-after").parse().unwrap();
            assert!((55..=62).contains(&wait), "{wait}");
            let said = answer.text();
            assert!(said.contains("`two-a-minute` allows 1 requests per minute"), "{said}");
            let code = match dialect {
                "openai" | "responses" => answer.json()["error"]["code"].clone(),
                "anthropic" => answer.json()["error"]["type"].clone(),
                _ => json!(answer.header("x-amzn-errortype")),
            };
            let words = ["rate_limit_exceeded", "rate_limit_error", "ThrottlingException"];
            assert!(words.iter().any(|word| code == *word), "{dialect} {code}");
            let receipt = stack.receipt().await;
            assert_eq!((receipt.attempts, &*receipt.limits), (0, &["two-a-minute".to_owned()][..]));
        }
        assert_eq!(stack.emulator.requests().len(), 1, "{dialect}");
    }
}

#[tokio::test]
async fn a_spent_budget_has_the_quota_code_and_is_not_asked_again() {
    let measure = Measure::Money(Budget::default());
    // A chat of 10 tokens fits, and then no more.
    let mut stack = limited(vec![limit("month", measure, 100_000_000, Window::Month)]).await;
    for (dialect, path, code) in [
        ("openai", "/v1/chat/completions", "insufficient_quota"),
        ("anthropic", "/v1/messages", "rate_limit_error"),
    ] {
        let (_, mut body) = chat("openai", NOVA, "x", false);
        body["max_tokens"] = json!(10);
        while stack.post(path, &body).await.status == 200 {
            assert!(stack.receipt().await.cost.is_some());
        }
        let answer = stack.post(path, &body).await;
        let error = &answer.json()["error"];
        assert!(error["code"] == code || error["type"] == code, "{dialect} {error}");
        assert_eq!(answer.header("x-should-retry"), "false", "{dialect}");
        assert!(answer.text().contains("`month` allows $0.0001 per month"), "{}", answer.text());
        stack.receipt().await;
        stack.receipt().await;
    }
    let unpriced =
        json!({"model": "newvendor.model-1", "messages": [{"role": "user", "content": "x"}]});
    let answer = stack.post("/v1/chat/completions", &unpriced).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]["param"]), (400, &json!("model")));
}

#[tokio::test]
async fn answers_tell_how_limits_stand_and_the_truth_takes_its_place() {
    let limits = || {
        vec![
            limit("requests", Measure::Requests, 10, MINUTE),
            limit("tokens", Measure::TotalTokens, 10_000, MINUTE),
        ]
    };
    for (dialect, names) in [
        ("openai", ["x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens"]),
        (
            "anthropic",
            ["anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-tokens-remaining"],
        ),
    ] {
        for stream in [false, true] {
            let mut stack = limited(limits()).await;
            let (path, mut body) = chat(dialect, CLAUDE, "x", stream);
            body["max_tokens"] = json!(1000);
            let mut left = Vec::new();
            let mut used = Vec::new();
            for _ in 0..2 {
                let answer = stack.post(&path, &body).await;
                left.push(names.map(|name| answer.header(name).parse::<u64>().unwrap()));
                used.push(stack.receipt().await.usage.unwrap().total());
            }
            assert_eq!([left[0][0], left[1][0]], [9, 8], "{dialect} {stream}");
            // The second has room where the first took less than it reserved.
            assert!(left[0][1] < 9000 && used[0] < 100, "{left:?} {used:?}");
            assert_eq!(left[0][1] - left[1][1], used[0], "{dialect} {stream}");
        }
    }
    let stack = limited(limits()).await;
    let (path, body) = chat("converse", NOVA, "x", false);
    let answer = stack.post(&path, &body).await;
    assert!(answer.headers.keys().all(|name| !name.as_str().contains("ratelimit")));
}

/// What is left of a limit of 10 000 output tokens, by asking for one token.
async fn left(stack: &mut Stack) -> u64 {
    let (path, mut body) = chat("anthropic", CLAUDE, "x", false);
    body["max_tokens"] = json!(1);
    let answer = stack.post(&path, &body).await;
    stack.receipt().await;
    let left: u64 = answer.header("anthropic-ratelimit-output-tokens-remaining").parse().unwrap();
    left + 1
}

#[tokio::test]
async fn what_failed_took_nothing_and_what_was_streamed_counts() {
    let mut stack = limited(vec![limit("out", Measure::OutputTokens, 10_000, Window::Day)]).await;
    let (path, mut body) = chat("anthropic", CLAUDE, "x", true);
    body["max_tokens"] = json!(2000);

    stack.send(Method::POST, &path, &[], "{").await;
    stack.receipt().await;
    stack.fault("error=ValidationException", 1);
    assert_eq!(stack.post(&path, &body).await.status, 400);
    stack.receipt().await;
    assert_eq!(left(&mut stack).await, 10_000);

    let before = left(&mut stack).await;
    stack.emulator.set_engine("lorem;tokens=100000;chunk=1;rate=200".parse().unwrap());
    let text = body.to_string();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{text}", text.len());
    let mut socket = stack.say(head.as_bytes()).await;
    socket.read_exact(&mut vec![0; 3000]).await.unwrap();
    drop(socket);
    assert_eq!(stack.receipt().await.outcome.as_str(), "client_left");
    stack.emulator.set_engine("echo".parse().unwrap());
    let streamed = before - left(&mut stack).await;
    assert!((5..2000).contains(&streamed), "{streamed}");

    // Whoever does not wait for the answer at all has it charged as reserved.
    let before = left(&mut stack).await;
    stack.fault("slow=60000", 1);
    let socket = stack.say(head.as_bytes()).await;
    let seen = stack.emulator.requests().len();
    while stack.emulator.requests().len() == seen {
        tokio::task::yield_now().await;
    }
    drop(socket);
    stack.receipt().await;
    assert!(before - left(&mut stack).await >= 2000);
}

/// Bedrock goes on with what the gateway gave up.
#[tokio::test]
async fn what_had_no_answer_in_time_is_charged_as_reserved() {
    let limits = vec![limit("out", Measure::OutputTokens, 10_000, Window::Day)];
    let timeouts =
        AttemptTimeouts { first_byte: Some(Duration::from_secs(1)), ..AttemptTimeouts::default() };
    let mut stack = Stack::with(Options { limits, timeouts, ..Options::default() }).await;
    let (path, mut body) = chat("anthropic", CLAUDE, "x", false);
    body["max_tokens"] = json!(2000);
    let before = left(&mut stack).await;
    stack.fault("slow=60000", 1);
    assert_eq!(stack.post(&path, &body).await.status, 504);
    stack.receipt().await;
    assert!(before - left(&mut stack).await >= 2000);
}

/// The last of its calls fails; what was answered before is counted, though nobody gets it.
#[tokio::test]
async fn what_a_failed_bundle_used_counts() {
    let mut stack = limited(vec![limit("tokens", Measure::TotalTokens, 100_000, MINUTE)]).await;
    let fault = json!({"fault": "error=ValidationException", "every": 13}).to_string();
    let url = format!("{}/_emulator/faults", stack.emulator.base_url());
    assert!(stack.send_to(Method::POST, &url, &[], fault).await.status.is_success());
    let input = vec!["one two three"; 13];
    let body = json!({"model": "amazon.titan-embed-text-v2:0", "input": input});
    let answer = stack.post("/v1/embeddings", &body).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    let receipt = stack.receipt().await;
    assert!(receipt.attempts > 1 && receipt.usage.unwrap().input >= 5, "{receipt:?}");
    assert!(receipt.cost.is_some());
    let one = json!({"model": "amazon.titan-embed-text-v2:0", "input": "one"});
    let answer = stack.post("/v1/embeddings", &one).await;
    let left: u64 = answer.header("x-ratelimit-remaining-tokens").parse().unwrap();
    assert!(left < 100_000 - receipt.usage.unwrap().input, "{left}");
}

/// The eighth call is refused while Bedrock has seven: they count as they answer, else as they were reserved.
#[tokio::test]
async fn calls_in_the_air_of_a_failed_bundle_count() {
    let titan = "amazon.titan-embed-text-v2:0";
    let long = "one two three ".repeat(100);
    for (slow, is_told) in [("slow=100", true), ("slow=60000", false)] {
        let mut stack = limited(vec![limit("tokens", Measure::TotalTokens, 100_000, MINUTE)]).await;
        let one = json!({"model": titan, "input": long});
        assert_eq!(stack.post("/v1/embeddings", &one).await.status, 200);
        let each = stack.receipt().await.usage.unwrap().input;
        stack.fault(slow, 8);
        let fault = json!({"fault": "slow=0 | error=ValidationException", "every": 8}).to_string();
        let url = format!("{}/_emulator/faults", stack.emulator.base_url());
        assert!(stack.send_to(Method::POST, &url, &[], fault).await.status.is_success());
        let body = json!({"model": titan, "input": vec![long.as_str(); 8]});
        let answer = stack.post("/v1/embeddings", &body).await;
        assert_eq!(answer.status, 400, "{slow}: {}", answer.text());
        let told = stack.receipt().await.usage.map(|usage| usage.input);
        assert_eq!(told, is_told.then_some(7 * each), "{slow}");
        let one = json!({"model": titan, "input": "one"});
        let answer = stack.post("/v1/embeddings", &one).await;
        let left: u64 = answer.header("x-ratelimit-remaining-tokens").parse().unwrap();
        assert!(left < 100_000 - 8 * each, "{slow}: {left}, {each} each");
    }
}

/// The head of an answer tells its tokens: they count, though its body breaks off.
#[tokio::test]
async fn an_answer_that_breaks_off_counts_as_its_head_tells() {
    let mut stack = limited(vec![limit("tokens", Measure::TotalTokens, 100_000, MINUTE)]).await;
    stack.fault("cut=30", 9);
    let one = json!({"model": "amazon.titan-embed-text-v2:0", "input": "one two three"});
    assert_eq!(stack.post("/v1/embeddings", &one).await.status, 502);
    let receipt = stack.receipt().await;
    assert!(receipt.usage.is_some_and(|usage| usage.input > 0), "{receipt:?}");
}

/// Pictures too, which are charged by number.
#[tokio::test]
async fn pictures_of_a_failed_bundle_are_paid_for() {
    let ten = PicoUsd::new(80_000_000_000) * 10;
    let budget = Measure::Money(Budget::default());
    let mut stack = limited(vec![limit("month", budget, ten.get(), Window::Month)]).await;
    let fault = json!({"fault": "error=ValidationException", "every": 10}).to_string();
    let url = format!("{}/_emulator/faults", stack.emulator.base_url());
    assert!(stack.send_to(Method::POST, &url, &[], fault).await.status.is_success());
    let body = json!({"model": "stability.sd3-5-large-v1:0", "prompt": "a fox", "n": 10});
    let answer = stack.post("/v1/images/generations", &body).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    let cost = stack.receipt().await.cost.expect("some were drawn");
    assert!(cost > PicoUsd::ZERO && cost < ten, "{cost}");
    let answer = stack.post("/v1/images/generations", &body).await;
    assert_eq!(answer.status, 429, "{}", answer.text());
}

#[tokio::test]
async fn calls_beside_chats_take_from_limits_too() {
    let limits = vec![
        limit("requests", Measure::Requests, 3, MINUTE),
        limit("tokens", Measure::TotalTokens, 1000, MINUTE),
    ];
    let mut stack = limited(limits).await;
    let embed = json!({"model": "amazon.titan-embed-text-v2:0", "input": "one two three"});
    let answer = stack.post("/v1/embeddings", &embed).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), "2");
    let used = stack.receipt().await.usage.unwrap().total();
    let count = json!({"model": CLAUDE, "messages": [{"role": "user", "content": "x"}]});
    assert_eq!(stack.post("/v1/messages/count_tokens", &count).await.status, 200);
    let answer = stack.post("/v1/embeddings", &embed).await;
    let left: u64 = answer.header("x-ratelimit-remaining-tokens").parse().unwrap();
    assert!(left < 1000 - used && left > 900, "{left}");
    assert_eq!(stack.get("/foundation-models").await.status, 429);
}

#[tokio::test]
async fn a_webhook_is_told_of_a_budget() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let budget =
        Budget { soft: Some(PicoUsd::new(1)), webhook: Some(Secret::Inline(Redacted::new(url))) };
    let reveal = |secret: &Secret| match secret {
        Secret::Inline(text) => Ok(text.reveal().to_owned()),
        other => Err(format!("{other:?}")),
    };
    let alerts = posting(Courier::waiting(Duration::from_millis(1)), reveal);
    let counters = Counters::open(StoreWish::Memory, alerts, Timepiece::default()).unwrap();
    let limits = vec![limit("team", Measure::Money(budget), 1_000_000_000_000, Window::Month)];
    let stack = Stack::with(Options { limits, counters, ..Options::default() }).await;
    let (path, body) = chat("openai", NOVA, "x", false);
    assert_eq!(stack.post(&path, &body).await.status, 200, "nobody waits for the webhook");
    let mut refusals = 2;
    let message: Value = loop {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            socket.read_buf(&mut request).await.unwrap();
        }
        let status = if refusals > 0 { "503 Later" } else { "200 OK" };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        socket.write_all(answer.as_bytes()).await.unwrap();
        if refusals == 0 {
            let text = String::from_utf8(request).unwrap();
            break serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
        }
        refusals -= 1;
    };
    assert_eq!((&message["event"], &message["limit"]), (&json!("budget_soft"), &json!("team")));
    assert_eq!(message["budget_usd"], "1");
}

/// A refusal of the gateway's own is final, and says nothing of the backend.
#[tokio::test]
async fn a_limit_holds_whatever_other_targets_there_are() {
    let limit = limit("few", Measure::Requests, 1, Window::Day);
    let options = Options { limits: vec![limit], ..Options::default() };
    let second = Target { priority: 1, ..Target::new("bedrock") };
    let routes = vec![route("all", vec![Target::new("bedrock"), second])];
    let stack = Stack::routing(options, Config { routes, ..Config::default() }).await;
    let (path, body) = chat("openai", NOVA, "hi", false);
    assert_eq!(stack.post(&path, &body).await.status, 200);
    for _ in 0..3 {
        assert_eq!(stack.post(&path, &body).await.status, 429);
    }
    assert_eq!(stack.emulator.requests().len(), 1);
}

/// A dollar in the units of a budget.
const DOLLAR: u128 = 1_000_000_000_000;

/// The first model, and the others when that fails.
async fn falling_back(models: &[&str], limits: Vec<Limit>, policy: Policy) -> Stack {
    let options = Options { limits, ..Options::default() };
    let targets = models.iter().zip(0..).map(|(model, priority)| {
        let model = Some((*model).to_owned());
        Target { model, priority, ..Target::new("bedrock") }
    });
    let routes = vec![Route { policy, ..route("all", targets.collect()) }];
    Stack::routing(options, Config { routes, ..Config::default() }).await
}

fn chat_of_1000(text: &str) -> (String, Value) {
    let (path, mut body) = chat("openai", CLAUDE, text, false);
    body["max_tokens"] = json!(1000);
    (path, body)
}

/// 1000 tokens of Claude's cost 1.65 cents, of Nova's 0.024.
#[tokio::test]
async fn a_dearer_fallback_must_find_room_too() {
    let budget = |amount| limit("month", Measure::Money(Budget::default()), amount, Window::Month);
    let (path, body) = chat_of_1000("x");
    let stack = |amount| falling_back(&[NOVA, CLAUDE], vec![budget(amount)], Policy::default());
    let mut poor = stack(DOLLAR / 100).await;
    poor.fault("error=InternalServerException", 1);
    let answer = poor.post(&path, &body).await;
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert!(answer.text().contains("`month` allows $0.01 per month"), "{}", answer.text());
    let receipt = poor.receipt().await;
    assert_eq!((receipt.attempts, receipt.failed_over.len()), (1, 1));
    // What was reserved for Nova came back: it took nothing.
    assert_eq!(poor.post(&path, &body).await.status, 200);

    let mut rich = stack(DOLLAR / 50).await;
    rich.fault("error=InternalServerException", 1);
    assert_eq!(rich.post(&path, &body).await.status, 200);
    let receipt = rich.receipt().await;
    assert_eq!((receipt.attempts, receipt.failed_over.len()), (2, 1));
    // The caller named it: of Nova, the receipt says nothing any more.
    assert_eq!((receipt.target, receipt.model.as_str()), (None, CLAUDE));
    let Usage { input, output, .. } = receipt.usage.unwrap();
    let dollars = 3.3 * input as f64 + 16.5 * output as f64;
    assert_eq!(receipt.cost.unwrap().get() as f64, dollars * 1e6);
}

#[tokio::test]
async fn a_fallback_takes_from_the_limits_of_its_own_model() {
    let of_claude =
        Selector { models: vec![Pattern::Wildcard("*claude*".to_owned())], ..Selector::default() };
    let limits = |of_claude_s| {
        vec![
            limit("all", Measure::Requests, 10, MINUTE),
            limit("at-once", Measure::Concurrent, 1, MINUTE),
            limit("out", Measure::OutputTokens, 1500, MINUTE),
            Limit { selector: of_claude.clone(), ..limit("dear", of_claude_s, 20, MINUTE) },
        ]
    };
    let (path, mut body) = chat_of_1000("x");
    body["model"] = json!("any");
    let stack = falling_back(&[NOVA, CLAUDE], limits(Measure::Requests), Policy::default()).await;
    // It is one request, wherever it goes.
    for left in ["9", "8"] {
        stack.fault("error=InternalServerException", 1);
        let answer = stack.post(&path, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), left);
    }
    let models = [NOVA, CLAUDE];
    let stack = falling_back(&models, limits(Measure::OutputTokens), Policy::default()).await;
    assert_eq!(stack.post(&path, &body).await.status, 200);
    stack.fault("error=InternalServerException", 1);
    let answer = stack.post(&path, &body).await;
    assert_eq!(answer.status, 429);
    assert!(answer.text().contains("`dear` allows 20 output tokens"), "{}", answer.text());
}

/// In strict mode an answer without the form that the caller set fails, and is paid for all the same.
#[tokio::test]
async fn what_the_first_target_used_is_counted_beside_the_second() {
    let (path, mut body) = chat_of_1000("say:no JSON, but a few words");
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}},
        "required": ["a"], "additionalProperties": false});
    let format = json!({"name": "x", "strict": true, "schema": schema});
    body["response_format"] = json!({"type": "json_schema", "json_schema": format});
    let mut costs = Vec::new();
    for models in [&[CLAUDE][..], &[CLAUDE, CLAUDE]] {
        let limits = vec![limit("out", Measure::OutputTokens, 10_000, Window::Day)];
        let policy = Policy { fidelity: Some(Fidelity::Strict), ..Policy::default() };
        let mut stack = falling_back(models, limits, policy).await;
        assert_eq!(stack.post(&path, &body).await.status, 502);
        let receipt = stack.receipt().await;
        let times = models.len();
        assert_eq!((receipt.attempts as usize, receipt.failed_over.len()), (times, times - 1));
        costs.push(receipt.cost.unwrap() * (2 / times as u64));
        let (_, probe) = chat_of_1000("x");
        let answer = stack.post(&path, &probe).await;
        let left: u64 = answer.header("x-ratelimit-remaining-tokens").parse().unwrap();
        assert_eq!(9000 - left, receipt.usage.unwrap().output * times as u64);
    }
    assert_eq!(costs[0], costs[1]);
}

/// A chat of a few thousand tokens that is paid for as written to the cache for an hour, by a point of the
/// operator's or of the caller's.
fn written_to_the_cache(dialect: &str, is_callers: bool) -> (Policy, String, Value) {
    let (path, mut body) = chat(dialect, CLAUDE, &"all that is known. ".repeat(2000), false);
    match dialect {
        "converse" => body["inferenceConfig"] = json!({"maxTokens": 10}),
        _ => body["max_tokens"] = json!(10),
    }
    if !is_callers {
        let ttl = CacheTtl::OneHour;
        let (messages, message_offset, min_tokens) = (true, 0, 1024);
        let rule =
            CacheRule { system: true, messages, tools: true, message_offset, min_tokens, ttl };
        return (Policy { cache: Some(rule), ..Policy::default() }, path, body);
    }
    let mut content = json!([{"type": "text", "text": body["messages"][0]["content"]}]);
    match dialect {
        "converse" => {
            content = body["messages"][0]["content"].clone();
            let point = json!({"cachePoint": {"type": "default", "ttl": "1h"}});
            content.as_array_mut().unwrap().push(point);
        }
        _ => content[0]["cache_control"] = json!({"type": "ephemeral", "ttl": "1h"}),
    }
    body["messages"][0]["content"] = content;
    (Policy::default(), path, body)
}

/// What a budget that is spent says that a chat may cost, in dollars.
async fn may_take(policy: Policy, path: &str, body: &str) -> f64 {
    let budget = limit("day", Measure::Money(Budget::default()), 1, Window::Day);
    let stack = falling_back(&[CLAUDE], vec![budget], policy).await;
    let body = serde_json::from_str(body).unwrap();
    let said = stack.post(path, &body).await.text();
    let (_, dollars) = said.split_once("this request alone may take $").unwrap();
    dollars.split_once(". ").unwrap().0.parse().unwrap()
}

#[tokio::test]
async fn a_budget_has_room_for_what_is_written_to_a_cache() {
    for dialect in ["openai", "anthropic", "converse"] {
        for is_callers in [false, true] {
            let place = format!("{dialect} {is_callers}");
            let (policy, path, body) = written_to_the_cache(dialect, is_callers);
            let mut stack = falling_back(&[CLAUDE], Vec::new(), policy.clone()).await;
            let answer = stack.post(&path, &body).await;
            assert_eq!(answer.status, 200, "{place}: {}", answer.text());
            let receipt = stack.receipt().await;
            assert!(receipt.usage.unwrap().cache_write_1h > 5000, "{place}");
            let cost = receipt.cost.unwrap().get() as f64 / DOLLAR as f64;
            let body = body.to_string();
            let hour = may_take(policy, &path, &body).await;
            assert!(hour >= cost, "{place}: {hour} {cost}");
            if is_callers {
                // Written for five minutes it costs five eighths of that, and half of it as plain input.
                let shorter = body.replace("\"1h\"", "\"5m\"");
                let minutes = may_take(Policy::default(), &path, &shorter).await;
                assert!((0.6..0.65).contains(&(minutes / hour)), "{place}: {minutes} {hour}");
            } else {
                let plain = may_take(Policy::default(), &path, &body).await;
                assert!((0.49..0.52).contains(&(plain / hour)), "{place}: {plain} {hour}");
            }
        }
    }
}

/// More than the limit is no reason to refuse it alone, but one to let nothing else in meanwhile.
#[tokio::test]
async fn tokens_that_may_be_written_to_a_cache_are_reserved() {
    for is_callers in [false, true] {
        let limits = vec![limit("written", Measure::CacheWriteTokens, 1000, Window::Day)];
        let (policy, path, body) = written_to_the_cache("anthropic", is_callers);
        let mut stack = falling_back(&[CLAUDE], limits, policy).await;
        stack.fault("slow=60000", 1);
        let text = body.to_string();
        let length = text.len();
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{text}");
        let socket = stack.say(head.as_bytes()).await;
        while stack.emulator.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(stack.post(&path, &body).await.status, 429, "{is_callers}");
        assert_eq!(stack.receipt().await.limits, ["written"]);
        let (_, plain) = chat("anthropic", CLAUDE, "x", false);
        assert_eq!(stack.post(&path, &plain).await.status, 200, "{is_callers}: it takes nothing");
        drop(socket);
    }
}
