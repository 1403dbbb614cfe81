//! Rules of HTTPRoutes with AI backends, to routes.

use std::time::Duration;

use super::GROUPS;
use super::backend::{self, Provided};
use super::layers::{Layers, Place, Policies, Way};
use super::surface::Ends;
use crate::backend::Backend;
use crate::document::Node;
use crate::front::kube::gateway::Known;
use crate::front::kube::grant;
use crate::front::kube::http_route::{self, GATEWAY, Piece, Rule};
use crate::front::kube::object::{Object, Objects, Reference};
use crate::front::{Item, Kind, Reading};
use crate::origin::{Diagnostic, Origin};
use crate::policy::{Policy, RetryPolicy};
use crate::route::{Match, Pattern, Route, Surface, Target};
use crate::words;

/// A rule and what is behind it.
pub(super) struct Served<'n> {
    pub(super) rule: Rule<'n>,
    /// What policies say of its traffic.
    pub(super) traffic: Layers<'n>,
    targets: Vec<Target>,
    policy: Policy,
    aliases: Vec<(Pattern, String)>,
    ends: Option<Ends>,
}

/// All rules that lead to Bedrock.
pub(super) fn serve<'n>(
    (objects, listeners): (&Objects<'n>, &[Known]),
    policies: &Policies<'n>,
    reading: &mut Reading<'_>,
) -> Vec<Served<'n>> {
    let mut all = Vec::new();
    for object in objects.every("HTTPRoute", &[GATEWAY]) {
        for rule in http_route::rules(object, listeners, reading) {
            let errors = reading.errors();
            let (title, broken) = (rule.title.clone(), rule.broken);
            let served = serve_rule(rule, object, (objects, policies), reading);
            match served.filter(|_| !broken && reading.errors() == errors) {
                Some(served) => all.push(served),
                None => reading.push(Item::LeftOut(Kind::Route, title)),
            }
        }
    }
    all
}

fn serve_rule<'n>(
    rule: Rule<'n>,
    object: &Object<'n>,
    (objects, policies): (&Objects<'n>, &Policies<'n>),
    reading: &mut Reading<'_>,
) -> Option<Served<'n>> {
    let place = Place { namespace: rule.namespace, name: rule.of, section: rule.section };
    let way = Way { parents: &rule.parents, route: Some(place), backend: None };
    let errors = reading.errors();
    let mut all = Vec::new();
    for reference in reading.list(rule.node, "backendRefs") {
        let Some(found) = find(reference, object, objects, reading) else { continue };
        let weight = reading.int(reference, "weight");
        let weight = weight.map_or(1, |weight| u32::try_from(weight).unwrap_or(u32::MAX));
        let headers = http_route::backend_headers(reference, reading);
        let Some(provided) = backend::provided(found, way, (objects, policies), reading) else {
            continue;
        };
        for mut one in provided {
            one.target.weight = weight;
            one.target.headers.clone_from(&headers);
            all.push(one);
        }
    }
    if all.is_empty() && reading.errors() > errors {
        return None;
    }
    if all.is_empty() {
        let what =
            format!("the route `{}` leads to no model of Bedrock's: it is not served", rule.title);
        let hint = "a backend of type AI with the provider bedrock is one";
        reading.say(Diagnostic::warning(rule.node.origin(), what).hint(hint));
        return None;
    }
    share_weights(&mut all);
    let traffic = policies.layers("traffic", way);
    let origin = rule.node.origin();
    let own = Policy {
        timeouts: rule.timeouts,
        retry: rule.retry.clone(),
        headers: rule.headers.clone(),
        ..Policy::default()
    };
    let policy = over(own, &traffic, reading);
    put_together(rule, traffic, (policy, all, origin), reading)
}

