//! Several backends over several requests, and configurations that change meanwhile; what one request meets is in
//! `faults.rs`.

use std::sync::Arc;
use std::time::Duration;

use outcrop_config::{AttemptTimeouts, Config, Policy, RetryPolicy, Target, Timeouts};
use outcrop_emulator::{Emulator, Fault};

use crate::faults::port;
use crate::streams::assert_failed;
use crate::support::{CLAUDE, EXAMPLE_SECRET, NOVA, Options, Stack, backend, chat, route};

/// `bedrock` first, `second` for when that fails.
pub async fn pair(policy: Policy) -> (Stack, Emulator, Config) {
    pair_with(Options::default(), policy).await
}

pub async fn pair_with(options: Options, policy: Policy) -> (Stack, Emulator, Config) {
    let second = Emulator::bind("127.0.0.1:0", outcrop_emulator::Config::default()).await.unwrap();
    let later = Target { priority: 1, ..Target::new("second") };
    let mut all = route("all", vec![Target::new("bedrock"), later]);
    all.policy = Policy { route_header: Some(true), ..policy };
    let config = Config {
        backends: [("second".to_owned(), backend(&second, EXAMPLE_SECRET))].into(),
        routes: vec![all],
        ..Config::default()
    };
    let stack = Stack::routing(options, config.clone()).await;
    (stack, second, config)
}

#[tokio::test]
async fn a_throttled_target_is_left_alone_and_a_reload_does_not_forget_that() {
    let (mut stack, second, config) = pair(Policy::default()).await;
    stack.fault("error=ThrottlingException;retry-after=60", 1);
    let (path, body) = chat("openai", NOVA, "hi", false);
    for expected in ["second", "second"] {
        assert_eq!(stack.post(&path, &body).await.status, 200);
        assert_eq!(stack.receipt().await.backend.as_deref(), Some(expected));
    }
    assert_eq!(stack.emulator.requests().len(), 1);
    stack.reload(config).await;
    assert_eq!(stack.post(&path, &body).await.status, 200);
    assert_eq!((stack.emulator.requests().len(), second.requests().len()), (1, 3));
}

#[tokio::test]
async fn attempts_are_bounded_over_all_targets() {
    for (total, attempts) in [(1, [1, 0]), (2, [2, 0]), (3, [2, 1]), (9, [2, 2])] {
        let retry = RetryPolicy {
            attempts: Some(2),
            total_attempts: Some(total),
            ..RetryPolicy::default()
        };
        let (mut stack, second, _) = pair(Policy { retry, ..Policy::default() }).await;
        for emulator in [&stack.emulator, &second] {
            emulator.inject(Fault::parse_list("error=InternalServerException").unwrap(), 9);
        }
        let (path, body) = chat("openai", NOVA, "hi", false);
        assert!(stack.post(&path, &body).await.status.is_server_error());
        let made = [stack.emulator.requests().len(), second.requests().len()];
        assert_eq!(made, attempts, "{total}");
        assert_eq!(stack.receipt().await.attempts as usize, made.iter().sum::<usize>());
    }
    // Calls that one request becomes are one attempt.
    let retry = RetryPolicy { total_attempts: Some(2), ..RetryPolicy::default() };
    let (stack, second, _) = pair(Policy { retry, ..Policy::default() }).await;
    stack.fault("error=InternalServerException", 9);
    let texts: Vec<String> = (0..4).map(|n| format!("text {n}")).collect();
    let body = serde_json::json!({"model": "amazon.titan-embed-text-v2:0", "input": texts});
    let answer = stack.post("/v1/embeddings", &body).await;
    assert_eq!((answer.status.as_u16(), second.requests().len()), (200, 4), "{}", answer.text());
}

