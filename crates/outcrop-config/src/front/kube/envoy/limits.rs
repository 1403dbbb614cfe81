//! `rateLimit` of a BackendTrafficPolicy.
//!
//! 1. A limit counts each route by itself, as Envoy Gateway does, unless it is `shared`. Routes for which it
//!    counts different things get one of their own for each.
//! 2. A limit has the policy's name and a hash of what it counts of whom, not of how much of it or where in
//!    the list it stands: it keeps its counters when others come and go.

use std::time::Duration;

use serde_json::{Value, json};

use super::MODEL;
use super::route::Rule;
use crate::document::Node;
use crate::front::Reading;
use crate::front::kube::counter::name;
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

/// Whom a rule is for: all of it holds, in whatever order it is written.
struct Clients<'n> {
    headers: Vec<Header<'n>>,
    /// Ranges of addresses.
    sources: Vec<Option<&'n str>>,
}

/// One header of a client, or of any but a client.
struct Header<'n> {
    /// In lower case.
    name: String,
    kind: &'n str,
    value: Option<&'n str>,
    is_not: bool,
    node: &'n Node,
}

/// The limits of a policy for these rules.
pub(super) fn of(
    spec: &Node,
    (title, rules): (&str, &[&mut Rule]),
    reading: &mut Reading<'_>,
) -> Vec<Limit> {
    let mut limits = Vec::new();
    spec.at("rateLimit.type").map(Node::dismiss);
    let global = reading.list(spec, "rateLimit.global.rules");
    let local = reading.list(spec, "rateLimit.local.rules");
    for node in global.iter().chain(local) {
        let Some(amount) = reading.int(node, "limit.requests") else {
            reading.missing(node.origin(), "limit.requests");
            continue;
        };
        let Some(window) = window(node, reading) else { continue };
        let clients = Clients::of(node, reading);
        let selector = clients.selector(reading);
        let is_shared = reading.bool(node, "shared") == Some(true);
        let said = json!([clients.said(), reading.str(node, "limit.unit"), is_shared]);
        let counted = counted(node, rules, reading);
        if is_shared && counted.len() > 1 {
            let what = "its routes count different things under one key: what is shared is counted apart for each of these";
            reading.say(Diagnostic::warning(node.origin(), what));
        }
        for Counted { measure, each, routes } in counted {
            let what = expression(&measure).unwrap_or("requests");
            let name = name(title, &json!([said, what]), &limits);
            let mut selector = selector.clone();
            if !is_shared && routes.len() > 1 {
                selector.per.push(Per::Route);
            }
            limits.push(Limit {
                name,
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
    match (request, expression(&cost)) {
        (0, _) | (_, None) => cost,
        (_, Some(what)) => Measure::Cel(format!("{request}u + uint({what})")),
    }
}

/// What is counted of an answer, in CEL; `None` where that is something else.
fn expression(measure: &Measure) -> Option<&str> {
    match measure {
        Measure::InputTokens => Some("input_tokens"),
        Measure::OutputTokens => Some("output_tokens"),
        Measure::TotalTokens => Some("total_tokens"),
        Measure::CachedInputTokens => Some("cached_input_tokens"),
        Measure::CacheWriteTokens => Some("cache_creation_input_tokens"),
        Measure::ReasoningTokens => Some("reasoning_tokens"),
        Measure::Cel(expression) => Some(expression),
        Measure::Requests | Measure::Concurrent | Measure::Money(_) => None,
    }
}

impl<'n> Clients<'n> {
    fn of(rule: &'n Node, reading: &mut Reading<'_>) -> Self {
        let (mut headers, mut sources) = (Vec::new(), Vec::new());
        for client in reading.list(rule, "clientSelectors") {
            for node in reading.list(client, "headers") {
                let Some(name) = reading.need_str(node, "name").map(str::to_lowercase) else {
                    continue;
                };
                let kind = reading.str(node, "type").unwrap_or("Exact");
                let value = reading.str(node, "value");
                let is_not = reading.bool(node, "invert") == Some(true);
                headers.push(Header { name, kind, value, is_not, node });
            }
            if let Some(source) = client.get("sourceCIDR") {
                let what = "the source address is not looked at: each address is counted apart";
                reading.say(Diagnostic::warning(client.origin(), what));
                sources.push(source.peek("value").unwrap_or(source).text());
            }
        }
        headers.sort_by(|one, other| one.said().cmp(&other.said()));
        sources.sort_unstable();
        Self { headers, sources }
    }

    /// In one order, however it is written.
    fn said(&self) -> Value {
        let headers: Vec<_> = self.headers.iter().map(Header::said).collect();
        json!([headers, self.sources])
    }

    fn selector(&self, reading: &mut Reading<'_>) -> Selector {
        let mut selector = Selector::default();
        for header in &self.headers {
            header.put_in(&mut selector, reading);
        }
        selector.per.extend(self.sources.iter().map(|_| Per::Peer));
        selector
    }
}

impl<'n> Header<'n> {
    fn said(&self) -> (&str, &'n str, Option<&'n str>, bool) {
        (&self.name, self.kind, self.value, self.is_not)
    }

    fn put_in(&self, selector: &mut Selector, reading: &mut Reading<'_>) {
        let Self { name, kind, value, is_not, node } = self;
        let pattern = match (*kind, value.map(str::to_owned)) {
            ("Distinct", _) if *is_not => {
                let what = "`invert` of a header that is counted by its value means nothing";
                return reading.say(Diagnostic::error(node.origin(), what));
            }
            ("Distinct", _) if name == MODEL => return selector.per.push(Per::Model),
            ("Distinct", _) => {
                // A request without the header is not counted at all.
                selector.per.push(Per::Header(name.clone()));
                Pattern::Any
            }
            ("Exact", Some(value)) => Pattern::Exact(value),
            ("RegularExpression", Some(value)) => Pattern::Regex(value),
            (other, _) => {
                let what = format!("a header selected by `{other}` is not honoured");
                return reading.say(Diagnostic::error(node.origin(), what));
            }
        };
        let header = |value| HeaderMatch { name: name.clone(), value };
        // The gateway sets this header, clients do not: it is the model.
        match (name == MODEL, is_not) {
            (true, false) => selector.models.push(pattern),
            (true, true) => selector.unless.models.push(pattern),
            (false, false) => selector.headers.push(header(pattern)),
            (false, true) => selector.unless.headers.push(header(pattern)),
        }
    }
}