/// What a `backendRefs` item names, if it is an AI backend.
fn find<'o, 'n>(
    reference: &'n Node,
    from: &Object<'n>,
    objects: &'o Objects<'n>,
    reading: &mut Reading<'_>,
) -> Option<&'o Object<'n>> {
    let name = reading.need_str(reference, "name")?;
    let kind = reading.str(reference, "kind").unwrap_or("Service");
    let group = reading.str(reference, "group").unwrap_or_default();
    let namespace = reading.str(reference, "namespace").unwrap_or(from.namespace);
    if !GROUPS.contains(&group) || !matches!(kind, "Backend" | "AgentgatewayBackend") {
        reference.dismiss();
        let what = format!("{kind} {name} is no AI backend: nothing is sent there");
        reading.say(Diagnostic::warning(reference.origin(), what));
        return None;
    }
    let aim = Reference { kind, namespace, name };
    if !grant::allows(objects, from, aim, (reference.origin(), reading)) {
        return None;
    }
    let found = objects.find(aim, &GROUPS);
    if found.is_none() {
        let what = format!("there is no {kind} {namespace}/{name}");
        reading.say(Diagnostic::error(reference.origin(), what).hint("add it to the files"));
    }
    found
}

/// A backend's weight is that of all its providers of a priority together.
fn share_weights(all: &mut [Provided]) {
    let mut priorities: Vec<u32> = all.iter().map(|one| one.target.priority).collect();
    priorities.sort_unstable();
    priorities.dedup();
    for priority in priorities {
        let same = |one: &&mut Provided| one.target.priority == priority;
        let common = all
            .iter_mut()
            .filter(same)
            .fold(1_u64, |common, one| lcm(common, u64::from(one.peers.max(1))).min(MOST));
        for one in all.iter_mut().filter(same) {
            let weight = u64::from(one.target.weight) * (common / u64::from(one.peers.max(1)));
            one.target.weight = u32::try_from(weight).unwrap_or(u32::MAX);
        }
    }
}

/// Beyond it weights are no longer exact.
const MOST: u64 = 1 << 31;

fn lcm(a: u64, b: u64) -> u64 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}

/// What is said of a rule itself, over what policies say of its traffic.
pub(super) fn over(own: Policy, traffic: &Layers<'_>, reading: &mut Reading<'_>) -> Policy {
    let mut policy = own;
    let request = traffic.duration("timeouts.request", reading);
    // Both end with the head of the answer (its guide to timeouts, checked 2026-11-26).
    policy.timeouts.begin = policy.timeouts.request.take().or(request);
    policy.timeouts.first_byte = policy.timeouts.attempt.take();
    policy.timeouts.idle = traffic.duration("timeouts.streamIdle", reading);
    let retry = traffic.node("retry").map(|node| retry(node, reading));
    if let Some((retry, attempt)) = retry.filter(|_| policy.retry == RetryPolicy::default()) {
        policy.retry = retry;
        policy.timeouts.first_byte = policy.timeouts.first_byte.or(attempt);
    }
    if let Some(node) = traffic.node("headerModifiers.request") {
        let own = std::mem::take(&mut policy.headers);
        policy.headers = http_route::header_edits(node, reading);
        policy.headers.extend(own);
    }
    policy
}

/// `retry` of a policy, and how long an attempt may take.
fn retry(node: &Node, reading: &mut Reading<'_>) -> (RetryPolicy, Option<Duration>) {
    let mut policy = http_route::retry(node, reading);
    // Names that a TrafficPolicy has, which needs one of the first two, and is for one retry.
    if node.peek("statusCodes").or(node.peek("retryOn")).is_some() {
        policy.total_attempts = policy.total_attempts.or(Some(2));
    }
    let codes = reading.list(node, "statusCodes").iter().filter_map(Node::int);
    policy.also_on.extend(codes.filter_map(|code| u16::try_from(code).ok()));
    policy.base = policy.base.or(reading.duration(node, "backoffBaseInterval"));
    (policy, http_route::timeout(node, "perTryTimeout", reading))
}

/// Says of the whole rule what its backends say; they must not differ in it.
fn put_together<'n>(
    rule: Rule<'n>,
    traffic: Layers<'n>,
    (mut policy, all, origin): (Policy, Vec<Provided>, Origin),
    reading: &mut Reading<'_>,
) -> Option<Served<'n>> {
    policy.guardrail = same(&all, "guardrails", (&origin, reading), |one| one.ai.guardrail.clone());
    policy.cache = same(&all, "promptCaching", (&origin, reading), |one| one.ai.cache);
    let ends = same(&all, "routes", (&origin, reading), |one| one.ai.ends.clone());
    let open: Vec<&Provided> = all.iter().filter(|one| one.target.model.is_none()).collect();
    let aliases = match open.is_empty() {
        true => Vec::new(),
        false => same(&open, "modelAliases", (&origin, reading), |one| one.ai.aliases.clone()),
    };
    let mut targets = Vec::new();
    for Provided { backend, mut target, .. } in all {
        target.backend = push_backend(&target.backend, backend, reading);
        targets.push(target);
    }
    Some(Served { rule, traffic, targets, policy, aliases, ends })
}

