//! Meta Llama: a prompt text with the chat template written out.

use serde_json::{Value, json};

use super::plain::{check_numbers, prompt_text, stop_or_length, text_of, tokens};
use super::reader::{Node, Voice};
use super::{Pieces, metrics, template};
use crate::words::{Answer, Part, Prompt, Role};

const MEMBERS: [&str; 5] = ["images", "max_gen_len", "prompt", "temperature", "top_p"];

pub(crate) fn parse(body: &Value) -> Result<Prompt, String> {
    let root = Node::root(body, Voice::Schema);
    let script = template::llama(prompt_text(&root, "prompt")?);
    root.only(&MEMBERS)?;
    check_numbers(&root, &[("temperature", 0.0, 1.0), ("top_p", 0.0, 1.0)])?;
    let mut prompt = Prompt {
        system: script.system,
        turns: script.turns,
        max_tokens: tokens(&root, "max_gen_len")?,
        ..Prompt::default()
    };
    let images = root.get("images").map(|list| images(&list)).transpose()?.unwrap_or_default();
    if let Some(turn) = prompt.turns.iter_mut().rfind(|turn| turn.role == Role::User) {
        turn.parts.extend(images);
    }
    Ok(prompt)
}

fn images(list: &Node<'_>) -> Result<Vec<Part>, String> {
    let image = |item: &Node<'_>| {
        let bytes = super::media::decoded(item)?;
        let format = super::media::image_format(&bytes).to_owned();
        Ok(Part::Media { kind: "image", format, name: String::new(), bytes: bytes.len() })
    };
    list.items()?.iter().map(image).collect()
}

pub(crate) fn response(answer: &Answer) -> Value {
    json!({
        "generation": text_of(answer),
        "prompt_token_count": answer.usage.input,
        "generation_token_count": answer.usage.output,
        "stop_reason": stop_or_length(&answer.stop),
    })
}

/// The first chunk alone says how long the prompt was.
pub(crate) fn chunks(answer: &Answer, pieces: Pieces<'_>) -> Vec<Value> {
    let chunk = |(position, piece): (usize, String)| {
        json!({
            "generation": piece,
            "prompt_token_count": (position == 0).then_some(answer.usage.input),
            "generation_token_count": position + 1,
            "stop_reason": null,
        })
    };
    let mut chunks: Vec<Value> =
        pieces(&text_of(answer)).into_iter().enumerate().map(chunk).collect();
    chunks.push(json!({
        "generation": "",
        "prompt_token_count": chunks.is_empty().then_some(answer.usage.input),
        "generation_token_count": answer.usage.output,
        "stop_reason": stop_or_length(&answer.stop),
        (metrics::KEY): metrics::of(&answer.usage),
    }));
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::tests::{joined, letters, refusal, text_answer, told};

    #[test]
    fn a_body_is_a_prompt_with_images() {
        let prompt = "<|start_header_id|>user<|end_header_id|>\n\n<|image|>What?<|eot_id|>";
        let body = json!({"prompt": prompt, "max_gen_len": 7, "images": ["iVBORw0KGgo="]});
        let prompt = parse(&body).unwrap();
        assert_eq!(told(&prompt), ["<|image|>What?"]);
        assert_eq!(prompt.max_tokens, Some(7));
        let image = &prompt.turns[0].parts[1];
        assert!(
            matches!(image, Part::Media { format, bytes: 8, .. } if format == "png"),
            "{image:?}"
        );
    }

    #[test]
    fn refusals_name_the_key() {
        assert!(refusal(parse, json!({})).contains("#: required key [prompt] not found"));
        assert!(
            refusal(parse, json!({"prompt": "a", "max_tokens": 1}))
                .contains("extraneous key [max_tokens]")
        );
        assert!(
            refusal(parse, json!({"prompt": "a", "max_gen_len": 0}))
                .contains("#/max_gen_len: 0 is not greater or equal to 1")
        );
        assert!(refusal(parse, json!({"prompt": "a", "images": ["?"]})).contains("#/images/0"));
    }

    #[test]
    fn a_stream_says_what_the_response_says() {
        let (answer, chunks) = (text_answer(), chunks(&text_answer(), &letters));
        let whole = response(&answer);
        assert_eq!(joined(&chunks, "/generation"), whole["generation"]);
        assert_eq!(chunks[0]["prompt_token_count"], whole["prompt_token_count"]);
        let last = chunks.last().unwrap();
        assert_eq!(last["stop_reason"], whole["stop_reason"]);
        assert_eq!(last["generation_token_count"], whole["generation_token_count"]);
    }
}
