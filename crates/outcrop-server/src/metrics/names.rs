//! Values of labels, all of them out of bounded sets.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use outcrop_model::{Catalog, Outcome, Prices, Receipt, alias};

/// Names that are told apart: configurations come and go, series stay.
const MOST: usize = 1000;
/// What stands for all others.
const OTHER: &str = "other";

/// Names out of the configuration.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<HashSet<Arc<str>>>);

// === impl Names ===

impl Names {
    /// The label for a name; empty where there is none.
    pub(super) fn of(&self, name: Option<&str>) -> Arc<str> {
        let name = name.unwrap_or_default();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = if known.len() < MOST { name } else { OTHER }.into();
        known.insert(Arc::clone(&name));
        name
    }
}

/// The model that was asked, as the price list names it; empty where none was named.
pub(super) fn model_label(receipt: &Receipt) -> Arc<str> {
    let named = match (&receipt.behind, &receipt.target) {
        (Some(behind), _) => &behind.model,
        (None, Some(target)) => target,
        (None, None) if receipt.model.is_empty() => return Arc::default(),
        (None, None) => &receipt.model,
    };
    let id = alias::resolve(named).id;
    Prices::built_in().known(Catalog::built_in(), &id).unwrap_or(OTHER).into()
}

/// `gen_ai.operation.name`: the conventions' word where they have one.
pub(super) fn genai_operation(operation: &'static str) -> &'static str {
    match operation {
        "chat_completions" | "chat" | "responses" | "messages" | "converse" | "converse_stream" => {
            "chat"
        }
        "completions" => "text_completion",
        other => other,
    }
}

/// `error.type`; empty where nothing failed.
pub(super) fn error_type(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Completed(_) => "",
        Outcome::Failed(_) | Outcome::ClientLeft => outcome.as_str(),
    }
}

pub(super) fn status_class(status: u16) -> &'static str {
    match status {
        ..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_more_names_than_the_bound() {
        let names = Names::default();
        let labels: HashSet<Arc<str>> =
            (0..MOST * 2).map(|at| names.of(Some(&format!("route {at}")))).collect();
        assert_eq!(labels.len(), MOST + 1);
        assert_eq!(&*names.of(Some("route 1")), "route 1");
        assert_eq!(&*names.of(Some("one more")), OTHER);
    }
}