/// Both asked for a minute: they are left alone for it, and the caller hears how long.
#[tokio::test]
async fn where_all_targets_cool_down_none_is_asked() {
    let (mut stack, second, _) = pair(Policy::default()).await;
    for emulator in [&stack.emulator, &second] {
        let fault = Fault::parse_list("error=ThrottlingException;retry-after=60").unwrap();
        emulator.inject(fault, 99);
    }
    let (path, body) = chat("openai", NOVA, "hi", false);
    for asked_before in [true, false, false] {
        let answer = stack.post(&path, &body).await;
        assert_eq!(answer.status, 429, "{}", answer.text());
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        let receipt = stack.receipt().await;
        assert_eq!(receipt.route.as_deref(), Some("all"));
        assert_eq!(receipt.attempts, if asked_before { 2 } else { 0 });
        let way = answer.header("x-outcrop-route");
        assert_eq!(way == "all", !asked_before, "{way}");
    }
    assert_eq!((stack.emulator.requests().len(), second.requests().len()), (1, 1));
}

/// The first was left alone, so the second is asked; when that fails, the first is all that is left.
#[tokio::test]
async fn a_target_that_was_passed_over_is_asked_when_the_others_fail() {
    let (mut stack, second, _) = pair(Policy::default()).await;
    stack.fault("error=InternalServerException", 5);
    let (path, body) = chat("openai", NOVA, "hi", false);
    for _ in 0..5 {
        assert_eq!(stack.post(&path, &body).await.status, 200);
        assert_eq!(stack.receipt().await.backend.as_deref(), Some("second"));
    }
    second.inject(Fault::parse_list("error=InternalServerException").unwrap(), 1);
    let answer = stack.post(&path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let way = "all; backend=bedrock; failed=second internal";
    assert_eq!(answer.header("x-outcrop-route"), way);
    assert_eq!((stack.emulator.requests().len(), second.requests().len()), (6, 6));
}

/// A token makes a job one in one account and region only.
#[tokio::test]
async fn a_job_that_may_have_begun_is_not_begun_elsewhere() {
    let job = serde_json::json!({"modelId": "amazon.nova-reel-v1:1", "modelInput": {"text": "a"},
        "clientRequestToken": "t", "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://bucket/out"}}});
    for (fault, status, begun) in [
        ("error=InternalServerException", 500, 0),
        ("html=502", 503, 0),
        ("html=429", 429, 0),
        ("error=ThrottlingException", 200, 1),
        ("error=ServiceQuotaExceededException", 200, 1),
        ("error=AccessDeniedException", 200, 1),
        ("error=ResourceNotFoundException", 200, 1),
    ] {
        let (stack, second, _) = pair(Policy::default()).await;
        stack.fault(fault, 1);
        let answer = stack.post("/async-invoke", &job).await;
        let found = (answer.status.as_u16(), second.requests().len());
        assert_eq!(found, (status, begun), "{fault}: {}", answer.text());
    }
}

/// It gets half of the time; after five times in a row it is left alone.
#[tokio::test]
async fn a_target_that_says_nothing_is_neither_waited_for_nor_asked_for_ever() {
    let timeouts = Timeouts { begin: Some(Duration::from_millis(1600)), ..Timeouts::default() };
    let (mut stack, second, _) = pair(Policy { timeouts, ..Policy::default() }).await;
    stack.fault("slow=600000", 99);
    let (path, body) = chat("openai", NOVA, "hi", true);
    for (at, asked) in [1, 2, 3, 4, 5, 5, 5].into_iter().enumerate() {
        let answer = stack.post(&path, &body).await;
        assert_eq!(answer.status, 200, "{at}: {}", answer.text());
        assert_eq!((stack.emulator.requests().len(), second.requests().len()), (asked, at + 1));
        let failed = stack.receipt().await.failed_over;
        let classes: Vec<&str> = failed.iter().map(|(_, class)| class.as_str()).collect();
        assert_eq!(classes.is_empty(), at >= 5, "{at}: {classes:?}");
        assert!(classes.iter().all(|class| *class == "upstream_timeout"), "{classes:?}");
    }
}

