//! Names for models, and routes.

use super::Context;
use super::policy::{body_edits, header_edits};
use crate::front::Item;
use crate::front::outcrop::short::{Brief, Short, Table};
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
            own.extend(self.target(target, &format!("targets[{index}]")));
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

    fn target(&mut self, written: written::Target, path: &str) -> Option<Target> {
        let written::Target { backend, model, default_model, weight, priority, headers, body } =
            written;
        let (model, model_is) = match (model, default_model) {
            (Some(_), Some(_)) => {
                let what = "`default_model` beside `model`, which is taken in any case";
                self.error(&format!("{path}.default_model"), what, Some("choose one of them"));
                return None;
            }
            (None, Some(model)) => (Some(model), ModelIs::Default),
            (model, None) => (model, ModelIs::Set),
        };
        Some(Target {
            backend,
            model,
            model_is,
            weight: weight.unwrap_or(1),
            priority,
            headers: header_edits(headers),
            body: body_edits(body),
        })
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
