//! AIGatewayRoute: rules to routes.

use super::{AI, MODEL, backend, cost, mutation};
use crate::document::Node;
use crate::front::kube::gateway::{Known, parents};
use crate::front::kube::grant;
use crate::front::kube::http_route::{self, Piece, Standing};
use crate::front::kube::object::{Object, Objects, Reference};
use crate::front::{Item, Kind, Reading};
use crate::limit::{Limit, Measure};
use crate::origin::Diagnostic;
use crate::policy::Policy;
use crate::route::{HeaderMatch, Match, Pattern, Route, Surface, Target};

/// A rule of a route, as far as it is understood.
pub(super) struct Rule {
    /// Title of the AIGatewayRoute.
    pub(super) of: String,
    /// The Gateways that it hangs on, by namespace and name.
    pub(super) gateways: Vec<(String, String)>,
    /// Without its matches and by its title.
    pub(super) route: Route,
    /// Of the routes that it becomes.
    pub(super) names: Vec<String>,
    pub(super) limits: Vec<Limit>,
    /// What is counted under which key of the request's metadata.
    pub(super) costs: Vec<(String, Measure)>,
    pub(super) pieces: Vec<Piece>,
    backends: Vec<(String, crate::backend::Backend)>,
    broken: bool,
}

/// The rules of a route that lead to Bedrock; of others it is said that they are not served.
pub(super) fn rules(
    object: &Object<'_>,
    objects: &Objects<'_>,
    listeners: &[Known],
    reading: &mut Reading<'_>,
) -> Vec<Rule> {
    let spec = object.spec();
    // The paths tell the dialect.
    spec.get("schema").map(Node::dismiss);
    let errors = reading.errors();
    let Some(of) = parents(object, listeners, reading) else {
        object.root.dismiss();
        return Vec::new();
    };
    let is_misplaced = reading.errors() > errors;
    let gateways = http_route::parents_of(spec, object.namespace, reading).into_iter();
    let gateways: Vec<(String, String)> =
        gateways.map(|parent| (parent.namespace.to_owned(), parent.name.to_owned())).collect();
    let hosts: Vec<String> = reading
        .list(spec, "hostnames")
        .iter()
        .filter_map(Node::text)
        .map(str::to_lowercase)
        .collect();
    let mut costs = cost::of(spec, "llmRequestCosts", reading);
    for (key, measure) in cost::common(&gateways, objects, reading) {
        if !costs.iter().any(|(own, _)| *own == key) {
            costs.push((key, measure));
        }
    }
    let nodes = reading.list(spec, "rules");
    let mut rules = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let name = match (reading.str(node, "name"), nodes.len()) {
            (Some(name), _) => format!("{}/{name}", object.title()),
            (None, 1) => object.title(),
            (None, _) => format!("{}/{index}", object.title()),
        };
        let errors = reading.errors();
        let pieces =
            http_route::pieces(&hosts, &conditions(node, reading), &Standing::of(object, index));
        let mut backends = Vec::new();
        let mut targets = Vec::new();
        let references = reading.list(node, "backendRefs");
        for reference in references {
            if let Some((backend, target)) = target(reference, object, objects, reading) {
                backends.extend(backend.map(|backend| (target.backend.clone(), backend)));
                targets.push(target);
            }
        }
        let mut policy = Policy::default();
        policy.timeouts.request = http_route::timeout(node, "timeouts.request", reading);
        policy.timeouts.attempt = http_route::timeout(node, "timeouts.backendRequest", reading);
        policy.timeouts.idle = http_route::timeout(node, "streamIdleTimeout", reading);
        let owned_by = reading.str(node, "modelsOwnedBy").map(str::to_owned);
        let broken = is_misplaced || reading.errors() > errors;
        if !broken && targets.is_empty() && !references.is_empty() {
            let what =
                format!("the route `{name}` leads to no model of Bedrock's: it is not served");
            reading.say(Diagnostic::warning(node.origin(), what));
            reading.push(Item::LeftOut(Kind::Route, name));
            continue;
        }
        let route = Route {
            name,
            listeners: of.clone(),
            matches: Vec::new(),
            surface: Surface::ByPath,
            targets,
            policy,
            owned_by,
            origin: node.origin(),
        };
        rules.push(Rule {
            of: object.title(),
            gateways: gateways.clone(),
            route,
            names: Vec::new(),
            limits: Vec::new(),
            costs: costs.clone(),
            pieces,
            backends,
            broken,
        });
    }
    rules
}

/// The rule's matches, of any host.
fn conditions(node: &Node, reading: &mut Reading<'_>) -> Vec<Match> {
    let mut matches = Vec::new();
    for one in reading.list(node, "matches") {
        let mut matched = Match::default();
        for header in reading.list(one, "headers") {
            let Some(name) = reading.need_str(header, "name").map(str::to_lowercase) else {
                continue;
            };
            let Some(value) = reading.need_str(header, "value").map(str::to_owned) else {
                continue;
            };
            let value = match reading.str(header, "type") {
                Some("Exact") | None => Pattern::Exact(value),
                Some("RegularExpression") => Pattern::Regex(value),
                Some(other) => {
                    let what =
                        format!("headers are matched Exact or RegularExpression, not `{other}`");
                    reading.say(Diagnostic::error(header.origin(), what));
                    continue;
                }
            };
            match name == MODEL {
                true => matched.model = Some(value),
                false => matched.headers.push(HeaderMatch { name, value }),
            }
        }
        matches.push(matched);
    }
    if matches.is_empty() {
        matches.push(Match::default());
    }
    matches
}

