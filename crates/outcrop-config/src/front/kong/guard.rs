//! Who may use the routes, and how often: consumers, `key-auth`, `rate-limiting`.

use std::time::Duration;

use super::plugin::{Plugin, Use};
use super::route::Served;
use super::{reference, secret};
use crate::admission::{ClientKey, KeyProof, Scopes};
use crate::document::Node;
use crate::front::{Item, Reading};
use crate::limit::{Limit, Measure, OnStoreLoss, Per, Selector, Store, Window};
use crate::origin::Diagnostic;
use crate::secret::{Redacted, Secret};

/// A consumer's key, read once for all routes.
pub(super) struct Consumer {
    name: String,
    keys: Vec<(Secret, crate::origin::Origin)>,
    tags: Vec<(String, String)>,
}

/// Consumers with their keys, wherever these are written.
pub(super) fn consumers(roots: &[&Node], reading: &mut Reading<'_>) -> Vec<Consumer> {
    let mut consumers = Vec::new();
    for root in roots {
        for node in reading.list(root, "consumers") {
            node.get("id").map(Node::dismiss);
            let name = ["username", "custom_id"].iter().find_map(|key| node.get(key)?.text());
            let Some(name) = name.map(str::to_owned) else {
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
            consumers.push(Consumer { name, keys, tags: tags.collect() });
        }
    }
    for root in roots {
        for node in reading.list(root, "keyauth_credentials") {
            let of = reference(node, "consumer").map(str::to_owned);
            let found = consumers.iter_mut().find(|consumer| Some(&consumer.name) == of.as_ref());
            match found {
                Some(consumer) => consumer.keys.extend(key(node, reading)),
                None => reading.say(Diagnostic::error(node.origin(), "a key of no known consumer")),
            }
        }
    }
    consumers
}

fn key(node: &Node, reading: &mut Reading<'_>) -> Option<(Secret, crate::origin::Origin)> {
    for name in ["id", "tags", "ttl"] {
        node.get(name).map(Node::dismiss);
    }
    Some((secret(reading, node, "key")?, node.origin()))
}

/// The keys of all consumers, and the headers that they come in.
pub(super) fn keys(consumers: &[Consumer], served: &[Served<'_>], reading: &mut Reading<'_>) {
    for plugin in served.iter().filter_map(|served| served.plugin(Use::KeyAuth)) {
        let config = plugin.node.get("config").unwrap_or(plugin.node);
        for name in ["key_in_header", "hide_credentials", "run_on_preflight", "realm"] {
            config.get(name).map(Node::dismiss);
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
    let mut any = false;
    for Consumer { name, keys, tags } in consumers {
        for (index, (secret, origin)) in keys.iter().enumerate() {
            any = true;
            let name = if index == 0 { name.clone() } else { format!("{name}-{}", index + 1) };
            reading.push(Item::Key(ClientKey {
                name,
                proof: KeyProof::Token(secret.clone()),
                scopes: Scopes::default(),
                expires: None,
                owner: None,
                tags: tags.clone(),
                origin: origin.clone(),
            }));
        }
    }
    if !any && let Some(served) = served.iter().find(|one| one.plugin(Use::KeyAuth).is_some()) {
        let what = "key-auth is on, and no consumer has a key: nobody can get in by this file";
        let hint = "add keyauth_credentials to a consumer, or keys to the key store";
        reading.say(Diagnostic::warning(served.node.origin(), what).hint(hint));
    }
}

/// The limits of `rate-limiting` on a route.
pub(super) fn limits(served: &Served<'_>, reading: &mut Reading<'_>) {
    let Some(plugin) = served.plugin(Use::RateLimiting) else { return };
    let config = plugin.node.get("config").unwrap_or(plugin.node);
    let per = match reading.str(config, "limit_by") {
        Some("consumer" | "credential") | None => vec![Per::Key],
        Some("ip") => vec![Per::Peer],
        Some("header") => match reading.str(config, "header_name") {
            Some(name) => vec![Per::Header(name.to_lowercase())],
            None => vec![Per::Key],
        },
        Some("service" | "path") => Vec::new(),
        Some(other) => {
            let what = format!("limiting by `{other}` is not honoured: one count for all");
            reading.say(Diagnostic::notice(config.origin(), what));
            Vec::new()
        }
    };
    store(plugin, config, reading);
    // A consumer's limit is his alone.
    let keys: Vec<String> = plugin.consumer.map(str::to_owned).into_iter().collect();
    const SECOND: Duration = Duration::from_secs(1);
    let windows = [
        ("second", Window::Rolling(SECOND)),
        ("minute", Window::Rolling(Duration::from_secs(60))),
        ("hour", Window::Rolling(Duration::from_secs(3600))),
        ("day", Window::Day),
        ("month", Window::Month),
    ];
    for (word, window) in windows {
        let Some(amount) = reading.int(config, word) else { continue };
        let selector = Selector {
            routes: vec![served.name.clone()],
            keys: keys.clone(),
            per: per.clone(),
            ..Selector::default()
        };
        reading.push(Item::Limit(Limit {
            name: format!("{}-{word}", served.name),
            selector,
            measure: Measure::Requests,
            amount: u128::from(amount),
            window,
            origin: plugin.node.origin(),
        }));
    }
}

/// Kong's `policy: redis`.
fn store(plugin: &Plugin<'_>, config: &Node, reading: &mut Reading<'_>) {
    match reading.str(config, "policy") {
        Some("local") | None => return,
        Some("redis") => {}
        Some(other) => {
            let what = format!("the policy `{other}` is not honoured: counters are in memory");
            reading.say(Diagnostic::notice(config.origin(), what));
            return;
        }
    }
    let known = reading.items.iter().any(|item| matches!(item, Item::Store(..)));
    let host = reading.str(config, "redis.host").map(str::to_owned);
    let Some(host) = host.filter(|_| !known) else { return };
    let port = reading.int(config, "redis.port").unwrap_or(6379);
    let database = reading.int(config, "redis.database").unwrap_or(0);
    let tls = reading.bool(config, "redis.ssl").unwrap_or(false);
    let scheme = if tls { "rediss" } else { "redis" };
    let user = reading.str(config, "redis.username").unwrap_or_default().to_owned();
    let login = match secret(reading, config, "redis.password") {
        Some(Secret::Inline(password)) => format!("{user}:{}@", password.reveal()),
        Some(Secret::Env(_) | Secret::File(_) | Secret::Kubernetes { .. }) => {
            let what = "the password of redis is not in the file: it cannot be honoured here";
            let hint =
                "say `store: {redis: {url: {env: NAME}}}` in an outcrop.yaml beside this file";
            reading.say(Diagnostic::error(config.origin(), what).hint(hint));
            return;
        }
        None => String::new(),
    };
    let url = Secret::Inline(Redacted::new(format!("{scheme}://{login}{host}:{port}/{database}")));
    let on_loss = match reading.bool(config, "fault_tolerant") {
        Some(false) => OnStoreLoss::Refuse,
        Some(true) | None => OnStoreLoss::Local,
    };
    reading.push(Item::Store(Store::Redis { url, on_loss }, plugin.node.origin()));
}
