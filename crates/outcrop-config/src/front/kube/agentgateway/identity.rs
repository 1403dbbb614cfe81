//! `auth` of a backend: who the gateway is there.

use crate::backend::{AssumeRole, Identity, IdentitySource};
use crate::document::Node;
use crate::front::Reading;
use crate::front::kube::object::Objects;
use crate::front::kube::secret;
use crate::origin::Diagnostic;

/// Keys of a Secret with AWS credentials.
const KEYS: [&str; 3] = ["accessKey", "secretKey", "sessionToken"];
/// The key of a Secret with a Bedrock API key.
const AUTHORIZATION: &str = "Authorization";

/// The identity, and the region to sign for. `None`: something is wrong, which is said. With no `auth` it
/// is the environment's.
pub(super) fn of(
    auth: Option<(&Node, &str)>,
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) -> Option<(Identity, Option<String>)> {
    let Some((auth, namespace)) = auth else { return Some((Identity::default(), None)) };
    // The older form tells what is in it.
    auth.get("type").map(Node::dismiss);
    let plain = |source| Some((Identity { source, ..Identity::default() }, None));
    if let Some(reference) = auth.get("secretRef") {
        return plain(from_secret(reference, namespace, objects, reading)?);
    }
    if let Some(key) = reading.str(auth, "key") {
        return plain(IdentitySource::ApiKey(secret::bearer(key)));
    }
    if let Some(aws) = auth.get("aws") {
        return of_aws(aws, namespace, objects, reading);
    }
    if let Some(passthrough) = auth.get("passthrough") {
        let what = "the token that a client brings is not passed on to Bedrock";
        let hint = "give the backend credentials of its own; clients can bring AWS credentials in \
                    headers, by `credential_headers` of an outcrop.yaml";
        reading.say(Diagnostic::error(passthrough.origin(), what).hint(hint));
        return None;
    }
    if let Some(other) = auth.entries().iter().find(|entry| entry.key != "type") {
        let what = format!("`{}` are no credentials for Bedrock", other.key);
        let hint = "secretRef, key and aws are";
        reading.say(Diagnostic::error(other.origin(), what).hint(hint));
        auth.dismiss();
        return None;
    }
    plain(IdentitySource::Chain)
}

fn of_aws(
    aws: &Node,
    namespace: &str,
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) -> Option<(Identity, Option<String>)> {
    if let Some(service) = reading.str(aws, "serviceName").filter(|name| *name != "bedrock") {
        let what = format!("requests are signed for Bedrock, not for `{service}`");
        reading.say(Diagnostic::warning(aws.origin(), what));
    }
    let region = reading.str(aws, "region").map(str::to_owned);
    let source = match aws.get("secretRef") {
        Some(reference) => from_secret(reference, namespace, objects, reading)?,
        None => IdentitySource::Chain,
    };
    let mut roles = Vec::new();
    if let Some(role) = aws.get("assumeRole") {
        let arn = reading.need_str(role, "roleArn")?.to_owned();
        role.get("externalId").inspect(|node| node.hide());
        roles.push(AssumeRole {
            external_id: reading.str(role, "externalId").map(secret::of_text),
            session_name: reading.str(role, "sessionName").map(str::to_owned),
            duration: reading.duration(role, "duration"),
            ..AssumeRole::of(&arn)
        });
    }
    Some((Identity { source, roles, ..Identity::default() }, region))
}

/// What the Secret holds, told by its keys: AWS credentials or a Bedrock API key.
fn from_secret(
    reference: &Node,
    namespace: &str,
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) -> Option<IdentitySource> {
    reference.get("group").map(Node::dismiss);
    let name = reading.need_str(reference, "name")?;
    if let Some(kind) = reading.str(reference, "kind").filter(|kind| *kind != "Secret") {
        let what = format!("credentials are read from a Secret, not from a {kind}");
        reading.say(Diagnostic::error(reference.origin(), what));
        return None;
    }
    let namespace = reading.str(reference, "namespace").unwrap_or(namespace);
    let from = (namespace, name);
    let [id, key, token] = KEYS.map(|key| secret::key(objects, from, &[key]));
    let (id, key) = match (id, key) {
        (Some(id), Some(key)) => (id, key),
        (None, None) => {
            let wanted = reading.str(reference, "key").unwrap_or(AUTHORIZATION);
            let text = secret::key(objects, from, &[wanted]);
            let Some(text) = text.filter(|text| !text.is_empty()) else {
                let at = (reference.origin(), &mut *reading);
                secret::needed(objects, from, &[wanted, KEYS[0]], at);
                return None;
            };
            return Some(IdentitySource::ApiKey(secret::bearer(&text)));
        }
        (Some(_), None) | (None, Some(_)) => {
            let what =
                format!("the Secret {namespace}/{name} has only one of accessKey, secretKey");
            reading.say(Diagnostic::error(reference.origin(), what));
            return None;
        }
    };
    let token = token.filter(|token| !token.is_empty());
    Some(IdentitySource::Keys {
        access_key_id: secret::of_text(&id),
        secret_access_key: secret::of_text(&key),
        session_token: token.map(|token| secret::of_text(&token)),
    })
}
