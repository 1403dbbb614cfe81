//! Secrets that the operator wrote where any text may stand: into changes to headers and bodies, and into
//! conditions on headers and parameters.
//!
//! What is one is told by its name alone. So a value may be hidden that is none; it is a variable to be set, as
//! every hidden secret.

use crate::config::Config;
use crate::edit_text::each_text;
use crate::limit::Limit;
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
    each_text(&mut config, &mut |edit| {
        if edit.is_secret {
            *edit.text = marks.next();
        }
    });
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
}
