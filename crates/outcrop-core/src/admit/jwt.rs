//! JSON Web Tokens of issuers that the operator trusts.
//!
//! 1. A token counts for its issuer, one of the audiences and its time alone, signed by a key that the
//!    issuer publishes, with an algorithm for public keys: `none` and shared secrets are not known.
//! 2. While an issuer cannot be reached, the keys that it published last go on. Only a token that needs
//!    a key which could not be fetched is answered 503; it may be a good one, so it is no 401.
//! 3. A key that is not known is looked for at the issuer, but only so often ([`BURST`]): callers write
//!    key ids as they like.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jsonwebtoken::{Algorithm, Validation};
use outcrop_config::JwtIssuer;
use outcrop_model::{Caller, ErrorClass, Fault, Phase};
use serde_json::{Map, Value};

use super::grant::Grant;
use super::jwks::{KeySet, Missing};
use super::refused;

/// How far the clocks of issuer and gateway may be apart.
const LEEWAY: Duration = Duration::from_secs(60);
/// What may sign a token: algorithms with a public key.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// Longest name or tag that a claim gives, in characters; ids of subjects have about 40.
const MOST_OF_A_CLAIM: usize = 256;
/// Most values of one claim that become tags.
const MOST_VALUES: usize = 50;

/// One issuer for some audiences, and the keys it publishes.
#[derive(Debug)]
pub struct Issuer {
    config: JwtIssuer,
    pub(super) keys: Arc<KeySet>,
}

/// What a token says; nothing of it is verified.
pub(super) type Claims = Map<String, Value>;

/// Whether a token has the form of these: three parts, of which the first is JSON in base64.
pub(super) fn is_one(token: &str) -> bool {
    token.starts_with("ey") && token.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// What a token says, before anything is verified: enough to find who could.
pub(super) fn unverified(token: &str) -> Option<Claims> {
    jsonwebtoken::dangerous::insecure_decode_claims(token).ok()
}

// === impl Issuer ===

impl Issuer {
    /// # Errors
    /// When the addresses are none, or no audience is named: every token of the issuer's, for whatever
    /// service, would be let in.
    pub fn new(config: JwtIssuer) -> Result<Self, String> {
        Self::beside(config, &[])
    }

    /// The same, with the keys of the one among `known` that publishes them at the same place.
    ///
    /// # Errors
    /// As for [`Issuer::new`].
    pub fn beside(config: JwtIssuer, known: &[Arc<Self>]) -> Result<Self, String> {
        if config.audiences.is_empty() {
            return Err(format!(
                "the issuer {} needs an audience: without one, its tokens for any service would be taken",
                config.issuer
            ));
        }
        if config.issuer.contains('#') {
            return Err(format!(
                "the issuer {} has a `#`, which no issuer's address has",
                config.issuer
            ));
        }
        let place = |config: &JwtIssuer| (config.issuer.clone(), config.jwks_url.clone());
        let keys = match known.iter().find(|one| place(&one.config) == place(&config)) {
            Some(one) => Arc::clone(&one.keys),
            None => Arc::new(KeySet::new(&config.issuer, config.jwks_url.as_deref())?),
        };
        Ok(Self { config, keys })
    }

    /// Whether both have the very same keys.
    pub fn shares_keys(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.keys, &other.keys)
    }

    /// Whether a token that says so is of this issuer, and for one of the audiences.
    pub(super) fn is_meant(&self, claims: &Claims) -> bool {
        let JwtIssuer { issuer, audiences, .. } = &self.config;
        let is_ours =
            |value: &Value| value.as_str().is_some_and(|one| audiences.iter().any(|a| a == one));
        let audience = match claims.get("aud") {
            Some(Value::Array(many)) => many.iter().any(is_ours),
            Some(one) => is_ours(one),
            None => false,
        };
        audience && claims.get("iss").and_then(Value::as_str) == Some(issuer)
    }

    pub fn name(&self) -> &str {
        &self.config.issuer
    }

    /// What a token grants.
    pub(super) async fn judge(&self, token: &str, now: SystemTime) -> Result<Grant, Fault> {
        let wrong = |why: &str| refused(format!("a token of {}: {why}", self.name()));
        let head = jsonwebtoken::decode_header(token).map_err(|_| wrong("its head is no JSON"))?;
        if !ALGORITHMS.contains(&head.alg) {
            return Err(wrong("its algorithm has no public key"));
        }
        let keys = self.keys.find(head.kid.as_deref(), head.alg).await;
        let keys = keys.map_err(|missing| match missing {
            Missing::Unknown => wrong("no key of the issuer's has its `kid`"),
            Missing::Unreachable => unverifiable(self.name()),
        })?;
        let mut check = Validation::new(head.alg);
        check.set_issuer(&[&self.config.issuer]);
        check.set_audience(&self.config.audiences);
        check.set_required_spec_claims(&["exp", "iss", "aud"]);
        // By the same clock as everything else here.
        (check.validate_exp, check.validate_nbf) = (false, false);
        let mut last = wrong("no key of the issuer's is for its algorithm");
        for key in &keys {
            match jsonwebtoken::decode::<Claims>(token, key, &check) {
                Ok(decoded) => return self.grant(&decoded.claims, now).map_err(|why| wrong(&why)),
                Err(error) => last = wrong(&error.to_string()),
            }
        }
        Err(last)
    }

    fn grant(&self, claims: &Claims, now: SystemTime) -> Result<Grant, String> {
        check_time(claims, now)?;
        let JwtIssuer { name_claim, tags, scopes, .. } = &self.config;
        let name = texts(claims, name_claim).into_iter().next().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| format!("no claim {name_claim} names the client"))?;
        if shown(&name) != name {
            // Two that differ must not become one.
            return Err(format!("the claim {name_claim} is too long a name, or has control signs"));
        }
        let tags = tags.iter().flat_map(|(claim, tag)| {
            let values = texts(claims, claim).into_iter().take(MOST_VALUES);
            values.map(|value| (tag.clone(), shown(&value)))
        });
        // The name may be of many, such as all users of one client.
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or(&name).to_owned();
        let caller = Caller { name, owner: None, tags: tags.collect() };
        Ok(Grant::new(caller, scopes.clone()).issued(self.name(), &subject))
    }
}

