//! `traffic` of policies: who may use the routes, and how often.
//!
//! Outcrop asks for a key on every route or on none. So a key is good for the routes of its policy and for
//! those that ask for none.

use std::time::Duration;

use super::GROUPS;
use super::layers::Layers;
use crate::admission::{ClientKey, JwtIssuer, KeyProof, Scopes};
use crate::document::Node;
use crate::front::kube::object::{Objects, Reference};
use crate::front::kube::secret;
use crate::front::{Item, Reading};
use crate::limit::{Limit, Measure, Selector, Window};
use crate::origin::{Diagnostic, Origin};

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

pub(super) fn apply(all: &[Guarded<'_>], objects: &Objects<'_>, reading: &mut Reading<'_>) {
    for winner in winners(all, "rateLimit.local") {
        limits(&winner, reading);
    }
    for other in ["basicAuthentication", "extAuth", "authorization", "csrf"] {
        for winner in winners(all, other) {
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
    let scopes = |winner: &Winner<'_>| {
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
    for winner in &keys {
        api_keys(winner, &scopes(winner), objects, reading);
    }
    for winner in &tokens {
        issuers(winner, &scopes(winner), objects, reading);
    }
}

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

fn limits(winner: &Winner<'_>, reading: &mut Reading<'_>) {
    for (index, node) in winner.node.list().iter().enumerate() {
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
        let first = winner.routes.first().map(String::as_str).unwrap_or_default();
        reading.push(Item::Limit(Limit {
            name: format!("{first}-local-{index}"),
            selector: Selector { routes: winner.routes.clone(), ..Selector::default() },
            measure,
            amount: u128::from(amount),
            window: Window::Rolling(Duration::from_secs(seconds)),
            origin: node.origin(),
        }));
    }
}

fn api_keys(
    winner: &Winner<'_>,
    scopes: &Scopes,
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) {
    let Winner { node, namespace, .. } = *winner;
    if let Some(header) = node.at("location.header") {
        let name = reading.need_str(header, "name").map(str::to_lowercase);
        let prefix = header.peek("prefix").and_then(Node::text).map(str::trim);
        // The one prefix that is known, in its own header.
        if name.as_deref() == Some("authorization") && prefix == Some("Bearer") {
            header.get("prefix");
        }
        if let Some(name) = name.filter(|name| !matches!(&**name, "authorization" | "x-api-key")) {
            reading.push(Item::KeyHeader(name));
        }
    }
    let mut names: Vec<&str> = Vec::new();
    if let Some(reference) = node.get("secretRef") {
        for key in ["group", "kind"] {
            reference.get(key).map(Node::dismiss);
        }
        names.extend(reading.need_str(reference, "name"));
    }
    if let Some(labels) = node.at("secretSelector.matchLabels") {
        let entries = labels.entries().iter();
        let wanted: Vec<(&str, &str)> =
            entries.filter_map(|entry| Some((&*entry.key, entry.value.text()?))).collect();
        let secrets = objects.labelled("Secret", &wanted);
        names.extend(secrets.filter(|one| one.namespace == namespace).map(|one| one.name));
    }
    let mut count = 0;
    let errors = reading.errors();
    for name in names {
        let Some(entries) = secret::entries(objects, (namespace, name)) else {
            let what = format!("there is no Secret {namespace}/{name}");
            let hint = "add the Secret to the files";
            reading.say(Diagnostic::error(node.origin(), what).hint(hint));
            continue;
        };
        for (entry, text) in entries {
            count += 1;
            let name = format!("{name}/{entry}");
            reading.push(Item::Key(key((name, &text), scopes, node.origin())));
        }
    }
    if count == 0 && reading.errors() == errors {
        let what = "nobody can get in by this policy: it has no key";
        let hint = "each key of its Secret is a client, and its text the client's key";
        reading.say(Diagnostic::warning(node.origin(), what).hint(hint));
    }
}

/// A client's key: a text, or JSON with `key` and `metadata`.
fn key((name, text): (String, &str), scopes: &Scopes, origin: Origin) -> ClientKey {
    let json: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let object = json.as_ref().and_then(serde_json::Value::as_object);
    let token = object.and_then(|object| object.get("key")?.as_str()).unwrap_or(text);
    let metadata = object.and_then(|object| object.get("metadata")?.as_object());
    let tag = |(name, value): (&String, &serde_json::Value)| {
        (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    ClientKey {
        name,
        proof: KeyProof::Tokens(vec![secret::of_text(token)]),
        scopes: scopes.clone(),
        expires: None,
        owner: None,
        tags: metadata.into_iter().flatten().map(tag).collect(),
        origin,
    }
}

fn issuers(winner: &Winner<'_>, scopes: &Scopes, objects: &Objects<'_>, reading: &mut Reading<'_>) {
    for node in reading.list(winner.node, "providers") {
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
        reading.push(Item::Issuer(JwtIssuer {
            issuer,
            audiences,
            jwks_url,
            tags: Vec::new(),
            name_claim: "sub".to_owned(),
            scopes: scopes.clone(),
            origin: node.origin(),
        }));
    }
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
