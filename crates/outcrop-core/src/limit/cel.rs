//! Expressions in CEL over the tokens of a request, with the variables of Envoy AI Gateway's
//! `llmRequestCosts`.
//!
//! The result is a whole number, and not below zero.

use cel::{Context, Program, Value};
use outcrop_model::Usage;

use super::Facts;

/// `model`, `backend` and `route_name` are texts, the others whole numbers without sign. Source:
/// Envoy AI Gateway's `llmcostcel` (checked 2026-11-21).
const VARIABLES: [&str; 9] = [
    "model",
    "backend",
    "route_name",
    "input_tokens",
    "cached_input_tokens",
    "cache_creation_input_tokens",
    "output_tokens",
    "total_tokens",
    "reasoning_tokens",
];

/// A compiled expression.
#[derive(Debug)]
pub(super) struct Expression(Program);

/// What an expression is told beside the tokens.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    model: String,
    route: String,
    backend: String,
}

// === impl Names ===

impl Names {
    pub(super) fn of(facts: &Facts<'_>) -> Self {
        Self {
            model: facts.model().to_owned(),
            route: facts.route.to_owned(),
            backend: facts.backend.to_owned(),
        }
    }
}

// === impl Expression ===

impl Expression {
    /// # Errors
    /// Says what is wrong: it is no CEL, names a variable that there is none of, or gives no number.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        let program = Program::compile(text).map_err(|error| error.to_string())?;
        let unknown: Vec<String> = program
            .references()
            .variables()
            .into_iter()
            .filter(|name| !VARIABLES.contains(name))
            .map(|name| format!("`{name}`"))
            .collect();
        if !unknown.is_empty() {
            return Err(format!(
                "{} is no variable; there are {}",
                unknown.join(", "),
                VARIABLES.join(", ")
            ));
        }
        let expression = Self(program);
        // Any request shows whether it gives a number at all.
        let some =
            Usage { input: 3, cache_read: 2, output: 5, reasoning: Some(1), ..Usage::default() };
        let names = Names { model: "m".to_owned(), route: "r".to_owned(), backend: "b".to_owned() };
        expression.value(&some, &names).map(|_| expression)
    }

    /// # Errors
    /// Says why there is no number.
    pub(super) fn value(&self, usage: &Usage, names: &Names) -> Result<u128, String> {
        let mut context = Context::default();
        for (name, text) in
            [("model", &names.model), ("backend", &names.backend), ("route_name", &names.route)]
        {
            context.add_variable_from_value(name, text.clone());
        }
        for (name, tokens) in [
            ("input_tokens", usage.prompt()),
            ("cached_input_tokens", usage.cache_read),
            ("cache_creation_input_tokens", usage.cache_write()),
            ("output_tokens", usage.output),
            ("total_tokens", usage.total()),
            ("reasoning_tokens", usage.reasoning.unwrap_or(0)),
        ] {
            context.add_variable_from_value(name, tokens);
        }
        match self.0.execute(&context).map_err(|error| error.to_string())? {
            Value::Int(number) => {
                u128::try_from(number).map_err(|_| format!("it gives {number}, below zero"))
            }
            Value::UInt(number) => Ok(number.into()),
            other => Err(format!("it gives no whole number but {}", other.type_of())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<u128, String> {
        let usage = Usage {
            input: 100,
            cache_read: 20,
            cache_write_5m: 3,
            output: 50,
            reasoning: Some(7),
            ..Usage::default()
        };
        let names = Names { model: "nova".into(), route: "all".into(), backend: "east".into() };
        Expression::compile(text)?.value(&usage, &names)
    }

    #[test]
    fn expressions_of_the_field_have_values() {
        for (text, expected) in [
            ("input_tokens + output_tokens * 3u", 273),
            ("total_tokens - cached_input_tokens", 153),
            ("model == 'nova' ? reasoning_tokens : 0u", 7),
            ("route_name == 'all' && backend == 'east' ? 1 : 2", 1),
            ("cache_creation_input_tokens", 3),
        ] {
            assert_eq!(value(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_before_anything_is_counted() {
        for (text, word) in [
            ("input_tokens +", "rror"),
            ("tokens * 2u", "`tokens` is no variable"),
            ("model", "no whole number"),
            ("-5", "below zero"),
            ("input_tokens + 1", "operator"),
        ] {
            let error = value(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
