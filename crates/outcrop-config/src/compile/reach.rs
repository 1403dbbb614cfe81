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

/// What a match may be found by: only one that has the same, or something within it, can be covered by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Handle {
    Model(String),
    /// A name and its one value.
    Header(String, String),
    Query(String, String),
    ExactPath(String),
    PathRegex(String),
    /// Without the slash at its end.
    PathPrefix(String),
    Host(String),
}

/// The matches of the routes before, each below one of its handles, or several hosts; below nothing when
/// it has none. So that a match is compared with few others however many routes there are, it is put where
/// the fewest are.
#[derive(Default)]
struct Earlier<'a> {
    all: Vec<(Match, &'a Route)>,
    by_handle: HashMap<Handle, Vec<usize>>,
    others: Vec<usize>,
}

impl<'a> Earlier<'a> {
    fn add(&mut self, one: Match, route: &'a Route) {
        let at = self.all.len();
        let mut choices = handles(&one);
        if !one.hosts.is_empty() {
            choices.push(one.hosts.iter().cloned().map(Handle::Host).collect());
        }
        let filled = |choice: &Vec<Handle>| -> usize {
            choice.iter().map(|handle| self.by_handle.get(handle).map_or(0, Vec::len)).sum()
        };
        match choices.into_iter().min_by_key(filled) {
            Some(choice) => {
                for handle in choice {
                    self.by_handle.entry(handle).or_default().push(at);
                }
            }
            None => self.others.push(at),
        }
        self.all.push((one, route));
    }

    /// Where there may be one that covers `one`.
    fn candidates(&self, one: &Match) -> impl Iterator<Item = usize> {
        let found = within(one).into_iter().filter_map(|handle| self.by_handle.get(&handle));
        found.flatten().chain(&self.others).copied()
    }

    /// The first that covers it.
    fn covering(&self, one: &Match, of: &Route) -> Option<&'a Route> {
        let listens = |route: &Route| {
            route.listeners.is_empty()
                || !of.listeners.is_empty()
                    && of.listeners.iter().all(|name| route.listeners.contains(name))
        };
        let fits = |at: &usize| {
            self.all.get(*at).is_some_and(|(wide, route)| listens(route) && covers(wide, one))
        };
        let first = self.candidates(one).filter(fits).min()?;
        self.all.get(first).map(|(_, route)| *route)
    }
}

/// The handles that a match has, but for its hosts: any one of them will do.
fn handles(one: &Match) -> Vec<Vec<Handle>> {
    let Match { hosts: _, path, method: _, headers, query, model } = one;
    let path = path.as_ref().map(|path| match path {
        PathMatch::Exact(path) => Handle::ExactPath(path.clone()),
        PathMatch::Regex(regex) => Handle::PathRegex(regex.clone()),
        PathMatch::Prefix(path) => Handle::PathPrefix(path.trim_end_matches('/').to_owned()),
    });
    let model = model.as_ref().and_then(exact).map(|model| Handle::Model(model.to_owned()));
    let pairs = |pairs: &[HeaderMatch], handle: fn(String, String) -> Handle| {
        let exact =
            |one: &HeaderMatch| Some(handle(one.name.clone(), exact(&one.value)?.to_owned()));
        pairs.iter().filter_map(exact).collect::<Vec<_>>()
    };
    let all = path.into_iter().chain(model);
    let all = all.chain(pairs(headers, Handle::Header)).chain(pairs(query, Handle::Query));
    all.map(|handle| vec![handle]).collect()
}

/// The handles of all that may cover a match: its own, and those that hold them.
fn within(one: &Match) -> Vec<Handle> {
    let mut all: Vec<Handle> = handles(one).into_iter().flatten().collect();
    if let Some(PathMatch::Exact(path) | PathMatch::Prefix(path)) = &one.path {
        let cuts = path.match_indices('/').map(|(at, _)| &path[..at]).chain([path.as_str()]);
        all.extend(cuts.map(|path| Handle::PathPrefix(path.to_owned())));
    }
    // What covers all of its hosts covers the first.
    if let Some(host) = one.hosts.first() {
        all.push(Handle::Host(host.clone()));
        let domains = host.match_indices('.').map(|(at, _)| format!("*{}", &host[at..]));
        all.extend(domains.map(Handle::Host));
    }
    all.sort_unstable();
    all.dedup();
    all
}

fn exact(pattern: &Pattern) -> Option<&str> {
    match pattern {
        Pattern::Exact(text) => Some(text),
        Pattern::Prefix(_)
        | Pattern::Suffix(_)
        | Pattern::Wildcard(_)
        | Pattern::Regex(_)
        | Pattern::Any => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &str) -> HeaderMatch {
        HeaderMatch { name: name.to_owned(), value: Pattern::Exact(value.to_owned()) }
    }

    /// Every pair of these is judged as if each were compared with each.
    #[test]
    fn nothing_that_covers_is_missed() {
        let paths = ["/", "/a", "/a/", "/a/b", "/ab"];
        let paths = paths.map(str::to_owned);
        let path = |path: PathMatch| Match { path: Some(path), ..Match::default() };
        let mut all: Vec<Match> = paths.iter().cloned().map(PathMatch::Exact).map(path).collect();
        all.extend(paths.iter().cloned().map(PathMatch::Prefix).map(path));
        all.extend([path(PathMatch::Regex("/a".to_owned())), Match::default()]);
        for hosts in [&["x.a.b"][..], &["*.a.b"], &["*.b", "c"], &["c"], &["b"], &["x.a.b", "c"]] {
            let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
            all.push(Match { hosts, ..Match::default() });
        }
        let headers = vec![header("a", "1")];
        all.push(Match { headers: headers.clone(), ..path(PathMatch::Exact("/a/b".to_owned())) });
        all.push(Match { headers, ..Match::default() });
        all.push(Match { headers: vec![header("a", "1"), header("b", "2")], ..Match::default() });
        all.push(Match { query: vec![header("a", "1")], ..Match::default() });
        for model in ["m", "n"] {
            all.push(Match { model: Some(Pattern::Exact(model.to_owned())), ..Match::default() });
        }
        all.push(Match { model: Some(Pattern::Prefix("m".to_owned())), ..Match::default() });
        let route = Route::default();
        for wide in &all {
            let mut earlier = Earlier::default();
            earlier.add(wide.clone(), &route);
            for narrow in &all {
                let found = earlier.covering(narrow, &route).is_some();
                assert_eq!(found, covers(wide, narrow), "{wide:?} {narrow:?}");
            }
        }
    }

    #[test]
    fn ten_thousand_routes_are_compared_with_few_each() {
        const ROUTES: usize = 10_000;
        let prefix = || Some(PathMatch::Prefix("/v1".to_owned()));
        let by: [fn(usize) -> Match; 4] = [
            |n| Match { path: Some(PathMatch::Prefix(format!("/{n}/v1"))), ..Match::default() },
            |n| Match { hosts: vec![format!("{n}.example")], ..Match::default() },
            |n| Match { headers: vec![header("tenant", &n.to_string())], ..Match::default() },
            |n| Match { model: Some(Pattern::Exact(n.to_string())), ..Match::default() },
        ];
        let route = Route::default();
        for made in by {
            for shared in [None, prefix()] {
                let mut earlier = Earlier::default();
                let mut compared = 0;
                for n in 0..ROUTES {
                    let one = made(n);
                    let one = Match { path: one.path.clone().or(shared.clone()), ..one };
                    compared += earlier.candidates(&one).count();
                    earlier.add(one, &route);
                }
                assert!(compared <= 2 * ROUTES, "{compared}");
            }
        }
    }
}
