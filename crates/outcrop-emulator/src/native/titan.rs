//! Amazon Titan Text: one input text, one output text.

use serde_json::{Value, json};

use super::plain::{check_numbers, prompt_text, text_of, texts, tokens, user_text};
use super::reader::{Node, Voice};
use super::{Pieces, metrics};
use crate::words::{Answer, Prompt, Stop};

const CONFIG: [&str; 4] = ["maxTokenCount", "stopSequences", "temperature", "topP"];

pub(crate) fn parse(body: &Value) -> Result<Prompt, String> {
    let root = Node::root(body, Voice::Schema);
    let text = prompt_text(&root, "inputText")?;
    root.only(&["inputText", "textGenerationConfig"])?;
    let mut prompt = Prompt { turns: vec![user_text(text)], ..Prompt::default() };
    if let Some(config) = root.get("textGenerationConfig") {
        config.only(&CONFIG)?;
        check_numbers(&config, &[("temperature", 0.0, 1.0), ("topP", 0.0, 1.0)])?;
        prompt.max_tokens = tokens(&config, "maxTokenCount")?;
        prompt.stop_sequences = texts(&config, "stopSequences")?;
    }
    Ok(prompt)
}

pub(crate) fn response(answer: &Answer) -> Value {
    json!({
        "inputTextTokenCount": answer.usage.input,
        "results": [{
            "tokenCount": answer.usage.output,
            "outputText": text_of(answer),
            "completionReason": reason(&answer.stop),
        }],
    })
}

pub(crate) fn chunks(answer: &Answer, pieces: Pieces<'_>) -> Vec<Value> {
    let chunk = |piece: String| {
        json!({
            "index": 0,
            "outputText": piece,
            "inputTextTokenCount": null,
            "totalOutputTextTokenCount": null,
            "completionReason": null,
        })
    };
    let mut chunks: Vec<Value> = pieces(&text_of(answer)).into_iter().map(chunk).collect();
    chunks.push(json!({
        "index": 0,
        "outputText": "",
        "inputTextTokenCount": answer.usage.input,
        "totalOutputTextTokenCount": answer.usage.output,
        "completionReason": reason(&answer.stop),
        (metrics::KEY): metrics::of(&answer.usage),
    }));
    chunks
}

fn reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::EndTurn | Stop::ToolUse => "FINISH",
        Stop::MaxTokens => "LENGTH",
        Stop::StopSequence(_) => "STOP_CRITERIA_MET",
        Stop::Other(_) => "CONTENT_FILTERED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::tests::{joined, letters, refusal, text_answer, told};

    #[test]
    fn a_body_is_a_prompt() {
        let body = json!({"inputText": "Hi", "textGenerationConfig": {
            "maxTokenCount": 9, "temperature": 0.5, "topP": 1, "stopSequences": ["User:"]}});
        let prompt = parse(&body).unwrap();
        assert_eq!(told(&prompt), ["Hi"]);
        assert_eq!((prompt.max_tokens, prompt.stop_sequences), (Some(9), vec!["User:".to_owned()]));
    }

    #[test]
    fn refusals_name_the_key() {
        assert!(refusal(parse, json!({})).contains("#: required key [inputText] not found"));
        assert!(
            refusal(parse, json!({"inputText": ""})).contains("#/inputText: expected minLength: 1")
        );
        assert!(refusal(parse, json!({"inputText": "a", "x": 1})).contains("extraneous key [x]"));
        let hot = json!({"inputText": "a", "textGenerationConfig": {"temperature": 2}});
        assert!(
            refusal(parse, hot)
                .contains("#/textGenerationConfig/temperature: 2 is not less or equal to 1")
        );
    }

    #[test]
    fn a_stream_says_what_the_response_says() {
        let (answer, chunks) = (text_answer(), chunks(&text_answer(), &letters));
        let whole = response(&answer);
        assert_eq!(joined(&chunks, "/outputText"), whole["results"][0]["outputText"]);
        let last = chunks.last().unwrap();
        assert_eq!(last["completionReason"], whole["results"][0]["completionReason"]);
        assert_eq!(last["totalOutputTextTokenCount"], whole["results"][0]["tokenCount"]);
        assert_eq!(
            last["amazon-bedrock-invocationMetrics"]["inputTokenCount"],
            whole["inputTextTokenCount"]
        );
    }
}
