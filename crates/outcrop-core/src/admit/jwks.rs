//! The keys that an issuer publishes, kept and renewed.
//!
//! 1. Keys are replaced by a complete answer only; until there is one, those of before count.
//! 2. One fetch at a time, whoever waits for it, and no more than [`BURST`] in [`WINDOW`].

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use http::Uri;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use outcrop_fetch::{Allowed, Failure, Fetcher, Limits, Reach};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Fetches that callers can cause in [`WINDOW`] by naming keys that are not known: more than an issuer
/// rotates, less than it would notice.
const BURST: usize = 4;
const WINDOW: Duration = Duration::from_secs(60);
/// How often keys are fetched unasked: issuers announce new ones at least an hour ahead.
const EVERY: Duration = Duration::from_secs(10 * 60);
/// And after a fetch that failed.
const AGAIN: Duration = Duration::from_secs(30);
/// Largest document; those of large issuers have some 10 KB.
const MOST_BYTES: usize = 1_000_000;
/// For discovery and keys together.
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct KeySet {
    /// Of the discovery document, with the issuer's name that it must have; or of the keys themselves.
    source: Source,
    fetcher: Fetcher,
    known: RwLock<Arc<Known>>,
    /// When the last fetches began; held while one runs.
    fetches: Mutex<VecDeque<Instant>>,
}

#[derive(Debug)]
enum Source {
    Discovery { issuer: String },
    Keys(String),
}

#[derive(Debug, Default)]
struct Known {
    keys: Vec<Published>,
    /// Whether the last fetch brought them.
    is_current: bool,
    /// Grows with each fetch.
    generation: u64,
}

struct Published {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    key: DecodingKey,
}

/// Why there is no key for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// The issuer does not publish it.
    Unknown,
    /// The issuer could not be asked.
    Unreachable,
}

// === impl KeySet ===

impl KeySet {
    pub(super) fn new(issuer: &str, jwks_url: Option<&str>) -> Result<Self, String> {
        let source = match jwks_url {
            Some(url) => Source::Keys(url.to_owned()),
            None => Source::Discovery { issuer: issuer.to_owned() },
        };
        let (Source::Keys(url) | Source::Discovery { issuer: url }) = &source;
        let uri: Uri = url.parse().map_err(|_| format!("`{url}` is no address"))?;
        let host = uri.host().filter(|_| matches!(uri.scheme_str(), Some("https" | "http")));
        let host = host.ok_or_else(|| format!("`{url}` is no address of https"))?;
        let host: Allowed = host.trim_matches(['[', ']']).parse()?;
        // The operator named the host, so it may be a private one.
        let limits = Limits {
            reach: Reach::Public,
            allowed: vec![host],
            plain_http: uri.scheme_str() == Some("http"),
            max_item: MOST_BYTES,
            max_total: 2 * MOST_BYTES,
            timeout: TIMEOUT,
            ..Limits::default()
        };
        let fetcher = Fetcher::new(limits);
        Ok(Self { source, fetcher, known: RwLock::default(), fetches: Mutex::default() })
    }

    /// The keys that may have signed a token. More than one only where it names none.
    pub(super) async fn find(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Vec<DecodingKey>, Missing> {
        let known = self.known();
        let found = known.fitting(id, algorithm);
        if !found.is_empty() {
            return Ok(found);
        }
        self.renew(known.generation).await;
        let known = self.known();
        let found = known.fitting(id, algorithm);
        match (found.is_empty(), known.is_current) {
            (false, _) => Ok(found),
            (true, true) => Err(Missing::Unknown),
            (true, false) => Err(Missing::Unreachable),
        }
    }

    /// Fetches the keys, unless that was done since `generation`, or too often of late.
    async fn renew(&self, generation: u64) {
        let mut fetches = self.fetches.lock().await;
        let now = Instant::now();
        fetches.retain(|began| now.duration_since(*began) < WINDOW);
        if self.known().generation != generation || fetches.len() >= BURST {
            return;
        }
        fetches.push_back(now);
        self.fetch_and_keep().await;
    }

    /// Fetches whatever was fetched before.
    async fn renew_now(&self) -> bool {
        let _alone = self.fetches.lock().await;
        self.fetch_and_keep().await
    }

    async fn fetch_and_keep(&self) -> bool {
        let fetched = self.fetch().await;
        let before = self.known();
        let (keys, is_current) = match fetched {
            Ok(keys) => (keys, true),
            Err(why) => {
                let (Source::Keys(issuer) | Source::Discovery { issuer }) = &self.source;
                tracing::warn!(issuer, why, kept = before.keys.len(), "keys not fetched");
                (before.keys.clone(), false)
            }
        };
        let known = Known { keys, is_current, generation: before.generation + 1 };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        is_current
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn fetch(&self) -> Result<Vec<Published>, String> {
        let batch = self.fetcher.begin();
        let document = async |url: &str| -> Result<Value, String> {
            let fetched = batch.fetch(url).await.map_err(|why| format!("{url}: {}", said(&why)))?;
            serde_json::from_slice(&fetched.bytes).map_err(|_| format!("{url}: no JSON"))
        };
        let set = match &self.source {
            Source::Keys(url) => document(url).await?,
            Source::Discovery { issuer } => {
                let base = issuer.trim_end_matches('/');
                let about = document(&format!("{base}/.well-known/openid-configuration")).await?;
                if about["issuer"] != issuer.as_str() {
                    return Err("the discovery document is another issuer's".to_owned());
                }
                let url = about["jwks_uri"].as_str().ok_or("the discovery document has no keys")?;
                document(url).await?
            }
        };
        let keys = set["keys"].as_array().ok_or("the keys are no JSON Web Key Set")?;
        // Of a kind that is not known here, or for encryption: none that a token is signed with.
        let keys: Vec<Published> = keys.iter().filter_map(Published::read).collect();
        match keys.is_empty() {
            true => Err("it publishes no key that could be used".to_owned()),
            false => Ok(keys),
        }
    }
}

/// Renews the keys again and again, as long as anyone holds them.
pub(super) async fn watch(keys: Weak<KeySet>) {
    loop {
        let Some(held) = keys.upgrade() else { return };
        let is_current = held.renew_now().await;
        drop(held);
        tokio::time::sleep(if is_current { EVERY } else { AGAIN }).await;
    }
}

// === impl Known ===

impl Known {
    fn fitting(&self, id: Option<&str>, algorithm: Algorithm) -> Vec<DecodingKey> {
        let fits = |one: &&Published| {
            (id.is_none() || one.id.as_deref() == id)
                && one.algorithm.is_none_or(|own| own == algorithm)
                && one.key.family() == algorithm.family()
        };
        self.keys.iter().filter(fits).map(|one| one.key.clone()).collect()
    }
}

// === impl Published ===

impl Published {
    fn read(written: &Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(written.clone()).ok()?;
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        let is_for_signing =
            matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
        let algorithm = match written.get("alg") {
            Some(word) => Some(word.as_str()?.parse().ok()?),
            None => None,
        };
        is_for_signing.then_some(Self { id: jwk.common.key_id, algorithm, key })
    }
}

impl Clone for Published {
    fn clone(&self) -> Self {
        let Self { id, algorithm, key } = self;
        Self { id: id.clone(), algorithm: *algorithm, key: key.clone() }
    }
}

impl std::fmt::Debug for Published {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Published").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Why an address gave nothing, for the operator; what the failure itself says is for callers with media.
fn said(failure: &Failure) -> String {
    match failure {
        Failure::NoWay => "its host is not known, or does not answer".to_owned(),
        other => other.to_string(),
    }
}
