//! Where `rate-limiting` counts: Kong's `policy: redis`.
//!
//! 1. One store has the counters of all plugins: that of the plugin which is written first. Whatever
//!    another says otherwise is told.
//! 2. Kong's names from before 3.6, such as `redis_host`, mean the same.
//! 3. Where a plugin writes no host, that of the `redis-ce` among the `partials` counts which it names.

use super::route::names;
use super::{emptied, plain, secret};
use crate::document::Node;
use crate::front::{Item, Reading};
use crate::limit::{OnStoreLoss, Store};
use crate::origin::{Diagnostic, Origin};
use crate::secret::{Redacted, Secret};

/// Where the settings of a Redis stand.
#[derive(Clone, Copy)]
enum Settings<'n> {
    /// In `config` of a plugin.
    Own(&'n Node),
    /// In that of a partial.
    Shared(&'n Node),
}

/// The settings of a plugin, or of a partial.
pub(super) fn config(node: &Node) -> &Node {
    node.get("config").unwrap_or(node)
}

/// Pushes the store of these plugins.
pub(super) fn keep(mut plugins: Vec<&Node>, roots: &[&Node], reading: &mut Reading<'_>) {
    plugins.sort_by_key(|plugin| {
        let Origin { source, line, column, path: _ } = config(plugin).origin();
        (source, line, column)
    });
    let mut first: Option<(Store, Origin)> = None;
    let mut others = Vec::new();
    for plugin in plugins {
        let config = config(plugin);
        let policy = reading.str(config, "policy");
        if policy != Some("redis") {
            others.push((config, policy));
            continue;
        }
        let settings = Settings::of(plugin, roots, reading);
        let Some(store) = settings.and_then(|settings| redis(config, settings, reading)) else {
            continue;
        };
        match &first {
            None => first = Some((store, config.origin())),
            Some((known, _)) if *known == store => {}
            Some((_, place)) => {
                let what = format!("another store than at {place}: all counters are in that one");
                let hint = "write the same `redis` and `fault_tolerant` in both";
                reading.say(Diagnostic::warning(config.origin(), what).hint(hint));
            }
        }
    }
    let kept = match first.is_some() {
        true => "counters are in the Redis of another plugin",
        false => "counters are in memory",
    };
    for (config, policy) in others {
        let what = match policy {
            None | Some("local") if first.is_none() => continue,
            None => format!("the policy is `local`, which is not honoured: {kept}"),
            Some(policy) => format!("the policy `{policy}` is not honoured: {kept}"),
        };
        reading.say(Diagnostic::notice(config.origin(), what));
    }
    if let Some((store, place)) = first {
        reading.push(Item::Store(store, place));
    }
}

fn redis(config: &Node, settings: Settings<'_>, reading: &mut Reading<'_>) -> Option<Store> {
    let errors = reading.errors();
    let node = settings.node();
    let host = plain(reading, node, &settings.path("host"));
    let port = reading.int(node, &settings.path("port")).unwrap_or(6379);
    let database = reading.int(node, &settings.path("database")).unwrap_or(0);
    let tls = reading.bool(node, &settings.path("ssl")).unwrap_or(false);
    let scheme = if tls { "rediss" } else { "redis" };
    let login = login(settings, reading);
    let on_loss = match reading.bool(config, "fault_tolerant") {
        Some(false) => OnStoreLoss::Refuse,
        Some(true) | None => OnStoreLoss::Local,
    };
    if host.is_none() && reading.errors() == errors {
        let name = match settings {
            Settings::Own(_) => "redis.host",
            Settings::Shared(_) => "host",
        };
        let what = format!("`{name}` is missing or empty: nothing says where the counters are");
        let hint = "set the variable that is to hold it, or write the host";
        reading.say(Diagnostic::error(node.origin(), what).hint(hint));
    }
    let host = host.filter(|_| reading.errors() == errors)?;
    let host = match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]"),
        false => host,
    };
    let url = Secret::Inline(Redacted::new(format!("{scheme}://{login}{host}:{port}/{database}")));
    Some(Store::Redis { url, on_loss })
}

