//! HTTPRoutes of the Gateway API: which requests, in the order in which it lets them take precedence.
//!
//! Precedence is that of single conditions, over all routes: the longest host, an exact path, the longest
//! prefix or regular expression, a method, more headers, more query parameters, the older route, the first
//! by name, the first as written. So a rule is taken apart into [`Piece`]s, one for each condition and
//! host, and pieces that come to stand side by side are one route again.

use std::cmp::Reverse;
use std::time::Duration;

use super::gateway::{self, Known, parents};
use super::object::Object;
use crate::document::Node;
use crate::edit::{HeaderEdit, HeaderEdits};
use crate::front::Reading;
use crate::origin::Diagnostic;
use crate::policy::{RetryPolicy, Timeouts};
use crate::route::{HeaderMatch, Match, PathMatch, Pattern};

/// The group of the Gateway API.
pub(super) const GATEWAY: &str = "gateway.networking.k8s.io";

/// A Gateway, or a listener of it, that a route names as its parent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parent<'n> {
    pub(super) namespace: &'n str,
    pub(super) name: &'n str,
    pub(super) section: Option<&'n str>,
}

/// A rule, as far as it does not depend on its backends.
pub(super) struct Rule<'n> {
    pub(super) namespace: &'n str,
    pub(super) of: &'n str,
    pub(super) section: Option<&'n str>,
    pub(super) node: &'n Node,
    /// For the route's name.
    pub(super) title: String,
    pub(super) parents: Vec<Parent<'n>>,
    pub(super) listeners: Vec<String>,
    pub(super) hosts: Vec<String>,
    pub(super) conditions: Vec<Match>,
    pub(super) rewrite: Option<Rewrite>,
    pub(super) headers: HeaderEdits,
    pub(super) timeouts: Timeouts,
    pub(super) retry: RetryPolicy,
    /// Something in it is wrong, which has been said.
    pub(super) broken: bool,
    standing: Standing,
}

/// Where a rule stands among others whose conditions rank alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Standing {
    created: String,
    route: String,
    index: usize,
}

/// What the path is made into before its end is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rewrite {
    Full(String),
    Prefix(String),
}

/// One condition of a rule, with one host at most.
pub(super) struct Piece {
    pub(super) condition: Match,
    rank: Rank,
}

/// Orders pieces: the least takes precedence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// Length of a host without `*`, then of any.
    host: Reverse<(usize, usize)>,
    path: Reverse<(u8, usize)>,
    others: Reverse<(bool, usize, usize)>,
    rule: Standing,
}

pub(super) fn rules<'n>(
    object: &Object<'n>,
    listeners: &[Known],
    reading: &mut Reading<'_>,
) -> Vec<Rule<'n>> {
    let spec = object.spec();
    let errors = reading.errors();
    let Some(listeners) = parents(object, listeners, reading) else {
        object.root.dismiss();
        return Vec::new();
    };
    let is_misplaced = reading.errors() > errors;
    let parents = parents_of(spec, object.namespace, reading);
    let hosts = reading.list(spec, "hostnames").iter().filter_map(Node::text);
    let hosts: Vec<String> = hosts.map(str::to_lowercase).collect();
    let nodes = reading.list(spec, "rules");
    let mut rules = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let section = reading.str(node, "name");
        let title = match (section, nodes.len()) {
            (Some(name), _) => format!("{}/{name}", object.title()),
            (None, 1) => object.title(),
            (None, _) => format!("{}/{index}", object.title()),
        };
        let errors = reading.errors();
        let (headers, rewrite) = filters(node, reading);
        let conditions = conditions(node, reading);
        let retry = node.get("retry").map(|node| retry(node, reading)).unwrap_or_default();
        let timeouts = Timeouts {
            request: timeout(node, "timeouts.request", reading),
            attempt: timeout(node, "timeouts.backendRequest", reading),
            ..Timeouts::default()
        };
        rules.push(Rule {
            namespace: object.namespace,
            of: object.name,
            section,
            node,
            title,
            parents: parents.clone(),
            listeners: listeners.clone(),
            hosts: hosts.clone(),
            conditions,
            rewrite,
            headers,
            timeouts,
            retry,
            broken: is_misplaced || reading.errors() > errors,
            standing: Standing::of(object, index),
        });
    }
    rules
}

