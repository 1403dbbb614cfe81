//! Secrets that the operator wrote where any text may stand: into changes to headers and bodies, and into
//! conditions on headers and parameters.
//!
//! What is one is told by its name alone: a header or a member that is called as credentials are, and in a body
//! whatever is below such a member. So a value may be hidden that is none; it is a variable to be set, as every
//! hidden secret.

use serde_json::Value;

use crate::config::Config;
use crate::edit::{BodyEdit, HeaderEdit};
use crate::limit::Limit;
use crate::policy::Policy;
use crate::route::{HeaderMatch, Pattern, Route};
use crate::secret::is_secret_name;

/// What stands where a variable is to be, until the text is written. Nothing of it needs quotes.
const MARK: &str = "OUTCROP_HIDDEN_SECRET_";

/// After a mark that is the text of a pattern: no text with it stands for a whole pattern, so the form is written
/// too, and a `*` in the variable means what it meant.
const STAR: char = '*';

/// `config` with marks for what is secret in it, and how many there are.
pub(super) fn mark(config: &Config) -> (Config, usize) {
    let (mut config, mut marks) = (config.clone(), Marks(0));
    marks.policy(&mut config.defaults);
    config.routes.iter_mut().for_each(|route| marks.policy(&mut route.policy));
    for target in config.routes.iter_mut().flat_map(|route| &mut route.targets) {
        marks.edits(&mut target.headers, &mut target.body);
    }
    config.routes.iter_mut().for_each(|route| marks.route(route));
    config.limits.iter_mut().for_each(|limit| marks.limit(limit));
    (config, marks.0)
}

/// The text with variables where the marks are.
pub(super) fn variables(mut text: String, hidden: usize) -> String {
    for number in 1..=hidden {
        let (mark, variable) =
            (format!("{MARK}{number}_"), format!("\"${{OUTCROP_SECRET_{number}}}\""));
        text = text.replace(&format!("{mark}{STAR}"), &variable).replace(&mark, &variable);
    }
    text
}

/// How many there are so far.
struct Marks(usize);

impl Marks {
    fn next(&mut self) -> String {
        self.0 += 1;
        format!("{MARK}{}_", self.0)
    }

    fn policy(&mut self, policy: &mut Policy) {
        self.edits(&mut policy.headers, &mut policy.body);
    }

    fn route(&mut self, route: &mut Route) {
        for one in &mut route.matches {
            self.conditions(&mut one.headers);
            self.conditions(&mut one.query);
        }
    }

    fn limit(&mut self, limit: &mut Limit) {
        self.conditions(&mut limit.selector.headers);
        self.conditions(&mut limit.selector.unless.headers);
    }

    fn conditions(&mut self, conditions: &mut [HeaderMatch]) {
        for HeaderMatch { name, value } in conditions {
            match value {
                Pattern::Exact(text)
                | Pattern::Prefix(text)
                | Pattern::Suffix(text)
                | Pattern::Wildcard(text)
                | Pattern::Regex(text) => {
                    if is_secret_name(name) {
                        *text = self.next();
                        text.push(STAR);
                    }
                }
                Pattern::Any => {}
            }
        }
    }

    fn edits(&mut self, headers: &mut [HeaderEdit], body: &mut [BodyEdit]) {
        for edit in headers {
            match edit {
                HeaderEdit::Set { name, value } | HeaderEdit::Add { name, value } => {
                    if is_secret_name(name) {
                        *value = self.next();
                    }
                }
                HeaderEdit::Remove { .. } => {}
            }
        }
        for edit in body {
            match edit {
                BodyEdit::Set { path, value, mode: _ } => {
                    // What is not JSON was refused when it was compiled.
                    let Ok(mut json) = serde_json::from_str(value) else { continue };
                    let before = self.0;
                    self.json(&mut json, is_secret_name(path));
                    if self.0 > before {
                        *value = json.to_string();
                    }
                }
                BodyEdit::Remove { .. } | BodyEdit::Prompt { .. } => {}
            }
        }
    }

    fn json(&mut self, value: &mut Value, is_secret: bool) {
        match value {
            Value::String(text) => {
                if is_secret {
                    *text = self.next();
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(item, is_secret)),
            Value::Object(members) => {
                for (name, member) in members {
                    self.json(member, is_secret || is_secret_name(name));
                }
            }
            // A number is no secret: `max_tokens` is called as if it were one.
            Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
    }
}
