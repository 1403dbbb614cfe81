//! What must hold of an item in whatever format it was written.

use std::time::Duration;

use outcrop_model::{Carrier, Catalog, Prices, region};

use super::{Findings, idle};
use crate::admission::{ClientKey, JwtIssuer, KeyProof};
use crate::backend::{ANY_SERVICE, AssumeRole, Backend, IdentitySource, SERVICES};
use crate::edit::{BodyEdit, BodyEdits, HeaderEdit, HeaderEdits};
use crate::limit::{Budget, Limit, Measure};
use crate::name::ModelName;
use crate::origin::Origin;
use crate::policy::Policy;
use crate::route::{HeaderMatch, Match, ModelIs, PathMatch, Pattern, Route, Surface, Target};
use crate::secret::{Secret, is_secret_name};
use crate::words;

/// What STS takes: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>, 2026-11.
const SESSION: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(900)..=Duration::from_secs(43_200);

/// The item, and the path to a part of it.
pub(super) type At<'a> = (&'a Origin, &'a str);

pub(super) fn backend(backend: &Backend, findings: &mut Findings) {
    let origin = &backend.origin;
    let endpoints = backend.endpoints.iter().map(|(name, url)| (format!("endpoints.{name}"), url));
    let own = backend.endpoint.iter().map(|url| ("endpoint".to_owned(), url));
    for (member, url) in own.chain(endpoints) {
        base_address(url, (origin, &member), findings);
    }
    for (name, _) in &backend.endpoints {
        if name != ANY_SERVICE && !SERVICES.contains(&&**name) {
            let what = format!("`{name}` is no service of this gateway's");
            let hint = words::instead(name, SERVICES);
            findings.error(origin, format!("endpoints.{name}"), what, hint);
        }
    }
    if let Some(word) = &backend.geography
        && !matches!(&**word, "home" | "off")
        && !Catalog::built_in().is_geography(word)
    {
        let hint = "choose home, off, us, us-gov, eu, apac, jp, au, in, ca, sa, me or global";
        findings.error(
            origin,
            "geography",
            format!("`{word}` is no geography"),
            Some(hint.to_owned()),
        );
    }
    if let Some(name) = backend.region.as_deref().filter(|name| !region::is_likely(name)) {
        unlikely_region(name, origin, findings);
    }
    carrier(backend.carrier, (origin, "carrier"), findings);
    slowdown(backend, findings);
    idle::backend(backend, findings);
    let identity = &backend.identity;
    if let Some(headers) = &identity.credential_headers
        && !words::is_header_name(&headers.prefix)
    {
        let what = "no header's name begins with this".to_owned();
        let hint = "a prefix is as x-aws-".to_owned();
        findings.error(origin, "identity.credential_headers", what, Some(hint));
    }
    for (index, own) in identity.roles.iter().enumerate() {
        role(own, (origin, &format!("identity.roles[{index}]")), findings);
    }
    match &identity.source {
        IdentitySource::WebIdentity { token_file: _, role: own } => {
            token_role(own, (origin, "identity.web_identity.role"), findings);
        }
        IdentitySource::Oidc(exchange) => {
            token_role(&exchange.role, (origin, "identity.oidc.role"), findings);
        }
        IdentitySource::ApiKey(_) if !identity.roles.is_empty() || identity.mint_api_keys => {
            let what = "a Bedrock API key can neither assume a role nor make keys".to_owned();
            let hint = "remove `roles` and `mint_api_keys`, or use credentials".to_owned();
            findings.error(origin, "identity", what, Some(hint));
        }
        IdentitySource::Chain
        | IdentitySource::Profile(_)
        | IdentitySource::Keys { .. }
        | IdentitySource::CredentialsFile { .. }
        | IdentitySource::ApiKey(_) => {}
    }
}

fn unlikely_region(name: &str, origin: &Origin, findings: &mut Findings) {
    let known = region::like(name);
    let hint = match words::nearest(name, known.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "a region is written like us-east-1".to_owned(),
    };
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let shown = if is_plain { format!("`{name}`") } else { "this".to_owned() };
    match region::is_well_formed(name) {
        true => {
            let what = format!("{shown} is not like the name of any region so far");
            findings.warning(origin, "region", what, Some(hint));
        }
        false => {
            let what = format!("{shown} cannot be the name of a region");
            findings.error(origin, "region", what, Some(hint));
        }
    }
}

/// An address that paths are put after.
fn base_address(url: &str, at: At<'_>, findings: &mut Findings) {
    match url.contains(['?', '#']) {
        true => {
            let what = "this has a query, which has no place in an endpoint".to_owned();
            findings.error(at.0, at.1, what, None);
        }
        false => address(url, at, findings),
    }
}

