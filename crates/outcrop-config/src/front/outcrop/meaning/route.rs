//! Names for models, and routes.

use std::collections::HashSet;

use super::Context;
use super::policy::{body_edits, body_steps, header_edits, header_steps};
use crate::front::Item;
use crate::front::outcrop::short::{Brief, Many, Short, Table};
use crate::front::outcrop::written::{self, NameIs};
use crate::name::ModelName;
use crate::route::{
    HeaderMatch, Match, ModelIs, PathMatch, Pattern, Route, Surface, SurfaceWord, Target,
};

impl Context<'_, '_> {
    pub(in crate::front::outcrop) fn model(
        &mut self,
        name: &str,
        Short(written): Short<written::Model>,
    ) -> Option<Item> {
        let written::Model { model, listed, name_is } = written;
        let pattern = match name_is {
            NameIs::Exact => Pattern::Exact(name.to_owned()),
            NameIs::Regex => Pattern::Regex(name.to_owned()),
            NameIs::Pattern => match written::Pattern::from_text(name) {
                Ok(pattern) => pattern.into(),
                Err(why) => {
                    self.error("", why, None);
                    return None;
                }
            },
        };
        let listed = listed.unwrap_or(matches!(pattern, Pattern::Exact(_)));
        Some(Item::Name(ModelName { pattern, model, listed, origin: self.origin() }))
    }

    /// `only`: where routes go that name no target.
    pub(in crate::front::outcrop) fn route(
        &mut self,
        written: written::Route,
        only: Option<&str>,
    ) -> Option<Item> {
        let written::Route { name, matches, listeners, surface, targets, policy, owned_by } =
            written;
        let matches = matches.0.into_iter().enumerate();
        let matches =
            matches.map(|(i, one)| self.conditions(one, &format!("match[{i}]"))).collect();
        let mut own: Vec<Target> = Vec::new();
        for (index, Short(target)) in targets.0.into_iter().enumerate() {
            own.push(self.target(target, &format!("targets[{index}]")));
        }
        match only {
            Some(only) if own.is_empty() && self.node.peek("targets").is_none() => {
                own.push(Target::new(only));
            }
            Some(_) | None => {}
        }
        Some(Item::Route(Box::new(Route {
            name,
            listeners: listeners.0,
            matches,
            surface: surface.0.into(),
            targets: own,
            policy: policy.into(),
            owned_by,
            origin: self.origin(),
        })))
    }

    fn conditions(&mut self, written: written::Match, path: &str) -> Match {
        let written::Match {
            path: whole,
            path_prefix,
            path_regex,
            host,
            method,
            headers,
            query,
            model,
        } = written;
        let choices = [
            ("path", whole.map(PathMatch::Exact)),
            ("path_prefix", path_prefix.map(PathMatch::Prefix)),
            ("path_regex", path_regex.map(PathMatch::Regex)),
        ];
        let several = choices.iter().filter(|(_, choice)| choice.is_some()).count() > 1;
        if several {
            let what = "a path can fit only one of `path`, `path_prefix` and `path_regex`";
            self.error(path, what, Some("choose one of them, or write two matches"));
        }
        Match {
            hosts: host.0.into_iter().map(|host| host.to_lowercase()).collect(),
            path: choices.into_iter().find_map(|(_, choice)| choice),
            method: method.map(|method| method.to_uppercase()),
            headers: header_matches(headers),
            query: query_matches(query),
            model: model.map(|Short(pattern)| pattern.into()),
        }
    }

    fn target(&mut self, written: written::Target, path: &str) -> Target {
        let written::Target { backend, model, default_model, weight, priority, headers, body } =
            written;
        let (model, model_is) = match (model, default_model) {
            (Some(model), Some(_)) => {
                let what = "`default_model` beside `model`, which is taken in any case";
                self.error(&format!("{path}.default_model"), what, Some("choose one of them"));
                (Some(model), ModelIs::Set)
            }
            (None, Some(model)) => (Some(model), ModelIs::Default),
            (model, None) => (model, ModelIs::Set),
        };
        Target {
            backend,
            model,
            model_is,
            weight: weight.unwrap_or(1),
            priority,
            headers: header_edits(headers),
            body: body_edits(body),
        }
    }
}