/// Gateways that a route names as its parents.
pub(super) fn parents_of<'n>(
    spec: &'n Node,
    namespace: &'n str,
    reading: &mut Reading<'_>,
) -> Vec<Parent<'n>> {
    let text = |node: &'n Node, key: &str| node.get(key).and_then(Node::text);
    let parent = |node: &'n Node| {
        Some(Parent {
            namespace: text(node, "namespace").unwrap_or(namespace),
            name: text(node, "name")?,
            section: text(node, "sectionName"),
        })
    };
    gateway::references(spec, reading).iter().filter_map(parent).collect()
}

/// A timeout. `0s` wants none at all, which there is not.
pub(super) fn timeout(node: &Node, path: &str, reading: &mut Reading<'_>) -> Option<Duration> {
    let duration = reading.duration(node, path)?;
    if duration.is_zero() {
        let what = format!("`{path}` is 0s: the gateway's own timeout holds");
        let place = node.at(path).unwrap_or(node).origin();
        reading.say(Diagnostic::notice(place, what).hint("write a long one, such as 24h"));
        return None;
    }
    Some(duration)
}

/// `retry` of a rule, and of agentgateway's policies.
pub(super) fn retry(node: &Node, reading: &mut Reading<'_>) -> RetryPolicy {
    let attempts = reading.int(node, "attempts");
    let attempts = attempts.map(|number| u32::try_from(number).unwrap_or(u32::MAX));
    let codes = reading.list(node, "codes").iter().filter_map(Node::int);
    RetryPolicy {
        total_attempts: attempts.map(|retries| retries.saturating_add(1)),
        base: reading.duration(node, "backoff"),
        also_on: codes.filter_map(|code| u16::try_from(code).ok()).collect(),
        ..RetryPolicy::default()
    }
}

fn conditions(node: &Node, reading: &mut Reading<'_>) -> Vec<Match> {
    let mut conditions = Vec::new();
    for one in reading.list(node, "matches") {
        let mut condition = Match {
            method: reading.str(one, "method").map(str::to_uppercase),
            headers: pairs(one, "headers", reading),
            query: pairs(one, "queryParams", reading),
            ..Match::default()
        };
        for header in &mut condition.headers {
            header.name = header.name.to_lowercase();
        }
        if let Some(path) = one.get("path") {
            let value = reading.str(path, "value").unwrap_or("/").to_owned();
            condition.path = match reading.str(path, "type").unwrap_or("PathPrefix") {
                "Exact" => Some(PathMatch::Exact(value)),
                "PathPrefix" => {
                    let prefix = value.trim_end_matches('/');
                    Some(PathMatch::Prefix(if prefix.is_empty() { "/" } else { prefix }.to_owned()))
                }
                "RegularExpression" => Some(PathMatch::Regex(value)),
                other => {
                    let hint = "Exact, PathPrefix and RegularExpression are";
                    let what = format!("paths are not matched by `{other}`");
                    reading.say(Diagnostic::error(path.origin(), what).hint(hint));
                    continue;
                }
            };
        }
        conditions.push(condition);
    }
    if conditions.is_empty() {
        conditions.push(Match::default());
    }
    conditions
}

/// `headers` or `queryParams`. Of several with the same name only the first counts, says the Gateway API.
fn pairs(node: &Node, key: &str, reading: &mut Reading<'_>) -> Vec<HeaderMatch> {
    let mut pairs: Vec<HeaderMatch> = Vec::new();
    for pair in reading.list(node, key) {
        let Some(name) = reading.need_str(pair, "name").map(str::to_owned) else { continue };
        let Some(value) = reading.need_str(pair, "value").map(str::to_owned) else { continue };
        let value = match reading.str(pair, "type").unwrap_or("Exact") {
            "Exact" => Pattern::Exact(value),
            "RegularExpression" => Pattern::Regex(value),
            other => {
                let what = format!("`{key}` are matched Exact or RegularExpression, not `{other}`");
                reading.say(Diagnostic::error(pair.origin(), what));
                continue;
            }
        };
        if !pairs.iter().any(|known| known.name.eq_ignore_ascii_case(&name)) {
            pairs.push(HeaderMatch { name, value });
        }
    }
    pairs
}

