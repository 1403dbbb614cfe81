//! `traffic` of policies: who may use the routes, and how often.
//!
//! Outcrop asks for a key on every route or on none. So a key is good for the routes of its policy and for
//! those that ask for none.

use std::time::Duration;

use serde_json::json;

use super::layers::Layers;
use super::{GROUPS, keys};
use crate::admission::{ClientKey, JwtIssuer, Scopes};
use crate::document::Node;
use crate::front::kube::counter::name;
use crate::front::kube::object::{Objects, Reference};
use crate::front::{Item, Reading};
use crate::limit::{Limit, Measure, Selector, Window};
use crate::origin::Diagnostic;

/// What policies say of the traffic of some routes, and their names.
pub(super) type Guarded<'n> = (Layers<'n>, Vec<String>);

/// A member of policies, whose namespace it speaks of, and the routes for which it wins.
struct Winner<'n> {
    node: &'n Node,
    namespace: &'n str,
    routes: Vec<String>,
}

const KEYS: &str = "apiKeyAuthentication";
const TOKENS: &str = "jwtAuthentication";
/// Other ways to refuse somebody; from `rbac` on they are of TrafficPolicies, over their versions.
const OTHERS: [&str; 11] = [
    "basicAuthentication",
    "extAuth",
    "authorization",
    "csrf",
    "rbac",
    "jwt",
    "jwtAuth",
    "basicAuth",
    "apiKeyAuth",
    "oauth2",
    "acl",
];

pub(super) fn apply(all: &[Guarded<'_>], objects: &Objects<'_>, reading: &mut Reading<'_>) {
    for winner in winners(all, "rateLimit.local") {
        for limit in limits(&winner, reading) {
            reading.push(Item::Limit(limit));
        }
    }
    for other in OTHERS {
        for winner in winners(all, other) {
            // Who gets in by intention is let in.
            if winner.node.get("disable").is_some() {
                continue;
            }
            let what = format!("`{other}` is not honoured: whom it would refuse is let in");
            let hint =
                "Outcrop lets in by keys and tokens: apiKeyAuthentication, jwtAuthentication";
            reading.say(Diagnostic::warning(winner.node.origin(), what).hint(hint));
            winner.node.dismiss();
        }
    }
    let (keys, tokens) = (winners(all, KEYS), winners(all, TOKENS));
    let asks =
        |route: &String| keys.iter().chain(&tokens).any(|winner| winner.routes.contains(route));
    let routes = || all.iter().flat_map(|(_, names)| names);
    let open: Vec<&String> = routes().filter(|route| !asks(route)).collect();
    let scopes = |winner: &Winner<'_>| -> Scopes {
        let own = |route: &&String| winner.routes.contains(route) || open.contains(route);
        let routes: Vec<String> = match routes().all(|route| own(&route)) {
            true => Vec::new(),
            false => routes().filter(own).cloned().collect(),
        };
        Scopes { routes, ..Scopes::default() }
    };
    for winner in &tokens {
        let both = |route: &&String| keys.iter().any(|keys| keys.routes.contains(route));
        if let Some(route) = winner.routes.iter().find(both) {
            let what = format!("`{route}` wants a key and a token: either of them lets in");
            reading.say(Diagnostic::warning(winner.node.origin(), what));
        }
    }
    for winner in keys.iter().chain(&tokens) {
        if let Some(first) = open.first() {
            let what = format!("routes that ask for none need a key too, such as `{first}`");
            reading.say(Diagnostic::notice(winner.node.origin(), what));
        }
        if let Some(mode) = reading.str(winner.node, "mode").filter(|mode| *mode != "Strict") {
            let what = format!("the mode {mode} is not honoured: who has no key is refused");
            reading.say(Diagnostic::warning(winner.node.origin(), what));
        }
    }
    if !keys.is_empty() || !tokens.is_empty() {
        // Whatever becomes of the keys, nobody is let in without one.
        reading.push(Item::Anonymous(false));
    }
    push_keys(&keys, &scopes, objects, reading);
    push_issuers(&tokens, &scopes, objects, reading);
}

