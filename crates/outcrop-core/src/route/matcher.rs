//! The conditions of a route, ready to be tested.

use outcrop_config::{HeaderMatch, Match, PathMatch, Pattern};
use regex::Regex;

use super::{Approach, Named};
use crate::model_id::percent_decode;
use crate::pattern;

/// All of one `Match`, and the listeners of its route.
#[derive(Debug)]
pub(crate) struct Matcher {
    listeners: Vec<String>,
    hosts: Vec<String>,
    path: Option<Path>,
    method: Option<String>,
    headers: Vec<(String, pattern::Matcher)>,
    query: Vec<(String, pattern::Matcher)>,
    model: Option<pattern::Matcher>,
    /// What an index may look the matcher up by.
    pub(crate) key: Key,
}

/// The condition that tells most; all its texts are exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    Model(String),
    Hosts(Vec<String>),
    Path(String),
    /// The first segment of a path's prefix.
    Segment(String),
    None,
}

#[derive(Debug)]
enum Path {
    Exact(String),
    Prefix(String),
    Regex(Regex),
}

// === impl Matcher ===

impl Matcher {
    /// # Errors
    /// Which pattern is none.
    pub(crate) fn compile(of: &Match, listeners: &[String]) -> Result<Self, String> {
        let Match { hosts, path, method, headers, query, model } = of;
        let hosts: Vec<String> = hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Ok(Self {
            listeners: listeners.to_vec(),
            key: key(model.as_ref(), &hosts, path.as_ref()),
            hosts,
            path: path.as_ref().map(Path::compile).transpose()?,
            method: method.clone(),
            headers: compile_all(headers)?,
            query: compile_all(query)?,
            model: model.as_ref().map(compile).transpose()?,
        })
    }

    /// Whether all conditions hold. `host` is that of the request.
    pub(crate) fn takes(
        &self,
        approach: &Approach<'_>,
        host: Option<&str>,
        named: Option<&Named>,
    ) -> bool {
        self.takes_listener(approach.listener)
            && self.method.as_deref().is_none_or(|method| method == approach.method.as_str())
            && self.path.as_ref().is_none_or(|path| path.takes(approach.path))
            && (self.hosts.is_empty() || host.is_some_and(|host| self.takes_host(host)))
            && self.headers.iter().all(|(name, value)| {
                let mut values = approach.headers.get_all(name.as_str()).iter();
                values.any(|one| one.to_str().is_ok_and(|one| value.matches(one)))
            })
            && self.query.iter().all(|(name, value)| {
                let pairs = approach.query.unwrap_or_default().split('&');
                pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).any(|(key, text)| {
                    percent_decode(key) == *name && value.matches(&percent_decode(text))
                })
            })
            && self.takes_model(named)
    }

    fn takes_listener(&self, listener: Option<&str>) -> bool {
        self.listeners.is_empty()
            || listener.is_none_or(|name| self.listeners.iter().any(|one| one == name))
    }

    fn takes_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|wanted| match (wanted.strip_prefix('*'), wanted.strip_suffix('*')) {
            (Some(domain), _) => host.len() > domain.len() && host.ends_with(domain),
            (None, Some(start)) => host.len() > start.len() && host.starts_with(start),
            (None, None) => host == wanted,
        })
    }

    fn takes_model(&self, named: Option<&Named>) -> bool {
        let Some(model) = &self.model else { return true };
        named.is_some_and(|named| model.matches(&named.name) || model.matches(&named.built_in))
    }
}

// === impl Path ===

impl Path {
    fn compile(of: &PathMatch) -> Result<Self, String> {
        match of {
            PathMatch::Exact(path) => Ok(Self::Exact(path.clone())),
            PathMatch::Prefix(path) => Ok(Self::Prefix(path.trim_end_matches('/').to_owned())),
            PathMatch::Regex(text) => Regex::new(&format!("^(?:{text})$"))
                .map(Self::Regex)
                .map_err(|error| format!("`{text}` is no regular expression: {error}")),
        }
    }

    fn takes(&self, path: &str) -> bool {
        match self {
            Self::Exact(whole) => path == whole,
            Self::Prefix(start) => path
                .strip_prefix(start.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            Self::Regex(regex) => regex.is_match(path),
        }
    }
}

// === helpers ===

fn key(model: Option<&Pattern>, hosts: &[String], path: Option<&PathMatch>) -> Key {
    if let Some(Pattern::Exact(model)) = model {
        return Key::Model(model.clone());
    }
    if !hosts.is_empty() && hosts.iter().all(|host| !host.starts_with('*') && !host.ends_with('*'))
    {
        return Key::Hosts(hosts.to_vec());
    }
    match path {
        Some(PathMatch::Exact(path)) => Key::Path(path.clone()),
        Some(PathMatch::Prefix(path)) => match first_segment(path) {
            "" => Key::None,
            segment => Key::Segment(segment.to_owned()),
        },
        Some(PathMatch::Regex(_)) | None => Key::None,
    }
}

pub(crate) fn first_segment(path: &str) -> &str {
    path.trim_start_matches('/').split('/').next().unwrap_or_default()
}

fn compile(pattern: &Pattern) -> Result<pattern::Matcher, String> {
    pattern::Matcher::compile(pattern).map_err(|why| format!("{pattern:?} is no pattern: {why}"))
}

fn compile_all(matches: &[HeaderMatch]) -> Result<Vec<(String, pattern::Matcher)>, String> {
    matches.iter().map(|one| Ok((one.name.clone(), compile(&one.value)?))).collect()
}
