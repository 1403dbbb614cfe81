//! The issuer of web identity tokens: JSON web tokens signed with a key made at start.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

const AUDIENCE: &str = "sts.amazonaws.com";

/// What a token can be refused for; the words are STS's codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bad {
    Invalid,
    Expired,
}

/// Holds the key; `None` if the machine could not make one, and then no token is good.
pub(super) struct Issuer(Option<EcdsaKeyPair>);

// === impl Issuer ===

impl Issuer {
    pub(super) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok())
    }

    pub(super) fn token(&self, subject: &str, end: SystemTime) -> String {
        let head = json!({"alg": "ES256", "typ": "JWT"});
        let claims = json!({
            "iss": "https://oidc.example", "sub": subject, "aud": AUDIENCE, "exp": seconds(end),
        });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&head), encode(&claims));
        let signature = self
            .0
            .as_ref()
            .and_then(|key| key.sign(&SystemRandom::new(), signed.as_bytes()).ok())
            .map(|signature| URL_SAFE_NO_PAD.encode(signature))
            .unwrap_or_default();
        format!("{signed}.{signature}")
    }

    /// The subject of a token that this issuer signed, meant for STS, and that has not expired.
    pub(super) fn subject(&self, token: &str, now: SystemTime) -> Result<String, Bad> {
        let (signed, signature) = token.rsplit_once('.').ok_or(Bad::Invalid)?;
        let (_head, claims) = signed.split_once('.').ok_or(Bad::Invalid)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Bad::Invalid)?;
        let key = self.0.as_ref().ok_or(Bad::Invalid)?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| Bad::Invalid)?;
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| Bad::Invalid)?;
        let claims: Value = serde_json::from_slice(&claims).map_err(|_| Bad::Invalid)?;
        if claims["aud"] != AUDIENCE {
            return Err(Bad::Invalid);
        }
        match claims["exp"].as_u64() {
            Some(end) if seconds(now) < end => {}
            _ => return Err(Bad::Expired),
        }
        claims["sub"].as_str().map(str::to_owned).ok_or(Bad::Invalid)
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Issuer")
    }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_tokens_of_this_issuer_are_good_and_only_for_a_while() {
        let (issuer, other) = (Issuer::new(), Issuer::new());
        let now = SystemTime::now();
        let token = issuer.token("system:serviceaccount:a:b", now + Duration::from_secs(60));
        assert_eq!(issuer.subject(&token, now).as_deref(), Ok("system:serviceaccount:a:b"));
        assert_eq!(other.subject(&token, now), Err(Bad::Invalid));
        assert_eq!(issuer.subject("a.b.c", now), Err(Bad::Invalid));
        let later = now + Duration::from_secs(61);
        assert_eq!(issuer.subject(&token, later), Err(Bad::Expired));
    }
}
