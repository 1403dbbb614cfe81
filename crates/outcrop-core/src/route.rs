//! Route: which route takes a request, and to which targets it goes in which order.
//!
//! 1. The first route that matches takes the request; nothing but the table's order decides.
//! 2. What a path means is told before the body is read, by the first route that takes the request but
//!    for its model and knows the path. A route that reads the path in another way is passed over.
//! 3. Choosing is pure: the dice come from outside.

pub(crate) mod index;
pub(crate) mod matcher;
pub(crate) mod names;
pub(crate) mod pick;
pub(crate) mod surface;

use std::borrow::Cow;
use std::collections::HashSet;

use http::{HeaderMap, Method, header};
use outcrop_config::{Config, Match, Surface};

use self::index::Index;
use self::matcher::Matcher;
use self::names::Names;
use crate::snapshot::Notes;

/// What a request shows of itself, except for its body.
#[derive(Debug, Clone, Copy)]
pub struct Approach<'a> {
    /// The listener's name; `None` where there is but one.
    pub listener: Option<&'a str>,
    pub method: &'a Method,
    /// The raw path.
    pub path: &'a str,
    /// The raw query, without `?`.
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
    /// Of the request's target, where that names one.
    pub authority: Option<&'a str>,
}

/// The models that a request may mean: the name after the operator's own, and what it stands for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) built_in: String,
}

/// All routes, ready for look-up.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Of each match: the place of its route.
    routes: Index,
    surfaces: Vec<Surface>,
    /// The same without their models, each once.
    shapes: Index,
    shape_surfaces: Vec<Surface>,
    pub(crate) names: Names,
    /// Whether any route or name asks for the model.
    pub(crate) asks_model: bool,
}

// === impl Approach ===

impl Approach<'_> {
    /// The host without its port, in lower case.
    pub(crate) fn host(&self) -> Option<String> {
        let named = self.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = self.authority.or(named)?;
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        Some(host.to_ascii_lowercase())
    }
}

// === impl Table ===

impl Table {
    pub(crate) fn compile(config: &Config, notes: &mut Notes) -> Self {
        let mut table = Self { names: Names::compile(config, notes), ..Self::default() };
        let mut seen = HashSet::new();
        for (at, route) in config.routes.iter().enumerate() {
            let everything = [Match::default()];
            let matches = match route.matches.is_empty() {
                true => &everything[..],
                false => &route.matches,
            };
            table.surfaces.push(route.surface.clone());
            for one in matches {
                table.asks_model |= one.model.is_some();
                match Matcher::compile(one, &route.listeners) {
                    Ok(matcher) => table.routes.push(at, matcher),
                    Err(why) => notes.error(&route.origin, why),
                }
                let shape = Match { model: None, ..one.clone() };
                if seen.insert(format!("{shape:?}{:?}{:?}", route.listeners, route.surface))
                    && let Ok(matcher) = Matcher::compile(&shape, &route.listeners)
                {
                    table.shapes.push(table.shape_surfaces.len(), matcher);
                    table.shape_surfaces.push(route.surface.clone());
                }
            }
        }
        table.asks_model |= !table.names.is_empty();
        table
    }

    /// The gateway's own path that the request's path means. Where no route knows it, the path itself.
    pub(crate) fn own_path<'p>(
        &self,
        approach: &Approach<'p>,
        is_known: &dyn Fn(&str) -> bool,
    ) -> Cow<'p, str> {
        let host = approach.host();
        let host = host.as_deref();
        for (shape, matcher) in self.shapes.candidates(approach, host, None) {
            if matcher.takes(approach, host, None)
                && let Some(path) = surface::own_path(&self.shape_surfaces[shape], approach.path)
                && is_known(&path)
            {
                return path;
            }
        }
        Cow::Borrowed(approach.path)
    }

    /// The place of the route that takes the request.
    pub(crate) fn find(
        &self,
        approach: &Approach<'_>,
        own_path: &str,
        named: Option<&Named>,
    ) -> Option<usize> {
        let host = approach.host();
        let host = host.as_deref();
        self.routes.candidates(approach, host, named).find_map(|(route, matcher)| {
            let is_it = matcher.takes(approach, host, named)
                && surface::own_path(&self.surfaces[route], approach.path).as_deref()
                    == Some(own_path);
            is_it.then_some(route)
        })
    }

    /// The models that routes name exactly.
    pub(crate) fn exact_models(&self) -> impl Iterator<Item = (usize, &str)> {
        self.routes.exact_models()
    }
}

#[cfg(test)]
mod tests;
