//! How often the routes may be used: `rate-limiting`.
//!
//! 1. A plugin counts once for all routes that it is on, as in Kong: one that is written at the top counts
//!    them together.
//! 2. Of several the nearest holds, and one for a consumer is nearer to it than any that is for all.

use std::time::Duration;

use super::guard::{Consumer, called};
use super::plugin::{Plugin, Use};
use super::route::Served;
use super::store;
use crate::document::Node;
use crate::front::{Item, Reading};
use crate::limit::{Limit, Measure, Per, Selector, Unless, Window};
use crate::origin::Diagnostic;

/// What a plugin limits.
struct Limited<'p, 'n> {
    plugin: &'p Plugin<'n>,
    /// Whom alone.
    consumer: Option<String>,
    /// Who have limits of their own.
    unless: Vec<String>,
    routes: Vec<String>,
}

/// Pushes the limits of all routes.
pub(super) fn limits(served: &[Served<'_>], consumers: &[Consumer<'_>], reading: &mut Reading<'_>) {
    let keyed = served.iter().any(|one| one.plugin(Use::KeyAuth).is_some());
    let limited = in_force(served, consumers, reading);
    let shared = limited.iter().filter(|one| one.routes.len() > 1).count();
    let mut counted = 0;
    let mut names: Vec<String> = Vec::new();
    for one in &limited {
        let mut name = match one.routes.as_slice() {
            [route] => route.clone(),
            _ if shared == 1 => "rate-limiting".to_owned(),
            _ => {
                counted += 1;
                format!("rate-limiting-{counted}")
            }
        };
        // Whom it is for is nobody's business who reads metrics.
        if let Some(consumer) = &one.consumer {
            let place = consumers.iter().position(|known| known.name == *consumer);
            name = format!("{name}-consumer-{}", place.unwrap_or_default() + 1);
        }
        if names.contains(&name) {
            name = format!("{name}-{}", names.len());
        }
        names.push(name.clone());
        push(one, (&name, keyed), reading);
    }
    let mut configs: Vec<&Node> = Vec::new();
    for config in limited.iter().map(|one| config(one.plugin)) {
        if !configs.iter().any(|known| std::ptr::eq(*known, config)) {
            configs.push(config);
        }
    }
    store::keep(configs, reading);
}

fn config<'n>(plugin: &Plugin<'n>) -> &'n Node {
    plugin.node.get("config").unwrap_or(plugin.node)
}

/// Which plugin holds on which route for whom.
fn in_force<'p, 'n>(
    served: &'p [Served<'n>],
    consumers: &[Consumer<'_>],
    reading: &mut Reading<'_>,
) -> Vec<Limited<'p, 'n>> {
    let mut all: Vec<Limited<'p, 'n>> = Vec::new();
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
            let same = all.iter_mut().find(|one| {
                one.plugin.node.origin() == plugin.node.origin()
                    && (&one.consumer, &one.unless) == (&consumer, &unless)
            });
            match same {
                Some(one) => one.routes.extend(route.names()),
                None => {
                    let routes = route.names();
                    all.push(Limited { plugin, consumer, unless, routes });
                }
            }
        }
    }
    all
}

fn push(limited: &Limited<'_, '_>, (name, keyed): (&str, bool), reading: &mut Reading<'_>) {
    let Limited { plugin, consumer, unless, routes } = limited;
    let config = config(plugin);
    let per = per(config, keyed, reading);
    const SECOND: Duration = Duration::from_secs(1);
    let windows = [
        ("second", Window::Rolling(SECOND)),
        ("minute", Window::Rolling(Duration::from_secs(60))),
        ("hour", Window::Rolling(Duration::from_secs(3600))),
        ("day", Window::Day),
        ("month", Window::Month),
    ];
    for (word, window) in windows {
        let Some(amount) = reading.int(config, word) else { continue };
        let selector = Selector {
            routes: routes.clone(),
            keys: consumer.iter().cloned().collect(),
            unless: Unless { keys: unless.clone(), ..Unless::default() },
            per: per.clone(),
            ..Selector::default()
        };
        reading.push(Item::Limit(Limit {
            name: format!("{name}-{word}"),
            selector,
            measure: Measure::Requests,
            amount: u128::from(amount),
            window,
            origin: plugin.node.origin(),
        }));
    }
}

/// What is counted apart. Kong counts callers whom it does not know by their address.
fn per(config: &Node, keyed: bool, reading: &mut Reading<'_>) -> Vec<Per> {
    match reading.str(config, "limit_by") {
        Some("consumer" | "credential") | None if keyed => vec![Per::Key],
        Some("consumer" | "credential" | "ip") | None => vec![Per::Peer],
        Some("header") => match reading.str(config, "header_name") {
            Some(name) => {
                let what = format!("requests without the header `{name}` are counted together");
                reading.say(Diagnostic::notice(config.origin(), what));
                vec![Per::Header(name.to_lowercase())]
            }
            None => {
                reading.missing(config.origin(), "header_name");
                Vec::new()
            }
        },
        Some("service" | "path") => Vec::new(),
        Some(other) => {
            let what = format!("limiting by `{other}` is not honoured: one count for all");
            reading.say(Diagnostic::notice(config.origin(), what));
            Vec::new()
        }
    }
}
