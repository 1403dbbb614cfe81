//! Keys of Secrets among the objects.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::object::{Object, Objects, Reference};
use crate::document::Node;
use crate::front::{Held, KubernetesSecret, Reading};
use crate::origin::{Diagnostic, Origin};
use crate::secret::{Redacted, Secret, after_bearer};
use crate::variables::{Lookup, only_variable};

/// Annotations of Secrets with the name of a key at their end: where `aigw run` takes that key's text from.
const FROM_VARIABLE: &str = "substitution.aigw.run/env/";
const FROM_FILE: &str = "substitution.aigw.run/file/";

/// The text of a key of a Secret.
///
/// `data` is in base64, `stringData` is not, and counts where both have the key. Spaces and line breaks
/// around it are no part of it.
pub(super) fn key<'n>(
    objects: &Objects<'n>,
    (namespace, name): (&str, &str),
    keys: &[&str],
) -> Option<String> {
    let object = objects.find(Reference { kind: "Secret", namespace, name }, &[""])?;
    object.root.get("type").map(Node::dismiss);
    keys.iter().find_map(|key| text(object, key, Node::get))
}

fn text<'n>(
    object: &Object<'n>,
    key: &str,
    get: fn(&'n Node, &str) -> Option<&'n Node>,
) -> Option<String> {
    let member = |part: &str| get(get(object.root, part)?, key)?.text();
    if let Some(text) = member("stringData") {
        return Some(text.trim().to_owned());
    }
    let decoded = STANDARD.decode(member("data")?.trim()).ok()?;
    String::from_utf8(decoded).ok().map(|text| text.trim().to_owned())
}

/// Keeps the Secrets for other formats, and reads none of them here.
pub(super) fn keep(objects: &Objects<'_>, reading: &mut Reading<'_>) {
    for object in objects.all().filter(|object| (object.kind, object.group) == ("Secret", "")) {
        let keys = names(object).into_iter().map(|key| {
            let (secret, warning) = match substitute(object, key, reading.lookup()) {
                Some(Ok(secret)) => (Some(secret), None),
                Some(Err(warning)) => (None, Some(warning)),
                None => (None, None),
            };
            let own = || text(object, key, Node::peek).map(|text| of_text(&text));
            (key.to_owned(), Held { secret: secret.or_else(own), warning })
        });
        let secret = KubernetesSecret {
            namespace: object.namespace.to_owned(),
            name: object.name.to_owned(),
            keys: keys.collect(),
            origin: object.root.origin(),
            is_used: object.is_taken(),
        };
        reading.keep(secret);
    }
}

/// Its keys, with those that only an annotation has.
fn names<'n>(object: &Object<'n>) -> BTreeSet<&'n str> {
    let parts = ["stringData", "data"].into_iter().filter_map(|part| object.root.peek(part));
    let own = parts.flat_map(Node::members).map(|entry| entry.key.as_str());
    let annotations = object.annotations().map(Node::members).unwrap_or_default();
    let substituted = annotations.iter().filter_map(|entry| {
        let key = entry.key.strip_prefix(FROM_VARIABLE);
        key.or_else(|| entry.key.strip_prefix(FROM_FILE))
    });
    own.chain(substituted).collect()
}

/// Every key of a Secret, with its text if it is one; `None` where there is no such Secret.
pub(super) fn entries(
    objects: &Objects<'_>,
    (namespace, name): (&str, &str),
) -> Option<Vec<(String, Option<String>)>> {
    let object = objects.find(Reference { kind: "Secret", namespace, name }, &[""])?;
    let mut names: Vec<String> = Vec::new();
    for part in ["stringData", "data"] {
        for entry in object.root.get(part).map(Node::entries).unwrap_or_default() {
            if !names.contains(&entry.key) {
                names.push(entry.key.clone());
            }
        }
    }
    let text = |name: String| {
        let text = key(objects, (namespace, object.name), &[&name]);
        (name, text)
    };
    Some(names.into_iter().map(text).collect())
}

/// As [`key`], as a secret; where it is not there, that is said.
pub(super) fn needed<'n>(
    objects: &Objects<'n>,
    (namespace, name): (&str, &str),
    keys: &[&str],
    (origin, reading): (Origin, &mut Reading<'_>),
) -> Option<Secret> {
    let text = key(objects, (namespace, name), keys);
    let object = objects.find(Reference { kind: "Secret", namespace, name }, &[""]);
    let lookup = reading.lookup();
    let elsewhere = |object: &Object<'n>| {
        keys.iter().find_map(|key| {
            substitute(object, key, lookup)?.map_err(|warning| reading.say(warning)).ok()
        })
    };
    if let Some(secret) = object.and_then(elsewhere) {
        return Some(secret);
    }
    if let Some(text) = text {
        return Some(of_text(&text));
    }
    let diagnostic = match object.is_some() {
        true => {
            let what = format!("the Secret {namespace}/{name} has no key `{}`", keys.join("`, `"));
            Diagnostic::error(origin, what)
        }
        false => Diagnostic::error(origin, format!("there is no Secret {namespace}/{name}"))
            .hint("add the Secret to the files"),
    };
    reading.say(diagnostic);
    None
}

/// What an annotation puts in the place of the key's own text; where that is not there, what is to be said: the
/// key's own counts.
fn substitute(
    object: &Object<'_>,
    key: &str,
    lookup: &dyn Lookup,
) -> Option<Result<Secret, Diagnostic>> {
    let annotation = |of: &str| object.annotation(&format!("{of}{key}"));
    let (node, what, secret) = if let Some(node) = annotation(FROM_VARIABLE) {
        let name = node.text()?;
        let is_set = lookup.variable(name).is_some_and(|value| !value.is_empty());
        (node, format!("the variable {name}"), is_set.then(|| Secret::Env(name.to_owned())))
    } else {
        let node = annotation(FROM_FILE)?;
        let text = node.text()?;
        let home = text.strip_prefix("~/").zip(lookup.variable("HOME"));
        let path =
            home.map_or_else(|| PathBuf::from(text), |(rest, home)| Path::new(&home).join(rest));
        let is_there = lookup.file(&path).is_ok();
        (node, format!("the file {text}"), is_there.then_some(Secret::File(path)))
    };
    Some(secret.ok_or_else(|| {
        let what = format!("{what} is not there: the Secret's own `{key}` counts");
        Diagnostic::warning(node.origin(), what)
    }))
}

/// A text as a secret. One that is a variable and nothing else, as where a shell was to put it in, is the
/// variable's.
pub(super) fn of_text(text: &str) -> Secret {
    match only_variable(text) {
        Some(variable) => Secret::Env(variable.to_owned()),
        None => Secret::Inline(Redacted::new(text)),
    }
}

/// A token as it stands in a header: `Bearer ` before it is no part of it.
pub(super) fn bearer(text: &str) -> Secret {
    of_text(after_bearer(text).unwrap_or(text.trim()))
}