/// A model at work on a whole answer looks like one that hangs: it has all of the time, and what is cut off by
/// the limit of the request is a failure.
#[tokio::test]
async fn a_whole_answer_may_take_all_of_the_time() {
    let timeouts = Timeouts { request: Some(Duration::from_millis(300)), ..Timeouts::default() };
    let (mut stack, second, _) = pair(Policy { timeouts, ..Policy::default() }).await;
    stack.fault("slow=600000", 5);
    let (path, body) = chat("openai", NOVA, "hi", false);
    for at in 0..6 {
        let answer = stack.post(&path, &body).await;
        assert_eq!(answer.status, if at < 5 { 504 } else { 200 }, "{at}: {}", answer.text());
        assert_eq!(answer.text().contains("longer than this gateway allows"), at < 5);
        assert_eq!(stack.receipt().await.failed_over, []);
    }
    assert_eq!((stack.emulator.requests().len(), second.requests().len()), (5, 1));
}

/// Llama does not stream when it has tools: that the caller gets a stream says nothing of its silence.
#[tokio::test]
async fn a_whole_answer_that_becomes_a_stream_may_take_all_of_the_time() {
    let timeouts = Timeouts { request: Some(Duration::from_millis(300)), ..Timeouts::default() };
    let (mut stack, second, _) = pair(Policy { timeouts, ..Policy::default() }).await;
    stack.fault("slow=600000", 1);
    let (path, mut body) = chat("openai", "us.meta.llama3-3-70b-instruct-v1:0", "hi", true);
    let schema = serde_json::json!({"type": "object", "properties": {}});
    body["tools"] = serde_json::json!(
        [{"type": "function", "function": {"name": "look", "parameters": schema}}]
    );
    let answer = stack.post(&path, &body).await;
    assert_eq!(answer.status, 504, "{}", answer.text());
    assert_eq!(stack.receipt().await.failed_over, []);
    assert_eq!((stack.emulator.requests().len(), second.requests().len()), (1, 0));
}

