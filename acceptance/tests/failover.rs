//! Several backends over several requests, and configurations that change meanwhile; what one request meets is in
//! `faults.rs`.

use std::sync::Arc;
use std::time::Duration;

use outcrop_config::{Config, Policy, RetryPolicy, Target, Timeouts};
use outcrop_emulator::{Emulator, Fault};

use crate::faults::port;
use crate::support::{CLAUDE, EXAMPLE_SECRET, NOVA, Options, Stack, backend, chat, route};

/// `bedrock` first, `second` for when that fails.
pub async fn pair(policy: Policy) -> (Stack, Emulator, Config) {
    let second = Emulator::bind("127.0.0.1:0", outcrop_emulator::Config::default()).await.unwrap();
    let later = Target { priority: 1, ..Target::new("second") };
    let mut all = route("all", vec![Target::new("bedrock"), later]);
    all.policy = Policy { route_header: Some(true), ..policy };
    let config = Config {
        backends: [("second".to_owned(), backend(&second, EXAMPLE_SECRET))].into(),
        routes: vec![all],
        ..Config::default()
    };
    let stack = Stack::routing(Options::default(), config.clone()).await;
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
    hangs.timeouts =
        Timeouts { connect: Some(second * 3600), first_byte: Some(second * 5), ..hangs.timeouts };
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
