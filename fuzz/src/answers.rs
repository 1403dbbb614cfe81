//! Whole answers of Bedrock, written in every client dialect.

use std::sync::Arc;

use outcrop_dialect::answer::{Label, Whole, whole};
use outcrop_dialect::names::ToolNames;
use outcrop_dialect::plan::Way;
use outcrop_dialect::responses::{Settings, decode_alone};
use outcrop_dialect::structured::{Form, Structured};
use outcrop_model::{Carrier, Dialect, ErrorClass, Ledger};
use serde_json::Value;
use serde_json::value::RawValue;

pub fn converse(body: &[u8]) {
    check(Dialect::Converse, body);
    relayed(&Way::RelayBedrock(Carrier::Converse), body);
    relayed(&Way::RelayBedrock(Carrier::Invoke), body);
}

pub fn claude(body: &[u8]) {
    check(Dialect::Anthropic, body);
    relayed(&Way::RelayAnthropic, body);
}

pub fn chat(body: &[u8]) {
    check(Dialect::OpenAiChat, body);
    relayed(&Way::RelayChat { include_usage: true }, body);
}

pub fn label() -> Label {
    Label { id: "0123".to_owned(), created: 1_700_000_000, model: "the-model".to_owned() }
}

/// Every way on which the answer of `from` is written anew, in a form that the caller set.
pub fn ways(from: Dialect, form: Option<&Form>) -> Vec<Way> {
    let names = ToolNames::default;
    let structured = || {
        let (form, schema) = (form?.clone(), r#"{"type":"object"}"#.into());
        Some(Structured { form, schema, path: "response_format" })
    };
    let translate = |to| Way::Translate {
        from,
        to,
        names: names(),
        structured: structured(),
        include_usage: true,
    };
    let translated = [Dialect::OpenAiChat, Dialect::OpenAiText, Dialect::Anthropic].map(translate);
    let respond =
        Way::Respond { from, names: names(), structured: structured(), settings: settings() };
    translated.into_iter().chain([respond]).collect()
}

/// No form, and those that change the answer; the tool is called as most of the corpus's are.
pub fn forms() -> [Option<Form>; 3] {
    let tool = Form::Tool { name: "now".to_owned(), envelope: Some("properties") };
    [None, Some(Form::Fenced), Some(tool)]
}

fn settings() -> Arc<Settings> {
    const BODY: &str = r#"{"model":"m","input":"x","tools":[{"type":"custom","name":"run"}]}"#;
    Arc::new(decode_alone(BODY.as_bytes()).expect("a good request").settings)
}

fn check(from: Dialect, body: &[u8]) {
    forms().iter().for_each(|form| check_form(from, form.as_ref(), body));
}

fn check_form(from: Dialect, form: Option<&Form>, body: &[u8]) {
    let mut outcomes = Vec::new();
    for way in ways(from, form) {
        let mut ledger = Ledger::default();
        match whole(&way, body, &label(), &mut ledger) {
            Ok(Whole { body: Some(written), tally, mismatch: _ }) => {
                says(&way, &written);
                outcomes.push(Ok(tally));
            }
            Ok(Whole { body: None, .. }) => panic!("{way:?} writes anew"),
            Err(fault) => {
                assert!(!fault.message.is_empty());
                outcomes.push(Err(fault.class));
            }
        }
        for loss in ledger.losses() {
            assert!(!loss.path.is_empty() && !loss.why.is_empty(), "{loss:?}");
        }
    }
    assert!(outcomes.windows(2).all(|two| two[0] == two[1]), "dialects disagree: {outcomes:?}");
}

fn relayed(way: &Way, body: &[u8]) {
    match whole(way, body, &label(), &mut Ledger::default()) {
        Ok(relayed) => assert!(relayed.body.is_none(), "the bytes are Bedrock's own"),
        Err(fault) => assert!(!fault.message.is_empty() && fault.class != ErrorClass::Internal),
    }
}

/// The members that every client of the dialect reads without looking.
fn says(way: &Way, written: &[u8]) {
    let valid = serde_json::from_slice::<&RawValue>(written);
    assert!(valid.is_ok(), "{valid:?}: {}", String::from_utf8_lossy(written));
    let Ok(answer) = serde_json::from_slice::<Value>(written) else { return };
    let to = match way {
        Way::Translate { to, .. } => *to,
        Way::Respond { .. } => Dialect::Responses,
        Way::RelayAnthropic
        | Way::RelayChat { .. }
        | Way::RelayResponses { .. }
        | Way::RelayBedrock(_) => return,
    };
    match to {
        Dialect::Anthropic => {
            assert!(answer["content"].is_array() && answer["stop_reason"].is_string(), "{answer}");
            assert!(answer["usage"]["input_tokens"].is_u64(), "{answer}");
        }
        Dialect::Responses => {
            assert!(answer["output"].is_array(), "{answer}");
            assert!(["completed", "incomplete"].contains(&answer["status"].as_str().unwrap()));
        }
        Dialect::OpenAiText => assert!(answer["choices"][0]["text"].is_string(), "{answer}"),
        _ => {
            let choice = &answer["choices"][0];
            assert!(choice["finish_reason"].is_string(), "{answer}");
            assert_eq!(choice["message"]["role"], "assistant");
        }
    }
}
