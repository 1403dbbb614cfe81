//! BackendTrafficPolicy: retries, timeouts and rate limits of routes.
//!
//! 1. A route's own policy takes the place of its Gateway's, unless it has a `mergeType`: then what it says
//!    comes first, and its limits are added. Of several for the same the oldest counts, then the first by
//!    name.
//! 2. A limit counts each route by itself, as Envoy Gateway does, unless it is `shared`. Routes for which it
//!    counts different things get one of their own for each.

use std::time::Duration;

use super::route::Rule;
use super::{ENVOY, MODEL};
use crate::document::Node;
use crate::front::Reading;
use crate::front::kube::http_route;
use crate::front::kube::object::{self, Object, Objects};
use crate::limit::{Limit, Measure, Per, Selector, Window};
use crate::origin::Diagnostic;
use crate::route::{HeaderMatch, Pattern};

/// What a limit counts on some routes.
struct Counted {
    measure: Measure,
    /// How much the limit takes for one of it.
    each: u64,
    routes: Vec<String>,
}

/// A policy, and what it is for.
struct Aimed<'n> {
    title: String,
    spec: &'n Node,
    is_merged: bool,
    /// Titles of routes.
    routes: Vec<String>,
    /// Gateways by namespace and name.
    gateways: Vec<(String, String)>,
}

pub(super) fn apply(rules: &mut [Rule], objects: &Objects<'_>, reading: &mut Reading<'_>) {
    let mut policies = objects.every("BackendTrafficPolicy", &[ENVOY]);
    policies.sort_by_key(|policy| {
        let created = policy.root.at("metadata.creationTimestamp").and_then(Node::text);
        (created.is_none(), created.unwrap_or_default().to_owned(), policy.title())
    });
    let aimed: Vec<Aimed<'_>> = policies.iter().map(|policy| aim(policy, reading)).collect();
    let in_force: Vec<Vec<usize>> = rules.iter().map(|rule| in_force(rule, &aimed)).collect();
    // Those of routes speak first.
    let mut order: Vec<usize> = (0..aimed.len()).collect();
    order.sort_by_key(|index| aimed[*index].routes.is_empty());
    for index in order {
        let policy = &aimed[index];
        let meant = rules.iter_mut().zip(&in_force);
        let meant = meant.filter(|(_, force)| force.contains(&index));
        let mut meant: Vec<&mut Rule> = meant.map(|(rule, _)| rule).collect();
        if meant.is_empty() {
            let what = match policy.is_for_any(rules) {
                true => "another policy takes the place of this one on all of its routes",
                false => "this policy is for no route that is served",
            };
            reading.say(Diagnostic::warning(policy.spec.origin(), what));
            policy.spec.dismiss();
            continue;
        }
        retry(policy.spec, &mut meant, reading);
        let limits = limits(policy.spec, (&policy.title, &meant), reading);
        for rule in meant {
            rule.limits.extend(limits.iter().cloned());
        }
    }
}

fn aim<'n>(policy: &Object<'n>, reading: &mut Reading<'_>) -> Aimed<'n> {
    let spec = policy.spec();
    let (mut routes, mut gateways) = (Vec::new(), Vec::new());
    let single = spec.get("targetRef").map(std::slice::from_ref).unwrap_or_default();
    for target in reading.list(spec, "targetRefs").iter().chain(single) {
        if reading.str(target, "sectionName").is_some() {
            let what = "sectionName is not looked at: the policy is for the whole";
            reading.say(Diagnostic::warning(target.origin(), what));
        }
        match object::aim(target, reading) {
            (Some("Gateway"), Some(name)) => {
                gateways.push((policy.namespace.to_owned(), name.to_owned()));
            }
            (_, Some(name)) => routes.push(match policy.namespace {
                "default" => name.to_owned(),
                namespace => format!("{namespace}/{name}"),
            }),
            (_, None) => reading.missing(target.origin(), "name"),
        }
    }
    let is_merged = reading.str(spec, "mergeType").is_some();
    Aimed { title: policy.title(), spec, is_merged, routes, gateways }
}

impl Aimed<'_> {
    fn is_of_route(&self, rule: &Rule) -> bool {
        self.routes.contains(&rule.of)
    }

    fn is_of_gateway(&self, rule: &Rule) -> bool {
        rule.gateways.iter().any(|own| self.gateways.contains(own))
    }

    fn is_for_any(&self, rules: &[Rule]) -> bool {
        rules.iter().any(|rule| self.is_of_route(rule) || self.is_of_gateway(rule))
    }
}

