//! Whole answers: upstream body → the client's, in both client dialects.

use std::borrow::Cow;
use std::sync::Arc;

use outcrop_dialect::answer::{Label, Mismatch, Whole, whole};
use outcrop_dialect::names::ToolNames;
use outcrop_dialect::plan::Way;
use outcrop_dialect::responses::{Settings, decode_alone};
use outcrop_dialect::structured::{Form, Structured};
use outcrop_model::chat::Tool;
use outcrop_model::{At, ChatRequest, Dialect, Ledger};

use crate::golden::{self, Case};
use crate::pretty;

#[test]
fn answers_are_translated() {
    golden::each("answers", |case| {
        let from = upstream(case);
        let mut wrong = check(case, from, Dialect::OpenAiChat, "openai");
        wrong.extend(check(case, from, Dialect::Anthropic, "anthropic"));
        wrong.extend(check(case, from, Dialect::Responses, "responses"));
        wrong
    });
}

pub fn label() -> Label {
    Label { id: "0123".to_owned(), created: 1_700_000_000, model: "the-model".to_owned() }
}

pub fn upstream(case: &Case) -> Dialect {
    match case.setting("from").expect("an upstream dialect") {
        "converse" => Dialect::Converse,
        "anthropic" => Dialect::Anthropic,
        other => panic!("no upstream speaks {other}"),
    }
}

/// A request's tools by the caller's own names, made legal.
pub fn names(case: &Case) -> ToolNames {
    let tool = |name: &str| Tool {
        name: Cow::Owned(name.to_owned()),
        description: None,
        schema: None,
        strict: None,
        vendor: None,
        cache: None,
        at: At::Root,
        extra: Vec::new(),
    };
    let tools = case.words("tools").into_iter().map(tool).collect();
    ToolNames::legalise(&mut ChatRequest { tools, ..ChatRequest::default() })
}

/// The form that the caller set: `form: text | fenced | tool` with `schema: {…}` and `envelope: answer`.
fn structured(case: &Case) -> Option<Structured> {
    let form = match case.setting("form")? {
        "text" => Form::Text,
        "fenced" => Form::Fenced,
        "tool" => {
            let envelope = case.setting("envelope").map(|key| match key {
                "answer" => "answer",
                "properties" => "properties",
                other => panic!("no envelope is called {other}"),
            });
            Form::Tool { name: "answer_in_json".to_owned(), envelope }
        }
        other => panic!("no form is called {other}"),
    };
    let schema = case.setting("schema").unwrap_or(r#"{"type":"object"}"#);
    Some(Structured { form, schema: schema.into(), path: "response_format" })
}

/// Those of a caller who wants to read the model's thinking.
pub fn settings() -> Arc<Settings> {
    const BODY: &str = r#"{"model":"m","input":"x","store":false,"reasoning":{"summary":"auto"}}"#;
    Arc::new(decode_alone(BODY.as_bytes()).unwrap().settings)
}

/// How the answer of `from` becomes the caller's: a relay if the caller speaks the same dialect.
pub fn way(case: &Case, from: Dialect, to: Dialect) -> Way {
    if to == Dialect::Responses {
        return Way::Respond {
            from,
            names: names(case),
            structured: structured(case),
            settings: settings(),
        };
    }
    match from == Dialect::Anthropic && to == Dialect::Anthropic {
        true => Way::RelayAnthropic,
        false => {
            let include_usage = case.setting("include_usage") != Some("false");
            Way::Translate {
                from,
                to,
                names: names(case),
                structured: structured(case),
                include_usage,
            }
        }
    }
}

fn check(case: &Case, from: Dialect, to: Dialect, word: &str) -> Vec<String> {
    let body = case.read("answer.json");
    let mut ledger = Ledger::default();
    let answer = whole(&way(case, from, to), &body, &label(), &mut ledger);
    let (expected, fault) = match answer {
        Ok(Whole { body: Some(body), tally: _, mismatch }) => {
            if let Some(Mismatch { path, why }) = mismatch {
                ledger.approximated(path, why);
            }
            (pretty::json(&body), String::new())
        }
        Ok(Whole { body: None, tally, mismatch: _ }) => {
            (format!("relayed: {tally:?}\n"), String::new())
        }
        Err(fault) => {
            let detail = fault.detail.as_deref().unwrap_or_default();
            (String::new(), format!("{}: {}\nlog: {detail}\n", fault.class.as_str(), fault.message))
        }
    };
    [
        case.check(&format!("expected.{word}.json"), &expected),
        case.check(&format!("fault.{word}.txt"), &fault),
        case.check(&format!("losses.{word}.txt"), &pretty::losses(&ledger)),
    ]
    .into_iter()
    .flatten()
    .collect()
}
