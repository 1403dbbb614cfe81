//! Whether an answer fits its schema: the one place that knows the validating library.
//!
//! Nothing outside the schema is ever looked up. What is told names places and keywords, never values.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

/// What is wrong with `answer`; `None` when it fits.
pub(crate) fn mismatch(schema: &str, answer: &str) -> Option<String> {
    let Ok(answer) = serde_json::from_str::<Value>(answer) else {
        return Some("the answer is not JSON".to_owned());
    };
    let Some(validator) = validator(schema) else {
        return Some("the answer was not checked: the schema cannot be".to_owned());
    };
    let mut errors = validator.iter_errors(&answer);
    let first = errors.next()?;
    let place = match first.instance_path().as_str() {
        "" => "the answer".to_owned(),
        place => format!("the answer at {place}"),
    };
    Some(format!("{place} does not fit the schema ({})", first.kind().keyword()))
}

/// Patterns run on an engine without backtracking: schemas come from callers, and answers can be long.
fn validator(schema: &str) -> Option<Validator> {
    let schema: Value = serde_json::from_str(schema).ok()?;
    jsonschema::options().with_pattern_options(PatternOptions::regex()).build(&schema).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_keywords_are_named_but_no_values() {
        let schema = r##"{"type":"object","properties":{"pets":{"items":{"$ref":"#/$defs/pet"}}},"required":["pets"],"$defs":{"pet":{"type":"string","maxLength":3}}}"##;
        let said = |answer: &str| mismatch(schema, answer).unwrap_or_default();
        assert_eq!(said(r#"{"pets":["cat"]}"#), "");
        assert_eq!(
            said(r#"{"pets":["cat","secret"]}"#),
            "the answer at /pets/1 does not fit the schema (maxLength)"
        );
        assert_eq!(said("{}"), "the answer does not fit the schema (required)");
        assert_eq!(said("Sure! {}"), "the answer is not JSON");
    }

    #[test]
    fn a_schema_that_points_elsewhere_is_not_followed() {
        let said = mismatch(r#"{"$ref":"http://127.0.0.1:9/schema"}"#, "{}").unwrap();
        assert!(said.contains("not checked"), "{said}");
    }
}
