//! AIGatewayRoute: rules to routes.

use super::{AI, MODEL, backend};
use crate::document::Node;
use crate::edit::{BodyEdit, BodyEdits, HeaderEdit, HeaderEdits, Mode};
use crate::front::kube::gateway::{Known, parents};
use crate::front::kube::grant;
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
    pub(super) gateways: Vec<String>,
    pub(super) route: Route,
    pub(super) limits: Vec<Limit>,
    /// What is counted under which key of the request's metadata.
    pub(super) costs: Vec<(String, Measure)>,
    pub(super) conditions: usize,
    backends: Vec<(String, crate::backend::Backend)>,
    broken: bool,
}

pub(super) fn rules(
    object: &Object<'_>,
    objects: &Objects<'_>,
    listeners: &[Known],
    reading: &mut Reading<'_>,
) -> Vec<Rule> {
    let spec = object.spec();
    // The paths tell the dialect.
    for key in ["schema", "filterConfig", "targetRefs"] {
        spec.get(key).map(Node::dismiss);
    }
    let of = parents(spec, object.namespace, listeners, reading);
    let gateways = reading.list(spec, "parentRefs");
    let gateways: Vec<String> =
        gateways.iter().filter_map(|node| Some(node.get("name")?.text()?.to_owned())).collect();
    let hosts: Vec<String> = reading
        .list(spec, "hostnames")
        .iter()
        .filter_map(Node::text)
        .map(str::to_lowercase)
        .collect();
    let costs = costs(spec, reading);
    let nodes = reading.list(spec, "rules");
    let mut rules = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let name = match (reading.str(node, "name"), nodes.len()) {
            (Some(name), _) => format!("{}/{name}", object.title()),
            (None, 1) => object.title(),
            (None, _) => format!("{}/{index}", object.title()),
        };
        let errors = reading.errors();
        let (matches, conditions) = conditions(node, &hosts, reading);
        let mut backends = Vec::new();
        let mut targets = Vec::new();
        for reference in reading.list(node, "backendRefs") {
            if let Some((backend, target)) = target(reference, object, objects, reading) {
                backends.extend(backend.map(|backend| (target.backend.clone(), backend)));
                targets.push(target);
            }
        }
        let mut policy = Policy::default();
        policy.timeouts.request = reading.duration(node, "timeouts.request");
        policy.timeouts.attempt = reading.duration(node, "timeouts.backendRequest");
        policy.timeouts.idle = reading.duration(node, "streamIdleTimeout");
        let owned_by = reading.str(node, "modelsOwnedBy").map(str::to_owned);
        let route = Route {
            name,
            listeners: of.clone(),
            matches,
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
            limits: Vec::new(),
            costs: costs.clone(),
            conditions,
            backends,
            broken: reading.errors() > errors,
        });
    }
    rules
}

/// `llmRequestCosts`: what is counted, by key.
fn costs(spec: &Node, reading: &mut Reading<'_>) -> Vec<(String, Measure)> {
    let mut costs = Vec::new();
    for node in reading.list(spec, "llmRequestCosts") {
        let Some(key) = reading.need_str(node, "metadataKey").map(str::to_owned) else { continue };
        let measure = match reading.need_str(node, "type") {
            Some("InputToken") => Measure::InputTokens,
            Some("OutputToken") => Measure::OutputTokens,
            Some("TotalToken") => Measure::TotalTokens,
            Some("CachedInputToken") => Measure::CachedInputTokens,
            Some("CacheCreationInputToken") => Measure::CacheWriteTokens,
            Some("ReasoningToken") => Measure::ReasoningTokens,
            Some("CEL") => match reading.need_str(node, "cel") {
                Some(expression) => Measure::Cel(expression.to_owned()),
                None => continue,
            },
            Some(other) => {
                let what = format!("`{other}` is nothing that is counted");
                reading.say(Diagnostic::error(node.origin(), what));
                continue;
            }
            None => continue,
        };
        costs.push((key, measure));
    }
    costs
}

/// The rule's matches, and the number of headers in the longest.
fn conditions(node: &Node, hosts: &[String], reading: &mut Reading<'_>) -> (Vec<Match>, usize) {
    let mut matches = Vec::new();
    let mut most = 0;
    for one in reading.list(node, "matches") {
        let mut matched = Match { hosts: hosts.to_vec(), ..Match::default() };
        let headers = reading.list(one, "headers");
        most = most.max(headers.len());
        for header in headers {
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
    if matches.is_empty() && !hosts.is_empty() {
        matches.push(Match { hosts: hosts.to_vec(), ..Match::default() });
    }
    (matches, most)
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
        let what = format!("{kind} {name}: only an AIServiceBackend leads to Bedrock");
        reading.say(Diagnostic::error(node.origin(), what));
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
    let (mut headers, mut body) = edits(service.spec(), reading);
    let (own_headers, own_body) = edits(node, reading);
    headers.extend(own_headers);
    body.extend(own_body);
    let backend = backend::of(service, objects, reading)?;
    let title = service.title();
    let known =
        reading.items.iter().any(|item| matches!(item, Item::Backend(name, _) if *name == title));
    let target = Target { model, weight, priority, headers, body, ..Target::new(title) };
    Some(((!known).then_some(backend), target))
}

/// `headerMutation` and `bodyMutation`.
fn edits(node: &Node, reading: &mut Reading<'_>) -> (HeaderEdits, BodyEdits) {
    let mut headers = HeaderEdits::new();
    for set in reading.list(node, "headerMutation.set") {
        if let (Some(name), Some(value)) =
            (reading.need_str(set, "name"), reading.need_str(set, "value"))
        {
            headers.push(HeaderEdit::Set { name: name.to_lowercase(), value: value.to_owned() });
        }
    }
    let removed = reading.list(node, "headerMutation.remove").iter().filter_map(Node::text);
    headers.extend(removed.map(|name| HeaderEdit::Remove { name: name.to_lowercase() }));
    let mut body = BodyEdits::new();
    for set in reading.list(node, "bodyMutation.set") {
        if let (Some(path), Some(value)) =
            (reading.need_str(set, "path"), reading.need_str(set, "value"))
        {
            let (path, value) = (path.to_owned(), value.to_owned());
            body.push(BodyEdit::Set { path, value, mode: Mode::Override });
        }
    }
    let removed = reading.list(node, "bodyMutation.remove").iter().filter_map(Node::text);
    body.extend(removed.map(|path| BodyEdit::Remove { path: path.to_owned() }));
    (headers, body)
}

impl Rule {
    pub(super) fn push(self, reading: &mut Reading<'_>) {
        if self.broken {
            reading.push(Item::LeftOut(Kind::Route, self.route.name));
            return;
        }
        for (name, backend) in self.backends {
            let known = reading
                .items
                .iter()
                .any(|item| matches!(item, Item::Backend(known, _) if *known == name));
            if !known {
                reading.push(Item::Backend(name, Box::new(backend)));
            }
        }
        reading.push(Item::Route(Box::new(self.route)));
        for limit in self.limits {
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
