//! `apiKeyAuthentication` of policies: the keys of clients, in Secrets and ConfigMaps.
//!
//! 1. Each entry of a Secret or ConfigMap is a client. Its text is the client's key, or JSON that has the
//!    `key` or the key's hash (`keyHash`), and `metadata`, which become tags.
//! 2. A text that begins as JSON does is never itself a key. What cannot be read of it is an error that
//!    names the entry and shows nothing of it.
//! 3. A ConfigMap holds hashes alone, as agentgateway has it
//!    (<https://github.com/agentgateway/agentgateway/pull/2570>, 2026-07).

use serde_json::{Map, Value};

use super::guard;
use crate::admission::{ClientKey, KeyProof, Scopes};
use crate::document::{Entry, Node};
use crate::front::kube::object::{self, Objects, Reference};
use crate::front::kube::secret;
use crate::front::{Item, Reading};
use crate::origin::{Diagnostic, Origin};

/// Before a hash, and all that is known of such.
const SHA256: &str = "sha256:";
/// How bcrypt's hashes begin, which agentgateway takes too.
const BCRYPT: [&str; 3] = ["$2a$", "$2b$", "$2y$"];
const HASH_HINT: &str = "write `\"keyHash\": \"sha256:…\"` with the SHA-256 of the key in hex: printf %s KEY | sha256sum";

/// Why an entry is no key, and the mend.
type Wrong = (&'static str, &'static str);

/// Where keys stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Secret,
    ConfigMap,
}

/// The keys of a policy of `namespace`.
pub(super) fn read(
    (node, namespace): (&Node, &str),
    scopes: &Scopes,
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) -> Vec<ClientKey> {
    header(node, reading);
    let errors = reading.errors();
    let mut keys = Vec::new();
    for (source, name) in named((node, namespace), objects, reading) {
        let Some(entries) = source.entries(objects, (namespace, name)) else {
            let what = format!("there is no {} {namespace}/{name}", source.kind());
            let hint = format!("add the {} to the files", source.kind());
            reading.say(Diagnostic::error(node.origin(), what).hint(hint));
            continue;
        };
        for (entry, text) in entries {
            let title = source.title((namespace, name), &entry);
            match key((title, text.as_deref()), source, scopes, node.origin()) {
                Ok(key) => keys.push(key),
                Err((why, hint)) => {
                    let what =
                        format!("`{entry}` of the {} {namespace}/{name} {why}", source.kind());
                    reading.say(Diagnostic::error(node.origin(), what).hint(hint));
                }
            }
        }
    }
    if keys.is_empty() && reading.errors() == errors {
        let hint = "add its Secrets, whose entries are the clients' keys, to the files";
        reading.nobody(node.origin(), guard::NOBODY, hint);
    }
    keys
}

/// A header of the policy's own choice.
fn header(node: &Node, reading: &mut Reading<'_>) {
    let Some(header) = node.at("location.header") else { return };
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

/// The objects that a policy names, or chooses by their labels.
fn named<'n>(
    (node, namespace): (&'n Node, &str),
    objects: &Objects<'n>,
    reading: &mut Reading<'_>,
) -> Vec<(Source, &'n str)> {
    let mut named = Vec::new();
    if let Some(reference) = node.get("secretRef") {
        reference.get("group").map(Node::dismiss);
        match reading.str(reference, "kind").filter(|kind| *kind != "Secret") {
            Some(kind) => {
                let what = format!("keys are read from a Secret here, not from a {kind}");
                let hint = "ConfigMaps are chosen by their labels: configMapSelector";
                reading.say(Diagnostic::error(reference.origin(), what).hint(hint));
                reference.dismiss();
            }
            None => {
                let name = reading.need_str(reference, "name");
                named.extend(name.map(|name| (Source::Secret, name)));
            }
        }
    }
    for (selector, source) in
        [("secretSelector", Source::Secret), ("configMapSelector", Source::ConfigMap)]
    {
        let Some(labels) = node.get(selector).and_then(|node| node.get("matchLabels")) else {
            continue;
        };
        let wanted = |entry: &'n Entry| (&*entry.key, entry.value.text().unwrap_or_default());
        let labels: Vec<(&str, &str)> = labels.entries().iter().map(wanted).collect();
        let chosen = objects.labelled(source.kind(), &labels);
        let chosen = chosen.filter(|one| one.group.is_empty() && one.namespace == namespace);
        named.extend(chosen.map(|one| (source, one.name)));
    }
    named
}

/// The key of a client.
fn key(
    (name, text): (String, Option<&str>),
    source: Source,
    scopes: &Scopes,
    origin: Origin,
) -> Result<ClientKey, Wrong> {
    let (proof, metadata) = match text {
        None => {
            return Err(("is no text", "`data` of a Secret is in base64, and texts are quoted"));
        }
        Some("") => return Err(("is empty", "write the client's key there, or remove it")),
        Some(text) if text.starts_with('{') => of_json(text, source)?,
        Some(text) => (plain(text, source)?, None),
    };
    let tag = |(name, value): (String, Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name, value)
    };
    Ok(ClientKey {
        name,
        proof,
        scopes: scopes.clone(),
        expires: None,
        owner: None,
        tags: metadata.into_iter().flatten().map(tag).collect(),
        origin,
    })
}