// === impl Settings ===

impl<'n> Settings<'n> {
    /// Those of a plugin; `None` after an error.
    fn of(plugin: &'n Node, roots: &[&'n Node], reading: &mut Reading<'_>) -> Option<Self> {
        let own = config(plugin);
        let nested = own.get("redis").and_then(|redis| redis.peek("host"));
        let has_host = own.peek("redis_host").or(nested).is_some();
        const KNOWN: [&str; 4] = ["name", "id", "type", "tags"];
        let is_of_redis = |link: &&Node| {
            let path = link.peek("path").and_then(Node::text);
            path.is_none_or(|path| path == "config.redis")
        };
        let links = plugin.peek("partials").map(Node::items).unwrap_or_default();
        let link = links.iter().find(is_of_redis);
        let Some(link) = link.filter(|_| !has_host) else { return Some(Self::Own(own)) };
        reading.list(plugin, "partials");
        for key in ["name", "id", "path"] {
            link.get(key).map(Node::dismiss);
        }
        let fits = |one: &&Node| names(one).iter().any(|name| names(link).contains(name));
        let wanted = names(link).first().copied().unwrap_or_default();
        let mut partials: Vec<&Node> = Vec::new();
        for root in roots {
            partials.extend(reading.list(root, "partials"));
        }
        for (partial, key) in partials.iter().flat_map(|one| KNOWN.map(|key| (one, key))) {
            partial.get(key).map(Node::dismiss);
        }
        let Some(partial) = partials.into_iter().find(fits) else {
            let what =
                format!("there is no partial `{wanted}`: nothing says where the counters are");
            let hint = "write the name or the id of a partial of these files";
            reading.say(Diagnostic::error(link.origin(), what).hint(hint));
            return None;
        };
        if partial.peek("type").and_then(Node::text) != Some("redis-ce") {
            let what = format!("the partial `{wanted}` is not of the type `redis-ce`");
            let hint = "name one that is, or write `redis` in the plugin's `config`";
            reading.say(Diagnostic::error(link.origin(), what).hint(hint));
            return None;
        }
        Some(Self::Shared(config(partial)))
    }

    fn node(self) -> &'n Node {
        match self {
            Self::Own(node) | Self::Shared(node) => node,
        }
    }

    /// The path of a setting.
    fn path(self, name: &str) -> String {
        let Self::Own(config) = self else { return name.to_owned() };
        let flat = format!("redis_{name}");
        let nested = config.peek("redis").and_then(|redis| redis.peek(name));
        match nested.is_none() && config.members().iter().any(|entry| entry.key == flat) {
            true => flat,
            false => format!("redis.{name}"),
        }
    }
}

/// What comes before the host of a URL.
fn login(settings: Settings<'_>, reading: &mut Reading<'_>) -> String {
    let config = settings.node();
    let user = plain(reading, config, &settings.path("username")).unwrap_or_default();
    let path = settings.path("password");
    let password = secret(reading, config, &path);
    match password.map(|password| revealed(&password, reading)) {
        Some(Some(password)) if !password.is_empty() => {
            return format!("{}:{}@", encoded(&user), encoded(&password));
        }
        Some(None) => {
            let what = "the password of redis is not there";
            let hint = "set the variable that is to hold it";
            let place = config.at(&path).unwrap_or(config).origin();
            reading.say(Diagnostic::error(place, what).hint(hint));
        }
        Some(Some(_)) | None => {
            if let Some(empty) = emptied(reading, config, &path) {
                let what = "the password of redis is empty: it is asked without a login";
                let hint = "set the variable that is to hold it, or leave it out";
                reading.say(Diagnostic::warning(empty.origin(), what).hint(hint));
            }
        }
    }
    String::new()
}

fn revealed(secret: &Secret, reading: &Reading<'_>) -> Option<String> {
    match secret {
        Secret::Inline(text) => Some(text.reveal().to_owned()),
        Secret::Env(variable) => reading.lookup().variable(variable),
        Secret::File(_) => None,
    }
}

/// As it stands in the login of a URL.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}
