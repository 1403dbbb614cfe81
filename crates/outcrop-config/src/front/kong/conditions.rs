//! Which requests a route takes, and how early it is asked.
//!
//! Kong takes a route with several paths for several routes, one for each form and length of its paths,
//! and asks them all in one order. So each path has a rank of its own.
//!
//! Plain paths hold for whole segments here, and for any text that begins so in Kong.

use crate::document::Node;
use crate::front::Reading;
use crate::origin::Diagnostic;
use crate::route::{HeaderMatch, Match, PathMatch, Pattern};

/// Kong's order: number of kinds of conditions, whether hosts are plain, number of headers, whether the
/// path is a regular expression, then its priority, or the length of the path.
pub(super) type Rank = (usize, bool, usize, bool, i64, usize);

/// Every combination of what the route lists: one must hold.
pub(super) fn of(node: &Node, reading: &mut Reading<'_>) -> Vec<(Rank, Match)> {
    refuse_the_empty(node, reading);
    tell_of_others(node, reading);
    let texts = |reading: &mut Reading<'_>, key: &str| -> Vec<String> {
        reading.list(node, key).iter().filter_map(|item| item.text().map(str::to_owned)).collect()
    };
    let (paths, methods) = (texts(reading, "paths"), texts(reading, "methods"));
    let hosts = hosts(node, reading);
    let headers = headers(node);
    let priority = reading.signed(node, "regex_priority").unwrap_or(0);
    let kinds = [paths.is_empty(), methods.is_empty(), hosts.is_empty(), headers.is_empty()];
    let rank = |path: Option<&String>| -> Rank {
        let is_regex = path.is_some_and(|path| path.starts_with('~'));
        (
            kinds.iter().filter(|empty| !**empty).count(),
            !hosts.is_empty() && hosts.iter().all(|host| !host.contains('*')),
            headers.len(),
            is_regex,
            if is_regex { priority } else { 0 },
            if is_regex { 0 } else { path.map_or(0, String::len) },
        )
    };
    let every = |list: Vec<String>| -> Vec<Option<String>> {
        match list.is_empty() {
            true => vec![None],
            false => list.into_iter().map(Some).collect(),
        }
    };
    let mut all = Vec::new();
    for path in every(paths) {
        for method in every(methods.clone()) {
            let condition = Match {
                hosts: hosts.clone(),
                path: path.as_deref().map(path_match),
                method: method.map(|method| method.to_uppercase()),
                headers: headers.clone(),
                ..Match::default()
            };
            all.push((rank(path.as_ref()), condition));
        }
    }
    all
}

/// A condition that is empty, as where its variable is, would be none: the route would take all requests.
fn refuse_the_empty(node: &Node, reading: &mut Reading<'_>) {
    let lists = ["paths", "methods", "hosts"].iter().filter_map(|key| node.peek(key));
    let headers = node.peek("headers").map(Node::entries).unwrap_or_default();
    let values = headers.iter().flat_map(|entry| entry.value.one_or_many());
    let is_empty =
        |item: &&Node| !item.is_broken() && item.text().is_none_or(|text| text.trim().is_empty());
    for item in lists.flat_map(Node::items).chain(values).filter(is_empty) {
        let what = "a condition that says nothing would take every request";
        let hint = "write a text, set its variable, or take the line out";
        reading.say(Diagnostic::error(item.origin(), what).hint(hint));
    }
}

/// Conditions that are not looked at: without them the route takes more than its file says.
fn tell_of_others(node: &Node, reading: &mut Reading<'_>) {
    let is_said = |key: &str| node.peek(key).filter(|condition| !condition.is_null());
    if let Some(names) = is_said("snis").filter(|names| !names.items().is_empty()) {
        names.dismiss();
        let what = "`snis` is not looked at: the route takes requests whatever it says";
        let hint = "tell requests apart by `paths`, `hosts`, `methods` or `headers`";
        reading.say(Diagnostic::warning(names.origin(), what).hint(hint));
    }
    if let Some(expression) = is_said("expression") {
        expression.dismiss();
        let what = "routes by `expression` are not read: this one would take every request";
        let hint = "write it as `paths`, `hosts`, `methods` or `headers`";
        reading.say(Diagnostic::error(expression.origin(), what).hint(hint));
    }
}

/// A regular expression holds for the beginning of a path, as a plain path does.
fn path_match(path: &str) -> PathMatch {
    match path.strip_prefix('~') {
        Some(regex) => {
            let goes_to_the_end = regex.ends_with('$') && !regex.ends_with("\\$");
            PathMatch::Regex(match (regex.contains('|'), goes_to_the_end) {
                (true, _) => format!("^(?:{regex}).*"),
                (false, true) => format!("^{regex}"),
                (false, false) => format!("^{regex}.*"),
            })
        }
        None if path == "/" => PathMatch::Prefix("/".to_owned()),
        None => PathMatch::Prefix(path.trim_end_matches('/').to_owned()),
    }
}

/// Without the ports, on which Kong would have to listen.
fn hosts(node: &Node, reading: &mut Reading<'_>) -> Vec<String> {
    let mut hosts = Vec::new();
    for item in reading.list(node, "hosts") {
        let Some(text) = item.text() else { continue };
        let host = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') && port.parse::<u16>().is_ok() => {
                let what = format!("the port {port} of a host is not looked at");
                let hint = "the route takes requests for the host at any port of the gateway";
                reading.say(Diagnostic::warning(item.origin(), what).hint(hint));
                host
            }
            Some(_) | None => text,
        };
        hosts.push(host.to_lowercase());
    }
    hosts
}

fn headers(node: &Node) -> Vec<HeaderMatch> {
    let entries = node.get("headers").map(Node::entries).unwrap_or_default();
    let header = |name: &str, values: &[Node]| {
        let values: Vec<&str> = values.iter().filter_map(Node::text).collect();
        HeaderMatch { name: name.to_lowercase(), value: any_of(&values) }
    };
    entries.iter().map(|entry| header(&entry.key, entry.value.one_or_many())).collect()
}

/// Kong takes any of a header's values, in upper or lower case; one that begins with `~*` is a regular
/// expression, which holds wherever it is found.
fn any_of(values: &[&str]) -> Pattern {
    let has_cases = |value: &str| value.to_lowercase() != value.to_uppercase();
    match values {
        [] => Pattern::Any,
        [one] if !one.starts_with("~*") && !has_cases(one) => Pattern::Exact((*one).to_owned()),
        many => {
            let alternative = |value: &&str| match value.strip_prefix("~*") {
                Some(regex) => format!(".*(?:{regex}).*"),
                None => regex::escape(value),
            };
            let alternatives: Vec<String> = many.iter().map(alternative).collect();
            Pattern::Regex(format!("(?i){}", alternatives.join("|")))
        }
    }
}
