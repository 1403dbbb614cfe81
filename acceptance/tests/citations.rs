//! Citations from end to end: what is asked for, what comes back, and what is sent again.

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Answer, CLAUDE, NOVA, Stack};

const TERMS: &str = "Be nice. Be kind.";

fn asking(model: &str, source: &Value, stream: bool) -> Value {
    let document = json!({"type": "document", "title": "Terms", "context": "Legal",
        "citations": {"enabled": true}, "source": source});
    let content = json!([document, {"type": "text", "text": "what do they say"}]);
    json!({"model": model, "max_tokens": 500, "stream": stream,
        "messages": [{"role": "user", "content": content}]})
}

fn text() -> Value {
    json!({"type": "text", "media_type": "text/plain", "data": TERMS})
}

/// The citations of the text blocks, whole or from the events of a stream.
fn cited(answer: &Answer, stream: bool) -> Vec<Value> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    match stream {
        false => answer.json()["content"][0]["citations"].as_array().cloned().unwrap_or_default(),
        true => {
            let deltas = answer.events().into_iter().map(|event| event["delta"].clone());
            let deltas = deltas.filter(|delta| delta["type"] == "citations_delta");
            deltas.map(|delta| delta["citation"].clone()).collect()
        }
    }
}

#[tokio::test]
async fn an_anthropic_client_gets_the_places_of_every_model() {
    let stack = Stack::start().await;
    let parts = json!({"type": "content", "content": [
        {"type": "text", "text": "Be nice."}, {"type": "text", "text": "Be kind."}]});
    let pdf = json!({"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="});
    let cases = [
        (text(), "char_location", "char_index", TERMS.len(), TERMS),
        (parts, "content_block_location", "block_index", 1, "Be nice."),
        (pdf, "page_location", "page_number", 2, "(page 1)"),
    ];
    for (source, kind, unit, end, words) in cases {
        for model in [CLAUDE, NOVA] {
            for stream in [false, true] {
                let place = format!("{kind} {model} stream={stream}");
                let answer = stack.post("/v1/messages", &asking(model, &source, stream)).await;
                let cited = cited(&answer, stream);
                assert_eq!(cited.len(), 1, "{place}: {}", answer.text());
                assert_eq!(cited[0]["type"], kind, "{place}");
                assert_eq!(cited[0]["cited_text"], words, "{place}");
                assert_eq!(cited[0]["document_index"], 0, "{place}");
                assert_eq!(cited[0]["document_title"], "Terms", "{place}");
                assert_eq!(cited[0][format!("end_{unit}")], end, "{place}");
                assert_eq!(answer.header("x-outcrop-loss"), "", "{place}");
            }
        }
    }
}

#[tokio::test]
async fn what_was_cited_is_sent_again() {
    let stack = Stack::start().await;
    for model in [CLAUDE, NOVA] {
        let mut body = asking(model, &text(), false);
        let answer = stack.post("/v1/messages", &body).await.json();
        let turns = body["messages"].as_array_mut().unwrap();
        turns.push(json!({"role": "assistant", "content": answer["content"]}));
        turns.push(json!({"role": "user", "content": "and?"}));
        let again = stack.post("/v1/messages", &body).await;
        assert_eq!(again.status, StatusCode::OK, "{model}: {}", again.text());
        let sent = stack.upstream_body();
        let said = &sent["messages"][1]["content"][0];
        match model {
            CLAUDE => assert_eq!(said, &answer["content"][0]),
            _ => {
                let said = &said["citationsContent"];
                assert_eq!(said["content"][0]["text"], answer["content"][0]["text"]);
                let cited = &said["citations"][0];
                assert_eq!(cited["title"], "Terms");
                assert_eq!(cited["sourceContent"][0]["text"], TERMS);
                let place = json!({"documentIndex": 0, "start": 0, "end": TERMS.len()});
                assert_eq!(cited["location"]["documentChar"], place);
            }
        }
    }
}

#[tokio::test]
async fn a_model_without_citations_is_not_asked_for_them() {
    const LLAMA: &str = "us.meta.llama3-3-70b-instruct-v1:0";
    let stack = Stack::start().await;
    let answer = stack.post("/v1/messages", &asking(LLAMA, &text(), false)).await;
    assert!(cited(&answer, false).is_empty());
    let asked = stack.upstream_body();
    let blocks = asked["messages"][0]["content"].as_array().unwrap();
    assert!(blocks.iter().all(|b| b["document"]["citations"].is_null()), "{asked}");
}

#[tokio::test]
async fn a_search_result_is_cited_by_its_source() {
    let stack = Stack::start().await;
    let result = json!({"type": "search_result", "source": "https://example.com/kind",
        "title": "Kind", "content": [{"type": "text", "text": "Be kind."}],
        "citations": {"enabled": true}});
    let content = json!([result, {"type": "text", "text": "what does it say"}]);
    for stream in [false, true] {
        let body = json!({"model": CLAUDE, "max_tokens": 500, "stream": stream,
            "messages": [{"role": "user", "content": content}]});
        let cited = cited(&stack.post("/v1/messages", &body).await, stream);
        assert_eq!(cited[0]["type"], "search_result_location");
        assert_eq!(cited[0]["source"], "https://example.com/kind");
        assert_eq!(cited[0]["cited_text"], "Be kind.");
    }
}
