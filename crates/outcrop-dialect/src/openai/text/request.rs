//! A text completion's body becomes a [`ChatRequest`](outcrop_model::ChatRequest).

use std::borrow::Cow;

use outcrop_model::chat::Role;
use outcrop_model::json::{Extra, Members, Str, parse_body, parse_raw};
use outcrop_model::{At, Block, ChatRequest, Fault, Turn};
use serde_json::value::RawValue;

use crate::openai::request::{Decoded, NAMES, apply_settings, invalid};
use crate::openai::wire::{take, text};

/// OpenAI's default for `max_tokens` here (API reference, checked 2026-11-21): unlike a chat's, an
/// unlimited completion was never the default.
const MAX_TOKENS: u64 = 16;
const ONE_PROMPT: &str = "holds several prompts; send one request for each.";
const NO_TOKENS: &str =
    "holds tokens, whose meaning depends on a tokeniser; send the prompt as text.";

/// Decodes the body. A fault names the JSON path and what to do about it.
pub fn decode(body: &[u8]) -> Result<Decoded<'_>, Fault> {
    let Members(mut members) = parse_body(body)?;
    members.retain(|(_, raw)| raw.get() != "null");
    let model = take(&mut members, "model").map(|raw| text(raw, "model")).transpose()?;
    let model = model.filter(|m| !m.trim().is_empty()).ok_or_else(|| {
        invalid("model", "is required: the id of a Bedrock model or inference profile.")
    })?;
    let prompt = prompt(&mut members)?;
    refuse_suffix(&mut members)?;
    members.retain(|(key, raw)| !asks_for_nothing(key, raw));
    let mut request = ChatRequest { model, names: NAMES, ..ChatRequest::default() };
    request.names.max_tokens = "max_tokens";
    let at = At::Member("prompt");
    let blocks = vec![Block::text(prompt, at)];
    request.turns.push(Turn { role: Role::User, blocks, at, extra: Vec::new() });
    let include_usage = apply_settings(members, &mut request)?;
    request.max_tokens.get_or_insert(MAX_TOKENS);
    Ok(Decoded { request, include_usage })
}

fn prompt<'a>(members: &mut Extra<'a>) -> Result<Cow<'a, str>, Fault> {
    let Some(raw) = take(members, "prompt") else {
        return Err(match members.iter().any(|(key, _)| key == "messages") {
            true => {
                invalid("messages", "belongs to POST /v1/chat/completions; send `prompt` here.")
            }
            false => invalid("prompt", "is required: the text to complete."),
        });
    };
    let prompt = match raw.get().as_bytes().first() {
        Some(b'[') => only_prompt(raw)?,
        Some(_) | None => text(raw, "prompt")?,
    };
    match prompt.trim().is_empty() {
        true => Err(invalid("prompt", "is empty; send the text to complete.")),
        false => Ok(prompt),
    }
}

/// The one text in a list.
fn only_prompt<'a>(raw: &'a RawValue) -> Result<Cow<'a, str>, Fault> {
    let list: Vec<&RawValue> = parse_raw(raw, "prompt")?;
    let is_text = |raw: &&RawValue| raw.get().starts_with('"');
    let is_tokens = |raw: &&RawValue| {
        raw.get().starts_with(|c: char| c == '[' || c == '-' || c.is_ascii_digit())
    };
    match list.as_slice() {
        [] => Err(invalid("prompt", "is empty; send the text to complete.")),
        list if list.iter().any(is_tokens) => Err(invalid("prompt", NO_TOKENS)),
        [one] => Ok(parse_raw::<Str<'a>>(one, "prompt[0]")?.0),
        list if list.iter().all(is_text) => Err(invalid("prompt", ONE_PROMPT)),
        _ => Err(invalid("prompt", "must be a string.")),
    }
}

/// The model would have to write towards a text that it cannot be shown as such.
fn refuse_suffix(members: &mut Extra<'_>) -> Result<(), Fault> {
    let Some(raw) = take(members, "suffix") else { return Ok(()) };
    match text(raw, "suffix")?.is_empty() {
        true => Ok(()),
        false => Err(invalid(
            "suffix",
            "cannot be carried: Bedrock's chat models do not fill gaps. Put both parts and what to do with them into `prompt`.",
        )),
    }
}

/// Settings of this dialect alone that ask for what happens anyway.
fn asks_for_nothing(key: &str, raw: &RawValue) -> bool {
    match key {
        "echo" => raw.get() == "false",
        "best_of" => raw.get() == "1",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn with(more: Value) -> Vec<u8> {
        let mut body = json!({"model": "m", "prompt": "Once"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body.to_string().into_bytes()
    }

    #[test]
    fn the_prompt_is_the_users_message() {
        for prompt in [json!("Once"), json!(["Once"])] {
            let body = with(json!({"prompt": prompt, "stop": "\n", "temperature": 0.2}));
            let request = decode(&body).unwrap().request;
            let [Turn { role: Role::User, blocks, .. }] = request.turns.as_slice() else {
                panic!()
            };
            assert!(matches!(&blocks[0].kind, outcrop_model::BlockKind::Text(t) if t == "Once"));
            assert_eq!((request.max_tokens, request.temperature), (Some(MAX_TOKENS), Some(0.2)));
            assert_eq!(request.stop_sequences, ["\n"]);
            assert!(request.extra.is_empty());
        }
        assert_eq!(decode(&with(json!({"max_tokens": 99}))).unwrap().request.max_tokens, Some(99));
    }

    #[test]
    fn what_adds_to_the_answer_is_kept_for_the_ledger() {
        let body = with(json!({"echo": true, "best_of": 3, "logprobs": 2, "seed": 1, "n": 1}));
        let request = decode(&body).unwrap().request;
        let mut extra: Vec<&str> = request.extra.iter().map(|(key, _)| &**key).collect();
        extra.sort_unstable();
        assert_eq!(extra, ["best_of", "echo", "logprobs", "seed"]);
        let body = with(json!({"echo": false, "best_of": 1, "logprobs": null, "suffix": ""}));
        assert!(decode(&body).unwrap().request.extra.is_empty());
    }

    #[test]
    fn what_would_change_the_completion_is_refused_with_the_mend() {
        for (body, path, mend) in [
            (with(json!({"suffix": "the end"})), "suffix", "into `prompt`"),
            (with(json!({"prompt": ["a", "b"]})), "prompt", "one request for each"),
            (with(json!({"prompt": [1, 2]})), "prompt", "as text"),
            (with(json!({"prompt": [[1, 2]]})), "prompt", "as text"),
            (with(json!({"prompt": []})), "prompt", "is empty"),
            (with(json!({"prompt": " "})), "prompt", "is empty"),
            (with(json!({"prompt": 7})), "prompt", "expected a string"),
            (with(json!({"prompt": [null]})), "prompt[0]", "expected a string"),
            (with(json!({"prompt": null})), "prompt", "is required"),
            (with(json!({"prompt": null, "messages": [1]})), "messages", "/v1/chat/completions"),
            (with(json!({"model": ""})), "model", "is required"),
            (with(json!({"n": 2})), "n", "send 1"),
            (b"nope".to_vec(), "", "JSON"),
        ] {
            let fault = decode(&body).unwrap_err();
            assert_eq!(fault.param.as_deref(), Some(path), "{fault}");
            assert!(fault.message.contains(mend), "{fault}");
        }
    }
}
