//! Routes that no request reaches, since an earlier one takes all of theirs.

use std::collections::HashMap;

use super::Findings;
use crate::route::{HeaderMatch, Match, PathMatch, Pattern, Route};

/// Warns of each. What is found is certain; a route that several earlier ones cover together, in a way
/// that none of them does for one of its matches, is not found.
pub(super) fn unreachable(routes: &[Route], findings: &mut Findings) {
    let anything = [Match::default()];
    let mut earlier = Earlier::default();
    for route in routes {
        let matches = if route.matches.is_empty() { &anything[..] } else { &route.matches };
        let cover: Option<Vec<&Route>> =
            matches.iter().map(|one| earlier.covering(one, route)).collect();
        if let Some(first) = cover.as_ref().and_then(|cover| cover.first()) {
            let what = format!("no request reaches the route `{}`", route.name);
            let hint = format!("the route `{}` before it takes them: move it up", first.name);
            findings.warning(&route.origin, "", what, Some(hint));
        }
        for one in matches {
            earlier.add(one.clone(), route);
        }
    }
}

/// The matches of the routes before, by the model that they want: only these can cover one that wants it.
#[derive(Default)]
struct Earlier<'a> {
    by_model: HashMap<String, Vec<(Match, &'a Route)>>,
    others: Vec<(Match, &'a Route)>,
}

impl<'a> Earlier<'a> {
    fn add(&mut self, one: Match, route: &'a Route) {
        match &one.model {
            Some(Pattern::Exact(model)) => self.by_model.entry(model.clone()).or_default(),
            Some(_) | None => &mut self.others,
        }
        .push((one, route));
    }

    fn covering(&self, one: &Match, of: &Route) -> Option<&'a Route> {
        let same_model = match &one.model {
            Some(Pattern::Exact(model)) => self.by_model.get(model).map(Vec::as_slice),
            Some(_) | None => None,
        };
        let listens = |route: &Route| {
            route.listeners.is_empty()
                || !of.listeners.is_empty()
                    && of.listeners.iter().all(|name| route.listeners.contains(name))
        };
        same_model
            .unwrap_or_default()
            .iter()
            .chain(&self.others)
            .find(|(wide, route)| listens(route) && covers(wide, one))
            .map(|(_, route)| *route)
    }
}

/// Whether every request that fits `narrow` fits `wide`.
fn covers(wide: &Match, narrow: &Match) -> bool {
    let Match { hosts, path, method, headers, query, model } = wide;
    let host = |host: &String| {
        hosts.iter().any(|wide| {
            wide == host
                || wide.strip_prefix('*').is_some_and(|domain| {
                    domain.starts_with('.') && host.len() > domain.len() && host.ends_with(domain)
                })
        })
    };
    let hosts_fit = hosts.is_empty() || !narrow.hosts.is_empty() && narrow.hosts.iter().all(host);
    hosts_fit
        && path
            .as_ref()
            .is_none_or(|wide| narrow.path.as_ref().is_some_and(|narrow| path_covers(wide, narrow)))
        && method.as_ref().is_none_or(|wide| narrow.method.as_ref() == Some(wide))
        && all_among(headers, &narrow.headers)
        && all_among(query, &narrow.query)
        && model.as_ref().is_none_or(|wide| {
            narrow.model.as_ref().is_some_and(|narrow| pattern_covers(wide, narrow))
        })
}

fn all_among(wide: &[HeaderMatch], narrow: &[HeaderMatch]) -> bool {
    wide.iter().all(|wide| {
        narrow
            .iter()
            .any(|narrow| wide.name == narrow.name && pattern_covers(&wide.value, &narrow.value))
    })
}

fn path_covers(wide: &PathMatch, narrow: &PathMatch) -> bool {
    match (wide, narrow) {
        (PathMatch::Prefix(wide), PathMatch::Exact(path) | PathMatch::Prefix(path)) => {
            let wide = wide.trim_end_matches('/');
            path.strip_prefix(wide).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        (PathMatch::Exact(_) | PathMatch::Regex(_) | PathMatch::Prefix(_), narrow) => {
            wide == narrow
        }
    }
}

fn pattern_covers(wide: &Pattern, narrow: &Pattern) -> bool {
    match (wide, narrow) {
        (Pattern::Any, _) => true,
        (Pattern::Prefix(wide), Pattern::Exact(text) | Pattern::Prefix(text)) => {
            text.starts_with(wide.as_str())
        }
        (Pattern::Suffix(wide), Pattern::Exact(text) | Pattern::Suffix(text)) => {
            text.ends_with(wide.as_str())
        }
        (
            Pattern::Exact(_)
            | Pattern::Prefix(_)
            | Pattern::Suffix(_)
            | Pattern::Wildcard(_)
            | Pattern::Regex(_),
            narrow,
        ) => wide == narrow,
    }
}
