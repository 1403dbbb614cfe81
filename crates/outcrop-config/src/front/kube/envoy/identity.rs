//! BackendSecurityPolicy: who the gateway is at a backend.

use std::path::PathBuf;

use super::AI;
use crate::backend::{
    AssumeRole, CredentialHeaders, Identity, IdentitySource, OidcExchange, Without,
};
use crate::document::Node;
use crate::front::Reading;
use crate::front::kube::object::{Object, Objects, Reference, aim};
use crate::front::kube::{grant, secret};
use crate::origin::Diagnostic;

/// The key of a Secret that holds a shared credentials file.
const CREDENTIALS: &str = "credentials";
/// The profile that is meant where none is named.
const PROFILE: &str = "default";
/// Headers of a caller's own credentials begin with this unless told otherwise.
const PREFIX: &str = "x-aigw-aws-";
/// Where EKS puts a pod's token.
const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";

/// The identity at the service, and the region that its policy names. `None`: something is wrong, which
/// is said. With no policy it is the environment's.
pub(super) fn of(
    service: &Object<'_>,
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) -> Option<(Identity, Option<String>)> {
    let Some(policy) = policy(service, objects, reading)? else {
        return Some((Identity::default(), None));
    };
    let spec = policy.spec();
    let overriding = spec.get("credentialOverride");
    match reading.str(spec, "type").unwrap_or("AWSCredentials") {
        "AWSCredentials" => {
            let Some(aws) = spec.get("awsCredentials") else {
                reading.missing(spec.origin(), "awsCredentials");
                return None;
            };
            let region = reading.str(aws, "region").map(str::to_owned);
            let (source, roles) = source(aws, policy, objects, reading)?;
            let overriding = aws.get("credentialOverride").or(overriding);
            let credential_headers = headers(overriding, reading)?;
            Some((Identity { source, roles, mint_api_keys: false, credential_headers }, region))
        }
        kind @ ("APIKey" | "AnthropicAPIKey") => {
            let member = if kind == "APIKey" { "apiKey" } else { "anthropicAPIKey" };
            let path = format!("{member}.secretRef");
            if let Some(node) = overriding.filter(|node| refuses(node)) {
                let what = "callers cannot bring API keys of their own, and without they are to be refused";
                let hint = "`keys` of an outcrop.yaml let in whoever is known";
                reading.say(Diagnostic::error(node.origin(), what).hint(hint));
                return None;
            }
            let place = secret_at(spec, &path, (policy, objects), reading)?;
            let at = (spec.origin(), &mut *reading);
            let key = secret::needed(objects, place, &["apiKey"], at)?;
            let source = IdentitySource::ApiKey(key);
            Some((Identity { source, ..Identity::default() }, None))
        }
        other => {
            let what = format!("credentials of type `{other}` are not AWS's");
            spec.dismiss();
            reading.say(Diagnostic::error(spec.origin(), what));
            None
        }
    }
}

/// The policy that names the service as its target, or that the service names. `None`: there are two, or the
/// one that it names is not there, which is said.
fn policy<'o, 'n>(
    service: &Object<'n>,
    objects: &'o Objects<'n>,
    reading: &mut Reading<'_>,
) -> Option<Option<&'o Object<'n>>> {
    if let Some(named) = service.spec().get("backendSecurityPolicyRef") {
        aim(named, reading);
        let name = reading.need_str(named, "name")?;
        let (kind, namespace) = ("BackendSecurityPolicy", service.namespace);
        let found = objects.find(Reference { kind, namespace, name }, &[AI]);
        if found.is_none() {
            let what = format!("there is no {kind} {namespace}/{name}");
            reading.say(Diagnostic::error(named.origin(), what).hint("add it to the files"));
        }
        return found.map(Some);
    }
    let mut policies = objects.every("BackendSecurityPolicy", &[AI]);
    policies.retain(|policy| {
        policy.namespace == service.namespace
            && reading.list(policy.spec(), "targetRefs").iter().any(|target| {
                let (kind, name) = aim(target, reading);
                kind.is_none_or(|kind| kind == service.kind) && name == Some(service.name)
            })
    });
    if let [first, second, ..] = policies[..] {
        let what = format!(
            "the AIServiceBackend {} has two policies, {} and this one",
            service.title(),
            first.title()
        );
        let hint = "take it out of the `targetRefs` of one of them";
        reading.say(Diagnostic::error(second.root.origin(), what).hint(hint));
        return None;
    }
    Some(policies.first().copied())
}

/// Namespace and name of the Secret that the policy names at `path`. One of another namespace needs a grant.
fn secret_at<'n>(
    node: &'n Node,
    path: &str,
    (policy, objects): (&Object<'n>, &Objects<'n>),
    reading: &mut Reading<'_>,
) -> Option<(&'n str, &'n str)> {
    let name = reading.need_str(node, &format!("{path}.name"))?;
    let reference = node.at(path)?;
    for key in ["group", "kind"] {
        reference.get(key).map(Node::dismiss);
    }
    let namespace = reading.str(reference, "namespace").unwrap_or(policy.namespace);
    let to = Reference { kind: "Secret", namespace, name };
    grant::allows(objects, policy, to, (reference.origin(), reading)).then_some((namespace, name))
}