/// Names of headers are the same in any case.
pub(super) fn header_matches(table: Table<Short<written::Pattern>>) -> Vec<HeaderMatch> {
    let lower = |one: HeaderMatch| HeaderMatch { name: one.name.to_lowercase(), ..one };
    query_matches(table).into_iter().map(lower).collect()
}

fn query_matches(table: Table<Short<written::Pattern>>) -> Vec<HeaderMatch> {
    let one = |(name, Short(pattern)): (String, Short<written::Pattern>)| HeaderMatch {
        name,
        value: pattern.into(),
    };
    table.0.into_iter().map(one).collect()
}

impl From<written::Pattern> for Pattern {
    fn from(written: written::Pattern) -> Self {
        match written {
            written::Pattern::Exact(text) => Self::Exact(text),
            written::Pattern::Prefix(text) => Self::Prefix(text),
            written::Pattern::Suffix(text) => Self::Suffix(text),
            written::Pattern::Wildcard(text) => Self::Wildcard(text),
            written::Pattern::Regex(text) => Self::Regex(text),
            written::Pattern::Any => Self::Any,
        }
    }
}

impl From<written::Surface> for Surface {
    fn from(written: written::Surface) -> Self {
        match written {
            written::Surface::ByPath => Self::ByPath,
            written::Surface::Under(prefix) => Self::Under(prefix),
            written::Surface::Fixed(word) => Self::Fixed(word.into()),
            written::Surface::BySuffix(written::BySuffix { suffixes, otherwise }) => {
                Self::BySuffix {
                    suffixes: suffixes
                        .0
                        .into_iter()
                        .map(|(end, word)| (end, word.into()))
                        .collect(),
                    otherwise: otherwise.into(),
                }
            }
        }
    }
}

/// Both have the same words.
macro_rules! same_words {
    ($($word:ident)+) => {
        impl From<written::SurfaceWord> for SurfaceWord {
            fn from(word: written::SurfaceWord) -> Self {
                match word { $(written::SurfaceWord::$word => Self::$word,)+ }
            }
        }

        impl From<SurfaceWord> for written::SurfaceWord {
            fn from(word: SurfaceWord) -> Self {
                match word { $(SurfaceWord::$word => Self::$word,)+ }
            }
        }
    };
}

same_words! {
    ChatCompletions Completions Responses Messages CountMessages Embeddings Images Rerank Models KongChat
    Bedrock
}

/// All names as they are written, each under a text of its own: where several patterns have the same, all but one
/// are regular expressions that match the same.
pub(in crate::front::outcrop) fn written_names(
    names: &[ModelName],
) -> Vec<(String, written::Model)> {
    let (mut rows, mut taken) = (vec![None; names.len()], HashSet::new());
    // What has a `*` can be no regular expression: the model may take what that matched.
    let can_be = |name: &ModelName| matches!(name.pattern, Pattern::Exact(_) | Pattern::Regex(_));
    for last in [false, true] {
        for (row, name) in rows.iter_mut().zip(names).filter(|(_, name)| can_be(name) == last) {
            let mut own = name.clone();
            let mut written = written_name(&own);
            while last && taken.contains(&written.0) {
                own.pattern = match own.pattern {
                    Pattern::Exact(text) => Pattern::Regex(regex::escape(&text)),
                    Pattern::Regex(regex) => Pattern::Regex(format!("(?:{regex})")),
                    other => other,
                };
                written = written_name(&own);
            }
            taken.insert(written.0.clone());
            *row = Some(written);
        }
    }
    rows.into_iter().flatten().collect()
}