fn of_json(text: &str, source: Source) -> Result<(KeyProof, Option<Map<String, Value>>), Wrong> {
    const FORM: &str = "it is `{\"key\": …}` or `{\"keyHash\": …}`, with `metadata` beside it";
    let Ok(Value::Object(mut members)) = serde_json::from_str(text) else {
        return Err(("begins as JSON does and is none", FORM));
    };
    let metadata = match members.remove("metadata") {
        None | Some(Value::Null) => None,
        Some(Value::Object(metadata)) => Some(metadata),
        Some(_) => return Err(("has `metadata` that is no object", FORM)),
    };
    let proof = match (members.get("key"), members.get("keyHash")) {
        (Some(Value::String(key)), None) if !key.is_empty() => plain(key, source)?,
        (None, Some(Value::String(hash))) => hashed(hash)?,
        (Some(_), Some(_)) => return Err(("has both `key` and `keyHash`", FORM)),
        (Some(_), None) => return Err(("has a `key` that is no text", FORM)),
        (None, Some(_)) => return Err(("has a `keyHash` that is no text", FORM)),
        (None, None) => return Err(("is JSON without `key` and `keyHash`", FORM)),
    };
    Ok((proof, metadata))
}

fn plain(key: &str, source: Source) -> Result<KeyProof, Wrong> {
    match source {
        Source::Secret => Ok(KeyProof::Tokens(vec![secret::of_text(key)])),
        // Whoever may read a cluster's ConfigMaps would have it.
        Source::ConfigMap => Err(("is a key as it stands, and ConfigMaps hold hashes", HASH_HINT)),
    }
}

fn hashed(hash: &str) -> Result<KeyProof, Wrong> {
    if BCRYPT.iter().any(|start| hash.starts_with(start)) {
        return Err(("has a `keyHash` of bcrypt, which is not honoured", HASH_HINT));
    }
    let digits = hash.strip_prefix(SHA256).filter(|digits| digits.len() == 64);
    match digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        Some(digits) => Ok(KeyProof::TokenHash(digits.to_lowercase())),
        None => Err(("has a `keyHash` that is no SHA-256 in hex", HASH_HINT)),
    }
}

// === impl Source ===

impl Source {
    fn kind(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        }
    }

    /// The name of the client that an entry is, as no entry of another object has it.
    fn title(self, (namespace, name): (&str, &str), entry: &str) -> String {
        let object = object::title(namespace, name);
        match self {
            Self::Secret => format!("{object}/{entry}"),
            // No namespace is written like that.
            Self::ConfigMap => format!("ConfigMap/{object}/{entry}"),
        }
    }

    /// Its keys with their texts; `None` where it is not there.
    fn entries(
        self,
        objects: &Objects<'_>,
        (namespace, name): (&str, &str),
    ) -> Option<Vec<(String, Option<String>)>> {
        match self {
            Self::Secret => secret::entries(objects, (namespace, name)),
            Self::ConfigMap => {
                let map = objects.find(Reference { kind: self.kind(), namespace, name }, &[""])?;
                let entries = map.root.get("data").map(Node::entries).unwrap_or_default();
                let text = |entry: &Entry| {
                    (entry.key.clone(), entry.value.text().map(|text| text.trim().to_owned()))
                };
                Some(entries.iter().map(text).collect())
            }
        }
    }
}
