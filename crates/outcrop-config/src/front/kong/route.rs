//! Kong's routes that Outcrop serves.

use outcrop_model::hash;

use super::asking::{Asking, Meaning};
use super::conditions::{self, Rank};
use super::plugin::{Called, Known, Plugin, Use};
use super::reference;
use crate::document::{Entry, Node};
use crate::front::{Item, Kind, Reading};
use crate::origin::Diagnostic;
use crate::policy::Policy;
use crate::route::{Match, PathMatch, Pattern, Route, Surface, Target};
use crate::words;

/// A route, or a part of it that no other route comes between, with the plugins that apply to it,
/// nearest first.
#[derive(Clone)]
pub(super) struct Served<'n> {
    pub(super) node: &'n Node,
    pub(super) service: Option<&'n Node>,
    /// What all parts of the route are called after.
    pub(super) whole: String,
    name: String,
    plugins: Vec<Plugin<'n>>,
    conditions: Vec<(Rank, Match)>,
    strips: bool,
    /// What became of it.
    made: Vec<Route>,
}

/// What the routes of these files, and their services, are called.
pub(super) fn called<'n>(roots: &[&'n Node]) -> Known<'n> {
    let listed = |key: &'static str| roots.iter().filter_map(move |root| root.peek(key));
    let mut known = Known::default();
    for service in listed("services").flat_map(Node::items) {
        known.services.push(names(service));
        let routes = service.peek("routes").map(Node::items).unwrap_or_default();
        known.routes.extend(routes.iter().map(|route| of_route(route, Some(service))));
    }
    let own = listed("routes").flat_map(Node::items);
    known.routes.extend(own.map(|route| of_route(route, service_of(route, roots))));
    known
}

/// Routes that are written below their service; [`on_its_own`] has those that name it.
pub(super) fn of_service<'n>(
    service: &'n Node,
    global: &[Plugin<'n>],
    reading: &mut Reading<'_>,
) -> Vec<Served<'n>> {
    // Where the service would send to is the plugin's to say.
    for key in ["name", "id", "url", "host", "port", "protocol", "path", "tags"] {
        service.get(key).map(Node::dismiss);
    }
    if is_off(service, reading) {
        service.dismiss();
        return Vec::new();
    }
    let routes = reading.list(service, "routes");
    routes.iter().map(|route| serve(route, Some(service), global, reading)).collect()
}

/// A route that is written at the top.
pub(super) fn on_its_own<'n>(
    route: &'n Node,
    roots: &[&'n Node],
    global: &[Plugin<'n>],
    reading: &mut Reading<'_>,
) -> Option<Served<'n>> {
    let service = service_of(route, roots);
    if let (Some(name), None) = (reference(route, "service"), service) {
        let what = format!("there is no service `{name}`");
        let origin = route.peek("service").unwrap_or(route).origin();
        let hint = "write the name or the id of a service of these files";
        reading.say(Diagnostic::error(origin, what).hint(hint));
    }
    if service.is_some_and(|service| is_off(service, reading)) {
        route.dismiss();
        return None;
    }
    Some(serve(route, service, global, reading))
}

