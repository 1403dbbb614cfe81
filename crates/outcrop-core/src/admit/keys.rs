//! The keys that are known, found by hash.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use outcrop_config::{ClientKey, KeyProof, Origin, Redacted, Secret};
use outcrop_model::{Caller, Fault};

use super::crypto::{Digest, same, sha256, unhex};
use super::grant::Grant;
use super::{Found, refused};

/// Keys of one moment. Finding one takes the same time among ten and among a hundred thousand.
#[derive(Debug, Default)]
pub struct KeyTable {
    /// By SHA-256 of the token.
    tokens: HashMap<Digest, (Digest, Arc<Key>)>,
    /// By access key id.
    pairs: HashMap<String, Arc<Key>>,
}

/// A key that is left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    pub name: String,
    pub origin: Origin,
    pub why: String,
}

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    grant: Grant,
    expires: Option<SystemTime>,
    /// Of a pair.
    pub(super) secret: Option<Redacted>,
}

// === impl Key ===

impl Key {
    /// What the key grants, as long as it is valid.
    pub(super) fn grant_at(&self, now: SystemTime) -> Result<Grant, Fault> {
        match self.expires.is_some_and(|expires| expires <= now) {
            true => Err(refused(format!("the key {} has expired", self.name()))),
            false => Ok(self.grant.clone()),
        }
    }

    pub(super) fn name(&self) -> &str {
        self.grant.caller.as_ref().map_or("", |caller| &caller.name)
    }
}

// === impl KeyTable ===

impl KeyTable {
    /// A table of `keys`, and what of them cannot be used. `resolve` brings a secret.
    pub fn of(
        keys: &[ClientKey],
        resolve: &dyn Fn(&Secret) -> Result<String, String>,
    ) -> (Self, Vec<Unusable>) {
        let mut table = Self::default();
        let mut unusable = Vec::new();
        for key in keys {
            if let Err(why) = table.add(key, resolve) {
                let (name, origin) = (key.name.clone(), key.origin.clone());
                unusable.push(Unusable { name, origin, why });
            }
        }
        (table, unusable)
    }

    pub fn len(&self) -> usize {
        self.tokens.len() + self.pairs.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn add(
        &mut self,
        key: &ClientKey,
        resolve: &dyn Fn(&Secret) -> Result<String, String>,
    ) -> Result<(), String> {
        let ClientKey { name, proof, scopes, expires, owner, tags, origin: _ } = key;
        let caller = Caller { name: name.clone(), owner: owner.clone(), tags: tags.clone() };
        let grant = Grant::new(caller, scopes.clone());
        let entry = |secret| Arc::new(Key { grant, expires: *expires, secret });
        let digest = match proof {
            KeyProof::Pair { access_key_id, secret_access_key } => {
                let secret = some(resolve(secret_access_key)?)?;
                let key = entry(Some(Redacted::new(secret)));
                return match self.pairs.insert(access_key_id.clone(), key) {
                    None => Ok(()),
                    Some(_) => Err("another key has the same access key id".to_owned()),
                };
            }
            KeyProof::Token(secret) => sha256(some(resolve(secret)?)?.as_bytes()),
            KeyProof::TokenHash(hex) => {
                unhex(hex).ok_or("the hash is no SHA-256 in hex, which has 64 digits")?
            }
        };
        match self.tokens.insert(digest, (digest, entry(None))) {
            None => Ok(()),
            Some(_) => Err("another key has the same token".to_owned()),
        }
    }

    pub(super) fn token(&self, token: &str) -> Found {
        let digest = sha256(token.as_bytes());
        let (known, key) = self.tokens.get(&digest)?;
        same(known, &digest).then(|| Arc::clone(key))
    }

    pub(super) fn pair(&self, access_key_id: &str) -> Found {
        self.pairs.get(access_key_id).cloned()
    }
}

/// An empty secret would let anyone in who sends an empty one.
fn some(secret: String) -> Result<String, String> {
    match secret.is_empty() {
        true => Err("its secret is empty".to_owned()),
        false => Ok(secret),
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, origin, why } = self;
        write!(f, "{origin}: the key {name} is left out: {why}")
    }
}
