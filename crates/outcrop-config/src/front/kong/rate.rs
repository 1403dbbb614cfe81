//! How often the routes may be used: `rate-limiting`.
//!
//! 1. A plugin counts once for all routes that it is on, as in Kong: one that is written at the top counts
//!    them together.
//! 2. Of several the nearest holds, and one for a consumer is nearer to it than any that is for all. Who has
//!    one on some routes is counted by it there, and once by the common one on all others.
//! 3. A limit is called after its plugin, or after what the plugin is on. So it keeps its name, and what it
//!    has counted, when others come and go.

use std::collections::BTreeSet;
use std::time::Duration;

use outcrop_model::hash;

use super::guard::{Consumer, called};
use super::plugin::{Plugin, Use};
use super::route::{Served, UNNAMED, identity, unique};
use super::store::{self, config};
use crate::document::Node;
use crate::front::{Item, Reading};
use crate::limit::{Limit, Measure, Per, Selector, Unless, Window};
use crate::origin::{Diagnostic, Origin};

/// A plugin, and where it holds.
struct Held<'s, 'n> {
    plugin: &'s Plugin<'n>,
    /// After which its limits are called.
    name: String,
    /// Whom alone.
    consumer: Option<String>,
    on: Vec<On<'s, 'n>>,
}

/// A route that a plugin holds on.
struct On<'s, 'n> {
    route: &'s Served<'n>,
    /// Who have limits of their own there.
    unless: Vec<String>,
}

/// What a plugin counts apart.
enum By {
    Each(Vec<Per>),
    Service,
}

/// What is counted together.
struct Count {
    name: String,
    selector: Selector,
}

const SECOND: Duration = Duration::from_secs(1);

const WINDOWS: [(&str, Window); 5] = [
    ("second", Window::Rolling(SECOND)),
    ("minute", Window::Rolling(Duration::from_secs(60))),
    ("hour", Window::Rolling(Duration::from_secs(3600))),
    ("day", Window::Day),
    ("month", Window::Month),
];

