//! `outcrop.yaml`.
//!
//! 1. Strict: a key that is not known, a value of a wrong type or a member that is missing is an error,
//!    and the item that has it is left out. All errors of an item are told at once: what could be read of
//!    it is looked at as if nothing were wrong.
//! 2. The keys, their comments and their forms are those of [`written`]; reading, printing, the schema and
//!    the guide's tables follow from these types.

mod hide;
mod meaning;
mod places;
mod print;
mod read;
mod schema;
mod short;
pub mod written;
mod yaml;

pub use print::{Secrets, print};
pub use schema::schema;

use serde::de::DeserializeOwned;

use self::meaning::Context;
use self::read::read;
use super::{FrontEnd, Item, Kind, Reading};
use crate::document::{Document, Entry, Node};
use crate::origin::Diagnostic;
use crate::variables::Variables;
use crate::words;

/// Our own format.
pub struct Outcrop;

/// The keys of a document.
const KEYS: [&str; 12] = [
    "listeners",
    "backends",
    "models",
    "routes",
    "defaults",
    "keys",
    "key_headers",
    "jwt",
    "anonymous",
    "limits",
    "store",
    "prices",
];

impl FrontEnd for Outcrop {
    fn name(&self) -> &'static str {
        "outcrop.yaml"
    }

    /// A mapping with one of our keys, and none that tells of another format.
    fn claims(&self, root: &Node) -> bool {
        const OTHERS: [&str; 4] = ["apiVersion", "kind", "_format_version", "interface_type"];
        let is_ours = |entry: &Entry| {
            KEYS.contains(&&*entry.key) || words::nearest(&entry.key, KEYS).is_some()
        };
        OTHERS.iter().all(|key| root.peek(key).is_none()) && root.members().iter().any(is_ours)
    }

    fn variables(&self) -> Variables {
        Variables::Required
    }

    fn read(&self, documents: &[&Document], reading: &mut Reading<'_>) {
        let entries = || documents.iter().flat_map(|document| document.root.members());
        // Backends first: a route without targets goes to the only one.
        for entry in entries().filter(|entry| entry.key == "backends") {
            rows(&entry.value, Kind::Backend, reading, |context, name, written| {
                context.backend(name, written)
            });
        }
        let mut only = reading.items.iter().filter_map(|item| match item {
            Item::Backend(name, _) | Item::LeftOut(Kind::Backend, name) => Some(name.clone()),
            Item::Wrong(item, _) => match &**item {
                Item::Backend(name, _) => Some(name.clone()),
                _other => None,
            },
            _other => None,
        });
        let only = match (only.next(), only.next()) {
            (only, None) => only.or_else(|| Some(crate::compile::DEFAULT.to_owned())),
            (Some(_), Some(_)) | (None, Some(_)) => None,
        };
        for entry in entries() {
            entry.value.dismiss();
            member(entry, only.as_deref(), reading);
        }
    }
}

fn member(entry: &Entry, only: Option<&str>, reading: &mut Reading<'_>) {
    let node = &entry.value;
    match &*entry.key {
        "backends" => {}
        "listeners" => {
            for node in node.one_or_many() {
                let make = |context: &mut Context<'_, '_>, written| context.listener(written);
                named_one(node, Kind::Listener, reading, make);
            }
        }
        "models" => {
            for entry in node.entries() {
                one(&entry.value, reading, |context, model| context.model(&entry.key, model));
            }
        }
        "routes" => named(node, Kind::Route, reading, |context, route| context.route(route, only)),
        "keys" => named(node, Kind::Key, reading, |context, written| context.key(written)),
        "key_headers" => items(node, reading, |context, name| context.key_header(name)),
        "limits" => items(node, reading, |context, written| context.limit(written)),
        "jwt" => items(node, reading, |context, written| context.issuer(written)),
        "defaults" => one(node, reading, |context, written| context.defaults(written)),
        "anonymous" => one(node, reading, |_, yes| Some(Item::Anonymous(yes))),
        "store" => one(node, reading, |context, written| context.store(written)),
        "prices" => one(node, reading, |context, written| context.prices(written)),
        key => {
            let mut diagnostic =
                Diagnostic::error(entry.origin(), format!("`{key}` is no key here"));
            diagnostic.hint = places::instead(key, KEYS);
            reading.say(diagnostic);
        }
    }
}

/// Reads `node` and pushes what is made of it.
fn one<T: DeserializeOwned>(
    node: &Node,
    reading: &mut Reading<'_>,
    make: impl FnOnce(&mut Context<'_, '_>, T) -> Option<Item>,
) {
    try_one(node, reading, make);
}

/// The same, and whether something came of it.
fn try_one<T: DeserializeOwned>(
    node: &Node,
    reading: &mut Reading<'_>,
    make: impl FnOnce(&mut Context<'_, '_>, T) -> Option<Item>,
) -> bool {
    let Some((written, gaps)) = read::<T>(node, reading) else { return false };
    let mut context = Context { node, reading, gaps };
    let Some(item) = make(&mut context, written) else { return false };
    let Context { gaps, .. } = context;
    reading.push(match gaps.is_empty() {
        true => item,
        false => Item::Wrong(Box::new(item), gaps),
    });
    true
}

/// Each item of a list, or the only one.
fn items<T: DeserializeOwned>(
    node: &Node,
    reading: &mut Reading<'_>,
    make: impl Fn(&mut Context<'_, '_>, T) -> Option<Item>,
) {
    node.one_or_many().iter().for_each(|node| one(node, reading, &make));
}

/// Each item of a list whose items have names: what is left out is told of by name.
fn named<T: DeserializeOwned>(
    node: &Node,
    kind: Kind,
    reading: &mut Reading<'_>,
    make: impl Fn(&mut Context<'_, '_>, T) -> Option<Item>,
) {
    if !node.is_list() && !node.is_null() {
        let what = format!("{}, where a list belongs", node.kind());
        reading
            .say(Diagnostic::error(node.origin(), what).hint("begin each item with `- name: …`"));
    }
    node.list().iter().for_each(|node| named_one(node, kind, reading, &make));
}

fn named_one<T: DeserializeOwned>(
    node: &Node,
    kind: Kind,
    reading: &mut Reading<'_>,
    make: impl FnOnce(&mut Context<'_, '_>, T) -> Option<Item>,
) {
    if !try_one(node, reading, make)
        && let Some(name) = node.peek("name").and_then(Node::text)
    {
        reading.push(Item::LeftOut(kind, name.to_owned()));
    }
}

/// Each member of a mapping from names.
fn rows<T: DeserializeOwned>(
    node: &Node,
    kind: Kind,
    reading: &mut Reading<'_>,
    make: impl Fn(&mut Context<'_, '_>, &str, T) -> Option<Item>,
) {
    if !node.is_map() && !node.is_null() {
        let what = format!("{}, where a mapping belongs", node.kind());
        reading.say(
            Diagnostic::error(node.origin(), what).hint("begin each with its name and a colon"),
        );
    }
    for entry in node.entries() {
        if !try_one(&entry.value, reading, |context, written| make(context, &entry.key, written)) {
            reading.push(Item::LeftOut(kind, entry.key.clone()));
        }
    }
}