fn service_of<'n>(route: &'n Node, roots: &[&'n Node]) -> Option<&'n Node> {
    let name = reference(route, "service")?;
    let services = roots.iter().filter_map(|root| root.peek("services"));
    services.flat_map(Node::items).find(|service| names(service).contains(&name))
}

fn of_route<'n>(route: &'n Node, service: Option<&'n Node>) -> Called<'n> {
    Called { service: service.map(names).unwrap_or_default(), route: names(route) }
}

/// By which others refer to it.
pub(super) fn names(node: &Node) -> Vec<&str> {
    ["name", "id"].iter().filter_map(|key| node.peek(key)?.text()).collect()
}

/// What Kong knows a service or a route by.
pub(super) fn identity(node: &Node) -> Option<&str> {
    names(node).first().copied()
}

/// What a service or a route is called that has neither.
pub(super) const UNNAMED: &str = "unnamed";

/// What a route is called; one that Kong knows by nothing is called after its service and what it takes, so that
/// it is the same one when others come and go. No name in Kong has a colon.
fn title(node: &Node, service: Option<&Node>) -> String {
    if let Some(own) = identity(node) {
        return own.to_owned();
    }
    let joined = |items: &[Node]| items.iter().filter_map(Node::text).collect::<Vec<_>>().join(",");
    let list = |key: &str| joined(node.peek(key).map(Node::items).unwrap_or_default());
    let lists = ["methods", "hosts", "paths"].iter().map(|key| list(key));
    let snis = Some(list("snis")).filter(|snis| !snis.is_empty());
    let snis = snis.map(|snis| format!("snis={snis}"));
    let headers = node.peek("headers").map(Node::entries).unwrap_or_default();
    // What a header holds may be a secret.
    let headers = headers.iter().map(|entry| {
        let Entry { key, value, .. } = entry;
        format!("{}={}", key.to_lowercase(), hash::short(&joined(value.one_or_many())))
    });
    let takes: Vec<String> =
        lists.filter(|texts| !texts.is_empty()).chain(headers).chain(snis).collect();
    let takes = if takes.is_empty() { "*".to_owned() } else { takes.join(":") };
    format!("{}:{takes}", service.and_then(identity).unwrap_or(UNNAMED))
}

/// The name, or what is free of it: two may look alike.
pub(super) fn unique(name: String, taken: &mut Vec<String>) -> String {
    let free = words::free(&name, ':', |name| taken.iter().any(|other| other == name));
    taken.push(free.clone());
    free
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
) -> Served<'n> {
    for key in ["id", "tags", "preserve_host", "protocols", "https_redirect_status_code"] {
        node.get(key).map(Node::dismiss);
    }
    let strips = reading.bool(node, "strip_path").unwrap_or(true);
    node.get("name").map(Node::dismiss);
    let name = title(node, service);
    let mut plugins: Vec<Plugin<'n>> = Vec::new();
    for (place, closeness) in [(Some(node), 2), (service, 1)] {
        let Some(place) = place else { continue };
        for plugin in reading.list(place, "plugins") {
            plugins.extend(Plugin::of(plugin, reading).map(|plugin| plugin.at(closeness)));
        }
    }
    let called = of_route(node, service);
    let of_top =
        global.iter().filter_map(|plugin| Some(plugin.clone().at(plugin.applies(&called)?)));
    plugins.extend(of_top);
    plugins.sort_by_key(|plugin| std::cmp::Reverse(plugin.closeness));
    let conditions = conditions::of(node, reading);
    if !plugins.iter().any(Plugin::asks) {
        let what = format!("the route `{name}` has no plugin that asks Bedrock: it is not served");
        let hint = "bedrock-proxy and ai-proxy (with the provider bedrock) do";
        reading.say(Diagnostic::warning(node.origin(), what).hint(hint));
    }
    let whole = name.clone();
    Served { node, service, whole, name, plugins, conditions, strips, made: Vec::new() }
}

/// Those that are served, each with a name of its own. Those that are not are told of by theirs.
pub(super) fn called_apart<'n>(all: Vec<Served<'n>>, reading: &mut Reading<'_>) -> Vec<Served<'n>> {
    let asks = |one: &Served<'n>| one.plugins.iter().any(Plugin::asks);
    let (mut served, mut others): (Vec<_>, Vec<_>) = all.into_iter().partition(asks);
    let mut taken = Vec::new();
    let unnamed = served.iter_mut().chain(&mut others).filter(|one| identity(one.node).is_none());
    for one in unnamed {
        one.whole = unique(std::mem::take(&mut one.whole), &mut taken);
        one.name.clone_from(&one.whole);
    }
    for one in others {
        reading.push(Item::LeftOut(Kind::Route, one.name));
    }
    served
}

/// The routes in Kong's order. One comes in parts where another has to be asked between its paths, each
/// with a name that none in the file can have: Kong's names have no `#`.
pub(super) fn in_order<'n>(mut whole: Vec<Served<'n>>) -> Vec<Served<'n>> {
    let mut all = Vec::new();
    for (index, one) in whole.iter_mut().enumerate() {
        let conditions = std::mem::take(&mut one.conditions);
        all.extend(conditions.into_iter().map(|(rank, condition)| (rank, index, condition)));
    }
    all.sort_by_key(|(rank, _, _)| std::cmp::Reverse(*rank));
    let mut ordered: Vec<(usize, Served<'n>)> = Vec::new();
    for (rank, index, condition) in all {
        let earlier = ordered.iter().filter(|(known, _)| *known == index).count();
        let last = ordered.iter().rposition(|(known, _)| *known == index);
        let between = |at: &usize| ordered[at + 1..].iter().flat_map(|(_, part)| &part.conditions);
        let near = last.filter(|at| between(at).all(|(_, other)| apart(&condition, other)));
        match near {
            Some(at) => ordered[at].1.conditions.push((rank, condition)),
            None => {
                let mut part = whole[index].clone();
                part.conditions.push((rank, condition));
                if earlier > 0 {
                    part.name = format!("{}#{}", part.whole, earlier + 1);
                }
                ordered.push((index, part));
            }
        }
    }
    ordered.into_iter().map(|(_, part)| part).collect()
}