/// Pushes the limits of all routes.
pub(super) fn limits(
    served: &[Served<'_>],
    (consumers, roots): (&[Consumer<'_>], &[&Node]),
    reading: &mut Reading<'_>,
) {
    let keyed = served.iter().any(|one| one.plugin(Use::KeyAuth).is_some());
    let held = in_force(served, consumers, reading);
    let mut taken = Vec::new();
    for one in &held {
        let config = config(one.plugin.node);
        let by = by(config, keyed, reading);
        if keyed && config.peek("limit_by").and_then(Node::text) == Some("credential") {
            tell_of_together(config, consumers, reading);
        }
        let counts = one.counts(&by);
        let is_apart = |Count { selector, .. }: &Count| {
            !selector.keys.is_empty() && selector.per != [Per::Key]
        };
        if one.consumer.is_none() && counts.iter().any(is_apart) {
            let what = "consumers with a limit of their own are counted apart where they have none";
            reading.say(Diagnostic::notice(one.plugin.node.origin(), what));
        }
        for (word, window) in WINDOWS {
            let Some(amount) = reading.int(config, word) else { continue };
            for Count { name, selector } in &counts {
                reading.push(Item::Limit(Limit {
                    name: unique(format!("{name}:{word}"), &mut taken),
                    selector: selector.clone(),
                    measure: Measure::Requests,
                    amount: u128::from(amount),
                    window,
                    origin: one.plugin.node.origin(),
                }));
            }
        }
    }
    store::keep(held.iter().map(|one| one.plugin.node).collect(), roots, reading);
}

/// Which plugin holds on which route for whom.
fn in_force<'s, 'n>(
    served: &'s [Served<'n>],
    consumers: &[Consumer<'_>],
    reading: &mut Reading<'_>,
) -> Vec<Held<'s, 'n>> {
    let mut all: Vec<Held<'s, 'n>> = Vec::new();
    for route in served {
        let mut own: Vec<(String, &Plugin<'n>)> = Vec::new();
        let mut common = None;
        for plugin in route.every(Use::RateLimiting) {
            let Some(whom) = plugin.consumer else {
                common = common.or(Some(plugin));
                continue;
            };
            let Some(consumer) = called(whom, consumers) else {
                let what = format!("there is no consumer `{whom}`: its limit is for nobody");
                reading.say(Diagnostic::error(plugin.node.origin(), what));
                plugin.node.dismiss();
                continue;
            };
            if !own.iter().any(|(known, _)| *known == consumer.name) {
                own.push((consumer.name.clone(), plugin));
            }
        }
        let whose: Vec<String> = own.iter().map(|(name, _)| name.clone()).collect();
        let own = own.into_iter().map(|(name, plugin)| (Some(name), Vec::new(), plugin));
        let common = common.map(|plugin| (None, whose, plugin));
        for (consumer, unless, plugin) in own.chain(common) {
            let on = On { route, unless };
            let same = |one: &&mut Held<'_, '_>| std::ptr::eq(one.plugin.node, plugin.node);
            match all.iter_mut().find(same) {
                Some(one) => one.on.push(on),
                None => {
                    let name = name(plugin, route);
                    all.push(Held { plugin, name, consumer, on: vec![on] });
                }
            }
        }
    }
    all
}

/// What a plugin on this route is called, or else what it is on. No name in Kong has a colon.
fn name(plugin: &Plugin<'_>, route: &Served<'_>) -> String {
    let own = ["instance_name", "id"].iter();
    if let Some(own) = own.filter_map(|key| plugin.node.peek(key)).find_map(Node::text) {
        return format!("plugin:{own}");
    }
    match plugin.closeness {
        0 => "all".to_owned(),
        1 => format!("service:{}", route.service.and_then(identity).unwrap_or(UNNAMED)),
        _ => format!("route:{}", route.whole),
    }
}

// === impl Held ===

impl<'s, 'n> Held<'s, 'n> {
    fn counts(&self, by: &By) -> Vec<Count> {
        let parts = match by {
            By::Each(per) => vec![(self.name.clone(), per.clone(), self.on.iter().collect())],
            By::Service => self.by_service(),
        };
        let mut counts = Vec::new();
        for (name, per, on) in parts {
            match &self.consumer {
                Some(consumer) => counts.push(for_one((&name, per), consumer, &on)),
                None => common((&name, per), &on, &mut counts),
            }
        }
        counts
    }

    /// The routes of each service. Kong counts by the address where there is none.
    fn by_service(&self) -> Vec<(String, Vec<Per>, Vec<&On<'s, 'n>>)> {
        let mut services: Vec<(Option<Origin>, Vec<&On<'s, 'n>>)> = Vec::new();
        for on in &self.on {
            let service = on.route.service.map(Node::origin);
            match services.iter_mut().find(|(known, _)| *known == service) {
                Some((_, all)) => all.push(on),
                None => services.push((service, vec![on])),
            }
        }
        let named = services.into_iter().map(|(_, on)| {
            let service = on.first().and_then(|one| one.route.service);
            let name = match (self.plugin.closeness, service) {
                (0, Some(service)) => {
                    format!("{}:service:{}", self.name, identity(service).unwrap_or(UNNAMED))
                }
                (_, _) => self.name.clone(),
            };
            let per = if service.is_some() { Vec::new() } else { vec![Per::Peer] };
            (name, per, on)
        });
        named.collect()
    }
}

/// The count of one consumer. Its name is nobody's business who reads metrics, and is not to be known again from
/// one plugin in another's.
fn for_one((name, per): (&str, Vec<Per>), consumer: &str, on: &[&On<'_, '_>]) -> Count {
    Count {
        name: format!("{name}:consumer:{}", hash::short(&format!("{name}:{consumer}"))),
        selector: Selector {
            routes: on.iter().flat_map(|one| one.route.names()).collect(),
            keys: vec![consumer.to_owned()],
            per,
            ..Selector::default()
        },
    }
}

/// The count of all who have no limit of their own on any of the routes, and one for each of the others on
/// the routes where it has none.
fn common((name, per): (&str, Vec<Per>), on: &[&On<'_, '_>], counts: &mut Vec<Count>) {
    let own: BTreeSet<&String> = on.iter().flat_map(|one| &one.unless).collect();
    counts.push(Count {
        name: name.to_owned(),
        selector: Selector {
            routes: on.iter().flat_map(|one| one.route.names()).collect(),
            unless: Unless { keys: own.iter().copied().cloned().collect(), ..Unless::default() },
            per: per.clone(),
            ..Selector::default()
        },
    });
    for consumer in own {
        let others: Vec<&On<'_, '_>> =
            on.iter().copied().filter(|one| !one.unless.contains(consumer)).collect();
        if !others.is_empty() {
            counts.push(for_one((name, per.clone()), consumer, &others));
        }
    }
}

/// Says that the keys of a consumer are one to all limits, where that is another count than each key's.
fn tell_of_together(config: &Node, consumers: &[Consumer<'_>], reading: &mut Reading<'_>) {
    if consumers.iter().any(Consumer::has_several_keys) {
        let what = "limiting by `credential`: all keys of a consumer are counted together";
        let hint = "give each key a consumer of its own to count them apart";
        let place = config.peek("limit_by").unwrap_or(config).origin();
        reading.say(Diagnostic::notice(place, what).hint(hint));
    }
}

/// What is counted apart. Kong counts callers whom it does not know by their address.
fn by(config: &Node, keyed: bool, reading: &mut Reading<'_>) -> By {
    match reading.str(config, "limit_by") {
        Some("consumer" | "credential") | None if keyed => By::Each(vec![Per::Key]),
        Some("consumer" | "credential" | "ip") | None => By::Each(vec![Per::Peer]),
        Some("header") => match reading.str(config, "header_name") {
            Some(name) => {
                let what = format!("requests without the header `{name}` are counted together");
                reading.say(Diagnostic::notice(config.origin(), what));
                By::Each(vec![Per::Header(name.to_lowercase())])
            }
            None => {
                reading.missing(config.origin(), "header_name");
                By::Each(Vec::new())
            }
        },
        Some("service") => By::Service,
        Some("path") => {
            config.get("path").map(Node::dismiss);
            let what = "limiting by `path` is not honoured: callers are counted by their address";
            let hint = "put the plugin on a route of that path alone, with `limit_by: service`";
            reading.say(Diagnostic::warning(config.origin(), what).hint(hint));
            By::Each(vec![Per::Peer])
        }
        Some(other) => {
            let what = format!("limiting by `{other}` is not honoured: one count for all");
            reading.say(Diagnostic::notice(config.origin(), what));
            By::Each(Vec::new())
        }
    }
}