/// The one value that all have.
pub(super) fn same<P, T: PartialEq + Default>(
    all: &[P],
    what: &str,
    (origin, reading): (&Origin, &mut Reading<'_>),
    get: impl Fn(&P) -> T,
) -> T {
    let mut values = all.iter().map(get);
    let first = values.next().unwrap_or_default();
    if values.any(|other| other != first) {
        let what = format!("backends of one rule have different {what}");
        let hint = "give each a rule of its own";
        reading.say(Diagnostic::error(origin.clone(), what).hint(hint));
    }
    first
}

/// Pushes the backend, unless the same is there. Policies can make another of it for each route: those
/// get a number. Returns its name.
pub(super) fn push_backend(title: &str, backend: Backend, reading: &mut Reading<'_>) -> String {
    let known = |name: &str| {
        reading.items.iter().find_map(|item| match item {
            Item::Backend(known, other) if *known == name => Some(&**other),
            _ => None,
        })
    };
    let name = words::free(title, '-', |name| known(name).is_some_and(|known| *known != backend));
    if known(&name).is_none() {
        reading.push(Item::Backend(name.clone(), Box::new(backend)));
    }
    name
}

/// Pushes the routes, by precedence. Returns the names that the routes of each rule have.
pub(super) fn push(served: &[Served<'_>], reading: &mut Reading<'_>) -> Vec<Vec<String>> {
    let mut pieces: Vec<(usize, Piece)> = Vec::new();
    for (index, one) in served.iter().enumerate() {
        pieces.extend(one.rule.pieces().into_iter().map(|piece| (index, piece)));
    }
    pieces.sort_by_key(|(_, piece)| piece.order());
    let mut groups: Vec<(usize, Surface, Vec<Match>)> = Vec::new();
    for (index, Piece { condition, .. }) in pieces {
        let ends = served[index].ends.clone().unwrap_or_default();
        let rewrite = served[index].rule.rewrite.as_ref();
        let surface = ends.surface(condition.path.as_ref(), rewrite);
        match groups.last_mut() {
            Some((last, known, matches)) if *last == index && *known == surface => {
                matches.push(condition);
            }
            Some(_) | None => groups.push((index, surface, vec![condition])),
        }
    }
    let mut names = vec![Vec::new(); served.len()];
    let mut counts = vec![0_usize; served.len()];
    for (index, surface, matches) in groups {
        counts[index] += 1;
        let title = &served[index].rule.title;
        let name = match counts[index] {
            1 => title.clone(),
            number => format!("{title}-{number}"),
        };
        names[index].push(name.clone());
        for route in served[index].routes(&name, &surface, &matches) {
            if route.name != name {
                names[index].push(route.name.clone());
            }
            reading.push(Item::Route(Box::new(route)));
        }
    }
    names
}

impl Served<'_> {
    /// A route for each alias, and one for all other models.
    fn routes(&self, name: &str, surface: &Surface, matches: &[Match]) -> Vec<Route> {
        let route = |name: String, matches: Vec<Match>, targets: Vec<Target>| Route {
            name,
            listeners: self.rule.listeners.clone(),
            matches,
            surface: surface.clone(),
            targets,
            policy: self.policy.clone(),
            owned_by: None,
            origin: self.rule.node.origin(),
        };
        let mut routes = Vec::new();
        for (index, (alias, model)) in self.aliases.iter().enumerate() {
            let with = |one: &Match| Match { model: Some(alias.clone()), ..one.clone() };
            let targets = self.targets.iter().map(|target| Target {
                model: target.model.clone().or_else(|| Some(model.clone())),
                ..target.clone()
            });
            let name = format!("{name}/alias-{index}");
            routes.push(route(name, matches.iter().map(with).collect(), targets.collect()));
        }
        routes.push(route(name.to_owned(), http_route::written(matches), self.targets.clone()));
        routes
    }
}