/// Whether no path can be below both.
fn apart(one: &Match, other: &Match) -> bool {
    let (Some(PathMatch::Prefix(one)), Some(PathMatch::Prefix(other))) = (&one.path, &other.path)
    else {
        return false;
    };
    let is_below = |path: &str, prefix: &str| {
        let rest = path.strip_prefix(prefix.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    !is_below(one, other) && !is_below(other, one)
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

    /// What its routes are called.
    pub(super) fn names(&self) -> Vec<String> {
        match self.made.is_empty() {
            true => vec![self.name.clone()],
            false => self.made.iter().map(|route| route.name.clone()).collect(),
        }
    }

    /// Makes its routes, and pushes what they need.
    pub(super) fn make(&mut self, reading: &mut Reading<'_>) {
        let errors = reading.errors();
        let asks = self.plugins.iter().find(|plugin| plugin.asks());
        let asking = asks.and_then(|plugin| plugin.asking(&self.whole, reading));
        let Some(Asking { meaning, ways }) = asking.filter(|_| reading.errors() == errors) else {
            reading.push(Item::LeftOut(Kind::Route, self.name.clone()));
            return;
        };
        let mut groups: Vec<(Option<String>, Vec<Target>)> = Vec::new();
        for way in ways {
            if self.name == self.whole {
                reading.push(Item::Backend(way.target.backend.clone(), Box::new(way.backend)));
            }
            match groups.iter_mut().find(|(alias, _)| *alias == way.alias) {
                Some((_, targets)) => targets.push(way.target),
                None => groups.push((way.alias, vec![way.target])),
            }
        }
        // Targets without an alias are for all other models. Where all have one, others are refused: nobody
        // gets another model than was asked for.
        groups.sort_by_key(|(alias, _)| alias.is_none());
        for (index, (surface, matches)) in self.by_surface(&meaning).into_iter().enumerate() {
            let name = match index {
                0 => self.name.clone(),
                more => format!("{}#path-{}", self.name, more + 1),
            };
            for (alias, targets) in &groups {
                let name = alias.iter().fold(name.clone(), |name, alias| format!("{name}#{alias}"));
                let matches = named(&matches, alias.as_deref());
                let (surface, targets) = (surface.clone(), targets.clone());
                self.made.push(Route { name, matches, surface, targets, ..self.bare() });
            }
        }
    }

    pub(super) fn push(self, reading: &mut Reading<'_>) {
        for route in self.made {
            reading.push(Item::Route(Box::new(route)));
        }
    }

    /// Requests by what their paths mean.
    fn by_surface(&self, meaning: &Meaning) -> Vec<(Surface, Vec<Match>)> {
        let mut groups: Vec<(Surface, Vec<Match>)> = Vec::new();
        for (_, condition) in &self.conditions {
            let prefix = match &condition.path {
                Some(PathMatch::Prefix(prefix)) if self.strips => Some(prefix.as_str()),
                Some(PathMatch::Prefix(_) | PathMatch::Exact(_) | PathMatch::Regex(_)) | None => {
                    None
                }
            };
            let surface = meaning.surface(prefix);
            match groups.iter_mut().find(|(known, _)| *known == surface) {
                Some((_, matches)) => matches.push(condition.clone()),
                None => groups.push((surface, vec![condition.clone()])),
            }
        }
        groups
    }

    fn bare(&self) -> Route {
        Route { policy: Policy::default(), origin: self.node.origin(), ..Route::default() }
    }
}

/// The conditions for callers that name this model.
fn named(matches: &[Match], alias: Option<&str>) -> Vec<Match> {
    let model = alias.map(|alias| Pattern::Exact(alias.to_owned()));
    matches.iter().map(|one| Match { model: model.clone(), ..one.clone() }).collect()
}
