//! Broken streams: an error in the client's own dialect, never a success terminator.

use http::StatusCode;

use crate::support::{Answer, CLAUDE, Options, ROUTES, Stack, chat};

/// What ends a good stream and must never end a bad one.
pub fn has_success_end(dialect: &str, text: &str) -> bool {
    match dialect {
        "openai" => text.contains("[DONE]") || text.contains("\"finish_reason\":\"stop\""),
        "responses" => text.contains("response.completed") || text.contains("[DONE]"),
        "anthropic" => text.contains("message_stop"),
        // `{"type":"message_stop` in base64.
        "invoke" => text.contains("eyJ0eXBlIjoibWVzc2FnZV9zdG9w"),
        _ => false,
    }
}

pub fn has_error_end(dialect: &str, text: &str) -> bool {
    match dialect {
        "openai" => {
            text.trim_end().lines().next_back().is_some_and(|l| l.starts_with("data: {\"error\":"))
        }
        "responses" => {
            let last = text.trim_end().rsplit("\n\n").next().unwrap_or_default();
            last.starts_with("event: response.failed\n") && last.contains("\"error\":{\"code\":")
        }
        "anthropic" => text.contains("event: error\n"),
        _ => text.contains(":exception-type"),
    }
}

/// The stream failed: before the first event as an HTTP status, after it in the stream.
pub fn assert_failed(place: &str, dialect: &str, answer: &Answer) {
    let text = answer.text();
    if answer.status == StatusCode::OK {
        assert!(has_error_end(dialect, &text), "{place}: no error at the end: {text}");
    } else {
        assert!(answer.header("content-type") == "application/json", "{place}: {text}");
    }
    assert!(!has_success_end(dialect, &text), "{place}: looks like success: {text}");
}

#[tokio::test]
async fn every_exception_after_every_event() {
    let mut stack = Stack::start().await;
    let names = [
        "internalServerException",
        "modelStreamErrorException",
        "validationException",
        "throttlingException",
        "serviceUnavailableException",
    ];
    for (dialect, model) in ROUTES {
        for name in names {
            for after in 0..6 {
                stack.fault(&format!("stream-error={name};after={after}"), 1);
                let (path, body) = chat(dialect, model, "hello there", true);
                let answer = stack.post(&path, &body).await;
                let place = format!("{name} after {after} {dialect} {model}");
                assert_failed(&place, dialect, &answer);
                assert_ne!(stack.receipt().await.outcome.as_str(), "completed", "{place}");
                if after == 0 {
                    assert_ne!(answer.status, StatusCode::OK, "{place}: nothing was sent yet");
                }
            }
        }
    }
}

#[tokio::test]
async fn truncation_at_every_event_and_damage() {
    let mut stack = Stack::start().await;
    for (dialect, model) in ROUTES {
        for after in 0..6 {
            for fault in ["truncate=9", "corrupt", "error-frame=InternalFailure", "drop"] {
                stack.fault(&format!("{fault};after={after}"), 1);
                let (path, body) = chat(dialect, model, "hello there", true);
                let answer = stack.post(&path, &body).await;
                let place = format!("{fault} after {after} {dialect} {model}");
                assert_failed(&place, dialect, &answer);
                assert_ne!(stack.receipt().await.outcome.as_str(), "completed", "{place}");
            }
        }
    }
}

#[tokio::test]
async fn a_clean_end_without_a_stop_event_is_an_error() {
    let stack = Stack::start().await;
    for (dialect, model) in ROUTES {
        for fault in ["end", "end;after=0", "end;after=1", "end;after=2", "end;after=3"] {
            stack.fault(fault, 1);
            let (path, body) = chat(dialect, model, "hello there", true);
            let answer = stack.post(&path, &body).await;
            assert_failed(&format!("{fault} {dialect} {model}"), dialect, &answer);
        }
    }
    let body = serde_json::json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 50, "messages": [{"role": "user", "content": "x"}]});
    stack.fault("end", 1);
    let path = format!("/model/{}/invoke-with-response-stream", CLAUDE.replace(':', "%3A"));
    assert_failed("native", "invoke", &stack.post(&path, &body).await);
}

/// The ids and times of an answer differ from call to call; the rest must not.
pub fn without_labels(text: &str) -> String {
    let mut out = text.to_owned();
    for key in ["\"id\":\"", "\"item_id\":\"", "\"created\":", "\"created_at\":", "\"p\":\""] {
        let mut from = 0;
        while let Some(start) = out[from..].find(key).map(|i| from + i + key.len()) {
            let end = start + out[start..].find(['"', ',', '}']).unwrap_or(0);
            out.replace_range(start..end, "");
            from = start;
        }
    }
    out
}

#[tokio::test]
async fn what_is_unknown_or_split_changes_nothing() {
    let stack = Stack::start().await;
    for (dialect, model) in ROUTES.into_iter().filter(|(d, m)| {
        let is_framed = ["converse", "invoke"].contains(d);
        ["openai", "responses"].contains(d) || *m != CLAUDE && !is_framed
    }) {
        let (path, body) = chat(dialect, model, "hello there", true);
        let plain = stack.post(&path, &body).await.text();
        for fault in [
            "unknown-event;after=2",
            "unknown-delta;after=2",
            "padding=off",
            "rechunk=1",
            "rechunk=7",
            "rechunk=64",
        ] {
            stack.fault(fault, 1);
            let changed = stack.post(&path, &body).await.text();
            assert_eq!(
                without_labels(&changed),
                without_labels(&plain),
                "{fault} {dialect} {model}"
            );
        }
    }
}

#[tokio::test]
async fn a_silent_gap_is_kept_alive() {
    let keep_alive = std::time::Duration::from_millis(20);
    let stack = Stack::with(Options { keep_alive, ..Options::default() }).await;
    for (dialect, filler) in [
        ("openai", ": keep-alive\n\n"),
        ("responses", ": keep-alive\n\n"),
        ("anthropic", "event: ping\n"),
    ] {
        for model in [CLAUDE, crate::support::NOVA] {
            stack.fault("stall=300;after=4", 1);
            let (path, body) = chat(dialect, model, "hello there", true);
            let answer = stack.post(&path, &body).await;
            assert!(answer.text().contains(filler), "{dialect} {model}: {}", answer.text());
            assert!(has_success_end(dialect, &answer.text()), "{dialect} {model}");
        }
    }
}
