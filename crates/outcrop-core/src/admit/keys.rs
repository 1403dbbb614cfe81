//! The keys that are known, found by hash.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use outcrop_config::{ClientKey, KeyProof, Origin, Redacted, Secret, words};
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

/// A key that is left out, or one of its tokens, and why.
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
        match proof {
            KeyProof::Pair { access_key_id, secret_access_key } => {
                let secret = some(resolve(secret_access_key)?)?;
                let key = entry(Some(Redacted::new(secret)));
                match self.pairs.entry(access_key_id.clone()) {
                    Entry::Vacant(place) => _ = place.insert(key),
                    Entry::Occupied(_) => {
                        return Err("another key has the same access key id".to_owned());
                    }
                }
                Ok(())
            }
            KeyProof::Tokens(tokens) => {
                let key = entry(None);
                // One that is not there yet, or no longer, must not lock out who has another.
                let added = tokens.iter().enumerate().map(|(index, token)| {
                    let added =
                        resolve(token).and_then(some).and_then(words::sendable).and_then(|token| {
                            self.add_digest(sha256(token.as_bytes()), Arc::clone(&key))
                        });
                    added.map_err(|why| match tokens.len() {
                        1 => why,
                        many => format!("token {} of {many}: {why}", index + 1),
                    })
                });
                let unusable: Vec<String> = added.filter_map(Result::err).collect();
                match unusable.is_empty() {
                    true => Ok(()),
                    false => Err(unusable.join("; ")),
                }
            }
            KeyProof::TokenHash(hex) => {
                let digest =
                    unhex(hex).ok_or("the hash is no SHA-256 in hex, which has 64 digits")?;
                self.add_digest(digest, entry(None))
            }
        }
    }

    fn add_digest(&mut self, digest: Digest, key: Arc<Key>) -> Result<(), String> {
        match self.tokens.entry(digest) {
            Entry::Vacant(place) => _ = place.insert((digest, key)),
            Entry::Occupied(_) => return Err("another key has the same token".to_owned()),
        }
        Ok(())
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
        write!(f, "{origin}: of the key {name} is left out what cannot be used: {why}")
    }
}
