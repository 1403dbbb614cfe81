//! Request bodies as clients send them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::prose::{Dice, code, quoted, words};

/// Bytes of the image in [`openai_image`]; in base64 it is 1 MB.
const IMAGE: usize = 750_000;

/// A question in Anthropic's dialect for `model`.
pub fn anthropic_small(model: &str, stream: bool) -> Vec<u8> {
    let stream = if stream { r#","stream":true"# } else { "" };
    let text = quoted("You are terse. Answer in one sentence.");
    format!(
        r#"{{"max_tokens":256,"messages":[{{"role":"user","content":"What is a gateway good for?"}}],"model":"{model}","system":{text},"temperature":0.5{stream}}}"#
    )
    .into_bytes()
}

/// A question in OpenAI's dialect for `model`.
pub fn openai_small(model: &str, stream: bool) -> Vec<u8> {
    let stream =
        if stream { r#","stream":true,"stream_options":{"include_usage":true}"# } else { "" };
    format!(
        r#"{{"messages":[{{"role":"system","content":"You are terse. Answer in one sentence."}},{{"role":"user","content":"What is a gateway good for?"}}],"model":"{model}","max_tokens":256,"temperature":0.5{stream}}}"#
    )
    .into_bytes()
}

/// A question in Converse's dialect.
pub fn converse_small() -> Vec<u8> {
    br#"{"messages":[{"role":"user","content":[{"text":"What is a gateway good for?"}]}],"system":[{"text":"You are terse. Answer in one sentence."}],"inferenceConfig":{"maxTokens":256,"temperature":0.5}}"#
        .to_vec()
}

/// A coding agent's request in Anthropic's dialect: cached system prompt, 25 tools, and as many rounds
/// of thinking, call and result as it takes to reach `bytes`.
pub fn anthropic_agent(model: &str, bytes: usize) -> Vec<u8> {
    let mut dice = Dice::new(1);
    let tools: Vec<String> = (0..25).map(|n| anthropic_tool(&mut dice, n)).collect();
    let mut body = format!(
        r#"{{"model":"{model}","max_tokens":32000,"thinking":{{"type":"enabled","budget_tokens":16000}},"system":[{{"type":"text","text":{}}},{{"type":"text","text":{},"cache_control":{{"type":"ephemeral"}}}}],"tools":[{}],"metadata":{{"user_id":"user_0123456789abcdef"}},"messages":[{{"role":"user","content":{}}}"#,
        quoted(&words(&mut dice, 400)),
        quoted(&words(&mut dice, 12_000)),
        tools.join(","),
        quoted(&words(&mut dice, 600)),
    );
    let mut round = 0;
    while body.len() < bytes {
        body += &anthropic_round(&mut dice, round, bytes - body.len());
        round += 1;
    }
    body += r#"],"stream":true}"#;
    body.into_bytes()
}

fn anthropic_tool(dice: &mut Dice, n: usize) -> String {
    let description = quoted(&words(dice, 700));
    format!(r#"{{"name":"tool_{n}","description":{description},"input_schema":{}}}"#, schema(dice))
}

/// An assistant turn and the tool result that answers it, of roughly at most `room` bytes.
fn anthropic_round(dice: &mut Dice, round: usize, room: usize) -> String {
    let id = format!("toolu_bdrk_{round:024}");
    let result = (1000 + dice.below(7000)).min(room.max(200));
    let signature = STANDARD.encode(words(dice, 280));
    format!(
        r#",{{"role":"assistant","content":[{{"type":"thinking","thinking":{},"signature":"{signature}"}},{{"type":"text","text":{}}},{{"type":"tool_use","id":"{id}","name":"tool_{}","input":{{"path":"src/part_{round}.rs","pattern":{},"limit":200}}}}]}},{{"role":"user","content":[{{"tool_use_id":"{id}","type":"tool_result","content":{}}}]}}"#,
        quoted(&words(dice, 300)),
        quoted(&words(dice, 120)),
        round % 25,
        quoted(&words(dice, 30)),
        quoted(&code(dice, result)),
    )
}

fn schema(dice: &mut Dice) -> String {
    let properties: Vec<String> = ["path", "pattern", "limit", "recursive"]
        .iter()
        .map(|name| {
            format!(r#""{name}":{{"type":"string","description":{}}}"#, quoted(&words(dice, 90)))
        })
        .collect();
    format!(
        r#"{{"type":"object","properties":{{{}}},"required":["path"],"additionalProperties":false}}"#,
        properties.join(",")
    )
}

/// An agent's request in OpenAI's dialect: system prompt, 12 tools, and rounds of call and result up to
/// `bytes`.
pub fn openai_agent(model: &str, bytes: usize) -> Vec<u8> {
    let mut dice = Dice::new(2);
    let tools: Vec<String> = (0..12).map(|n| openai_tool(&mut dice, n)).collect();
    let mut body = format!(
        r#"{{"model":"{model}","tools":[{}],"tool_choice":"auto","max_tokens":4096,"messages":[{{"role":"system","content":{}}},{{"role":"user","content":{}}}"#,
        tools.join(","),
        quoted(&words(&mut dice, 5_000)),
        quoted(&words(&mut dice, 400)),
    );
    let mut round = 0;
    while body.len() < bytes {
        body += &openai_round(&mut dice, round, bytes - body.len());
        round += 1;
    }
    body += "]}";
    body.into_bytes()
}

fn openai_tool(dice: &mut Dice, n: usize) -> String {
    let description = quoted(&words(dice, 500));
    format!(
        r#"{{"type":"function","function":{{"name":"tool_{n}","description":{description},"parameters":{}}}}}"#,
        schema(dice)
    )
}

fn openai_round(dice: &mut Dice, round: usize, room: usize) -> String {
    let id = format!("call_{round:024}");
    let arguments =
        format!(r#"{{"path":"src/part_{round}.rs","pattern":{}}}"#, quoted(&words(dice, 30)));
    let result = (500 + dice.below(2500)).min(room.max(200));
    format!(
        r#",{{"role":"assistant","content":{},"tool_calls":[{{"id":"{id}","type":"function","function":{{"name":"tool_{}","arguments":{}}}}}]}},{{"role":"tool","tool_call_id":"{id}","content":{}}}"#,
        quoted(&words(dice, 120)),
        round % 12,
        quoted(&arguments),
        quoted(&code(dice, result)),
    )
}

/// A question about an image of 1 MB in base64, in OpenAI's dialect.
pub fn openai_image(model: &str) -> Vec<u8> {
    let mut dice = Dice::new(3);
    let mut image = b"\x89PNG\r\n\x1a\n".to_vec();
    image.resize_with(IMAGE, || dice.below(256) as u8);
    format!(
        r#"{{"model":"{model}","max_tokens":256,"messages":[{{"role":"user","content":[{{"type":"text","text":"What is this?"}},{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{}"}}}}]}}]}}"#,
        STANDARD.encode(&image)
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{CLAUDE, NOVA};

    #[test]
    fn bodies_are_json_of_the_promised_size_and_always_the_same() {
        let agent = anthropic_agent(CLAUDE, 300_000);
        assert!((300_000..306_000).contains(&agent.len()), "{}", agent.len());
        assert_eq!(agent, anthropic_agent(CLAUDE, 300_000));
        let small = openai_agent(CLAUDE, 40_000);
        assert!((40_000..42_000).contains(&small.len()), "{}", small.len());
        let image = openai_image(NOVA);
        assert!((1_000_000..1_001_000).contains(&image.len()), "{}", image.len());
        let rest = [anthropic_small(CLAUDE, true), openai_small(NOVA, true), converse_small()];
        for body in [agent, small, image].iter().chain(&rest) {
            assert!(serde_json::from_slice::<serde_json::Value>(body).is_ok());
        }
    }
}
