//! Keys and issuers as they are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Secret, SurfaceWord, is_default};
use crate::front::outcrop::short::{Many, Short, Table};

/// A client's key: one of `token`, `token_hash` and `access_key`.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// In receipts, logs and limits.
    pub name: String,
    /// What the client sends as `Authorization: Bearer` or `x-api-key`; any of several, such as the old
    /// and the new one while it changes over.
    #[serde(default, skip_serializing_if = "is_default")]
    pub token: Many<Short<Secret>>,
    /// SHA-256 of it, in hex.
    #[serde(default, skip_serializing_if = "is_default")]
    pub token_hash: Option<String>,
    /// A key pair with which AWS's SDKs sign.
    #[serde(default, skip_serializing_if = "is_default")]
    pub access_key: Option<Pair>,
    /// What the key is for. Without it: anything.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scopes: Scopes,
    /// Until when it is taken: `2027-01-31T00:00:00Z`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub expires: Option<String>,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub owner: Option<String>,
    /// For limits, and in receipts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tags: Table<String>,
}

/// A key pair of the gateway's own; it is none of AWS's.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// What the client gives as its access key id.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: Short<Secret>,
}

/// What a key is for; what is empty allows anything.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scopes {
    /// Models; `*` stands for any characters.
    #[serde(skip_serializing_if = "is_default")]
    pub models: Many<String>,
    /// Names of routes.
    #[serde(skip_serializing_if = "is_default")]
    pub routes: Many<String>,
    /// Surfaces.
    #[serde(skip_serializing_if = "is_default")]
    pub surfaces: Many<SurfaceWord>,
}

/// An issuer whose tokens are taken.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Its address, as in the tokens' `iss`.
    pub issuer: String,
    /// A token must be for one of these (`aud`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub audiences: Many<String>,
    /// Where its keys are. Without it: from its discovery document.
    #[serde(default, skip_serializing_if = "is_default")]
    pub jwks_url: Option<String>,
    /// Claims that become tags: claim and tag.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tags: Table<String>,
    /// The claim that names the client. Without it: `sub`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub name_claim: Option<String>,
    /// What the tokens are for. Without it: anything.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scopes: Scopes,
}