fn address(url: &str, (origin, path): At<'_>, findings: &mut Findings) {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    match host {
        // What is shown may have a password.
        Some(host) if host.contains('@') => {
            let what = "this has a login, which has no place in an address".to_owned();
            findings.error(origin, path, what, None);
        }
        Some(host) if !host.is_empty() && !url.contains(char::is_whitespace) => {}
        Some(_) | None => {
            let hint = "an address begins with https:// (or http://) and a host".to_owned();
            let shown = if url.contains('@') { "this".to_owned() } else { format!("`{url}`") };
            findings.error(origin, path, format!("{shown} is no address"), Some(hint));
        }
    }
}

fn slowdown(backend: &Backend, findings: &mut Findings) {
    let Some(times) = backend.max_slowdown else { return };
    let at = "max_slowdown";
    if !times.is_finite() || times <= 1.0 {
        let hint = "streams that begin as soon as usual are 1; take 2 or 3".to_owned();
        let what = format!("`{times}` is no slowdown");
        findings.error(&backend.origin, at, what, Some(hint));
    }
    if backend.max_concurrent.is_none() {
        let hint = "set `max_concurrent` as well".to_owned();
        let what = "there is no bound that it could lower".to_owned();
        findings.error(&backend.origin, at, what, Some(hint));
    }
}

fn role(role: &AssumeRole, (origin, path): At<'_>, findings: &mut Findings) {
    if !role.arn.starts_with("arn:") {
        let hint = "a role is named as in arn:aws:iam::123456789012:role/NAME".to_owned();
        findings.error(origin, format!("{path}.arn"), "this is no role".to_owned(), Some(hint));
    }
    if role.duration.is_some_and(|duration| !SESSION.contains(&duration)) {
        let what = "a session lasts from 15m to 12h".to_owned();
        findings.error(origin, format!("{path}.duration"), what, None);
    }
    if let Some(policy) = &role.policy {
        json(policy, (origin, &format!("{path}.policy")), findings);
    }
}

/// What STS takes with a token:
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>, 2026-11.
fn token_role(own: &AssumeRole, (origin, path): At<'_>, findings: &mut Findings) {
    role(own, (origin, path), findings);
    let others = [("external_id", own.external_id.is_some()), ("tags", !own.tags.is_empty())];
    for (member, _) in others.into_iter().filter(|(_, is_there)| *is_there) {
        let what = format!("a role for a token has no `{member}`: AWS takes none with a token");
        let hint = "remove it; a role of `roles`, which is assumed after this one, may have it";
        findings.error(origin, format!("{path}.{member}"), what, Some(hint.to_owned()));
    }
}

fn carrier(carrier: Option<Carrier>, (origin, path): At<'_>, findings: &mut Findings) {
    if carrier == Some(Carrier::CountTokens) {
        let what = "no chat goes over this carrier".to_owned();
        let hint = "choose converse, invoke, openai, anthropic or mantle".to_owned();
        findings.error(origin, path, what, Some(hint));
    }
}

pub(super) fn name(name: &ModelName, findings: &mut Findings) {
    pattern(&name.pattern, (&name.origin, ""), findings);
    if name.model.is_empty() {
        findings.error(&name.origin, "model", "no model is named".to_owned(), None);
    }
    let takes = match &name.pattern {
        Pattern::Prefix(_) | Pattern::Suffix(_) | Pattern::Wildcard(_) | Pattern::Any => true,
        Pattern::Exact(_) | Pattern::Regex(_) => false,
    };
    if name.model.contains('*') && !takes {
        let what = "`*` stands for what a `*` in the name matched, and there is none".to_owned();
        findings.error(&name.origin, "model", what, None);
    }
}

pub(super) fn route(route: &Route, findings: &mut Findings) {
    let Route {
        name: _,
        listeners: _,
        matches,
        surface,
        targets,
        policy: own,
        owned_by: _,
        origin,
    } = route;
    for (index, one) in matches.iter().enumerate() {
        conditions(one, (origin, &format!("match[{index}]")), findings);
    }
    for (index, one) in targets.iter().enumerate() {
        target(one, (origin, &format!("targets[{index}]")), findings);
    }
    under(surface, origin, findings);
    idle::surface(route, findings);
    if targets.is_empty() {
        let hint = "name a backend: `targets: NAME`".to_owned();
        findings.error(origin, "targets", "the route has no target".to_owned(), Some(hint));
    } else if targets.iter().all(|target| target.weight == 0) {
        let hint = "give at least one target a weight above 0".to_owned();
        findings.error(
            origin,
            "targets",
            "all targets have weight 0, so none is ever chosen".to_owned(),
            Some(hint),
        );
    } else {
        idle::targets(route, findings);
    }
    policy(own, (origin, "policy"), findings);
}

