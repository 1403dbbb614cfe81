//! Clients of OpenAI's legacy functions, who know calls as `function_call`.

use outcrop_dialect::answer::{AnswerStream, Label, whole};
use outcrop_dialect::carry::Destination;
use outcrop_dialect::plan::{Peeked, Way};
use outcrop_model::{Catalog, Frame, FrameKind, Ledger};
use serde_json::{Value, json};

use crate::sent::NOVA;

fn way(members: &str) -> Way {
    let body =
        format!(r#"{{"model":"{NOVA}","messages":[{{"role":"user","content":"Hi"}}],{members}}}"#);
    let destination = Destination::of(Catalog::built_in(), NOVA);
    Peeked::openai(body.as_bytes()).unwrap().plan(destination, &mut Ledger::default()).unwrap().way
}

fn label() -> Label {
    Label { id: "0".to_owned(), created: 0, model: "m".to_owned() }
}

const FUNCTIONS: &str = r#""functions":[{"name":"f","parameters":{"type":"object"}}]"#;
const TOOLS: &str =
    r#""tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]"#;

#[test]
fn a_whole_answer_has_a_function_call() {
    let way = way(FUNCTIONS);
    let call = |id: &str| json!({"toolUse": {"toolUseId": id, "name": "f", "input": {"x": 1}}});
    let answer = json!({
        "output": {"message": {"role": "assistant", "content": [call("a"), call("b")]}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
        "metrics": {"latencyMs": 1},
    });
    let mut ledger = Ledger::default();
    let written =
        whole(&way, answer.to_string().as_bytes(), &label(), &mut ledger).unwrap().body.unwrap();
    let written: Value = serde_json::from_slice(&written).unwrap();
    let choice = &written["choices"][0];
    assert_eq!(choice["message"]["function_call"], json!({"name": "f", "arguments": "{\"x\":1}"}));
    assert!(choice["message"].get("tool_calls").is_none());
    assert_eq!(choice["finish_reason"], "function_call");
    assert!(ledger.header().unwrap().contains("dropped choices[0].message.function_call"));
}

#[test]
fn a_stream_has_pieces_of_a_function_call() {
    for (members, form, finish) in
        [(FUNCTIONS, "function_call", "function_call"), (TOOLS, "tool_calls", "tool_calls")]
    {
        let way = way(members);
        let events = [
            ("messageStart", json!({"role": "assistant"})),
            (
                "contentBlockStart",
                json!({"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "a", "name": "f"}}}),
            ),
            (
                "contentBlockDelta",
                json!({"contentBlockIndex": 0, "delta": {"toolUse": {"input": "{}"}}}),
            ),
            ("contentBlockStop", json!({"contentBlockIndex": 0})),
            ("messageStop", json!({"stopReason": "tool_use"})),
            (
                "metadata",
                json!({"usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}, "metrics": {}}),
            ),
        ];
        let mut stream = AnswerStream::new(way, &label(), |_, _, _| {});
        let mut out = Vec::new();
        for (kind, payload) in &events {
            let payload = payload.to_string();
            let frame =
                Frame { kind: FrameKind::Event(kind), payload: payload.as_bytes(), raw: b"" };
            stream.frame(&frame, &mut out);
        }
        stream.eof(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches(&format!("\"{form}\":")).count(), 2, "{text}");
        assert!(text.contains(r#""name":"f""#), "{text}");
        assert!(text.contains(&format!(r#""finish_reason":"{finish}""#)), "{text}");
    }
}
