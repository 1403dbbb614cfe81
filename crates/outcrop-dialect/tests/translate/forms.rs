//! Structured answers: however a stream is cut, every caller reads the same, and what a whole answer says.

use outcrop_dialect::answer::{AnswerStream, Step, whole};
use outcrop_dialect::names::ToolNames;
use outcrop_dialect::plan::Way;
use outcrop_dialect::structured::{Form, Structured};
use outcrop_model::{Dialect, Frame, FrameKind, Ledger};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::answers::{label, settings};

const OURS: &str = "answer_in_json";

/// A block of the model's answer.
#[derive(Debug, Clone)]
enum Part {
    Words(String),
    /// A call with its input as the model spells it.
    Call(&'static str, String),
}

fn part() -> impl Strategy<Value = Part> {
    let words =
        select(vec!["Well. ", "```json\n{\"a\":1}\n```\nDone", "{\"a\": \"é\"}", "`", " \n"]);
    let input = select(vec![
        r#"{"a":"yes \"é\" }]"}"#,
        r#"{"properties":{"a":["{"]}}"#,
        r#"{ "properties" : [ {} ] , "type": "object" }"#,
        r#"{"properties":7}"#,
        "{}",
    ]);
    prop_oneof![
        words.prop_map(|text| Part::Words(text.to_owned())),
        input.clone().prop_map(|input| Part::Call(OURS, input.to_owned())),
        input.prop_map(|input| Part::Call("now", input.to_owned())),
    ]
}

fn form() -> impl Strategy<Value = Form> {
    let tool = |envelope| Form::Tool { name: OURS.to_owned(), envelope };
    select(vec![Form::Text, Form::Fenced, tool(None), tool(Some("properties"))])
}

fn way(form: &Form, to: Dialect) -> Way {
    let (names, from) = (ToolNames::default(), Dialect::Converse);
    let schema = r#"{"type":"object"}"#.into();
    let structured = Some(Structured { form: form.clone(), schema, path: "response_format" });
    match to {
        Dialect::Responses => Way::Respond { from, names, structured, settings: settings() },
        _ => Way::Translate { from, to, names, structured, include_usage: false },
    }
}

fn pieces(text: &str, cuts: &[Index]) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(chars.len() + 1)).collect();
    places.extend([0, chars.len()]);
    places.sort_unstable();
    places.windows(2).map(|w| chars[w[0]..w[1]].iter().collect()).collect()
}

fn frames(parts: &[Part], cuts: &[Index]) -> Vec<(&'static str, Value)> {
    let mut frames = vec![("messageStart", json!({"role": "assistant"}))];
    for (i, part) in parts.iter().enumerate() {
        let (text, is_call) = match part {
            Part::Words(text) => (text, false),
            Part::Call(name, input) => {
                let start = json!({"toolUse": {"toolUseId": format!("t{i}"), "name": name}});
                frames.push(("contentBlockStart", json!({"contentBlockIndex": i, "start": start})));
                (input, true)
            }
        };
        for piece in pieces(text, cuts) {
            let delta = match is_call {
                true => json!({"toolUse": {"input": piece}}),
                false => json!({"text": piece}),
            };
            frames.push(("contentBlockDelta", json!({"contentBlockIndex": i, "delta": delta})));
        }
        frames.push(("contentBlockStop", json!({"contentBlockIndex": i})));
    }
    frames.push(("messageStop", json!({"stopReason": stop(parts)})));
    frames
}

fn stop(parts: &[Part]) -> &'static str {
    match parts.iter().any(|part| matches!(part, Part::Call(..))) {
        true => "tool_use",
        false => "end_turn",
    }
}

fn stream(parts: &[Part], cuts: &[Index], form: &Form, to: Dialect) -> String {
    let mut stream = AnswerStream::new(way(form, to), &label(), |_, _, _| {});
    let mut out = Vec::new();
    for (kind, payload) in frames(parts, cuts) {
        let payload = payload.to_string();
        let frame = Frame { kind: FrameKind::Event(kind), payload: payload.as_bytes(), raw: b"" };
        assert!(!matches!(stream.frame(&frame, &mut out), Step::Fault(_)));
    }
    assert_eq!(stream.eof(&mut out), Step::Done);
    String::from_utf8(out).unwrap()
}

/// The text, the inputs of calls and the reason to stop, as a client puts them together.
fn heard(stream: &str) -> (String, String, String) {
    let (mut text, mut inputs, mut stop) = (String::new(), String::new(), String::new());
    for line in stream.lines().filter_map(|line| line.strip_prefix("data: {")) {
        let event: Value = serde_json::from_str(&format!("{{{line}")).unwrap();
        let at = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let responses = match event["type"].as_str() {
            Some("response.output_text.delta") => (at("/delta"), ""),
            Some("response.function_call_arguments.delta") => ("", at("/delta")),
            _ => ("", ""),
        };
        for piece in
            [at("/choices/0/delta/content"), at("/choices/0/text"), at("/delta/text"), responses.0]
        {
            text.push_str(piece);
        }
        let arguments = at("/choices/0/delta/tool_calls/0/function/arguments");
        for piece in [arguments, at("/delta/partial_json"), responses.1] {
            inputs.push_str(piece);
        }
        for word in
            [at("/choices/0/finish_reason"), at("/delta/stop_reason"), at("/response/status")]
        {
            if !word.is_empty() {
                stop = word.to_owned();
            }
        }
    }
    (text, inputs, stop)
}

fn told_whole(parts: &[Part], form: &Form) -> (String, String) {
    let content: Vec<Value> = parts
        .iter()
        .enumerate()
        .map(|(i, part)| match part {
            Part::Words(text) => json!({"text": text}),
            Part::Call(name, input) => {
                let input: Value = serde_json::from_str(input).unwrap();
                json!({"toolUse": {"toolUseId": format!("t{i}"), "name": name, "input": input}})
            }
        })
        .collect();
    let message = json!({"role": "assistant", "content": content});
    let usage = json!({"inputTokens": 1, "outputTokens": 1, "totalTokens": 2});
    let body = json!({"output": {"message": message}, "stopReason": stop(parts), "usage": usage});
    let way = way(form, Dialect::OpenAiChat);
    let answer =
        whole(&way, body.to_string().as_bytes(), &label(), &mut Ledger::default()).unwrap();
    let answer: Value = serde_json::from_slice(&answer.body.unwrap()).unwrap();
    let choice = &answer["choices"][0];
    let text = choice["message"]["content"].as_str().unwrap_or_default();
    (text.to_owned(), choice["finish_reason"].as_str().unwrap().to_owned())
}

/// JSON without its white space, as far as that can tell two spellings of one answer apart.
fn tight(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

proptest! {
    #[test]
    fn any_cutting_reads_the_same(
        parts in prop::collection::vec(part(), 1..5),
        form in form(),
        cuts in prop::collection::vec(any::<Index>(), 0..9),
    ) {
        for to in [Dialect::OpenAiChat, Dialect::OpenAiText, Dialect::Anthropic, Dialect::Responses] {
            let uncut = heard(&stream(&parts, &[], &form, to));
            prop_assert_eq!(heard(&stream(&parts, &cuts, &form, to)), uncut);
        }
        let (text, _, stop) = heard(&stream(&parts, &cuts, &form, Dialect::OpenAiChat));
        let (whole, whole_stop) = told_whole(&parts, &form);
        prop_assert_eq!((tight(&text), stop), (tight(&whole), whole_stop));
    }
}
