//! The texts that the operator wrote into changes to headers and bodies, and which of them are secret.
//!
//! What is one is told by its name alone: a header or a member that is called as credentials are, and in a body
//! whatever is below such a member. A number is none: `max_tokens` is called as if it were one.

use serde_json::Value;

use crate::config::Config;
use crate::edit::{BodyEdit, HeaderEdit};
use crate::secret::is_secret_name;

/// A text in a change.
#[derive(Debug)]
pub struct EditText<'t> {
    /// Of the header, or of the member that is nearest.
    pub name: &'t str,
    pub is_secret: bool,
    /// May be changed.
    pub text: &'t mut String,
}

/// Shows `visit` each text in the changes of `config`: those of policies first, then those of targets.
pub fn each_text(config: &mut Config, visit: &mut dyn FnMut(EditText<'_>)) {
    let policies = config.routes.iter_mut().map(|route| &mut route.policy);
    for policy in [&mut config.defaults].into_iter().chain(policies) {
        of_headers(&mut policy.headers, visit);
        of_body(&mut policy.body, visit);
    }
    for target in config.routes.iter_mut().flat_map(|route| &mut route.targets) {
        of_headers(&mut target.headers, visit);
        of_body(&mut target.body, visit);
    }
}

fn of_headers(edits: &mut [HeaderEdit], visit: &mut dyn FnMut(EditText<'_>)) {
    for edit in edits {
        match edit {
            HeaderEdit::Set { name, value } | HeaderEdit::Add { name, value } => {
                visit(EditText { name, is_secret: is_secret_name(name), text: value });
            }
            HeaderEdit::Remove { .. } => {}
        }
    }
}

fn of_body(edits: &mut [BodyEdit], visit: &mut dyn FnMut(EditText<'_>)) {
    for edit in edits {
        match edit {
            BodyEdit::Set { path, value, mode: _ } => {
                // What is not JSON was refused when it was compiled.
                let Ok(mut json) = serde_json::from_str::<Value>(value) else { continue };
                let before = json.clone();
                let name = path.rsplit('.').next().unwrap_or(path);
                of_json(&mut json, (name, is_secret_name(path)), visit);
                if json != before {
                    *value = json.to_string();
                }
            }
            BodyEdit::Prompt { prepend, append } => {
                for message in prepend.iter_mut().chain(append) {
                    let text = &mut message.content;
                    visit(EditText { name: "content", is_secret: false, text });
                }
            }
            BodyEdit::Remove { .. } => {}
        }
    }
}

fn of_json(
    value: &mut Value,
    (name, is_secret): (&str, bool),
    visit: &mut dyn FnMut(EditText<'_>),
) {
    match value {
        Value::String(text) => visit(EditText { name, is_secret, text }),
        Value::Array(items) => {
            items.iter_mut().for_each(|item| of_json(item, (name, is_secret), visit));
        }
        Value::Object(members) => {
            for (name, member) in members {
                of_json(member, (name, is_secret || is_secret_name(name)), visit);
            }
        }
        Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}
