//! DeepSeek R1: a prompt text in, text that opens with the model's reasoning out.

use serde_json::{Value, json};

use super::plain::{
    check_numbers, prompt_text, stop_or_length, text_of, texts, thinking_of, tokens,
};
use super::reader::{Node, Voice};
use super::{Pieces, metrics, template};
use crate::words::{Answer, Prompt};

const MEMBERS: [&str; 5] = ["max_tokens", "prompt", "stop", "temperature", "top_p"];

pub(crate) fn parse(body: &Value) -> Result<Prompt, String> {
    let root = Node::root(body, Voice::Schema);
    let script = template::deepseek(prompt_text(&root, "prompt")?);
    root.only(&MEMBERS)?;
    check_numbers(&root, &[("temperature", 0.0, 1.0), ("top_p", 0.0, 1.0)])?;
    Ok(Prompt {
        system: script.system,
        turns: script.turns,
        max_tokens: tokens(&root, "max_tokens")?,
        stop_sequences: texts(&root, "stop")?,
        thinking: true,
        ..Prompt::default()
    })
}

pub(crate) fn response(answer: &Answer) -> Value {
    json!({"choices": [{"text": text(answer), "stop_reason": stop_or_length(&answer.stop)}]})
}

pub(crate) fn chunks(answer: &Answer, pieces: Pieces<'_>) -> Vec<Value> {
    let chunk = |(position, piece): (usize, String)| {
        json!({
            "generation": piece,
            "prompt_token_count": (position == 0).then_some(answer.usage.input),
            "generation_token_count": position + 1,
            "stop_reason": null,
        })
    };
    let mut chunks: Vec<Value> = pieces(&text(answer)).into_iter().enumerate().map(chunk).collect();
    chunks.push(json!({
        "generation": "",
        "prompt_token_count": null,
        "generation_token_count": answer.usage.output,
        "stop_reason": stop_or_length(&answer.stop),
        (metrics::KEY): metrics::of(&answer.usage),
    }));
    chunks
}

/// The template opens `<think>` itself, so the model only closes it.
fn text(answer: &Answer) -> String {
    let thinking = thinking_of(answer);
    if thinking.is_empty() {
        return text_of(answer);
    }
    format!("{thinking}\n</think>\n\n{}", text_of(answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::tests::{full_answer, joined, letters, refusal, told};

    #[test]
    fn a_body_is_a_prompt() {
        let prompt = "<｜begin▁of▁sentence｜><｜User｜>Hi<｜Assistant｜><think>\n";
        let prompt = parse(&json!({"prompt": prompt, "max_tokens": 5, "stop": ["x"]})).unwrap();
        assert_eq!(told(&prompt), ["Hi"]);
        assert!(prompt.thinking);
        assert!(
            refusal(parse, json!({"max_tokens": 1})).contains("required key [prompt] not found")
        );
    }

    #[test]
    fn a_stream_says_what_the_response_says() {
        let whole = response(&full_answer());
        let chunks = chunks(&full_answer(), &letters);
        assert_eq!(joined(&chunks, "/generation"), whole["choices"][0]["text"]);
        assert!(whole["choices"][0]["text"].as_str().unwrap().contains("</think>"));
        assert_eq!(chunks.last().unwrap()["stop_reason"], whole["choices"][0]["stop_reason"]);
    }
}
