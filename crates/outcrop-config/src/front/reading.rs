//! What a front end writes into, and reads with.
//!
//! The readers here take a path of member names joined by dots. A member that is absent or `null` is
//! `None`; one of a wrong type is `None` too, and an error is reported in its place.

use std::time::Duration;

use super::item::Item;
use super::secrets::{Dangling, KubernetesSecret, KubernetesSecrets};
use crate::document::Node;
use crate::origin::{Diagnostic, Origin};
use crate::secret::{Redacted, Secret};
use crate::variables::{Lookup, only_variable};
use crate::words;

/// Items and diagnostics as they come.
pub struct Reading<'a> {
    lookup: &'a dyn Lookup,
    pub(crate) items: Vec<Item>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    secrets: KubernetesSecrets,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(lookup: &'a dyn Lookup) -> Self {
        Self {
            lookup,
            items: Vec::new(),
            diagnostics: Vec::new(),
            secrets: KubernetesSecrets::default(),
        }
    }

    pub fn lookup(&self) -> &'a dyn Lookup {
        self.lookup
    }

    pub fn push(&mut self, item: Item) {
        self.items.push(item);
    }

    pub fn say(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Whoever wrote the documents of a front end meant what they say. Where no route comes of them that is not all
    /// of Bedrock for all.
    pub fn ask_for_a_route(&mut self) {
        if !self.items.iter().any(|item| matches!(item, Item::Route(_))) {
            self.push(Item::NoDefault);
        }
    }

    /// Says that nobody gets in by the keys that are asked for at `origin`. It is no error: the key store may have
    /// others, and [`Item::Anonymous`] sees to it that nobody is let in without one.
    pub fn nobody(&mut self, origin: Origin, what: &str, hint: &str) {
        let hint = format!("{hint}, or keys to the key store");
        self.say(Diagnostic::warning(origin, what).hint(hint));
    }

    /// How many errors there are so far: an item during whose reading there came more is left out.
    pub fn errors(&self) -> usize {
        use crate::origin::Severity::Error;
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Error).count()
    }

    /// Any scalar as the text it is.
    pub fn str<'n>(&mut self, node: &'n Node, path: &str) -> Option<&'n str> {
        self.read(node, path, "a text", Node::text)
    }

    /// As [`Reading::str`]; an error where there is none.
    pub fn need_str<'n>(&mut self, node: &'n Node, path: &str) -> Option<&'n str> {
        if node.at(path).is_none() && !node.is_broken() {
            self.missing(node.origin(), path);
        }
        self.str(node, path)
    }

    pub fn int(&mut self, node: &Node, path: &str) -> Option<u64> {
        self.read(node, path, "a whole number", Node::int)
    }

    /// A whole number that may be negative.
    pub fn signed(&mut self, node: &Node, path: &str) -> Option<i64> {
        self.read(node, path, "a whole number", |node| node.text()?.trim().parse().ok())
    }

    pub fn bool(&mut self, node: &Node, path: &str) -> Option<bool> {
        self.read(node, path, "true or false", Node::bool)
    }

    /// A duration such as `30s`, `1m30s` or `500ms`.
    pub fn duration(&mut self, node: &Node, path: &str) -> Option<Duration> {
        self.read(node, path, "a duration such as 30s", |node| words::duration(node.text()?).ok())
    }

    /// The items of a list; none where it is absent.
    pub fn list<'n>(&mut self, node: &'n Node, path: &str) -> &'n [Node] {
        self.read(node, path, "a list", |node| node.is_list().then(|| node.list()))
            .unwrap_or_default()
    }

    /// A secret that is written as a text: `${VAR}` alone stays a reference to the variable, an empty
    /// text is none.
    pub fn secret(&mut self, node: &Node, path: &str) -> Option<Secret> {
        let text = self.str(node, path)?;
        let raw = node.at(path).inspect(|node| node.hide()).and_then(Node::raw);
        match raw.and_then(only_variable) {
            Some(variable) if raw != Some(text) => Some(Secret::Env(variable.to_owned())),
            Some(_) | None if text.is_empty() => None,
            Some(_) | None => Some(Secret::Inline(Redacted::new(text))),
        }
    }

    /// A Secret for whatever refers to it.
    pub(crate) fn keep(&mut self, secret: KubernetesSecret) {
        self.secrets.keep(secret);
    }

    /// What a key of a Kubernetes Secret among the documents holds.
    pub(crate) fn kubernetes(
        &mut self,
        secret: (&str, &str),
        key: &str,
    ) -> Result<Secret, Dangling> {
        let (secret, warning) = self.secrets.find(secret, key)?;
        self.diagnostics.extend(warning);
        Ok(secret)
    }

    /// Tells of Secrets that nothing refers to.
    pub(crate) fn tell_of_unused_secrets(&mut self) {
        self.diagnostics.extend(self.secrets.unused());
    }

    fn read<'n, T>(
        &mut self,
        node: &'n Node,
        path: &str,
        wanted: &str,
        get: impl FnOnce(&'n Node) -> Option<T>,
    ) -> Option<T> {
        let node = node.at(path)?;
        let value = get(node);
        if value.is_none() && !node.is_broken() {
            let what = format!("`{path}` is {}, where {wanted} belongs", node.kind());
            self.say(Diagnostic::error(node.origin(), what));
        }
        value
    }

    /// Says that the member at `path` is not there.
    pub fn missing(&mut self, origin: Origin, path: &str) {
        self.say(Diagnostic::error(origin, format!("`{path}` is missing")));
    }
}
