//! BackendTrafficPolicy: retries, timeouts and rate limits of routes.
//!
//! A route's own policy takes the place of its Gateway's, unless it has a `mergeType`: then what it says
//! comes first, and its limits are added. Of several for the same the oldest counts, then the first by
//! name.

use super::route::Rule;
use super::{ENVOY, limits};
use crate::document::Node;
use crate::front::Reading;
use crate::front::kube::http_route;
use crate::front::kube::object::{self, Object, Objects};
use crate::origin::Diagnostic;

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
        let limits = limits::of(policy.spec, (&policy.title, &meant), reading);
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
            (_, Some(name)) => routes.push(object::title(policy.namespace, name)),
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
