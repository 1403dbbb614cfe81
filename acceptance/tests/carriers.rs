//! Every client over every carrier: the answer, the body that was sent, faults at every event.

use http::{Method, StatusCode};
use outcrop_model::Carrier;
use serde_json::json;

use crate::streams::{assert_failed, has_success_end};
use crate::support::{CLAUDE, NOVA, Options, Stack, chat};

const CLIENTS: [&str; 3] = ["openai", "responses", "anthropic"];

const GPT_OSS: &str = "openai.gpt-oss-120b-1:0";
const GPT: &str = "us.openai.gpt-5.6-sol";

/// Pins with a model that they reach: (carrier, model, what the model is called there, path).
const PINNED: [(Carrier, &str, &str, &str); 6] = [
    (Carrier::Anthropic, CLAUDE, CLAUDE, "/anthropic/v1/messages"),
    (
        Carrier::Mantle,
        CLAUDE,
        "anthropic.claude-sonnet-4-5-20250929",
        "/mantle/anthropic/v1/messages",
    ),
    (Carrier::OpenAi, GPT_OSS, GPT_OSS, "/openai/v1/chat/completions"),
    (Carrier::OpenAi, GPT, GPT, "/openai/v1/chat/completions"),
    (Carrier::Mantle, GPT_OSS, "openai.gpt-oss-120b", "/mantle/v1/chat/completions"),
    (Carrier::Mantle, GPT, "openai.gpt-5.6-sol", "/mantle/openai/v1/chat/completions"),
];

async fn pinned(carrier: Carrier) -> Stack {
    Stack::with(Options { carrier: Some(carrier), ..Options::default() }).await
}

#[tokio::test]
async fn a_pinned_carrier_takes_every_client() {
    for (carrier, model, known_as, path) in PINNED {
        let mut stack = pinned(carrier).await;
        for client in CLIENTS {
            for stream in [false, true] {
                let place = format!("{carrier:?} {model} {client} stream={stream}");
                let (to, body) = chat(client, model, "hello there", stream);
                let answer = stack.post(&to, &body).await;
                assert_eq!(answer.status, StatusCode::OK, "{place}: {}", answer.text());
                assert!(answer.text().contains("there"), "{place}: {}", answer.text());
                assert!(!stream || has_success_end(client, &answer.text()), "{place}");
                let receipt = stack.receipt().await;
                assert_eq!(receipt.carrier, Some(carrier), "{place}");
                assert_eq!(receipt.outcome.as_str(), "completed", "{place}");
                assert!(receipt.usage.is_some_and(|u| u.output > 0), "{place}: {receipt:?}");
                assert_eq!(stack.upstream_body()["model"], known_as, "{place}");
                let path = match client {
                    "responses" => path.replace("chat/completions", "responses"),
                    _ => path.to_owned(),
                };
                assert_eq!(stack.emulator.requests().last().unwrap().raw_path, path, "{place}");
            }
        }
    }
}

#[tokio::test]
async fn faults_at_every_event() {
    let faults = ["stream-error=throttlingException", "error-frame=InternalFailure", "drop", "end"];
    for (carrier, model, _, _) in PINNED {
        let mut stack = pinned(carrier).await;
        for client in CLIENTS {
            for (fault, after) in faults.iter().flat_map(|f| (0..6).map(move |after| (f, after))) {
                let place = format!("{fault} after {after}: {carrier:?} {model} {client}");
                stack.fault(&format!("{fault};after={after}"), 1);
                let (to, body) = chat(client, model, "hello there", true);
                let answer = stack.post(&to, &body).await;
                assert_failed(&place, client, &answer);
                assert_ne!(stack.receipt().await.outcome.as_str(), "completed", "{place}");
                assert!(after > 0 || answer.status != StatusCode::OK, "{place}");
            }
            for fault in ["end", "truncate=9;after=2", "corrupt;after=2", "corrupt;after=4"] {
                stack.fault(fault, 1);
                let (to, body) = chat(client, model, "hello there", true);
                let answer = stack.post(&to, &body).await;
                assert_failed(&format!("{fault} {carrier:?} {model} {client}"), client, &answer);
                drop(stack.receipt().await);
            }
        }
    }
}

#[tokio::test]
async fn any_split_is_the_same_stream() {
    for (carrier, model, _, _) in PINNED {
        let stack = pinned(carrier).await;
        for client in CLIENTS {
            let (to, body) = chat(client, model, "hello there", true);
            let count = |text: &str| text.matches("data: ").count();
            let plain = count(&stack.post(&to, &body).await.text());
            for fault in ["rechunk=1", "rechunk=7", "rechunk=64"] {
                stack.fault(fault, 1);
                let split = stack.post(&to, &body).await.text();
                assert_eq!(count(&split), plain, "{fault} {carrier:?} {model} {client}");
            }
        }
    }
}