/// A name as it is written, and what it stands for.
fn written_name(name: &ModelName) -> (String, written::Model) {
    let ModelName { pattern, model, listed, origin: _ } = name;
    let by_default = matches!(pattern, Pattern::Exact(_));
    let (key, name_is) = match (written::Pattern::from(pattern).as_text(), pattern) {
        (Some(text), _) => (text, NameIs::Pattern),
        (None, Pattern::Exact(text)) => (text.clone(), NameIs::Exact),
        (None, Pattern::Regex(regex)) => (regex.clone(), NameIs::Regex),
        // With a `*` that is a character as any.
        (None, Pattern::Prefix(text)) => (format!("{}.*", regex::escape(text)), NameIs::Regex),
        (None, Pattern::Suffix(text)) => (format!(".*{}", regex::escape(text)), NameIs::Regex),
        // Without a `*`.
        (None, Pattern::Wildcard(text)) => (text.clone(), NameIs::Exact),
        (None, Pattern::Any) => ("*".to_owned(), NameIs::Pattern),
    };
    let listed = (*listed != by_default).then_some(*listed);
    (key, written::Model { model: model.clone(), listed, name_is })
}

impl From<&Route> for written::Route {
    fn from(route: &Route) -> Self {
        let Route { name, listeners, matches, surface, targets, policy, owned_by, origin: _ } =
            route;
        Self {
            name: name.clone(),
            matches: Many(matches.iter().map(Into::into).collect()),
            listeners: Many(listeners.clone()),
            surface: Short(surface.into()),
            targets: Many(targets.iter().map(|target| Short(target.into())).collect()),
            policy: policy.into(),
            owned_by: owned_by.clone(),
        }
    }
}

impl From<&Match> for written::Match {
    fn from(one: &Match) -> Self {
        let Match { hosts, path, method, headers, query, model } = one;
        let mut written = Self {
            host: Many(hosts.clone()),
            method: method.clone(),
            headers: patterns(headers),
            query: patterns(query),
            model: model.as_ref().map(|pattern| Short(pattern.into())),
            ..Self::default()
        };
        match path {
            Some(PathMatch::Exact(path)) => written.path = Some(path.clone()),
            Some(PathMatch::Prefix(path)) => written.path_prefix = Some(path.clone()),
            Some(PathMatch::Regex(path)) => written.path_regex = Some(path.clone()),
            None => {}
        }
        written
    }
}

pub(super) fn patterns(matches: &[HeaderMatch]) -> Table<Short<written::Pattern>> {
    let one = |HeaderMatch { name, value }: &HeaderMatch| (name.clone(), Short(value.into()));
    Table(matches.iter().map(one).collect())
}

impl From<&Target> for written::Target {
    fn from(target: &Target) -> Self {
        let Target { backend, model, model_is, weight, priority, headers, body } = target;
        let (model, default_model) = match model_is {
            ModelIs::Set => (model.clone(), None),
            ModelIs::Default => (None, model.clone()),
        };
        Self {
            backend: backend.clone(),
            model,
            default_model,
            weight: (*weight != 1).then_some(*weight),
            priority: *priority,
            headers: header_steps(headers),
            body: body_steps(body),
        }
    }
}

impl From<&Pattern> for written::Pattern {
    fn from(pattern: &Pattern) -> Self {
        match pattern.clone() {
            Pattern::Exact(text) => Self::Exact(text),
            Pattern::Prefix(text) => Self::Prefix(text),
            Pattern::Suffix(text) => Self::Suffix(text),
            Pattern::Wildcard(text) => Self::Wildcard(text),
            Pattern::Regex(text) => Self::Regex(text),
            Pattern::Any => Self::Any,
        }
    }
}

impl From<&Surface> for written::Surface {
    fn from(surface: &Surface) -> Self {
        match surface {
            Surface::ByPath => Self::ByPath,
            Surface::Under(prefix) => Self::Under(prefix.clone()),
            Surface::Fixed(word) => Self::Fixed((*word).into()),
            Surface::BySuffix { suffixes, otherwise } => Self::BySuffix(written::BySuffix {
                suffixes: Table(
                    suffixes.iter().map(|(end, word)| (end.clone(), (*word).into())).collect(),
                ),
                otherwise: (*otherwise).into(),
            }),
        }
    }
}