fn under(surface: &Surface, origin: &Origin, findings: &mut Findings) {
    if let Surface::Under(prefix) = surface
        && !prefix.starts_with('/')
    {
        let what = format!("the path `{prefix}` does not begin with /");
        findings.error(origin, "surface.under", what, Some(format!("write /{prefix}")));
    }
}

fn conditions(one: &Match, (origin, path): At<'_>, findings: &mut Findings) {
    let Match { hosts: _, path: own, method: _, headers, query, model } = one;
    match own {
        Some(PathMatch::Exact(text) | PathMatch::Prefix(text)) if !text.starts_with('/') => {
            let hint = Some(format!("write /{text}"));
            findings.error(origin, path, format!("the path `{text}` does not begin with /"), hint);
        }
        Some(PathMatch::Regex(regex)) => {
            regular(regex, (origin, &format!("{path}.path_regex")), findings);
        }
        Some(PathMatch::Exact(_) | PathMatch::Prefix(_)) | None => {}
    }
    named_once(headers, (origin, &format!("{path}.headers")), findings);
    for HeaderMatch { name, value } in headers {
        header_name(name, (origin, &format!("{path}.headers")), findings);
        pattern(value, (origin, &format!("{path}.headers.{name}")), findings);
    }
    for HeaderMatch { name, value } in query {
        pattern(value, (origin, &format!("{path}.query.{name}")), findings);
    }
    if let Some(model) = model {
        pattern(model, (origin, &format!("{path}.model")), findings);
    }
}

fn target(target: &Target, (origin, path): At<'_>, findings: &mut Findings) {
    let Target { backend: _, model, model_is, weight: _, priority: _, headers, body } = target;
    if model.is_none() && *model_is == ModelIs::Default {
        findings.error(origin, path, "a default model, and none is named".to_owned(), None);
    }
    header_edits(headers, (origin, &format!("{path}.headers")), findings);
    body_edits(body, (origin, &format!("{path}.body")), findings);
}

pub(super) fn policy(policy: &Policy, (origin, path): At<'_>, findings: &mut Findings) {
    let member = |name: &str| crate::document::join(path, name);
    carrier(policy.carrier, (origin, &member("carrier")), findings);
    header_edits(&policy.headers, (origin, &member("headers")), findings);
    body_edits(&policy.body, (origin, &member("body")), findings);
    for name in policy.session_header.iter() {
        header_name(name, (origin, &member("session_header")), findings);
    }
    for status in &policy.retry.also_on {
        if !(400..600).contains(status) {
            let what = format!("{status} is no status of a failure");
            let hint = Some("400 to 599 are".to_owned());
            findings.error(origin, member("retry.also_on"), what, hint);
        }
    }
    let tries = [
        ("retry.attempts", policy.retry.attempts),
        ("retry.total_attempts", policy.retry.total_attempts),
    ];
    for (name, _) in tries.into_iter().filter(|(_, number)| *number == Some(0)) {
        let what = "with no attempt nothing is ever sent".to_owned();
        findings.error(origin, member(name), what, Some("1 is the first attempt alone".to_owned()));
    }
}

pub(super) fn key(key: &ClientKey, findings: &mut Findings) {
    match &key.proof {
        KeyProof::TokenHash(hash)
            if hash.len() != 64 || !hash.bytes().all(|b| b.is_ascii_hexdigit()) =>
        {
            let what = "this is no SHA-256 in hex".to_owned();
            let hint = Some("it has 64 digits: printf %s TOKEN | sha256sum".to_owned());
            findings.error(&key.origin, "token_hash", what, hint);
        }
        KeyProof::TokenHash(_) => {}
        KeyProof::Tokens(tokens) => {
            for (index, token) in tokens.iter().enumerate() {
                let Secret::Inline(text) = token else { continue };
                if let Err(what) = words::sendable(text.reveal().trim()) {
                    let hint = Some("make another: openssl rand -hex 32".to_owned());
                    let path = format!("token[{index}]");
                    findings.warning(&key.origin, path, what, hint);
                }
            }
        }
        KeyProof::Pair { access_key_id: id, secret_access_key: _ } => {
            // In a signature a `/` follows it, and a `,` ends the field.
            let fits = |byte: u8| byte.is_ascii_graphic() && !b"/,".contains(&byte);
            if id.is_empty() || !id.bytes().all(fits) {
                let what = "no signature can name this access key id".to_owned();
                let hint = Some("take letters and digits".to_owned());
                findings.warning(&key.origin, "access_key.access_key_id", what, hint);
            }
        }
    }
}

