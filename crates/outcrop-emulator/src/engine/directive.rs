//! Directives: what a prompt's own text can ask of the automatic engine.
//!
//! A directive begins the text or follows white space: `call:NAME {json}` (`call:#2` is the second
//! offered tool; without JSON the arguments are made from the schema), `say:TEXT`, `think:TEXT`,
//! `redact:TEXT`, `lorem:TOKENS`, `stop:REASON`. Text runs to the next directive. They are followed
//! in order, so `say:a call:x {} say:b call:y {}` is text and two parallel calls interleaved.

use serde_json::Value;

const WORDS: [&str; 6] = ["call:", "say:", "think:", "redact:", "lorem:", "stop:"];

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Directive {
    Call { tool: String, input: Option<Value> },
    Say(String),
    Think(String),
    Redact(String),
    Lorem(u32),
    Stop(String),
}

/// All directives of a text, in order.
pub(super) fn parse(text: &str) -> Vec<Directive> {
    let mut directives = Vec::new();
    let mut rest = text;
    let mut fresh = true;
    while let Some((at, word)) = next(rest, fresh) {
        let body = &rest[at + word.len()..];
        let (directive, used) = read(word, body);
        directives.extend(directive);
        // The white space before the next directive may already be used up.
        fresh = body[..used].ends_with(char::is_whitespace) || used == 0;
        rest = &body[used..];
    }
    directives
}

/// Reads one directive; also how much of `body` it took.
fn read(word: &str, body: &str) -> (Option<Directive>, usize) {
    match word {
        "call:" => read_call(body),
        "lorem:" => {
            let number = first_word(body);
            (number.parse().ok().map(Directive::Lorem), number.len())
        }
        "stop:" => {
            let reason = first_word(body);
            (Some(Directive::Stop(reason.to_owned())), reason.len())
        }
        other => {
            let end = next(body, false).map_or(body.len(), |(at, _)| at);
            let text = body[..end].trim().to_owned();
            let directive = match other {
                "think:" => Directive::Think(text),
                "redact:" => Directive::Redact(text),
                _ => Directive::Say(text),
            };
            (Some(directive), end)
        }
    }
}

fn read_call(body: &str) -> (Option<Directive>, usize) {
    let name = first_word(body);
    let after = &body[name.len()..];
    let json = after.trim_start();
    let skipped = body.len() - json.len();
    let mut values = serde_json::Deserializer::from_str(json).into_iter::<Value>();
    let input = json.starts_with('{').then(|| values.next().and_then(Result::ok)).flatten();
    let used = match &input {
        Some(_) => skipped + values.byte_offset(),
        None => name.len(),
    };
    let tool = name.to_owned();
    (Some(Directive::Call { tool, input }), used)
}

/// The next directive's place and word; `fresh` when the text's start counts as a beginning.
fn next(text: &str, fresh: bool) -> Option<(usize, &'static str)> {
    let places = text.match_indices(':').map(|(colon, _)| colon + 1);
    places
        .filter_map(|end| {
            let word = WORDS.into_iter().find(|word| text[..end].ends_with(word))?;
            let before = &text[..end - word.len()];
            let begins =
                if before.is_empty() { fresh } else { before.ends_with(char::is_whitespace) };
            begins.then_some((before.len(), word))
        })
        .next()
}

fn first_word(text: &str) -> &str {
    text.split(char::is_whitespace).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call(tool: &str, input: Option<Value>) -> Directive {
        Directive::Call { tool: tool.into(), input }
    }

    #[test]
    fn calls_and_text_interleave() {
        let text = "please say:first call:get {\"a\": {\"b\": 1}} say:then this call:#2 call:none {} stop:content_filtered";
        assert_eq!(
            parse(text),
            [
                Directive::Say("first".into()),
                call("get", Some(json!({"a": {"b": 1}}))),
                Directive::Say("then this".into()),
                call("#2", None),
                call("none", Some(json!({}))),
                Directive::Stop("content_filtered".into()),
            ]
        );
    }

    #[test]
    fn ordinary_text_holds_no_directive() {
        assert_eq!(parse("recall: I essay: nothing:"), []);
        assert_eq!(
            parse("think:hard lorem:20"),
            [Directive::Think("hard".into()), Directive::Lorem(20)]
        );
    }
}
