//! BackendTrafficPolicy: retries, timeouts and rate limits of routes.

use std::time::Duration;

use super::route::Rule;
use super::{ENVOY, MODEL};
use crate::document::Node;
use crate::front::Reading;
use crate::front::kube::object::Objects;
use crate::limit::{Limit, Measure, Per, Selector, Window};
use crate::origin::Diagnostic;
use crate::route::{HeaderMatch, Pattern};

pub(super) fn apply(rules: &mut [Rule], objects: &Objects<'_>, reading: &mut Reading<'_>) {
    for policy in objects.every("BackendTrafficPolicy", &[ENVOY]) {
        let spec = policy.spec();
        let mut names = Vec::new();
        let mut gateways = Vec::new();
        let single = spec.get("targetRef").map(std::slice::from_ref).unwrap_or_default();
        for target in reading.list(spec, "targetRefs").iter().chain(single) {
            target.dismiss();
            let text = |key: &str| target.peek(key).and_then(Node::text);
            match (text("kind"), text("name")) {
                (Some("Gateway"), Some(name)) => gateways.push(name.to_owned()),
                (_, Some(name)) => names.push(match policy.namespace {
                    "default" => name.to_owned(),
                    namespace => format!("{namespace}/{name}"),
                }),
                (_, None) => {}
            }
        }
        let mut meant: Vec<&mut Rule> = rules
            .iter_mut()
            .filter(|rule| {
                names.contains(&rule.of) || rule.gateways.iter().any(|own| gateways.contains(own))
            })
            .collect();
        if meant.is_empty() {
            let what = "this policy is for no route of the files";
            reading.say(Diagnostic::warning(policy.root.origin(), what));
            spec.dismiss();
            continue;
        }
        retry(spec, &mut meant, reading);
        let limits = limits(spec, (&policy.title(), &meant), reading);
        for rule in meant {
            rule.limits.extend(limits.iter().cloned());
        }
    }
}

fn retry(spec: &Node, rules: &mut [&mut Rule], reading: &mut Reading<'_>) {
    let number = |number: Option<u64>| number.map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    let request = reading.duration(spec, "timeout.http.requestTimeout");
    let connect = reading.duration(spec, "timeout.tcp.connectTimeout");
    let retries = number(reading.int(spec, "retry.numRetries"));
    let each = number(reading.int(spec, "retry.numAttemptsPerPriority"));
    let attempt = reading.duration(spec, "retry.perRetry.timeout");
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
        policy.retry.total_attempts = retries.map(|retries| retries.saturating_add(1));
        policy.retry.attempts = each;
        policy.retry.base = base;
        policy.retry.cap = cap;
        policy.retry.also_on.clone_from(&codes);
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
    let routes: Vec<String> = rules.iter().map(|rule| rule.route.name.clone()).collect();
    for (index, node) in global.iter().chain(local).enumerate() {
        let Some(amount) = reading.int(node, "limit.requests") else {
            reading.missing(node.origin(), "limit.requests");
            continue;
        };
        let Some(window) = window(node, reading) else { continue };
        let selector = Selector { routes: routes.clone(), ..selector(node, reading) };
        for (measure, word) in measures(node, rules, reading) {
            limits.push(Limit {
                name: format!("{title}-{index}{word}"),
                selector: selector.clone(),
                measure,
                amount: u128::from(amount),
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

/// What counts: requests, unless the rule says that they cost nothing, and what the answer's metadata
/// have.
fn measures(
    node: &Node,
    rules: &[&mut Rule],
    reading: &mut Reading<'_>,
) -> Vec<(Measure, &'static str)> {
    let mut measures = Vec::new();
    node.at("cost.request.from").map(Node::dismiss);
    if reading.int(node, "cost.request.number") != Some(0) {
        measures.push((Measure::Requests, ""));
    }
    node.at("cost.response.from").map(Node::dismiss);
    node.at("cost.response.metadata.namespace").map(Node::dismiss);
    if let Some(key) = reading.str(node, "cost.response.metadata.key") {
        let cost = rules.iter().flat_map(|rule| &rule.costs).find(|(known, _)| known == key);
        match cost {
            Some((_, measure)) => measures.push((measure.clone(), "-cost")),
            None => {
                let what = format!("no llmRequestCosts of the route has the key `{key}`");
                reading.say(Diagnostic::error(node.origin(), what));
            }
        }
    }
    measures
}

fn selector(node: &Node, reading: &mut Reading<'_>) -> Selector {
    let mut selector = Selector::default();
    for client in reading.list(node, "clientSelectors") {
        for header in reading.list(client, "headers") {
            let Some(name) = reading.need_str(header, "name").map(str::to_lowercase) else {
                continue;
            };
            let value = reading.str(header, "value").map(str::to_owned);
            match (reading.str(header, "type").unwrap_or("Exact"), value) {
                ("Distinct", _) if name == MODEL => selector.per.push(Per::Model),
                ("Distinct", _) => selector.per.push(Per::Header(name)),
                ("Exact", Some(value)) if name == MODEL => selector.models.push(value),
                ("Exact", Some(value)) => {
                    selector.headers.push(HeaderMatch { name, value: Pattern::Exact(value) });
                }
                ("RegularExpression", Some(value)) => {
                    selector.headers.push(HeaderMatch { name, value: Pattern::Regex(value) });
                }
                (other, _) => {
                    let what = format!("a header selected by `{other}` is not honoured");
                    reading.say(Diagnostic::error(header.origin(), what));
                }
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
