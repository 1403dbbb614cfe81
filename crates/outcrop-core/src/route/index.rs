//! Matchers by what they tell exactly, so that a long table costs as little as a short one.
//!
//! Candidates come in the table's order, and those left out cannot match.

use std::collections::HashMap;

use super::matcher::{Key, Matcher, first_segment};
use super::{Approach, Named};

#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: Vec<(usize, Matcher)>,
    models: HashMap<String, Vec<usize>>,
    hosts: HashMap<String, Vec<usize>>,
    paths: HashMap<String, Vec<usize>>,
    segments: HashMap<String, Vec<usize>>,
    /// Those that tell nothing exactly.
    rest: Vec<usize>,
}

// === impl Index ===

impl Index {
    pub(crate) fn push(&mut self, route: usize, matcher: Matcher) {
        let entry = self.entries.len();
        match matcher.key.clone() {
            Key::Model(model) => self.models.entry(model).or_default().push(entry),
            Key::Hosts(hosts) => {
                for host in hosts {
                    self.hosts.entry(host).or_default().push(entry);
                }
            }
            Key::Path(path) => self.paths.entry(path).or_default().push(entry),
            Key::Segment(segment) => self.segments.entry(segment).or_default().push(entry),
            Key::None => self.rest.push(entry),
        }
        self.entries.push((route, matcher));
    }

    /// What may match, in order, each with its route.
    pub(crate) fn candidates<'i>(
        &'i self,
        approach: &Approach<'_>,
        host: Option<&str>,
        named: Option<&Named>,
    ) -> impl Iterator<Item = (usize, &'i Matcher)> + use<'i> {
        let found = |map: &'i HashMap<String, Vec<usize>>, key: Option<&str>| {
            key.and_then(|key| map.get(key)).map_or(&[][..], Vec::as_slice)
        };
        let built_in = named.filter(|named| named.built_in != named.name);
        let mut lists = [
            found(&self.models, named.map(|named| named.name.as_str())),
            found(&self.models, built_in.map(|named| named.built_in.as_str())),
            found(&self.hosts, host),
            found(&self.paths, Some(approach.path)),
            found(&self.segments, Some(first_segment(approach.path))),
            &self.rest[..],
        ];
        std::iter::from_fn(move || {
            let next = lists.iter().filter_map(|list| list.first()).min().copied()?;
            for list in &mut lists {
                if list.first() == Some(&next) {
                    *list = &list[1..];
                }
            }
            let (route, matcher) = &self.entries[next];
            Some((*route, matcher))
        })
    }

    /// The models that matchers name exactly, with their routes.
    pub(crate) fn exact_models(&self) -> impl Iterator<Item = (usize, &str)> {
        self.entries.iter().filter_map(|(route, matcher)| match &matcher.key {
            Key::Model(model) => Some((*route, model.as_str())),
            Key::Hosts(_) | Key::Path(_) | Key::Segment(_) | Key::None => None,
        })
    }
}
