//! Who may use the routes: consumers and `key-auth`.

use super::plugin::Use;
use super::route::Served;
use super::{reference, secret};
use crate::admission::{ClientKey, KeyProof, Scopes};
use crate::document::Node;
use crate::front::{Item, Reading};
use crate::origin::{Diagnostic, Origin};
use crate::secret::Secret;

/// A consumer's key, read once for all routes.
pub(super) struct Consumer<'n> {
    pub(super) name: String,
    /// What plugins may call it.
    called: Vec<&'n str>,
    keys: Vec<(Secret, Origin)>,
    tags: Vec<(String, String)>,
}

impl Consumer<'_> {
    pub(super) fn has_several_keys(&self) -> bool {
        self.keys.len() > 1
    }
}

/// The consumer whom a plugin calls so.
pub(super) fn called<'a, 'n>(
    name: &str,
    consumers: &'a [Consumer<'n>],
) -> Option<&'a Consumer<'n>> {
    consumers.iter().find(|consumer| consumer.called.contains(&name))
}

/// Consumers with their keys, wherever these are written.
pub(super) fn consumers<'n>(roots: &[&'n Node], reading: &mut Reading<'_>) -> Vec<Consumer<'n>> {
    let mut consumers = Vec::new();
    for root in roots {
        for node in reading.list(root, "consumers") {
            let called = ["username", "custom_id", "id"];
            let called: Vec<&str> = called.iter().filter_map(|key| node.get(key)?.text()).collect();
            let named = ["username", "custom_id"].iter().find_map(|key| node.get(key)?.text());
            let Some(name) = named.map(str::to_owned) else {
                reading.missing(node.origin(), "username");
                continue;
            };
            let mut keys = Vec::new();
            for credential in reading.list(node, "keyauth_credentials") {
                keys.extend(key(credential, reading));
            }
            let tags = reading.list(node, "tags");
            let tags =
                tags.iter().filter_map(Node::text).map(|tag| (tag.to_owned(), String::new()));
            consumers.push(Consumer { name, called, keys, tags: tags.collect() });
        }
    }
    for root in roots {
        for node in reading.list(root, "keyauth_credentials") {
            let of = reference(node, "consumer").unwrap_or_default();
            let found = consumers.iter_mut().find(|consumer| consumer.called.contains(&of));
            match found {
                Some(consumer) => consumer.keys.extend(key(node, reading)),
                None => reading.say(Diagnostic::error(node.origin(), "a key of no known consumer")),
            }
        }
    }
    consumers
}

fn key(node: &Node, reading: &mut Reading<'_>) -> Option<(Secret, Origin)> {
    for name in ["id", "tags"] {
        node.get(name).map(Node::dismiss);
    }
    let errors = reading.errors();
    let secret = secret(reading, node, "key");
    if secret.is_none() && reading.errors() == errors {
        let what = "`key` is missing or empty: nobody can get in by it";
        let hint = "set the variable that is to hold it, or write the key";
        let place = node.peek("key").unwrap_or(node).origin();
        reading.say(Diagnostic::error(place, what).hint(hint));
    }
    Some((secret?, node.origin()))
}

/// The keys of all consumers, and the headers that they come in.
pub(super) fn keys(consumers: &[Consumer<'_>], served: &[Served<'_>], reading: &mut Reading<'_>) {
    for plugin in served.iter().filter_map(|served| served.plugin(Use::KeyAuth)) {
        let config = plugin.node.get("config").unwrap_or(plugin.node);
        for name in ["hide_credentials", "run_on_preflight", "realm"] {
            config.get(name).map(Node::dismiss);
        }
        // They come in headers; that they must not is not honoured.
        if config.peek("key_in_header").and_then(Node::bool) == Some(true) {
            config.get("key_in_header");
        }
        let names = reading.list(config, "key_names");
        let names: Vec<String> = match names.is_empty() {
            // Kong's own default.
            true => vec!["apikey".to_owned()],
            false => names.iter().filter_map(Node::text).map(str::to_lowercase).collect(),
        };
        for name in names {
            reading.push(Item::KeyHeader(name));
        }
    }
    // Whatever becomes of the keys, nobody is let in without one.
    reading.push(Item::Anonymous(false));
    let mut any = false;
    for Consumer { name, keys, tags, called: _ } in consumers {
        let Some((_, origin)) = keys.first() else { continue };
        any = true;
        reading.push(Item::Key(ClientKey {
            name: name.clone(),
            // Whichever of them a consumer shows, it is the same one to all limits.
            proof: KeyProof::Tokens(keys.iter().map(|(secret, _)| secret.clone()).collect()),
            scopes: Scopes::default(),
            expires: None,
            owner: None,
            tags: tags.clone(),
            origin: origin.clone(),
        }));
    }
    if !any && let Some(served) = served.iter().find(|one| one.plugin(Use::KeyAuth).is_some()) {
        let what = "key-auth is on, and no consumer has a key: nobody can get in by this file";
        reading.nobody(served.node.origin(), what, "add keyauth_credentials to a consumer");
    }
}
