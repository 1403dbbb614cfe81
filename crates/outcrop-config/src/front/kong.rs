//! Kong's declarative configuration: services, routes, consumers and the plugins that ask Bedrock.
//!
//! 1. A route is served where a plugin that asks Bedrock ([`bedrock-proxy`, `ai-proxy`](asking)) applies to
//!    it: its own, its service's, or a global one, in this order. Other routes are reported.
//! 2. [Routes are tried in Kong's order](conditions), path by path.
//! 3. Where `key-auth` applies to a served route, the consumers' keys are the gateway's, which asks for
//!    them everywhere.
//! 4. decK's expressions are in when a file is read, as decK puts them in.

mod asking;
mod conditions;
mod guard;
mod plugin;
mod rate;
mod route;
mod store;

use super::{FrontEnd, Reading};
use crate::document::{Document, Node, Scalar};
use crate::origin::Diagnostic;
use crate::secret::{Redacted, Secret, after_bearer};
use crate::variables::{Variables, deck};

use self::plugin::{Plugin, Use};

/// Kong's format.
pub struct Kong;

impl FrontEnd for Kong {
    fn name(&self) -> &'static str {
        "Kong"
    }

    fn claims(&self, root: &Node) -> bool {
        root.peek("_format_version").is_some()
    }

    fn variables(&self) -> Variables {
        Variables::Deck
    }

    fn read(&self, documents: &[&Document], reading: &mut Reading<'_>) {
        let roots: Vec<&Node> = documents.iter().map(|document| &document.root).collect();
        for root in &roots {
            root.get("_format_version").map(Node::dismiss);
            root.get("_transform").map(Node::dismiss);
        }
        let mut global = plugins_of_top(&roots, reading);
        global.extend(plugins_of_consumers(&roots, reading));
        plugin::tell_of_strays(&global, &route::called(&roots), reading);
        let consumers = guard::consumers(&roots, reading);
        let mut whole: Vec<route::Served<'_>> = Vec::new();
        for root in &roots {
            for service in reading.list(root, "services") {
                whole.extend(route::of_service(service, &global, reading));
            }
        }
        for root in &roots {
            for route in reading.list(root, "routes") {
                whole.extend(route::on_its_own(route, &roots, &global, reading));
            }
        }
        let mut served = route::in_order(route::called_apart(whole, reading));
        for one in &mut served {
            one.make(reading);
        }
        let guarded = served.iter().filter(|served| served.plugin(Use::KeyAuth).is_some()).count();
        if guarded > 0 {
            guard::keys(&consumers, &served, reading);
        }
        if guarded > 0 && guarded < served.len() {
            let open = served.iter().filter(|served| served.plugin(Use::KeyAuth).is_none());
            for served in open {
                let what = "key-auth is on other routes: this one asks for keys as well";
                reading.say(Diagnostic::notice(served.node.origin(), what));
            }
        }
        rate::limits(&served, (&consumers, &roots), reading);
        for served in served {
            served.push(reading);
        }
        reading.ask_for_a_route();
    }
}

/// Plugins that are written at the top: those that name a service or a route belong there, the others
/// apply everywhere.
fn plugins_of_top<'n>(roots: &[&'n Node], reading: &mut Reading<'_>) -> Vec<Plugin<'n>> {
    let mut plugins = Vec::new();
    for root in roots {
        for node in reading.list(root, "plugins") {
            plugins.extend(Plugin::of(node, reading));
        }
    }
    plugins
}

/// Plugins that are written below a consumer are for it alone.
fn plugins_of_consumers<'n>(roots: &[&'n Node], reading: &mut Reading<'_>) -> Vec<Plugin<'n>> {
    let mut plugins = Vec::new();
    for root in roots {
        for consumer in reading.list(root, "consumers") {
            let named = ["username", "custom_id"].iter();
            let name = named.filter_map(|key| consumer.peek(key)).find_map(Node::text);
            for node in reading.list(consumer, "plugins") {
                let plugin = Plugin::of(node, reading);
                plugins.extend(plugin.and_then(|plugin| plugin.of_consumer(name, reading)));
            }
        }
    }
    plugins
}

/// What an object refers to: `name: x`, `{name: x}` or `{id: x}`.
fn reference<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    let node = node.get(key)?;
    match node.is_map() {
        true => ["name", "username", "id"].iter().find_map(|key| node.get(key)?.text()),
        false => node.text(),
    }
}

