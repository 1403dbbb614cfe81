//! Secrets that the operator wrote into the changes to headers and bodies, where any text may stand.
//!
//! What is one is told by its name alone: a header or a member that is called as credentials are. So a
//! value may be hidden that is none; it is a variable to be set, as every hidden secret.

use crate::config::Config;
use crate::edit::{BodyEdit, HeaderEdit};
use crate::policy::Policy;
use crate::secret::is_secret_name;

/// What stands where a variable is to be, until the text is written. Nothing of it needs quotes.
const MARK: &str = "OUTCROP_HIDDEN_SECRET_";

/// `config` with marks for what is secret in its changes, and how many there are.
pub(super) fn mark(config: &Config) -> (Config, usize) {
    let (mut config, mut hidden) = (config.clone(), 0);
    let mut policy = |policy: &mut Policy| {
        mark_edits((&mut policy.headers, &mut policy.body), &mut hidden);
    };
    policy(&mut config.defaults);
    config.routes.iter_mut().for_each(|route| policy(&mut route.policy));
    for target in config.routes.iter_mut().flat_map(|route| &mut route.targets) {
        mark_edits((&mut target.headers, &mut target.body), &mut hidden);
    }
    (config, hidden)
}

/// The text with variables where the marks are.
pub(super) fn variables(mut text: String, hidden: usize) -> String {
    for number in 1..=hidden {
        let mark = format!("{MARK}{number}_");
        text = text.replace(&mark, &format!("\"${{OUTCROP_SECRET_{number}}}\""));
    }
    text
}

fn mark_edits((headers, body): (&mut Vec<HeaderEdit>, &mut Vec<BodyEdit>), hidden: &mut usize) {
    let mut next = || {
        *hidden += 1;
        format!("{MARK}{hidden}_")
    };
    for edit in headers {
        match edit {
            HeaderEdit::Set { name, value } | HeaderEdit::Add { name, value } => {
                if is_secret_name(name) {
                    *value = next();
                }
            }
            HeaderEdit::Remove { .. } => {}
        }
    }
    for edit in body {
        match edit {
            BodyEdit::Set { path, value, mode: _ } => {
                let name = path.rsplit('.').next().unwrap_or(path);
                // A number is no secret: `max_tokens` is called as if it were one.
                if is_secret_name(name) && value.starts_with('"') {
                    *value = format!("\"{}\"", next());
                }
            }
            BodyEdit::Remove { .. } | BodyEdit::Prompt { .. } => {}
        }
    }
}
