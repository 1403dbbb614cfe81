//! What an answer hands out can be handed back: thinking, signatures and calls survive the client.

use outcrop_dialect::openai::{ChunkWriter, decode, encode_response};
use outcrop_dialect::sse::StreamWriter;
use outcrop_model::{BlockKind, Ledger};
use serde_json::{Value, json};

use crate::script;

fn thoughtful() -> Value {
    json!({
        "blocks": [
            ["thinking", "First \"this\",\n", "sig+1=="],
            ["redacted", "ENCRYPTED=="],
            ["thinking", "then that.", "sig2"],
            ["text", "I shall look."],
            ["tool", "toolu_1", "look", {"where": "here \\ \"there\""}],
            ["tool", "toolu_2", "wait", {}],
        ],
        "stop": "tool_use",
        "usage": {},
    })
}

/// The answer's blocks, read back from the message that a client would send next time.
fn kinds_after(message: &Value) -> Vec<String> {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "go"}, message]});
    let body = body.to_string();
    let request = decode(body.as_bytes()).unwrap().request;
    assert!(request.turns[1].extra.is_empty(), "{:?}", request.turns[1].extra);
    request.turns[1].blocks.iter().map(|b| kind(&b.kind)).collect()
}

/// Debug text that does not tell borrowed from owned.
fn kind(kind: &BlockKind<'_>) -> String {
    match kind {
        BlockKind::ToolUse(call) => format!("{} {} {}", call.id, call.name, call.input.get()),
        BlockKind::Text(_)
        | BlockKind::Media(_)
        | BlockKind::ToolResult(_)
        | BlockKind::Thinking { .. }
        | BlockKind::Redacted(_)
        | BlockKind::Foreign { .. } => format!("{kind:?}"),
    }
}

#[test]
fn a_whole_answer_comes_back_as_it_was() {
    let script = thoughtful();
    let response = script::response(&script);
    let mut ledger = Ledger::default();
    let body = encode_response(&response, &script::answering(false), &mut ledger);
    assert!(ledger.is_empty());
    let body: Value = serde_json::from_slice(&body).unwrap();
    let expected: Vec<String> = response.blocks.iter().map(|b| kind(&b.kind)).collect();
    assert_eq!(kinds_after(&body["choices"][0]["message"]), expected);
}

/// A client that appends what each delta holds, as the OpenAI SDKs' accumulators do.
#[test]
fn a_streamed_answer_comes_back_as_it_was() {
    let events = [
        json!(["start"]),
        json!(["open", 0, "thinking"]),
        json!(["think", 0, "Hm"]),
        json!(["think", 0, "m."]),
        json!(["sign", 0, "si"]),
        json!(["sign", 0, "g"]),
        json!(["close", 0]),
        json!(["open", 1, "redacted", ""]),
        json!(["redact", 1, "ENC"]),
        json!(["close", 1]),
        json!(["open", 2, "tool", "toolu_1", "look"]),
        json!(["input", 2, "{\"a\":"]),
        json!(["input", 2, "1}"]),
        json!(["close", 2]),
        json!(["stop", "tool_use"]),
        json!(["end"]),
    ];
    let mut writer = ChunkWriter::new(&script::answering(false));
    let mut out = Vec::new();
    events.iter().for_each(|e| writer.write(&script::event(e), &mut out));
    let text = String::from_utf8(out).unwrap();
    let mut message = json!({"role": "assistant", "content": "", "reasoning_content": "",
        "thinking_blocks": [], "tool_calls": []});
    let chunks = text.split_terminator("\n\n").map(|e| e.strip_prefix("data: ").unwrap());
    for data in chunks.filter(|d| *d != "[DONE]") {
        let chunk: Value = serde_json::from_str(data).unwrap();
        append(&mut message, &chunk["choices"][0]["delta"]);
    }
    let found = kinds_after(&message);
    assert!(found[0].contains("Hmm.") && found[0].contains("sig"), "{found:?}");
    assert!(found[1].contains("ENC"), "{found:?}");
    assert_eq!(found[3], "toolu_1 look {\"a\":1}");
}

fn append(message: &mut Value, delta: &Value) {
    for key in ["content", "reasoning_content"] {
        if let Some(piece) = delta[key].as_str() {
            message[key] = format!("{}{piece}", message[key].as_str().unwrap()).into();
        }
    }
    for block in delta["thinking_blocks"].as_array().into_iter().flatten() {
        message["thinking_blocks"].as_array_mut().unwrap().push(block.clone());
    }
    for call in delta["tool_calls"].as_array().into_iter().flatten() {
        let calls = message["tool_calls"].as_array_mut().unwrap();
        match calls.get_mut(usize::try_from(call["index"].as_u64().unwrap()).unwrap()) {
            Some(known) => {
                let so_far = known["function"]["arguments"].as_str().unwrap();
                let all = format!("{so_far}{}", call["function"]["arguments"].as_str().unwrap());
                known["function"]["arguments"] = all.into();
            }
            None => calls.push(call.clone()),
        }
    }
}
