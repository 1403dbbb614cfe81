//! Several backends: one fails, another answers; and configurations that change meanwhile.

use std::sync::Arc;
use std::time::Duration;

use outcrop_config::{Config, Policy, RetryPolicy, Target, Timeouts};
use outcrop_emulator::{Emulator, Fault};
use outcrop_model::ErrorClass;

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
async fn what_one_target_cannot_do_another_does() {
    for (text, class) in [
        ("error=ThrottlingException", ErrorClass::Throttled),
        ("error=InternalServerException", ErrorClass::Internal),
        ("error=AccessDeniedException", ErrorClass::AccessDenied),
        ("error=UnrecognizedClientException", ErrorClass::BadCredentials),
        ("error=ServiceQuotaExceededException", ErrorClass::QuotaExceeded),
        ("cut=0", ErrorClass::Garbled),
    ] {
        for (dialect, model) in [("openai", NOVA), ("anthropic", CLAUDE), ("converse", NOVA)] {
            for stream in [false, true] {
                let (mut stack, second, _) = pair(Policy::default()).await;
                stack.fault(text, 9);
                let (path, body) = chat(dialect, model, "hi", stream);
                let answer = stack.post(&path, &body).await;
                let case = format!("{text} {dialect} {stream}: {}", answer.text());
                assert_eq!(answer.status, 200, "{case}");
                let receipt = stack.receipt().await;
                assert_eq!(receipt.backend.as_deref(), Some("second"), "{case}");
                let [(backend, why)] = &receipt.failed_over[..] else { panic!("{case}") };
                // Where a stream is cut off, it ends too early.
                let is_cut = class == ErrorClass::Garbled && *why == ErrorClass::Truncated;
                assert!(backend == "bedrock" && (*why == class || is_cut), "{why:?} {case}");
                assert!(answer.header("x-outcrop-route").contains("failed=bedrock"), "{case}");
                assert_eq!(second.requests().len(), 1, "{case}");
            }
        }
    }
}

#[tokio::test]
async fn what_the_request_is_to_blame_for_goes_nowhere_else() {
    let (mut stack, second, _) = pair(Policy::default()).await;
    stack.fault("error=ValidationException;message=no", 1);
    let (path, body) = chat("openai", NOVA, "hi", false);
    assert_eq!(stack.post(&path, &body).await.status, 400);
    assert_eq!((second.requests().len(), stack.receipt().await.failed_over.len()), (0, 0));
}

#[tokio::test]
async fn when_all_are_busy_the_caller_is_told_to_come_back() {
    let (stack, second, _) = pair(Policy::default()).await;
    stack.fault("error=ThrottlingException", 9);
    second.inject(Fault::parse_list("error=AccessDeniedException").unwrap(), 9);
    let (path, body) = chat("anthropic", CLAUDE, "hi", true);
    let answer = stack.post(&path, &body).await;
    assert_eq!(answer.status, 429, "{}", answer.text());
}

#[tokio::test]
async fn a_slow_target_is_left_for_another() {
    let first_byte = Some(Duration::from_millis(50));
    let timeouts = Timeouts { first_byte, ..Timeouts::default() };
    let (mut stack, _second, _) = pair(Policy { timeouts, ..Policy::default() }).await;
    stack.fault("slow=60000", 1);
    let (path, body) = chat("openai", NOVA, "hi", false);
    let answer = stack.post(&path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let receipt = stack.receipt().await;
    assert_eq!(receipt.failed_over, [("bedrock".to_owned(), ErrorClass::UpstreamTimeout)]);
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