/// The vendors' words for errors become the client's.
#[tokio::test]
async fn errors_come_in_the_clients_words() {
    for (carrier, model, _, _) in PINNED {
        let mut stack = pinned(carrier).await;
        for client in CLIENTS {
            for (fault, status, word) in [
                ("error=ThrottlingException", 429, "rate_limit"),
                ("error=AccessDeniedException", 502, "error"),
                ("error=ServiceQuotaExceededException", 429, "limit"),
                (
                    "error=ValidationException;message=arn:aws:iam::123456789012:role/x is bad",
                    400,
                    "is bad",
                ),
            ] {
                stack.fault(fault, 1);
                let (to, body) = chat(client, model, "hello", false);
                let answer = stack.post(&to, &body).await;
                let place = format!("{fault} {carrier:?} {model} {client}: {}", answer.text());
                assert_eq!(answer.status.as_u16(), status, "{place}");
                let words = answer.text().contains(word) || answer.text().contains("quota");
                assert!(words && !answer.text().contains("123456789012"), "{place}");
                drop(stack.receipt().await);
            }
        }
    }
}

#[tokio::test]
async fn a_model_out_of_a_pins_reach_is_refused() {
    let mut stack = pinned(Carrier::Mantle).await;
    for client in CLIENTS {
        let (to, body) = chat(client, NOVA, "hello", false);
        let answer = stack.post(&to, &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
        assert!(answer.text().contains("`mantle`"), "{}", answer.text());
        assert_eq!(stack.receipt().await.attempts, 0);
    }
    // Bedrock's own paths name their carrier themselves.
    let (to, body) = chat("converse", NOVA, "hello", false);
    assert_eq!(stack.post(&to, &body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_relayed_body_keeps_its_bytes() {
    let stack = pinned(Carrier::Mantle).await;
    let body = format!(
        r#"{{"max_tokens": 50, "model":"{CLAUDE}", "messages":[ {{"role":"user","content":"h\u00e9"}} ]}}"#
    );
    let headers = [("anthropic-beta", "claude-code-20250219,files-api-2025-04-14")];
    let answer = stack.send(Method::POST, "/v1/messages", &headers, body).await;
    let requests = stack.emulator.requests();
    let sent = requests.last().unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let expected = r#"{"model":"anthropic.claude-sonnet-4-5-20250929","max_tokens":50,"messages":[ {"role":"user","content":"h\u00e9"} ]}"#;
    assert_eq!(String::from_utf8_lossy(&sent.body), expected);
    assert_eq!(sent.headers["anthropic-version"], "2023-06-01");
    assert_eq!(sent.headers["anthropic-beta"], "claude-code-20250219");
    assert!(answer.header("x-outcrop-loss").contains("files-api"), "{:?}", answer.headers);
}

#[tokio::test]
async fn mantle_counts_tokens_itself() {
    let mut stack = pinned(Carrier::Mantle).await;
    let body = json!({"model": CLAUDE, "messages": [{"role": "user", "content": "one two three"}]});
    let answer = stack.post("/v1/messages/count_tokens", &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(answer.json()["input_tokens"].as_u64().unwrap() > 2);
    assert_eq!(stack.receipt().await.carrier, Some(Carrier::Mantle));
    let requests = stack.emulator.requests();
    assert_eq!(requests.last().unwrap().raw_path, "/mantle/anthropic/v1/messages/count_tokens");
}

/// Without a pin, models that speak OpenAI are asked in it by OpenAI's clients, and others as ever.
#[tokio::test]
async fn openais_chat_is_relayed_to_openais_models() {
    let mut stack = Stack::start().await;
    for (client, model, carrier) in [
        ("openai", GPT, Carrier::OpenAi),
        ("openai", GPT_OSS, Carrier::OpenAi),
        ("anthropic", GPT_OSS, Carrier::Converse),
        ("openai", NOVA, Carrier::Converse),
        ("openai", CLAUDE, Carrier::Invoke),
    ] {
        for stream in [false, true] {
            let (to, body) = chat(client, model, "hello there", stream);
            let answer = stack.post(&to, &body).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
            let receipt = stack.receipt().await;
            assert_eq!(receipt.carrier, Some(carrier), "{client} {model} stream={stream}");
            assert!(receipt.usage.is_some_and(|u| u.output > 0), "{receipt:?}");
        }
    }
}

/// The gateway asks for token counts in any case; who did not ask does not see them.
#[tokio::test]
async fn token_counts_are_for_those_who_ask() {
    let mut stack = Stack::start().await;
    let (to, mut body) = chat("openai", GPT, "hello there", true);
    let asked = stack.post(&to, &body).await;
    assert!(asked.text().contains("\"total_tokens\""), "{}", asked.text());
    body.as_object_mut().unwrap().remove("stream_options");
    let unasked = stack.post(&to, &body).await;
    assert!(!unasked.text().contains("total_tokens"), "{}", unasked.text());
    assert_eq!(unasked.events().len() + 1, asked.events().len());
    for _ in 0..2 {
        assert!(stack.receipt().await.usage.is_some());
    }
}

/// gpt-oss writes its reasoning into the text; clients find it where they look for it.
#[tokio::test]
async fn tagged_reasoning_is_taken_out_of_the_text() {
    let stack = Stack::start().await;
    for stream in [false, true] {
        let (to, body) = chat("openai", GPT_OSS, "hello there", stream);
        let text = stack.post(&to, &body).await.text();
        assert!(text.contains("reasoning_content") && !text.contains("<reasoning>"), "{text}");
    }
}

/// A conversation goes on from a relayed answer, by its id and by its items', though Bedrock keeps nothing.
#[tokio::test]
async fn relayed_responses_go_on() {
    let stack = Stack::start().await;
    let tool = json!({"type": "function", "name": "now", "parameters": {"type": "object"}});
    let hosted = json!({"type": "web_search"});
    for (model, stream) in [(GPT, false), (GPT, true), (GPT_OSS, false), (GPT_OSS, true)] {
        let place = format!("{model} stream={stream}");
        let body = json!({"model": model, "stream": stream, "input": "call:now {}", "tools": [tool, hosted]});
        let answer = stack.post("/v1/responses", &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{place}: {}", answer.text());
        assert!(answer.header("x-outcrop-loss").contains("tools[1]"), "{place}");
        let first = match stream {
            true => answer.events().last().unwrap()["response"].clone(),
            false => answer.json(),
        };
        let sent = stack.upstream_body();
        assert_eq!((&sent["store"], &sent["tools"]), (&json!(false), &json!([tool])), "{place}");
        let call = first["output"].as_array().unwrap().last().unwrap().clone();
        let output =
            json!({"type": "function_call_output", "call_id": call["call_id"], "output": "noon"});
        let by_answer = json!({"model": model, "previous_response_id": first["id"], "input": [output], "tools": [tool]});
        let by_item = json!({"model": model, "tools": [tool], "input": [
            {"role": "user", "content": "time?"},
            {"type": "item_reference", "id": call["id"]},
            output,
        ]});
        for body in [by_answer, by_item] {
            let answer = stack.post("/v1/responses", &body).await;
            assert_eq!(answer.status, StatusCode::OK, "{place}: {}", answer.text());
            assert!(answer.text().contains("noon"), "{place}: {}", answer.text());
        }
        let id = first["id"].as_str().unwrap();
        assert_eq!(stack.get(&format!("/v1/responses/{id}")).await.json()["id"], first["id"]);
    }
}

/// What Claude thought cannot be given to GPT; all else of the conversation is.
#[tokio::test]
async fn a_conversation_may_change_its_model() {
    let stack = Stack::start().await;
    let body =
        json!({"model": CLAUDE, "input": "think:hm say:hello", "reasoning": {"effort": "low"}});
    let first = stack.post("/v1/responses", &body).await;
    assert_eq!(first.json()["output"][0]["type"], "reasoning", "{}", first.text());
    let body =
        json!({"model": GPT, "previous_response_id": first.json()["id"], "input": "and now?"});
    let second = stack.post("/v1/responses", &body).await;
    assert_eq!(second.status, StatusCode::OK, "{}", second.text());
    assert!(
        second.header("x-outcrop-loss").contains("previous_response_id"),
        "{:?}",
        second.headers
    );
    let items = stack.upstream_body()["input"].as_array().unwrap().len();
    assert_eq!(items, 3, "{}", stack.upstream_body());
}

#[tokio::test]
async fn what_responses_cannot_do_here_is_refused() {
    let stack = Stack::start().await;
    for (members, word) in [
        (json!({"background": true}), "background"),
        (json!({"conversation": "conv_1"}), "conversation"),
        (json!({"previous_response_id": "resp_nope"}), "previous_response_id"),
    ] {
        let mut body = json!({"model": GPT, "input": "hello"});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let answer = stack.post("/v1/responses", &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
        assert_eq!(answer.json()["error"]["param"], word, "{}", answer.text());
    }
    assert!(stack.emulator.requests().is_empty(), "nothing was asked");
}
