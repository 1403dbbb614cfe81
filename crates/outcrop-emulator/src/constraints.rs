//! Every request against the constraints of AWS's own service model.
//!
//! 1. The facts are `data/constraints.json`, generated from the service model; none is written here.
//! 2. A value of the wrong JSON type, or text that is not base64 where bytes are due, is a
//!    [`ViolationKind::Serialization`]; everything else is a [`ViolationKind::Constraint`].
//! 3. Unknown members are ignored, as AWS ignores them. In a tagged union an unknown key does not
//!    count as a choice, so alone it leaves the union empty.
//! 4. A pattern must match the whole value. Every pattern of the table compiles, which a test asserts.
//!
//! Raw payloads (the body of InvokeModel) have no members and are not looked at; their size is the
//! server's to judge.

mod table;
mod text;
mod walk;

#[cfg(test)]
mod tests;

use serde_json::Value;

pub use table::{Binding, Location, Operation};

/// One broken constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where, as AWS writes it: `messages.1.member.content.2.member.toolUse.name`. Lists count from 1.
    pub path: String,
    /// The sentence about this violation alone.
    pub message: String,
    pub kind: ViolationKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViolationKind {
    /// The request could not be read into the operation's types: `SerializationException`.
    Serialization,
    /// The request was read and breaks a rule: `ValidationException`.
    Constraint,
}

/// Checks a request of `operation`. `uri` holds the members that travel outside the body (path,
/// headers, query) under their member names; `body` is the JSON body, `null` when there is none.
///
/// An operation without a table entry gives one violation, so that nothing passes unchecked.
pub fn check(operation: &str, uri: &[(&str, &str)], body: &Value) -> Vec<Violation> {
    match table::get().operations.get(operation) {
        Some(operation) => walk::request(operation, uri, body),
        None => vec![Violation {
            path: String::new(),
            message: format!("No constraints are known for the operation {operation}"),
            kind: ViolationKind::Serialization,
        }],
    }
}

/// Method, path template and members outside the body of an operation.
pub fn operation(name: &str) -> Option<&'static Operation> {
    table::get().operations.get(name)
}

/// The whole message of the exception that these violations make.
///
/// A request that cannot be read is refused for the first thing that stopped the reader; otherwise
/// all violations are told: `2 validation errors detected: Value '99' at 'messages.1.member.role'
/// failed to satisfy constraint: …; Value …`.
pub fn coral_message(violations: &[Violation]) -> String {
    let unreadable = |violation: &&Violation| violation.kind == ViolationKind::Serialization;
    if let Some(violation) = violations.iter().find(unreadable) {
        return violation.message.clone();
    }
    let noun = if violations.len() == 1 { "error" } else { "errors" };
    let messages: Vec<&str> =
        violations.iter().map(|violation| violation.message.as_str()).collect();
    format!("{} validation {noun} detected: {}", violations.len(), messages.join("; "))
}