/// One `backendRefs` item, and the backend that it means.
fn target(
    node: &Node,
    from: &Object<'_>,
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) -> Option<(Option<crate::backend::Backend>, Target)> {
    node.get("group").map(Node::dismiss);
    let name = reading.need_str(node, "name")?;
    let kind = reading.str(node, "kind").unwrap_or("AIServiceBackend");
    if kind != "AIServiceBackend" {
        node.dismiss();
        let what = format!("{kind} {name} is left out: only an AIServiceBackend leads to Bedrock");
        reading.say(Diagnostic::warning(node.origin(), what));
        return None;
    }
    let namespace = reading.str(node, "namespace").unwrap_or(from.namespace);
    let reference = Reference { kind, namespace, name };
    if !grant::allows(objects, from, reference, (node.origin(), reading)) {
        return None;
    }
    let Some(service) = objects.find(reference, &[AI]) else {
        let what = format!("there is no AIServiceBackend {namespace}/{name}");
        reading.say(Diagnostic::error(node.origin(), what).hint("add it to the files"));
        return None;
    };
    let number = |number: Option<u64>, otherwise: u32| {
        number.map_or(otherwise, |number| u32::try_from(number).unwrap_or(u32::MAX))
    };
    let weight = number(reading.int(node, "weight"), 1);
    let priority = number(reading.int(node, "priority"), 0);
    let model = reading.str(node, "modelNameOverride").map(str::to_owned);
    let schema = backend::schema(service);
    let (mut headers, mut body) = mutation::edits(service.spec(), schema, reading);
    let (own_headers, own_body) = mutation::edits(node, schema, reading);
    headers.extend(own_headers);
    body.extend(own_body);
    let backend = backend::of(service, objects, reading)?;
    let title = service.title();
    let known =
        reading.items.iter().any(|item| matches!(item, Item::Backend(name, _) if *name == title));
    let target = Target { model, weight, priority, headers, body, ..Target::new(title) };
    Some(((!known).then_some(backend), target))
}

/// A rule, by its place among the rules, and the conditions of it that stand side by side.
type Run = (usize, Vec<Match>);

/// Takes the rules' pieces in the order in which they take precedence, and gives the routes that they
/// become their names.
pub(super) fn ranked(rules: &mut [Rule]) -> Vec<Run> {
    let mut pieces: Vec<(usize, Piece)> = Vec::new();
    for (index, rule) in rules.iter_mut().enumerate() {
        pieces.extend(std::mem::take(&mut rule.pieces).into_iter().map(|piece| (index, piece)));
    }
    pieces.sort_by_key(|(_, piece)| piece.order());
    let mut runs: Vec<Run> = Vec::new();
    for (index, Piece { condition, .. }) in pieces {
        match runs.last_mut() {
            Some((last, conditions)) if *last == index => conditions.push(condition),
            Some(_) | None => {
                let rule = &mut rules[index];
                let title = &rule.route.name;
                rule.names.push(match rule.names.len() {
                    0 => title.clone(),
                    more => format!("{title}-{}", more + 1),
                });
                runs.push((index, vec![condition]));
            }
        }
    }
    runs
}

/// Pushes the routes, and what they need.
pub(super) fn push(mut rules: Vec<Rule>, runs: Vec<Run>, reading: &mut Reading<'_>) {
    for rule in &mut rules {
        rule.push_rest(reading);
    }
    let mut names: Vec<std::vec::IntoIter<String>> =
        rules.iter_mut().map(|rule| std::mem::take(&mut rule.names).into_iter()).collect();
    for (index, conditions) in runs {
        let rule = &rules[index];
        let Some(name) = names[index].next() else { continue };
        reading.push(match rule.broken {
            true => Item::LeftOut(Kind::Route, name),
            false => {
                let matches = http_route::written(&conditions);
                Item::Route(Box::new(Route { name, matches, ..rule.route.clone() }))
            }
        });
    }
}

impl Rule {
    /// Pushes backends and limits.
    fn push_rest(&mut self, reading: &mut Reading<'_>) {
        if self.broken {
            return;
        }
        for (name, backend) in std::mem::take(&mut self.backends) {
            let known = reading
                .items
                .iter()
                .any(|item| matches!(item, Item::Backend(known, _) if *known == name));
            if !known {
                reading.push(Item::Backend(name, Box::new(backend)));
            }
        }
        for limit in std::mem::take(&mut self.limits) {
            let known = reading
                .items
                .iter()
                .any(|item| matches!(item, Item::Limit(known) if known.name == limit.name));
            if !known {
                reading.push(Item::Limit(limit));
            }
        }
    }
}
