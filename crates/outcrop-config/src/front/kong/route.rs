//! Kong's routes that Outcrop serves.

use super::plugin::{Plugin, Use};
use super::reference;
use crate::document::Node;
use crate::front::{Item, Kind, Reading};
use crate::origin::Diagnostic;
use crate::policy::Policy;
use crate::route::{HeaderMatch, Match, PathMatch, Pattern, Route};

/// A route with the plugins that apply to it, nearest first.
pub(super) struct Served<'n> {
    pub(super) node: &'n Node,
    pub(super) name: String,
    plugins: Vec<Plugin<'n>>,
    matches: Vec<Match>,
    pub(super) rank: Rank,
}

/// Kong's order among routes: number of kinds of conditions, whether hosts are plain, number of
/// headers, whether the path is a regular expression, its priority, length of the longest path.
pub(super) type Rank = (usize, bool, usize, bool, u64, usize);

/// Routes that are written below their service, and those that name it are found by
/// [`on_its_own`].
pub(super) fn of_service<'n>(
    service: &'n Node,
    global: &[Plugin<'n>],
    reading: &mut Reading<'_>,
) -> Vec<Served<'n>> {
    // Where the service would send to is the plugin's to say.
    for key in ["id", "url", "host", "port", "protocol", "path", "tags"] {
        service.get(key).map(Node::dismiss);
    }
    if is_off(service, reading) {
        service.dismiss();
        return Vec::new();
    }
    let routes = reading.list(service, "routes");
    routes.iter().filter_map(|route| serve(route, Some(service), global, reading)).collect()
}

/// A route that is written at the top.
pub(super) fn on_its_own<'n>(
    route: &'n Node,
    roots: &[&'n Node],
    global: &[Plugin<'n>],
    reading: &mut Reading<'_>,
) -> Option<Served<'n>> {
    let service = reference(route, "service").and_then(|name| {
        let services = roots.iter().filter_map(|root| root.get("services"));
        services.flat_map(|list| list.list()).find(|service| {
            ["name", "id"].iter().any(|key| service.peek(key).and_then(Node::text) == Some(name))
        })
    });
    if service.is_some_and(|service| is_off(service, reading)) {
        route.dismiss();
        return None;
    }
    serve(route, service, global, reading)
}

/// Its routes are then as if they were not there, as in Kong.
fn is_off(service: &Node, reading: &mut Reading<'_>) -> bool {
    reading.bool(service, "enabled") == Some(false)
}

fn serve<'n>(
    node: &'n Node,
    service: Option<&'n Node>,
    global: &[Plugin<'n>],
    reading: &mut Reading<'_>,
) -> Option<Served<'n>> {
    for key in
        ["id", "tags", "strip_path", "preserve_host", "protocols", "https_redirect_status_code"]
    {
        node.get(key).map(Node::dismiss);
    }
    let service_name = service.and_then(|service| service.get("name")).and_then(Node::text);
    let own_name = node.get("name").and_then(Node::text);
    let name = match (own_name, service_name) {
        (Some(own), _) => own.to_owned(),
        (None, Some(service)) => format!("{service}-{}", node.origin().line),
        (None, None) => format!("route-{}", node.origin().line),
    };
    let mut plugins = Vec::new();
    for place in [Some(node), service].into_iter().flatten() {
        for plugin in reading.list(place, "plugins") {
            plugins.extend(Plugin::of(plugin, reading));
        }
    }
    let mut of_top: Vec<(u8, &Plugin<'n>)> = global
        .iter()
        .filter_map(|plugin| Some((plugin.applies(service_name, own_name)?, plugin)))
        .collect();
    of_top.sort_by_key(|(closeness, _)| std::cmp::Reverse(*closeness));
    plugins.extend(of_top.into_iter().map(|(_, plugin)| plugin.clone()));
    let (matches, rank) = conditions(node, reading);
    let asks = |plugin: &Plugin<'_>| {
        matches!(plugin.what, Use::BedrockProxy | Use::AiProxy | Use::AiProxyAdvanced)
    };
    if !plugins.iter().any(asks) {
        let what = format!("the route `{name}` has no plugin that asks Bedrock: it is not served");
        let hint = "bedrock-proxy and ai-proxy (with the provider bedrock) do";
        reading.say(Diagnostic::warning(node.origin(), what).hint(hint));
        reading.push(Item::LeftOut(Kind::Route, name));
        return None;
    }
    Some(Served { node, name, plugins, matches, rank })
}

