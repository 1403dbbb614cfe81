//! The keys of the OIDC issuer, and the JSON web tokens that they sign.
//!
//! Guarantees: (1) a token is good only while the key that signed it is published: the newest two are;
//! (2) signature, issuer, audience and expiry are all checked, in this order.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use uuid::Uuid;

/// Whom tokens are for unless somebody else is asked for, and the only audience that STS takes.
pub(super) const AUDIENCE: &str = "sts.amazonaws.com";
/// Keys that are published: the one in use and the one before.
const PUBLISHED: usize = 2;

/// What a token can be refused for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bad {
    /// It is no token, or no published key signed it.
    Invalid,
    /// The issuer it names is not the one that STS knows.
    Issuer(String),
    Audience,
    Expired,
}

/// What a token says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claims<'a> {
    pub(super) subject: &'a str,
    pub(super) audience: &'a str,
    pub(super) scope: &'a str,
    pub(super) end: SystemTime,
}

/// Signs tokens, and knows its own again.
pub(super) struct Issuer {
    /// What it calls itself in tokens and in its discovery document.
    pub(super) name: String,
    /// The issuer that STS was told to trust.
    trusted: String,
    /// The last one is in use.
    keys: Mutex<Vec<Key>>,
}

struct Key {
    id: String,
    pair: EcdsaKeyPair,
}

// === impl Issuer ===

impl Issuer {
    pub(super) fn new(name: String, trusted: String) -> Self {
        let issuer = Self { name, trusted, keys: Mutex::default() };
        issuer.rotate();
        issuer
    }

    /// Signs with a new key from now on. If the machine cannot make one, the old one stays.
    pub(super) fn rotate(&self) {
        let Ok(pair) = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING) else {
            tracing::warn!("cannot make a key for the OIDC issuer");
            return;
        };
        let mut keys = self.keys();
        keys.push(Key { id: Uuid::new_v4().simple().to_string(), pair });
        if keys.len() > PUBLISHED {
            keys.remove(0);
        }
    }

    /// The published keys, as a JSON web key set.
    pub(super) fn key_set(&self) -> Value {
        let keys = self.keys();
        let shown: Vec<Value> = keys.iter().filter_map(Key::public).collect();
        json!({ "keys": shown })
    }

    pub(super) fn token(&self, claims: &Claims<'_>) -> String {
        let keys = self.keys();
        let Some(key) = keys.last() else { return String::new() };
        let Claims { subject, audience, scope, end } = claims;
        let head = json!({"alg": "ES256", "typ": "JWT", "kid": key.id});
        let claims = json!({
            "iss": self.name, "sub": subject, "aud": audience, "scope": scope,
            "iat": seconds(SystemTime::now()), "exp": seconds(*end),
        });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&head), encode(&claims));
        let signature = key.pair.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = signature.map(|bytes| URL_SAFE_NO_PAD.encode(bytes)).unwrap_or_default();
        format!("{signed}.{signature}")
    }

    /// The subject of a token that is good for STS.
    pub(super) fn subject(&self, token: &str, now: SystemTime) -> Result<String, Bad> {
        let claims = self.claims(token).ok_or(Bad::Invalid)?;
        match claims["iss"].as_str() {
            Some(issuer) if issuer == self.trusted => {}
            other => return Err(Bad::Issuer(other.unwrap_or_default().to_owned())),
        }
        let is_for_sts = match &claims["aud"] {
            Value::Array(audiences) => audiences.iter().any(|audience| audience == AUDIENCE),
            audience => audience == AUDIENCE,
        };
        if !is_for_sts {
            return Err(Bad::Audience);
        }
        match claims["exp"].as_u64() {
            Some(end) if seconds(now) < end => {}
            _ => return Err(Bad::Expired),
        }
        claims["sub"].as_str().map(str::to_owned).ok_or(Bad::Invalid)
    }

    /// What a token says, if one of the published keys signed it.
    fn claims(&self, token: &str) -> Option<Value> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (head, claims) = signed.split_once('.')?;
        let (head, signature) = (decoded(head)?, URL_SAFE_NO_PAD.decode(signature).ok()?);
        let keys = self.keys();
        let key = keys.iter().find(|key| head["kid"] == key.id && head["alg"] == "ES256")?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.pair.public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .ok()?;
        decoded(claims)
    }

    fn keys(&self) -> MutexGuard<'_, Vec<Key>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Issuer({})", self.name)
    }
}

// === impl Key ===

impl Key {
    /// A JSON web key: the two coordinates of an uncompressed point.
    fn public(&self) -> Option<Value> {
        let (x, y) = self.pair.public_key().as_ref().strip_prefix(&[4])?.split_at_checked(32)?;
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Some(json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.id,
            "x": encode(x), "y": encode(y),
        }))
    }
}

// === helpers ===

fn decoded(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_token_is_good_for_sts_and_only_for_a_while() {
        let made = |name: &str| Issuer::new(name.to_owned(), "https://a".to_owned());
        let (issuer, other) = (made("https://a"), made("https://b"));
        let now = SystemTime::now();
        let claims = Claims {
            subject: "me",
            audience: AUDIENCE,
            scope: "",
            end: now + Duration::from_secs(60),
        };
        let token = issuer.token(&claims);
        assert_eq!(issuer.subject(&token, now).as_deref(), Ok("me"));
        assert_eq!(other.subject(&token, now), Err(Bad::Invalid));
        assert_eq!(issuer.subject("a.b.c", now), Err(Bad::Invalid));
        assert_eq!(issuer.subject(&token, claims.end), Err(Bad::Expired));
        let foreign = other.token(&claims);
        assert_eq!(other.subject(&foreign, now), Err(Bad::Issuer("https://b".to_owned())));
        let elsewhere = issuer.token(&Claims { audience: "another", ..claims });
        assert_eq!(issuer.subject(&elsewhere, now), Err(Bad::Audience));
        issuer.rotate();
        assert!(issuer.subject(&token, now).is_ok());
        issuer.rotate();
        assert_eq!(issuer.subject(&token, now), Err(Bad::Invalid));
    }
}