/// A secret as Kong writes one: a text, `{vault://env/NAME}`, or decK's `${{ env "NAME" }}`.
fn secret(reading: &mut Reading<'_>, node: &Node, path: &str) -> Option<Secret> {
    let text = reading.str(node, path)?;
    node.at(path).map(Node::hide);
    if text.is_empty() {
        return None;
    }
    if let Some(variable) = vault_variable(text) {
        return Some(Secret::Env(variable));
    }
    let raw = node.at(path).and_then(Node::raw).unwrap_or(text);
    if let Some(variable) = deck::only_variable(raw) {
        return Some(Secret::Env(variable.to_owned()));
    }
    if text.starts_with(VAULT) {
        reading.say(of_another_vault(node, path));
        return None;
    }
    Some(Secret::Inline(Redacted::new(text)))
}

/// A secret as it stands in a header, where `Bearer ` before it is no part of it, wherever that comes from.
fn bearer(reading: &mut Reading<'_>, node: &Node, path: &str) -> Option<Secret> {
    let raw = node.at(path).and_then(Node::raw).and_then(after_bearer);
    if let Some(variable) = raw.and_then(deck::only_variable) {
        return Some(Secret::Env(variable.to_owned()));
    }
    let secret = secret(reading, node, path)?;
    let known = match &secret {
        Secret::Inline(text) => Some(text.reveal().to_owned()),
        Secret::Env(variable) => reading.lookup().variable(variable),
        Secret::File(_) => None,
    };
    Some(match known.as_deref().and_then(after_bearer) {
        Some(bare) => Secret::Inline(Redacted::new(bare)),
        None => secret,
    })
}

/// A text that is meant as it is written. What Kong makes of each request is not.
fn plain(reading: &mut Reading<'_>, node: &Node, path: &str) -> Option<String> {
    let text = reading.str(node, path).unwrap_or_default();
    let origin = || node.at(path).unwrap_or(node).origin();
    let variable = vault_variable(text);
    let known = variable.as_ref().and_then(|name| reading.lookup().variable(name));
    if let (Some(name), None) = (&variable, &known) {
        let what = format!("the variable {name} is not set");
        reading.say(Diagnostic::error(origin(), what).hint(format!("set {name}")));
        return None;
    }
    if let Some(empty) = emptied(reading, node, path) {
        let what = format!("`{path}` is empty: that is as if it were not written");
        let hint = "set the variable that is to hold it, or leave it out";
        reading.say(Diagnostic::warning(empty.origin(), what).hint(hint));
        return None;
    }
    if known.is_some() {
        return known;
    }
    if text.starts_with(VAULT) {
        reading.say(of_another_vault(node, path));
        return None;
    }
    if text.contains("$(") {
        let what = format!("`{path}` is made of each request, which is not honoured");
        let hint = match path {
            "name" | "model" => "write what is meant; without it the caller's model is asked for",
            _ => "write what is meant",
        };
        reading.say(Diagnostic::error(origin(), what).hint(hint));
        return None;
    }
    (!text.is_empty()).then(|| text.to_owned())
}

/// The member at `path` that is there and says nothing, as where its variable is empty. `null` says that it
/// is not there.
fn emptied<'n>(reading: &Reading<'_>, node: &'n Node, path: &str) -> Option<&'n Node> {
    let (above, key) = path.rsplit_once('.').unwrap_or(("", path));
    let above = if above.is_empty() { Some(node) } else { node.at(above) };
    let member = &above?.members().iter().find(|entry| entry.key == key)?.value;
    let is_empty = match member.scalar()? {
        Scalar::Null => member.raw().is_some(),
        Scalar::Text(text) => match vault_variable(text) {
            Some(variable) => reading.lookup().variable(&variable).unwrap_or_default().is_empty(),
            None => text.is_empty(),
        },
        Scalar::Bool(_) | Scalar::Int(_) | Scalar::Large(_) | Scalar::Float(_) => false,
    };
    is_empty.then_some(member)
}

const VAULT: &str = "{vault://";

/// The variable of `{vault://env/NAME}`.
fn vault_variable(text: &str) -> Option<String> {
    let name = text.strip_prefix("{vault://env/")?.strip_suffix('}')?;
    Some(name.to_uppercase().replace('-', "_"))
}

fn of_another_vault(node: &Node, path: &str) -> Diagnostic {
    let what = format!("`{path}` is in a vault that is not read");
    Diagnostic::error(node.at(path).unwrap_or(node).origin(), what)
        .hint("give it by {vault://env/NAME} or in the file")
}
