//! Keys and issuers.

use std::time::SystemTime;

use super::{Context, Needed};
use crate::admission::{ClientKey, JwtIssuer, KeyProof, Scopes};
use crate::front::Item;
use crate::front::outcrop::print::Printing;
use crate::front::outcrop::short::{Many, Short, Table};
use crate::front::outcrop::written;
use crate::words;

/// The claim that every token has.
const NAME_CLAIM: &str = "sub";

impl Context<'_, '_> {
    pub(in crate::front::outcrop) fn key(&mut self, written: written::Key) -> Option<Item> {
        let written::Key { name, token, token_hash, access_key, scopes, expires, owner, tags } =
            written;
        let choices = vec![
            ("token", self.tokens(token.0)),
            ("token_hash", token_hash.map(|hash| KeyProof::TokenHash(hash.to_lowercase()))),
            ("access_key", access_key.map(|pair| self.pair(pair))),
        ];
        let proof = self.only(choices, Needed::Yes);
        let expires = expires.map(|text| self.time(&text));
        Some(Item::Key(ClientKey {
            name,
            proof: proof?,
            scopes: scopes.into(),
            expires: match expires {
                Some(expires) => Some(expires?),
                None => None,
            },
            owner,
            tags: tags.0,
            origin: self.origin(),
        }))
    }

    pub(in crate::front::outcrop) fn key_header(&mut self, name: String) -> Option<Item> {
        if !words::is_header_name(&name) {
            self.error("", format!("`{name}` is no name of a header"), None);
        }
        Some(Item::KeyHeader(name.to_lowercase()))
    }

    fn tokens(&mut self, written: Vec<Short<written::Secret>>) -> Option<KeyProof> {
        let one = |(index, token)| self.secret(token, &format!("token[{index}]"));
        let tokens: Vec<_> = written.into_iter().enumerate().map(one).collect();
        (!tokens.is_empty()).then_some(KeyProof::Tokens(tokens))
    }

    fn pair(&mut self, written: written::Pair) -> KeyProof {
        let written::Pair { access_key_id, secret_access_key } = written;
        KeyProof::Pair {
            access_key_id,
            secret_access_key: self.secret(secret_access_key, "access_key.secret_access_key"),
        }
    }

    fn time(&mut self, text: &str) -> Option<SystemTime> {
        let time = words::time(text);
        time.map_err(|why| self.error("expires", why, None)).ok()
    }

    pub(in crate::front::outcrop) fn issuer(&mut self, written: written::Issuer) -> Option<Item> {
        let written::Issuer { issuer, audiences, jwks_url, tags, name_claim, scopes } = written;
        Some(Item::Issuer(JwtIssuer {
            issuer,
            audiences: audiences.0,
            jwks_url,
            tags: tags.0,
            name_claim: name_claim.unwrap_or_else(|| NAME_CLAIM.to_owned()),
            scopes: scopes.into(),
            origin: self.origin(),
        }))
    }
}

impl From<written::Scopes> for Scopes {
    fn from(written: written::Scopes) -> Self {
        let written::Scopes { models, routes, surfaces } = written;
        Self {
            models: models.0,
            routes: routes.0,
            surfaces: surfaces.0.into_iter().map(Into::into).collect(),
        }
    }
}

impl Printing {
    pub(in crate::front::outcrop) fn key(&mut self, key: &ClientKey) -> written::Key {
        let ClientKey { name, proof, scopes, expires, owner, tags, origin: _ } = key;
        let mut written = written::Key {
            name: name.clone(),
            token: Many::default(),
            token_hash: None,
            access_key: None,
            scopes: scopes.into(),
            expires: expires.map(|time| humantime::format_rfc3339(time).to_string()),
            owner: owner.clone(),
            tags: Table(tags.clone()),
        };
        match proof {
            KeyProof::Tokens(tokens) => {
                written.token = Many(tokens.iter().map(|token| self.secret(token)).collect());
            }
            KeyProof::TokenHash(hash) => written.token_hash = Some(hash.clone()),
            KeyProof::Pair { access_key_id, secret_access_key } => {
                written.access_key = Some(written::Pair {
                    access_key_id: access_key_id.clone(),
                    secret_access_key: self.secret(secret_access_key),
                });
            }
        }
        written
    }
}

impl From<&JwtIssuer> for written::Issuer {
    fn from(issuer: &JwtIssuer) -> Self {
        let JwtIssuer { issuer, audiences, jwks_url, tags, name_claim, scopes, origin: _ } = issuer;
        Self {
            issuer: issuer.clone(),
            audiences: Many(audiences.clone()),
            jwks_url: jwks_url.clone(),
            tags: Table(tags.clone()),
            name_claim: (name_claim != NAME_CLAIM).then(|| name_claim.clone()),
            scopes: scopes.into(),
        }
    }
}

impl From<&Scopes> for written::Scopes {
    fn from(scopes: &Scopes) -> Self {
        let Scopes { models, routes, surfaces } = scopes;
        Self {
            models: Many(models.clone()),
            routes: Many(routes.clone()),
            surfaces: Many(surfaces.iter().map(|word| (*word).into()).collect()),
        }
    }
}