fn push_keys<'n>(
    winners: &[Winner<'n>],
    scopes: &dyn Fn(&Winner<'n>) -> Scopes,
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) {
    let mut clients: Vec<ClientKey> = Vec::new();
    for winner in winners {
        let from = (winner.node, winner.namespace);
        for key in keys::read(from, &scopes(winner), objects, reading) {
            let is_same = |one: &&mut ClientKey| (&one.name, &one.proof) == (&key.name, &key.proof);
            match clients.iter_mut().find(is_same) {
                Some(one) => widen(&mut one.scopes, key.scopes),
                None => clients.push(key),
            }
        }
    }
    for key in clients {
        reading.push(Item::Key(key));
    }
}

fn push_issuers<'n>(
    winners: &[Winner<'n>],
    scopes: &dyn Fn(&Winner<'n>) -> Scopes,
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) {
    let mut known: Vec<JwtIssuer> = Vec::new();
    for winner in winners {
        for issuer in issuers(winner, &scopes(winner), objects, reading) {
            let place =
                |one: &JwtIssuer| (one.issuer.clone(), one.audiences.clone(), one.jwks_url.clone());
            match known.iter_mut().find(|one| place(one) == place(&issuer)) {
                Some(one) => widen(&mut one.scopes, issuer.scopes),
                None => known.push(issuer),
            }
        }
    }
    for issuer in known {
        reading.push(Item::Issuer(issuer));
    }
}

/// What several policies name in the same way is one, good for the routes of all of them.
fn widen(scopes: &mut Scopes, more: Scopes) {
    // None named are all.
    if scopes.routes.is_empty() || more.routes.is_empty() {
        scopes.routes.clear();
        return;
    }
    for route in more.routes {
        if !scopes.routes.contains(&route) {
            scopes.routes.push(route);
        }
    }
}

/// Of a policy that asks for keys or tokens, and has none.
pub(super) const NOBODY: &str = "nobody can get in by this policy";

/// Each member at `path` that wins somewhere.
fn winners<'n>(all: &[Guarded<'n>], path: &str) -> Vec<Winner<'n>> {
    let mut winners: Vec<Winner<'n>> = Vec::new();
    for (layers, names) in all {
        let Some((node, namespace)) = layers.get(path) else { continue };
        match winners.iter_mut().find(|winner| std::ptr::eq(winner.node, node)) {
            Some(winner) => winner.routes.extend(names.iter().cloned()),
            None => winners.push(Winner { node, namespace, routes: names.clone() }),
        }
    }
    winners
}

/// Limits have the name of the first route and a hash of what they count in which time.
fn limits(winner: &Winner<'_>, reading: &mut Reading<'_>) -> Vec<Limit> {
    let mut limits = Vec::new();
    if let Some(node) = winner.node.get("tokenBucket") {
        let bucket = bucket(node, reading);
        limits.extend(bucket.map(|bucket| limit(winner, node, bucket, &[])));
        return limits;
    }
    for node in winner.node.list() {
        let seconds = match reading.need_str(node, "unit") {
            Some("Seconds") => 1,
            Some("Minutes") => 60,
            Some("Hours") => 3600,
            Some(other) => {
                let hint = "Seconds, Minutes and Hours are";
                let what = format!("a limit for each `{other}` is not kept");
                reading.say(Diagnostic::error(node.origin(), what).hint(hint));
                continue;
            }
            None => continue,
        };
        let requests = reading.int(node, "requests").map(|most| (Measure::Requests, most));
        let tokens = reading.int(node, "tokens").map(|most| (Measure::TotalTokens, most));
        let Some((measure, amount)) = requests.or(tokens) else {
            reading.missing(node.origin(), "requests");
            continue;
        };
        let counted = (measure, amount, Duration::from_secs(seconds));
        limits.push(limit(winner, node, counted, &limits));
    }
    limits
}