/// What the filters of a rule do; those that do something else are told of.
fn filters(node: &Node, reading: &mut Reading<'_>) -> (HeaderEdits, Option<Rewrite>) {
    let mut headers = HeaderEdits::new();
    let mut rewrite = None;
    for filter in reading.list(node, "filters") {
        match reading.need_str(filter, "type") {
            Some("RequestHeaderModifier") => {
                if let Some(modifier) = filter.get("requestHeaderModifier") {
                    headers.extend(header_edits(modifier, reading));
                }
            }
            Some("URLRewrite") => {
                // Bedrock's own host is asked in any case.
                filter.at("urlRewrite.hostname").map(Node::dismiss);
                let Some(path) = filter.at("urlRewrite.path") else { continue };
                path.get("type").map(Node::dismiss);
                let full = reading.str(path, "replaceFullPath").map(str::to_owned);
                let prefix = reading.str(path, "replacePrefixMatch").map(str::to_owned);
                rewrite = full.map(Rewrite::Full).or(prefix.map(Rewrite::Prefix));
            }
            Some(other) => {
                let what = format!("the filter `{other}` is not honoured");
                reading.say(Diagnostic::warning(filter.origin(), what));
                filter.dismiss();
            }
            None => {}
        }
    }
    (headers, rewrite)
}

/// What the filters of one of a rule's `backendRefs` do to headers.
pub(super) fn backend_headers(node: &Node, reading: &mut Reading<'_>) -> HeaderEdits {
    let (headers, rewrite) = filters(node, reading);
    if rewrite.is_some() {
        let what = "paths are not rewritten for one backend alone";
        reading.say(Diagnostic::warning(node.origin(), what).hint("rewrite them in the rule"));
    }
    headers
}

/// `set`, `add` and `remove` of headers.
pub(super) fn header_edits(node: &Node, reading: &mut Reading<'_>) -> HeaderEdits {
    let mut edits = HeaderEdits::new();
    for key in ["set", "add"] {
        for one in reading.list(node, key) {
            if let (Some(name), Some(value)) =
                (reading.need_str(one, "name"), reading.need_str(one, "value"))
            {
                let (name, value) = (name.to_lowercase(), value.to_owned());
                edits.push(match key {
                    "set" => HeaderEdit::Set { name, value },
                    _ => HeaderEdit::Add { name, value },
                });
            }
        }
    }
    let removed = reading.list(node, "remove").iter().filter_map(Node::text);
    edits.extend(removed.map(|name| HeaderEdit::Remove { name: name.to_lowercase() }));
    edits
}

impl Standing {
    /// Of a route's rule with this index.
    pub(super) fn of(route: &Object<'_>, index: usize) -> Self {
        let created = route.root.at("metadata.creationTimestamp").and_then(Node::text);
        // A route without a time is one that is only now made.
        let created = created.filter(|time| !time.is_empty()).unwrap_or("now").to_owned();
        Self { created, route: format!("{}/{}", route.namespace, route.name), index }
    }
}

/// One piece for each condition and host of a rule.
pub(super) fn pieces(hosts: &[String], conditions: &[Match], standing: &Standing) -> Vec<Piece> {
    let hosts: Vec<Option<&String>> = match hosts.is_empty() {
        true => vec![None],
        false => hosts.iter().map(Some).collect(),
    };
    let mut pieces = Vec::new();
    for host in hosts {
        for condition in conditions {
            let hosts = host.into_iter().cloned().collect();
            let condition = Match { hosts, ..condition.clone() };
            pieces.push(Piece { rank: rank(&condition, standing), condition });
        }
    }
    pieces
}

fn rank(condition: &Match, standing: &Standing) -> Rank {
    let host = condition.hosts.first().map_or("", String::as_str);
    let plain = if host.starts_with('*') { 0 } else { host.len() };
    let path = match &condition.path {
        Some(PathMatch::Exact(path)) => (2, path.len()),
        Some(PathMatch::Prefix(path)) => (1, path.len()),
        // The Gateway API leaves it open; agentgateway has it so.
        Some(PathMatch::Regex(path)) => (1, path.len()),
        None => (1, 1),
    };
    let Match { method, headers, query, model, .. } = condition;
    // Envoy AI Gateway has the model in a header.
    let headers = headers.len() + usize::from(model.is_some());
    Rank {
        host: Reverse((plain, host.len())),
        path: Reverse(path),
        others: Reverse((method.is_some(), headers, query.len())),
        rule: standing.clone(),
    }
}

/// Conditions to be written down: a single one that asks nothing is none.
pub(super) fn written(conditions: &[Match]) -> Vec<Match> {
    let plain = |one: &Match| *one == Match::default();
    if conditions.iter().all(plain) { Vec::new() } else { conditions.to_vec() }
}

impl Rule<'_> {
    /// One for each condition and host.
    pub(super) fn pieces(&self) -> Vec<Piece> {
        pieces(&self.hosts, &self.conditions, &self.standing)
    }
}

impl Piece {
    /// For sorting: the least takes precedence.
    pub(super) fn order(&self) -> impl Ord + use<> {
        self.rank.clone()
    }
}
