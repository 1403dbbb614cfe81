//! What is tried again; what is not is in `faults.rs`.

use std::time::{Duration, SystemTime};

use outcrop_aws::Clock;

use crate::support::{CLAUDE, NOVA, Options, Stack, chat};

#[tokio::test]
async fn passing_faults_are_retried_up_to_the_commit_point() {
    for fault in [
        "error=ThrottlingException",
        "error=ServiceUnavailableException",
        "error=InternalServerException",
        "html=502",
        "stream-error=throttlingException;after=0",
        "stream-error=throttlingException;after=1",
        "drop;after=0",
        "corrupt;after=0",
    ] {
        for (dialect, model) in [("openai", NOVA), ("anthropic", CLAUDE)] {
            // Each with retries of its own to spend.
            let mut stack = Stack::with(Options { attempts: 3, ..Options::default() }).await;
            stack.fault(fault, 2);
            let (path, body) = chat(dialect, model, "hi", true);
            let answer = stack.post(&path, &body).await;
            assert_eq!(answer.status, 200, "{fault} {dialect}: {}", answer.text());
            let receipt = stack.receipt().await;
            assert_eq!(
                (receipt.attempts, receipt.outcome.as_str()),
                (3, "completed"),
                "{fault} {dialect}"
            );
        }
    }
}

#[tokio::test]
async fn a_retried_request_is_sent_in_full() {
    let stack = Stack::with(Options { attempts: 3, ..Options::default() }).await;
    stack.fault("error=ThrottlingException", 2);
    let (path, body) = chat("anthropic", CLAUDE, &"long text ".repeat(5000), false);
    assert_eq!(stack.post(&path, &body).await.status, 200);
    let requests = stack.emulator.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|r| r.body == requests[0].body));
}

#[tokio::test]
async fn a_clock_that_is_ten_minutes_off_is_corrected_once() {
    let off = Duration::from_secs(600);
    for clock in
        [Clock::new(move || SystemTime::now() + off), Clock::new(move || SystemTime::now() - off)]
    {
        let mut stack = Stack::with(Options { clock, ..Options::default() }).await;
        for attempts in [2, 1] {
            let (path, body) = chat("openai", NOVA, "hi", false);
            let answer = stack.post(&path, &body).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(stack.receipt().await.attempts, attempts);
        }
    }
}