fn source(
    aws: &Node,
    policy: &Object<'_>,
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) -> Option<(IdentitySource, Vec<AssumeRole>)> {
    if let Some(file) = aws.get("credentialsFile") {
        let place = secret_at(file, "secretRef", (policy, objects), reading)?;
        let key = reading.str(file, "secretRef.key").unwrap_or(CREDENTIALS);
        let profile = reading.str(file, "profile").unwrap_or(PROFILE).to_owned();
        let at = (file.origin(), &mut *reading);
        let text = secret::needed(objects, place, &[key], at)?;
        return Some((IdentitySource::CredentialsFile { text, profile }, Vec::new()));
    }
    if let Some(exchange) = aws.get("oidcExchangeToken") {
        return Some((oidc(exchange, policy, objects, reading)?, Vec::new()));
    }
    if let Some(older) = aws.get("oidcConfig") {
        let role = role(reading.need_str(older, "roleArn")?);
        // The pod's own token, where there is one; else whatever the environment has assumes the role.
        return Some(match reading.lookup().variable(TOKEN_FILE).filter(|file| !file.is_empty()) {
            Some(file) => {
                let token_file = PathBuf::from(file);
                (IdentitySource::WebIdentity { token_file, role }, Vec::new())
            }
            None => (IdentitySource::Chain, vec![role]),
        });
    }
    Some((IdentitySource::Chain, Vec::new()))
}

fn oidc(
    node: &Node,
    policy: &Object<'_>,
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) -> Option<IdentitySource> {
    let oidc = node.get("oidc").unwrap_or(node);
    let issuer = reading.need_str(oidc, "provider.issuer")?.to_owned();
    let token_endpoint = reading.str(oidc, "provider.tokenEndpoint").map(str::to_owned);
    let client_id = reading.need_str(oidc, "clientID")?.to_owned();
    let (namespace, name) = secret_at(oidc, "clientSecret", (policy, objects), reading)?;
    let scopes = reading.list(oidc, "scopes").iter().filter_map(Node::text);
    let scopes = scopes.map(str::to_owned).collect();
    let arn = reading.need_str(node, "awsRoleArn")?.to_owned();
    let at = (oidc.origin(), &mut *reading);
    let client_secret =
        secret::needed(objects, (namespace, name), &["client-secret", "clientSecret"], at)?;
    let role = AssumeRole { session_name: Some(session(policy.name)), ..role(&arn) };
    Some(IdentitySource::Oidc(OidcExchange {
        issuer,
        token_endpoint,
        client_id,
        client_secret,
        scopes,
        audience: None,
        resource: None,
        role,
    }))
}

/// Envoy AI Gateway's name for the session; STS takes 64 characters.
fn session(policy: &str) -> String {
    format!("ai-gateway-{policy}").chars().take(64).collect()
}

fn role(arn: &str) -> AssumeRole {
    AssumeRole {
        arn: arn.to_owned(),
        external_id: None,
        session_name: None,
        duration: None,
        tags: Vec::new(),
        policy: None,
    }
}

/// What `credentialOverride` says of headers; `None` where it is wrong, which is said.
fn headers(
    overriding: Option<&Node>,
    reading: &mut Reading<'_>,
) -> Option<Option<CredentialHeaders>> {
    let Some(node) = overriding else { return Some(None) };
    let Some(from) = node.get("fromRequestHeaders") else {
        if refuses(node) {
            let what = "callers are to be refused without credentials of their own, which nothing here can bring";
            let hint = "`fromRequestHeaders` takes them from headers";
            reading.say(Diagnostic::error(node.origin(), what).hint(hint));
            return None;
        }
        return Some(None);
    };
    let prefix = reading.str(from, "header").unwrap_or(PREFIX).to_lowercase();
    let falls_back = reading
        .bool(from, "fallbackToConfigured")
        .or_else(|| reading.bool(node, "fallbackToConfigured"));
    let without = match falls_back {
        Some(false) => Without::Refuse,
        Some(true) | None => Without::UseConfigured,
    };
    Some(Some(CredentialHeaders { prefix, without }))
}

/// Whether `credentialOverride` refuses callers that bring no credentials, wherever they would bring them.
fn refuses(node: &Node) -> bool {
    let sources = ["fromRequestHeaders", "fromDynamicMetadata"].map(|source| node.peek(source));
    sources
        .into_iter()
        .chain([Some(node)])
        .flatten()
        .any(|place| place.peek("fallbackToConfigured").and_then(Node::bool) == Some(false))
}