/// Every combination of what the route lists: one must hold.
fn conditions(node: &Node, reading: &mut Reading<'_>) -> (Vec<Match>, Rank) {
    let texts = |reading: &mut Reading<'_>, key: &str| -> Vec<String> {
        reading.list(node, key).iter().filter_map(|item| item.text().map(str::to_owned)).collect()
    };
    let (paths, methods, hosts) =
        (texts(reading, "paths"), texts(reading, "methods"), texts(reading, "hosts"));
    let mut headers = Vec::new();
    for entry in node.get("headers").map(Node::entries).unwrap_or_default() {
        let values = entry.value.one_or_many().iter().filter_map(Node::text);
        let values: Vec<String> = values.map(str::to_owned).collect();
        headers.push(HeaderMatch { name: entry.key.to_lowercase(), value: any_of(values) });
    }
    let path_match = |path: &String| match path.strip_prefix('~') {
        Some(regex) => PathMatch::Regex(format!("^{regex}")),
        None if path == "/" => PathMatch::Prefix("/".to_owned()),
        None => PathMatch::Prefix(path.trim_end_matches('/').to_owned()),
    };
    let priority = reading.int(node, "regex_priority").unwrap_or(0);
    let kinds = [paths.is_empty(), methods.is_empty(), hosts.is_empty(), headers.is_empty()];
    let rank = (
        kinds.iter().filter(|empty| !**empty).count(),
        !hosts.is_empty() && hosts.iter().all(|host| !host.contains('*')),
        headers.len(),
        paths.iter().any(|path| path.starts_with('~')),
        priority,
        paths.iter().map(String::len).max().unwrap_or(0),
    );
    let every = |list: Vec<String>| -> Vec<Option<String>> {
        match list.is_empty() {
            true => vec![None],
            false => list.into_iter().map(Some).collect(),
        }
    };
    let mut matches = Vec::new();
    for path in every(paths) {
        for method in every(methods.clone()) {
            matches.push(Match {
                hosts: hosts.iter().map(|host| host.to_lowercase()).collect(),
                path: path.as_ref().map(path_match),
                method: method.map(|method| method.to_uppercase()),
                headers: headers.clone(),
                ..Match::default()
            });
        }
    }
    (matches, rank)
}

/// Kong takes any of a header's values; one that begins with `~*` is a regular expression.
fn any_of(values: Vec<String>) -> Pattern {
    match values.as_slice() {
        [] => Pattern::Any,
        [one] => match one.strip_prefix("~*") {
            Some(regex) => Pattern::Regex(regex.to_owned()),
            None => Pattern::Exact(one.clone()),
        },
        many => {
            let alternatives: Vec<String> = many.iter().map(|value| regex::escape(value)).collect();
            Pattern::Regex(alternatives.join("|"))
        }
    }
}

impl<'n> Served<'n> {
    /// The nearest plugin for this.
    pub(super) fn plugin(&self, what: Use) -> Option<&Plugin<'n>> {
        self.plugins.iter().find(|plugin| plugin.what == what)
    }

    /// All plugins for this, nearest first.
    pub(super) fn every(&self, what: Use) -> impl Iterator<Item = &Plugin<'n>> {
        self.plugins.iter().filter(move |plugin| plugin.what == what)
    }

    pub(super) fn push(self, reading: &mut Reading<'_>) {
        let errors = reading.errors();
        let asks = self.plugins.iter().find(|plugin| {
            matches!(plugin.what, Use::BedrockProxy | Use::AiProxy | Use::AiProxyAdvanced)
        });
        let asking = asks.and_then(|plugin| plugin.asking(&self.name, reading));
        let Some(asking) = asking.filter(|_| reading.errors() == errors) else {
            reading.push(Item::LeftOut(Kind::Route, self.name));
            return;
        };
        let mut targets = Vec::new();
        for (backend, target) in asking.ways {
            reading.push(Item::Backend(target.backend.clone(), Box::new(backend)));
            targets.push(target);
        }
        reading.push(Item::Route(Box::new(Route {
            name: self.name,
            listeners: Vec::new(),
            matches: self.matches,
            surface: asking.surface,
            targets,
            policy: Policy::default(),
            owned_by: None,
            origin: self.node.origin(),
        })));
    }
}
