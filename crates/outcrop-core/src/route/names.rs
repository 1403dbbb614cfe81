//! The operator's own names for models.

use std::borrow::Cow;
use std::collections::HashMap;

use outcrop_config::{Config, Pattern};

use crate::pattern::Matcher;
use crate::snapshot::Notes;

#[derive(Debug, Default)]
pub(crate) struct Names {
    entries: Vec<Entry>,
    /// The first entry of each exact name.
    exact: HashMap<String, usize>,
    /// Entries that are not exact.
    rest: Vec<usize>,
}

#[derive(Debug)]
struct Entry {
    pattern: Pattern,
    matcher: Matcher,
    model: String,
    listed: bool,
}

// === impl Names ===

impl Names {
    pub(crate) fn compile(config: &Config, notes: &mut Notes) -> Self {
        let mut names = Self::default();
        for name in &config.names {
            let matcher = match Matcher::compile(&name.pattern) {
                Ok(matcher) => matcher,
                Err(why) => {
                    notes.error(&name.origin, why);
                    continue;
                }
            };
            let at = names.entries.len();
            match &name.pattern {
                Pattern::Exact(text) => {
                    names.exact.entry(text.clone()).or_insert(at);
                }
                Pattern::Prefix(_)
                | Pattern::Suffix(_)
                | Pattern::Wildcard(_)
                | Pattern::Regex(_)
                | Pattern::Any => names.rest.push(at),
            }
            let (pattern, model) = (name.pattern.clone(), name.model.clone());
            names.entries.push(Entry { pattern, matcher, model, listed: name.listed });
        }
        names
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What `name` stands for: itself where no entry matches.
    pub(crate) fn resolve<'n>(&self, name: &'n str) -> Cow<'n, str> {
        let exact = self.exact.get(name).copied();
        let matching = self.rest.iter().copied().find(|at| self.entries[*at].matcher.matches(name));
        let Some(at) = exact.into_iter().chain(matching).min() else { return Cow::Borrowed(name) };
        let Entry { pattern, model, .. } = &self.entries[at];
        Cow::Owned(match run(pattern, name) {
            Some(run) => model.replacen('*', run, 1),
            None => model.clone(),
        })
    }

    /// The names that are to be listed, with what each stands for.
    pub(crate) fn listed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().filter_map(|entry| match &entry.pattern {
            Pattern::Exact(name) if entry.listed => Some((name.as_str(), entry.model.as_str())),
            _not_exact => None,
        })
    }
}

/// What the pattern's `*` took of `name`.
fn run<'n>(pattern: &Pattern, name: &'n str) -> Option<&'n str> {
    match pattern {
        Pattern::Prefix(start) => name.strip_prefix(start.as_str()),
        Pattern::Suffix(end) => name.strip_suffix(end.as_str()),
        Pattern::Wildcard(wildcard) => {
            let (start, end) = wildcard.split_once('*')?;
            let end = end.rsplit('*').next().unwrap_or_default();
            name.strip_prefix(start)?.strip_suffix(end)
        }
        Pattern::Any => Some(name),
        Pattern::Exact(_) | Pattern::Regex(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_config::{ModelName, Origin};

    #[test]
    fn the_first_name_that_matches_counts_and_a_star_goes_over() {
        let name = |pattern, model: &str| ModelName {
            pattern,
            model: model.to_owned(),
            listed: true,
            origin: Origin::default(),
        };
        let names = vec![
            name(Pattern::Prefix("acme/".to_owned()), "us.*"),
            name(Pattern::Exact("acme/x".to_owned()), "never"),
            name(Pattern::Exact("fast".to_owned()), "amazon.nova-lite-v1:0"),
            name(Pattern::Wildcard("a*z".to_owned()), "b.*"),
        ];
        let config = Config { names, ..Config::default() };
        let names = Names::compile(&config, &mut Notes::default());
        for (written, meant) in [
            ("acme/x", "us.x"),
            ("fast", "amazon.nova-lite-v1:0"),
            ("a-z", "b.-"),
            ("other", "other"),
        ] {
            assert_eq!(names.resolve(written), meant);
        }
    }
}
