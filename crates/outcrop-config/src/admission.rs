//! Who may use the gateway.

use std::time::SystemTime;

use crate::origin::Origin;
use crate::secret::Secret;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Admission {
    /// Keys given here; others are in the key store.
    pub keys: Vec<ClientKey>,
    /// Headers in which keys come beside `Authorization` and `x-api-key`, in lower case.
    pub key_headers: Vec<String>,
    pub issuers: Vec<JwtIssuer>,
    /// `true`: anyone is let in, on any address. `false`: nobody is without a key, even where there are none.
    /// Unsaid, and without keys or issuers, only loopback is listened on, and all there are let in.
    pub anonymous: Option<bool>,
}

/// A client's key.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientKey {
    /// In receipts, logs and limits.
    pub name: String,
    pub proof: KeyProof,
    pub scopes: Scopes,
    pub expires: Option<SystemTime>,
    pub owner: Option<String>,
    pub tags: Vec<(String, String)>,
    pub origin: Origin,
}

/// How a client shows that it has the key.
#[derive(Debug, Clone, PartialEq)]
pub enum KeyProof {
    /// Any of these as `Authorization: Bearer`, `x-api-key` or in the headers of a route's own choice.
    Tokens(Vec<Secret>),
    /// SHA-256 of such a token, in hex.
    TokenHash(String),
    /// A key pair for AWS's SDKs, which sign with it.
    Pair { access_key_id: String, secret_access_key: Secret },
}

/// What a key is for; empty lists: anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes {
    /// Models, with `*` for any run of characters.
    pub models: Vec<String>,
    pub routes: Vec<String>,
    pub surfaces: Vec<crate::route::SurfaceWord>,
}

/// An issuer whose tokens are taken.
#[derive(Debug, Clone, PartialEq)]
pub struct JwtIssuer {
    pub issuer: String,
    pub audiences: Vec<String>,
    /// `None`: from the issuer's discovery document.
    pub jwks_url: Option<String>,
    /// Claim → tag.
    pub tags: Vec<(String, String)>,
    /// The claim that names the client; `sub` unless told otherwise.
    pub name_claim: String,
    pub scopes: Scopes,
    pub origin: Origin,
}

// === impl KeyProof ===

impl KeyProof {
    /// What is behind it that may change, or not be there.
    pub fn secrets(&self) -> &[Secret] {
        match self {
            Self::Tokens(tokens) => tokens,
            Self::Pair { access_key_id: _, secret_access_key: secret } => {
                std::slice::from_ref(secret)
            }
            Self::TokenHash(_) => &[],
        }
    }
}

// === impl JwtIssuer ===

impl JwtIssuer {
    /// An audience whose tokens of the one issuer both would judge.
    pub fn shared_audience(&self, other: &Self) -> Option<&str> {
        let shared = self.audiences.iter().find(|audience| other.audiences.contains(audience));
        shared.filter(|_| self.issuer == other.issuer).map(String::as_str)
    }
}