/// The policies that hold for a rule, the nearest first.
fn in_force(rule: &Rule, policies: &[Aimed<'_>]) -> Vec<usize> {
    let of_route = policies.iter().position(|policy| policy.is_of_route(rule));
    let of_gateway = policies.iter().position(|policy| policy.is_of_gateway(rule));
    match of_route {
        Some(own) if !policies[own].is_merged => vec![own],
        own => own.into_iter().chain(of_gateway).collect(),
    }
}

fn retry(spec: &Node, rules: &mut [&mut Rule], reading: &mut Reading<'_>) {
    let number = |number: Option<u64>| number.map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    let request = http_route::timeout(spec, "timeout.http.requestTimeout", reading);
    let connect = http_route::timeout(spec, "timeout.tcp.connectTimeout", reading);
    let retries = number(reading.int(spec, "retry.numRetries"));
    let each = number(reading.int(spec, "retry.numAttemptsPerPriority"));
    // Envoy Gateway takes none for not written.
    let each = each.filter(|attempts| *attempts > 0);
    let attempt = http_route::timeout(spec, "retry.perRetry.timeout", reading);
    let base = reading.duration(spec, "retry.perRetry.backOff.baseInterval");
    let cap = reading.duration(spec, "retry.perRetry.backOff.maxInterval");
    let codes = reading.list(spec, "retry.retryOn.httpStatusCodes").iter().filter_map(Node::int);
    let codes: Vec<u16> =
        codes.filter_map(|code| u16::try_from(code).ok()).filter(|code| *code >= 400).collect();
    // What they name is retried in any case.
    spec.at("retry.retryOn.triggers").map(Node::dismiss);
    for rule in rules {
        let policy = &mut rule.route.policy;
        let timeouts = &mut policy.timeouts;
        timeouts.request = timeouts.request.or(request);
        timeouts.connect = timeouts.connect.or(connect);
        timeouts.attempt = timeouts.attempt.or(attempt);
        let known = &mut policy.retry;
        let total = retries.map(|retries| retries.saturating_add(1));
        known.total_attempts = known.total_attempts.or(total);
        known.attempts = known.attempts.or(each);
        known.base = known.base.or(base);
        known.cap = known.cap.or(cap);
        if known.also_on.is_empty() {
            known.also_on.clone_from(&codes);
        }
    }
}

fn limits(
    spec: &Node,
    (title, rules): (&str, &[&mut Rule]),
    reading: &mut Reading<'_>,
) -> Vec<Limit> {
    let mut limits = Vec::new();
    spec.at("rateLimit.type").map(Node::dismiss);
    let global = reading.list(spec, "rateLimit.global.rules");
    let local = reading.list(spec, "rateLimit.local.rules");
    for (index, node) in global.iter().chain(local).enumerate() {
        let Some(amount) = reading.int(node, "limit.requests") else {
            reading.missing(node.origin(), "limit.requests");
            continue;
        };
        let Some(window) = window(node, reading) else { continue };
        let selector = selector(node, reading);
        let is_shared = reading.bool(node, "shared") == Some(true);
        let counted = counted(node, rules, reading);
        if is_shared && counted.len() > 1 {
            let what = "its routes count different things under one key: what is shared is counted apart for each of these";
            reading.say(Diagnostic::warning(node.origin(), what));
        }
        for (number, Counted { measure, each, routes }) in (1..).zip(counted) {
            let mut selector = selector.clone();
            if !is_shared && routes.len() > 1 {
                selector.per.push(Per::Route);
            }
            limits.push(Limit {
                name: match number {
                    1 => format!("{title}-{index}"),
                    more => format!("{title}-{index}-{more}"),
                },
                selector: Selector { routes, ..selector },
                measure,
                amount: u128::from(amount / each),
                window,
                origin: node.origin(),
            });
        }
    }
    limits
}

fn window(node: &Node, reading: &mut Reading<'_>) -> Option<Window> {
    match reading.need_str(node, "limit.unit")? {
        "Second" => Some(Window::Rolling(Duration::from_secs(1))),
        "Minute" => Some(Window::Rolling(Duration::from_secs(60))),
        "Hour" => Some(Window::Rolling(Duration::from_secs(3600))),
        "Day" => Some(Window::Day),
        "Month" => Some(Window::Month),
        other => {
            let what = format!("a limit for each `{other}` is not kept");
            let hint = "Second, Minute, Hour, Day and Month are";
            reading.say(Diagnostic::error(node.origin(), what).hint(hint));
            None
        }
    }
}

/// What counts on which routes: requests, unless the rule says that they cost nothing, and what the answer's
/// metadata have.
fn counted(node: &Node, rules: &[&mut Rule], reading: &mut Reading<'_>) -> Vec<Counted> {
    node.at("cost.request.from").map(Node::dismiss);
    node.at("cost.response.from").map(Node::dismiss);
    node.at("cost.response.metadata.namespace").map(Node::dismiss);
    let request = reading.int(node, "cost.request.number").unwrap_or(1);
    let key = reading.str(node, "cost.response.metadata.key");
    if key.is_none() && request == 0 {
        let what = "this limit counts nothing: requests cost 0, and answers are not counted";
        reading.say(Diagnostic::warning(node.origin(), what));
    }
    let cost = |rule: &Rule| {
        let own = rule.costs.iter().find(|(known, _)| Some(known.as_str()) == key);
        own.map(|(_, cost)| cost.clone())
    };
    if let Some(key) = key
        && !is_known(key, (node, rules), reading)
    {
        return Vec::new();
    }
    let mut all: Vec<Counted> = Vec::new();
    for rule in rules {
        let (measure, each) = match cost(rule) {
            Some(cost) => (with_requests(request, cost), 1),
            None if request > 0 => (Measure::Requests, request),
            None => continue,
        };
        let names = rule.names.iter().cloned();
        match all.iter_mut().find(|known| (&known.measure, known.each) == (&measure, each)) {
            Some(known) => known.routes.extend(names),
            None => all.push(Counted { measure, each, routes: names.collect() }),
        }
    }
    all
}

/// Whether any of the routes says what is counted under the key; for those that do not, it is told.
fn is_known(key: &str, (node, rules): (&Node, &[&mut Rule]), reading: &mut Reading<'_>) -> bool {
    let lacks = |rule: &&&mut Rule| !rule.costs.iter().any(|(known, _)| known == key);
    let without: Vec<&str> =
        rules.iter().filter(lacks).map(|rule| rule.route.name.as_str()).collect();
    if without.len() == rules.len() {
        let what = format!("no llmRequestCosts of the route has the key `{key}`");
        reading.say(Diagnostic::error(node.origin(), what));
        return false;
    }
    if !without.is_empty() {
        let what = format!(
            "no llmRequestCosts has the key `{key}` on some routes, whose answers are not counted: {}",
            without.join(", ")
        );
        reading.say(Diagnostic::warning(node.origin(), what));
    }
    true
}

/// What answers cost and, beside it, each request.
fn with_requests(request: u64, cost: Measure) -> Measure {
    let together = |what: &str| Measure::Cel(format!("{request}u + uint({what})"));
    match (request, cost) {
        (0, cost) => cost,
        (_, Measure::InputTokens) => together("input_tokens"),
        (_, Measure::OutputTokens) => together("output_tokens"),
        (_, Measure::TotalTokens) => together("total_tokens"),
        (_, Measure::CachedInputTokens) => together("cached_input_tokens"),
        (_, Measure::CacheWriteTokens) => together("cache_creation_input_tokens"),
        (_, Measure::ReasoningTokens) => together("reasoning_tokens"),
        (_, Measure::Cel(expression)) => together(&expression),
        (_, cost @ (Measure::Requests | Measure::Concurrent | Measure::Money(_))) => cost,
    }
}

fn selector(node: &Node, reading: &mut Reading<'_>) -> Selector {
    let mut selector = Selector::default();
    for client in reading.list(node, "clientSelectors") {
        for header in reading.list(client, "headers") {
            let Some(name) = reading.need_str(header, "name").map(str::to_lowercase) else {
                continue;
            };
            let value = reading.str(header, "value").map(str::to_owned);
            let is_not = reading.bool(header, "invert") == Some(true);
            let pattern = match (reading.str(header, "type").unwrap_or("Exact"), value) {
                ("Distinct", _) if is_not => {
                    let what = "`invert` of a header that is counted by its value means nothing";
                    reading.say(Diagnostic::error(header.origin(), what));
                    continue;
                }
                ("Distinct", _) => {
                    if name == MODEL {
                        selector.per.push(Per::Model);
                        continue;
                    }
                    // A request without the header is not counted at all.
                    selector.per.push(Per::Header(name.clone()));
                    Pattern::Any
                }
                ("Exact", Some(value)) => Pattern::Exact(value),
                ("RegularExpression", Some(value)) => Pattern::Regex(value),
                (other, _) => {
                    let what = format!("a header selected by `{other}` is not honoured");
                    reading.say(Diagnostic::error(header.origin(), what));
                    continue;
                }
            };
            // The gateway sets this header, clients do not: it is the model.
            match (name == MODEL, is_not) {
                (true, false) => selector.models.push(pattern),
                (true, true) => selector.unless.models.push(pattern),
                (false, false) => selector.headers.push(HeaderMatch { name, value: pattern }),
                (false, true) => selector.unless.headers.push(HeaderMatch { name, value: pattern }),
            }
        }
        if client.get("sourceCIDR").is_some() {
            let what = "the source address is not looked at: each address is counted apart";
            reading.say(Diagnostic::warning(client.origin(), what));
            selector.per.push(Per::Peer);
        }
    }
    selector
}