/// The time of a request is its client's to wait for, to the end of the answer.
#[tokio::test]
async fn a_stream_ends_with_the_time_of_its_request() {
    let second = Some(Duration::from_secs(1));
    let timeouts =
        Timeouts { begin: second, request: second.map(|s| s * 2), ..Timeouts::default() };
    let (mut stack, _second, _) = pair(Policy { timeouts, ..Policy::default() }).await;
    for dialect in ["openai", "anthropic", "converse"] {
        stack.fault("stall=600000;after=6", 1);
        let (path, body) = chat(dialect, NOVA, "one two three four five six seven", true);
        let answer = stack.post(&path, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_failed(dialect, dialect, &answer);
        assert_eq!(stack.receipt().await.outcome.as_str(), "upstream_timeout", "{dialect}");
    }
}

/// A broken stream cannot be asked again, but the next need not break too. One that ends well, and one whose time
/// is up, are none.
#[tokio::test]
async fn a_target_whose_streams_break_is_left_alone() {
    let timeouts = Timeouts { request: Some(Duration::from_secs(2)), ..Timeouts::default() };
    let (mut stack, second, _) = pair(Policy { timeouts, ..Policy::default() }).await;
    let (path, body) = chat("openai", NOVA, "one two three four five six seven", true);
    let broken = "drop;after=6";
    for fault in [broken, broken, broken, broken, "", broken, broken, "stall=600000;after=6"] {
        if !fault.is_empty() {
            stack.fault(fault, 1);
        }
        stack.post(&path, &body).await;
        assert_eq!(stack.receipt().await.backend.as_deref(), Some("bedrock"), "{fault}");
    }
    stack.fault(broken, 3);
    for expected in ["bedrock", "bedrock", "bedrock", "second"] {
        let answer = stack.post(&path, &body).await;
        let receipt = stack.receipt().await;
        assert_eq!(receipt.backend.as_deref(), Some(expected), "{}", answer.text());
        assert_eq!(receipt.outcome.as_str() == "completed", expected == "second");
    }
    assert_eq!(second.requests().len(), 1);
}

/// Each has quotas of its own.
#[tokio::test]
async fn counts_and_chats_are_throttled_apart() {
    let (mut stack, _second, _) = pair(Policy::default()).await;
    let (path, body) = chat("anthropic", CLAUDE, "hi", false);
    let count = format!("{path}/count_tokens");
    for (path, expected) in [(&count, "second"), (&count, "second"), (&path, "bedrock")] {
        if stack.emulator.requests().is_empty() {
            stack.fault("error=ThrottlingException;retry-after=60", 1);
        }
        let answer = stack.post(path, &body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(stack.receipt().await.backend.as_deref(), Some(expected), "{path}");
    }
    stack.fault("error=ThrottlingException;retry-after=60", 1);
    for (path, expected) in [(&path, "second"), (&path, "second")] {
        assert_eq!(stack.post(path, &body).await.status, 200);
        assert_eq!(stack.receipt().await.backend.as_deref(), Some(expected), "{path}");
    }
}

/// Two attempts were throttled, though the request was answered.
#[tokio::test]
async fn each_attempt_tells_how_much_a_backend_takes() {
    let emulator =
        Emulator::bind("127.0.0.1:0", outcrop_emulator::Config::default()).await.unwrap();
    let one =
        outcrop_config::Backend { max_concurrent: Some(10), ..backend(&emulator, EXAMPLE_SECRET) };
    let config = Config {
        backends: [("one".to_owned(), one)].into(),
        routes: vec![route("all", vec![Target::new("one")])],
        ..Config::default()
    };
    let options = Options { attempts: 3, ..Options::default() };
    let mut stack = Stack::routing(options, config).await;
    emulator.inject(Fault::parse_list("error=ThrottlingException").unwrap(), 2);
    let (path, body) = chat("openai", NOVA, "hi", false);
    assert_eq!(stack.post(&path, &body).await.status, 200);
    assert_eq!(stack.receipt().await.attempts, 3);
    let gateway = stack.readiness.gateway();
    let backends = gateway.backends();
    let one = backends.iter().find(|backend| backend.name() == "one").unwrap();
    assert_eq!(one.standing().gate, Some(((0, 0), 7)));
}

/// Who is in flight stays counted where a backend gets other settings, and nobody waits there while another
/// target has room.
#[tokio::test]
async fn a_full_target_is_full_after_a_reload_too() {
    let emulator =
        Emulator::bind("127.0.0.1:0", outcrop_emulator::Config::default()).await.unwrap();
    emulator.inject(Fault::parse_list("slow=600000").unwrap(), 1);
    let config = |idle| {
        let small = outcrop_config::Backend {
            max_concurrent: Some(1),
            timeouts: AttemptTimeouts {
                idle: Some(Duration::from_secs(idle)),
                ..AttemptTimeouts::default()
            },
            ..backend(&emulator, EXAMPLE_SECRET)
        };
        let later = Target { priority: 1, ..Target::new("bedrock") };
        Config {
            backends: [("small".to_owned(), small)].into(),
            routes: vec![route("all", vec![Target::new("small"), later])],
            ..Config::default()
        }
    };
    let mut stack = Stack::routing(Options::default(), config(60)).await;
    let (path, body) = chat("openai", NOVA, "hi", false);
    let text = body.to_string();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{text}", text.len());
    let _first = stack.say(head.as_bytes()).await;
    while emulator.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    for idle in [60, 61] {
        stack.reload(config(idle)).await;
        assert_eq!(stack.post(&path, &body).await.status, 200);
        let receipt = stack.receipt().await;
        assert_eq!(receipt.backend.as_deref(), Some("bedrock"), "{idle}");
        assert_eq!(receipt.failed_over.len(), 1, "{idle}");
    }
    assert_eq!(emulator.requests().len(), 1);
}

/// Its friendly name leads to a profile, once that is known to be needed.
#[tokio::test]
async fn a_throttled_model_is_left_alone_under_each_of_its_names() {
    const NAME: &str = "claude-sonnet-4-5";
    let (mut stack, _second, _) = pair(Policy::default()).await;
    for (name, backend) in
        [(NAME, "bedrock"), (CLAUDE, "second"), (NAME, "second"), (NOVA, "bedrock")]
    {
        if name == CLAUDE {
            stack.fault("error=ThrottlingException;retry-after=60", 1);
        }
        let (path, body) = chat("openai", name, "hi", false);
        let answer = stack.post(&path, &body).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert_eq!(stack.receipt().await.backend.as_deref(), Some(backend), "{name}");
    }
}

#[tokio::test]
async fn a_conversation_stays_where_it_began() {
    let second = Emulator::bind("127.0.0.1:0", outcrop_emulator::Config::default()).await.unwrap();
    let all = route("all", vec![Target::new("bedrock"), Target::new("second")]);
    let config = Config {
        backends: [("second".to_owned(), backend(&second, EXAMPLE_SECRET))].into(),
        routes: vec![all],
        ..Config::default()
    };
    let mut stack = Stack::routing(Options::default(), config).await;
    let mut used = std::collections::BTreeSet::new();
    for conversation in 0..16 {
        let mut own = std::collections::BTreeSet::new();
        for _turn in 0..3 {
            let (path, body) = chat("openai", NOVA, &format!("hi {conversation}"), false);
            assert_eq!(stack.post(&path, &body).await.status, 200);
            own.insert(stack.receipt().await.backend);
        }
        assert_eq!(own.len(), 1, "{conversation}");
        used.append(&mut own);
    }
    assert_eq!(used.len(), 2);
}

#[tokio::test]
async fn reloads_under_load_drop_no_request() {
    let retry = RetryPolicy::default();
    let (stack, _second, config) = pair(Policy { retry, ..Policy::default() }).await;
    let stack = Arc::new(stack);
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let stack = Arc::clone(&stack);
            tokio::spawn(async move {
                let (path, body) = chat("openai", NOVA, "hi", true);
                for _ in 0..20 {
                    let answer = stack.post(&path, &body).await;
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    assert!(answer.text().ends_with("data: [DONE]\n\n"));
                }
            })
        })
        .collect();
    for _ in 0..40 {
        stack.reload(config.clone()).await;
        tokio::task::yield_now().await;
    }
    for client in clients {
        client.await.unwrap();
    }
}

/// The backend would be given an hour to connect, and five seconds to answer.
#[tokio::test]
async fn a_routes_time_to_connect_counts_before_that_of_its_backend() {
    let second = Duration::from_secs(1);
    let emulator =
        Emulator::bind("127.0.0.1:0", outcrop_emulator::Config::default()).await.unwrap();
    let mut hangs = backend(&emulator, EXAMPLE_SECRET);
    hangs.endpoint = Some(port::endpoint("hangs before tls").await);
    hangs.timeouts = AttemptTimeouts {
        connect: Some(second * 3600),
        first_byte: Some(second * 5),
        ..hangs.timeouts
    };
    let mut all = route("all", vec![Target::new("hangs")]);
    all.policy.timeouts.connect = Some(Duration::from_millis(1));
    let config = Config {
        backends: [("hangs".to_owned(), hangs)].into(),
        routes: vec![all],
        ..Config::default()
    };
    let mut stack = Stack::routing(Options::default(), config).await;
    let (path, body) = chat("openai", NOVA, "hi", false);
    assert_eq!(stack.post(&path, &body).await.status, 502);
    assert_eq!(stack.receipt().await.outcome.as_str(), "unreachable");
}
