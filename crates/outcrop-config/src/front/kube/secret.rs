//! Keys of Secrets among the objects.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::object::{Object, Objects, Reference};
use crate::document::Node;
use crate::front::Reading;
use crate::origin::{Diagnostic, Origin};
use crate::secret::{Redacted, Secret, after_bearer};
use crate::variables::only_variable;

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
    let member = |part: &str, key: &str| object.root.get(part)?.get(key)?.text();
    for key in keys {
        if let Some(text) = member("stringData", key) {
            return Some(text.trim().to_owned());
        }
        let decoded = member("data", key).and_then(|text| STANDARD.decode(text.trim()).ok());
        if let Some(text) = decoded.and_then(|bytes| String::from_utf8(bytes).ok()) {
            return Some(text.trim().to_owned());
        }
    }
    None
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
    let elsewhere =
        |object: &Object<'n>| keys.iter().find_map(|key| substitute(object, key, reading));
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

/// What an annotation puts in the place of the key's own text. What is not there takes no place, which is
/// told.
fn substitute(object: &Object<'_>, key: &str, reading: &mut Reading<'_>) -> Option<Secret> {
    let annotation = |of: &str| object.annotation(&format!("{of}{key}"));
    let lookup = reading.lookup();
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
    if secret.is_none() {
        let what = format!("{what} is not there: the Secret's own `{key}` counts");
        reading.say(Diagnostic::warning(node.origin(), what));
    }
    secret
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