pub(super) fn issuer(one: &JwtIssuer, findings: &mut Findings) {
    let JwtIssuer { issuer, audiences, jwks_url, origin, .. } = one;
    if audiences.is_empty() {
        let what = format!("the issuer {issuer} has no audience");
        let hint = "name `audiences`: without one, its tokens for any service would be taken";
        findings.error(origin, "audiences", what, Some(hint.to_owned()));
    }
    if issuer.contains('#') {
        let what = format!("the issuer {issuer} has a `#`, which no issuer's address has");
        findings.error(origin, "issuer", what, None);
    }
    let (member, keys) = match jwks_url {
        Some(url) => ("jwks_url", url),
        // Its discovery document is below it.
        None => ("issuer", issuer),
    };
    address(keys, (origin, member), findings);
}

/// Names of headers are the same in any case.
fn named_once(headers: &[HeaderMatch], (origin, path): At<'_>, findings: &mut Findings) {
    for (index, HeaderMatch { name, value: _ }) in headers.iter().enumerate() {
        if headers[..index].iter().any(|earlier| earlier.name == *name) {
            let hint = "a header can have one condition".to_owned();
            findings.error(origin, path, format!("`{name}` is here a second time"), Some(hint));
        }
    }
}

pub(super) fn limit(limit: &Limit, findings: &mut Findings) {
    let Limit { selector, measure, origin, .. } = limit;
    idle::limit(limit, findings);
    if let Measure::Money(Budget { soft: _, webhook: Some(Secret::Inline(url)) }) = measure
        && !url.reveal().starts_with("https://")
        && !url.reveal().starts_with("http://")
    {
        let what = "this is no address".to_owned();
        let hint = "an address begins with https:// (or http://) and a host".to_owned();
        findings.error(origin, "webhook", what, Some(hint));
    }
    named_once(&selector.headers, (origin, "when.headers"), findings);
    let of = [
        ("when", &selector.models, &selector.headers),
        ("unless", &selector.unless.models, &selector.unless.headers),
    ];
    for (part, models, headers) in of {
        for (index, model) in models.iter().enumerate() {
            pattern(model, (origin, &format!("{part}.models[{index}]")), findings);
        }
        for HeaderMatch { name, value } in headers {
            header_name(name, (origin, &format!("{part}.headers")), findings);
            pattern(value, (origin, &format!("{part}.headers.{name}")), findings);
        }
    }
}

pub(super) fn prices(text: &str, origin: &Origin, findings: &mut Findings) {
    if let Err(misprint) = Prices::built_in().with(text) {
        let what = format!("prices, line {}: {}", misprint.line, misprint.message);
        findings.error(origin, "", what, None);
    }
}

fn pattern(pattern: &Pattern, at: At<'_>, findings: &mut Findings) {
    match pattern {
        Pattern::Regex(regex) => regular(regex, (at.0, &format!("{}.regex", at.1)), findings),
        Pattern::Exact(_)
        | Pattern::Prefix(_)
        | Pattern::Suffix(_)
        | Pattern::Wildcard(_)
        | Pattern::Any => {}
    }
}

fn regular(regex: &str, (origin, path): At<'_>, findings: &mut Findings) {
    if let Err(error) = regex::Regex::new(regex) {
        let error = error.to_string();
        let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
        // The header whose value it is for may be one of keys.
        let shown = if is_secret_name(path) { "this".to_owned() } else { format!("`{regex}`") };
        findings.error(origin, path, format!("{shown} is no regular expression: {why}"), None);
    }
}

fn header_edits(edits: &HeaderEdits, at: At<'_>, findings: &mut Findings) {
    idle::header_edits(edits, at, findings);
    for edit in edits {
        match edit {
            HeaderEdit::Set { name, value } | HeaderEdit::Add { name, value } => {
                header_name(name, at, findings);
                if value.chars().any(|c| c.is_control() && c != '\t') {
                    let what = format!("the value of `{name}` has characters that no header can");
                    findings.error(at.0, at.1, what, None);
                }
            }
            HeaderEdit::Remove { name } => header_name(name, at, findings),
        }
    }
}

fn header_name(name: &str, (origin, path): At<'_>, findings: &mut Findings) {
    if !words::is_header_name(name) {
        findings.error(origin, path, format!("`{name}` is no name of a header"), None);
    }
}

fn body_edits(edits: &BodyEdits, at: At<'_>, findings: &mut Findings) {
    for edit in edits {
        match edit {
            BodyEdit::Set { path: _, value, mode: _ } => json(value, at, findings),
            BodyEdit::Remove { path: _ } | BodyEdit::Prompt { prepend: _, append: _ } => {}
        }
    }
}

fn json(text: &str, (origin, path): At<'_>, findings: &mut Findings) {
    if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
        findings.error(origin, path, format!("this is not JSON: {error}"), None);
    }
}
