//! Kong's declarative configuration: services, routes, consumers and the plugins that ask Bedrock.
//!
//! 1. A route is served where a plugin that asks Bedrock ([`bedrock-proxy`](plugin), `ai-proxy`) applies to
//!    it: its own, its service's, or a global one, in this order. Other routes are reported.
//! 2. Routes are tried in Kong's order: those with more conditions first, then regular expressions, then
//!    longer paths.
//! 3. Where `key-auth` applies to a served route, the consumers' keys are the gateway's, which asks for
//!    them everywhere.

mod guard;
mod plugin;
mod rate;
mod route;

use super::{FrontEnd, Reading};
use crate::document::{Document, Node};
use crate::origin::Diagnostic;
use crate::secret::{Redacted, Secret};
use crate::variables::Variables;

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
        Variables::Off
    }

    fn read(&self, documents: &[&Document], reading: &mut Reading<'_>) {
        let roots: Vec<&Node> = documents.iter().map(|document| &document.root).collect();
        for root in &roots {
            root.get("_format_version").map(Node::dismiss);
            root.get("_transform").map(Node::dismiss);
        }
        let mut global = plugins_of_top(&roots, reading);
        global.extend(plugins_of_consumers(&roots, reading));
        let consumers = guard::consumers(&roots, reading);
        let mut served: Vec<route::Served<'_>> = Vec::new();
        for root in &roots {
            for service in reading.list(root, "services") {
                served.extend(route::of_service(service, &global, reading));
            }
        }
        for root in &roots {
            for route in reading.list(root, "routes") {
                served.extend(route::on_its_own(route, &roots, &global, reading));
            }
        }
        served.sort_by_key(|served| std::cmp::Reverse(served.rank));
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
        rate::limits(&served, &consumers, reading);
        for served in served {
            served.push(reading);
        }
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
    if text.is_empty() {
        return None;
    }
    if let Some(name) = text.strip_prefix("{vault://env/").and_then(|rest| rest.strip_suffix('}')) {
        return Some(Secret::Env(name.to_uppercase().replace('-', "_")));
    }
    let deck = text.strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}"));
    if let Some(name) = deck.and_then(|inside| inside.trim().strip_prefix("env ")) {
        return Some(Secret::Env(name.trim().trim_matches('"').to_owned()));
    }
    if text.starts_with("{vault://") {
        let what = format!("`{path}` is in a vault that is not read");
        let hint = "give it by {vault://env/NAME} or in the file";
        reading.say(Diagnostic::error(node.at(path).unwrap_or(node).origin(), what).hint(hint));
        return None;
    }
    Some(Secret::Inline(Redacted::new(text)))
}