fn check_time(claims: &Claims, now: SystemTime) -> Result<(), String> {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let leeway = LEEWAY.as_secs_f64();
    let exp = claims.get("exp").and_then(Value::as_f64).ok_or("its `exp` is no number")?;
    if exp + leeway <= now {
        return Err("it has expired".to_owned());
    }
    let Some(nbf) = claims.get("nbf") else { return Ok(()) };
    match nbf.as_f64().ok_or("its `nbf` is no number")? <= now + leeway {
        true => Ok(()),
        false => Err("it is not valid yet".to_owned()),
    }
}

/// The texts at a claim, or at a path of names with dots between.
fn texts(claims: &Claims, path: &str) -> Vec<String> {
    let whole = claims.get(path);
    let found = whole.or_else(|| {
        let mut names = path.split('.');
        let first = claims.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))
    });
    match found {
        None | Some(Value::Null | Value::Object(_)) => Vec::new(),
        Some(Value::Array(values)) => values.iter().filter_map(text).collect(),
        Some(value) => text(value).into_iter().collect(),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A text of a claim as logs may have it.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MOST_OF_A_CLAIM).collect()
}

fn unverifiable(issuer: &str) -> Fault {
    let message = "The gateway cannot verify this token just now, since the keys of its issuer cannot be had. Try again in a moment.";
    let mut fault = Fault::new(ErrorClass::Overloaded, Phase::BeforeSend, message)
        .with_detail(format!("the keys of {issuer} cannot be fetched"));
    fault.retry_after = Some(Duration::from_secs(5));
    fault
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(value: Value) -> Claims {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn claims_become_texts() {
        let claims = claims(json!({
            "sub": "ab", "groups": ["x", 7, {}], "https://x.y/z": "url", "realm": {"roles": ["r"]},
        }));
        assert_eq!(texts(&claims, "sub"), ["ab"]);
        assert_eq!(texts(&claims, "groups"), ["x", "7"]);
        assert_eq!(texts(&claims, "https://x.y/z"), ["url"]);
        assert_eq!(texts(&claims, "realm.roles"), ["r"]);
        assert!(texts(&claims, "realm").is_empty() && texts(&claims, "no.no").is_empty());
    }

    #[test]
    fn a_name_is_taken_as_it_is_or_refused() {
        let issuer = Issuer::new(JwtIssuer {
            issuer: "https://x.example".to_owned(),
            audiences: vec!["a".to_owned()],
            jwks_url: None,
            tags: vec![("sub".to_owned(), "who".to_owned())],
            name_claim: "sub".to_owned(),
            scopes: outcrop_config::Scopes::default(),
            origin: outcrop_config::Origin::default(),
        });
        let issuer = issuer.unwrap();
        let now = SystemTime::UNIX_EPOCH;
        let grant = |name: &str| issuer.grant(&claims(json!({"exp": 1, "sub": name})), now);
        let known = grant(&"n".repeat(MOST_OF_A_CLAIM)).unwrap();
        assert_eq!(known.caller.unwrap().name.len(), MOST_OF_A_CLAIM);
        assert_eq!(grant("alice").unwrap().limited_as(), Some("https://x.example#alice"));
        for name in ["ali\nce", "alice\0", &"n".repeat(MOST_OF_A_CLAIM + 1), ""] {
            assert!(grant(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn times_have_a_leeway() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let check = |value| check_time(&claims(value), now).is_ok();
        assert!(check(json!({"exp": 941})) && check(json!({"exp": 1000.5, "nbf": 1060})));
        assert!(!check(json!({"exp": 940})) && !check(json!({"exp": 2000, "nbf": 1061})));
        assert!(!check(json!({})) && !check(json!({"exp": "2000"})));
    }
}