/// Requests of a TrafficPolicy. A bucket lets through what is in it, and then as much in the time that it
/// takes to fill it.
fn bucket(node: &Node, reading: &mut Reading<'_>) -> Option<(Measure, u64, Duration)> {
    for key in ["maxTokens", "fillInterval"] {
        if node.peek(key).is_none() {
            reading.missing(node.origin(), key);
        }
    }
    let most = reading.int(node, "maxTokens");
    let each = reading.int(node, "tokensPerFill").unwrap_or(1).max(1);
    let interval = reading.duration(node, "fillInterval")?;
    if interval.is_zero() {
        let what = "a bucket that fills in no time limits nothing";
        reading.say(Diagnostic::error(node.origin(), what).hint("`fillInterval: 1s` is a second"));
        return None;
    }
    let fills = u32::try_from(most?.div_ceil(each)).unwrap_or(u32::MAX);
    Some((Measure::Requests, most?, interval.saturating_mul(fills.max(1))))
}

fn limit(
    winner: &Winner<'_>,
    node: &Node,
    (measure, amount, window): (Measure, u64, Duration),
    others: &[Limit],
) -> Limit {
    let first = winner.routes.first().map(String::as_str).unwrap_or_default();
    let said = json!([measure == Measure::Requests, window.as_millis().to_string()]);
    Limit {
        name: name(&format!("{first}-local"), &said, others),
        selector: Selector { routes: winner.routes.clone(), ..Selector::default() },
        measure,
        amount: u128::from(amount),
        window: Window::Rolling(window),
        origin: node.origin(),
    }
}

fn issuers(
    winner: &Winner<'_>,
    scopes: &Scopes,
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) -> Vec<JwtIssuer> {
    let mut issuers = Vec::new();
    let providers = reading.list(winner.node, "providers");
    if providers.is_empty() {
        reading.nobody(winner.node.origin(), NOBODY, "add an issuer to its `providers`");
    }
    for node in providers {
        let Some(issuer) = reading.need_str(node, "issuer").map(str::to_owned) else { continue };
        let audiences = reading.list(node, "audiences").iter().filter_map(Node::text);
        let audiences = audiences.map(str::to_owned).collect();
        if node.at("jwks.inline").is_some() {
            let what = format!("keys of `{issuer}` that stand in the policy are not read");
            let hint = "name where the issuer has them: jwks.remote";
            reading.say(Diagnostic::error(node.origin(), what).hint(hint));
            continue;
        }
        let jwks_url = node
            .at("jwks.remote")
            .and_then(|remote| jwks(remote, winner.namespace, objects, reading));
        issuers.push(JwtIssuer {
            issuer,
            audiences,
            jwks_url,
            tags: Vec::new(),
            name_claim: "sub".to_owned(),
            scopes: scopes.clone(),
            origin: node.origin(),
        });
    }
    issuers
}

/// Where an issuer has its keys, if a host for it is among the objects.
fn jwks(
    remote: &Node,
    namespace: &str,
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) -> Option<String> {
    // Keys are read anew by the rules of HTTP.
    remote.get("cacheDuration").map(Node::dismiss);
    let path = reading.need_str(remote, "jwksPath")?.trim_start_matches('/').to_owned();
    let reference = remote.get("backendRef")?;
    reference.get("group").map(Node::dismiss);
    let name = reading.need_str(reference, "name")?;
    let kind = reading.str(reference, "kind").unwrap_or("Service");
    let namespace = reading.str(reference, "namespace").unwrap_or(namespace);
    let port = reading.int(reference, "port");
    let object = objects.find(Reference { kind, namespace, name }, &[GROUPS[0], GROUPS[1], ""]);
    let spec = object.map(|object| object.spec());
    let place = spec.and_then(|spec| spec.get("static")).and_then(|place| {
        let first = reading.list(place, "hosts").first().unwrap_or(place);
        Some((reading.str(first, "host")?.to_owned(), reading.int(first, "port")))
    });
    let external = spec.and_then(|spec| Some((spec.get("externalName")?.text()?.to_owned(), None)));
    let Some((host, own)) = place.or(external) else {
        let what = format!("where {kind} {name} is, is not in the files");
        let hint = "keys are asked for where the issuer says in its discovery document";
        reading.say(Diagnostic::warning(reference.origin(), what).hint(hint));
        return None;
    };
    let port = own.or(port).unwrap_or(443);
    Some(match port {
        443 => format!("https://{host}/{path}"),
        port => format!("http://{host}:{port}/{path}"),
    })
}
