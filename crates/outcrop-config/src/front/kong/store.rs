//! Where `rate-limiting` counts: Kong's `policy: redis`.
//!
//! 1. One store has the counters of all plugins: that of the plugin which is written first. Whatever
//!    another says otherwise is told.
//! 2. Kong's names from before 3.6, such as `redis_host`, mean the same.

use super::{emptied, plain, secret};
use crate::document::Node;
use crate::front::{Item, Reading};
use crate::limit::{OnStoreLoss, Store};
use crate::origin::{Diagnostic, Origin};
use crate::secret::{Redacted, Secret};

/// Pushes the store of these plugins' `config`.
pub(super) fn keep(mut configs: Vec<&Node>, reading: &mut Reading<'_>) {
    configs.sort_by_key(|config| {
        let Origin { source, line, column, path: _ } = config.origin();
        (source, line, column)
    });
    let mut first: Option<(Store, Origin)> = None;
    let mut others = Vec::new();
    for config in configs {
        let policy = reading.str(config, "policy");
        if policy != Some("redis") {
            others.push((config, policy));
            continue;
        }
        let Some(store) = redis(config, reading) else { continue };
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

fn redis(config: &Node, reading: &mut Reading<'_>) -> Option<Store> {
    let errors = reading.errors();
    let host = plain(reading, config, &setting(config, "host"));
    let port = reading.int(config, &setting(config, "port")).unwrap_or(6379);
    let database = reading.int(config, &setting(config, "database")).unwrap_or(0);
    let tls = reading.bool(config, &setting(config, "ssl")).unwrap_or(false);
    let scheme = if tls { "rediss" } else { "redis" };
    let login = login(config, reading);
    let on_loss = match reading.bool(config, "fault_tolerant") {
        Some(false) => OnStoreLoss::Refuse,
        Some(true) | None => OnStoreLoss::Local,
    };
    if host.is_none() && reading.errors() == errors {
        let what = "`redis.host` is missing or empty: nothing says where the counters are";
        let hint = "set the variable that is to hold it, or write the host";
        reading.say(Diagnostic::error(config.origin(), what).hint(hint));
    }
    let host = host.filter(|_| reading.errors() == errors)?;
    let host = match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]"),
        false => host,
    };
    let url = Secret::Inline(Redacted::new(format!("{scheme}://{login}{host}:{port}/{database}")));
    Some(Store::Redis { url, on_loss })
}

/// The path of one of Redis's settings.
fn setting(config: &Node, name: &str) -> String {
    let flat = format!("redis_{name}");
    let nested = config.peek("redis").and_then(|redis| redis.peek(name));
    match nested.is_none() && config.members().iter().any(|entry| entry.key == flat) {
        true => flat,
        false => format!("redis.{name}"),
    }
}

/// What comes before the host of a URL.
fn login(config: &Node, reading: &mut Reading<'_>) -> String {
    let user = plain(reading, config, &setting(config, "username")).unwrap_or_default();
    let path = setting(config, "password");
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
        Secret::File(_) | Secret::Kubernetes { .. } => None,
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
