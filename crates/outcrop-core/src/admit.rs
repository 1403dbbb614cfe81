//! Admission: who asks, and what for.
//!
//! 1. Unknown, missing, expired and revoked keys are refused in the same words; the log knows which.
//! 2. A token is looked up by its hash, and hashes and signatures are compared in constant time.
//! 3. What shows a token is judged by its head alone, before the body is read. A signature is over the
//!    body too: its head is judged first ([`Admittance::Signed`]).
//! 4. The keys that judge a request are those of one moment, and never fewer because their file cannot
//!    be read.
//!
//! Does not do: presigned addresses, and counting (see limits).

mod bearer;
mod canonical;
mod crypto;
mod file;
mod grant;
mod jwks;
mod jwt;
mod keys;
mod mint;
mod owner;
mod sigv4;
mod stored;

use std::sync::Arc;
use std::time::SystemTime;

use http::request::Parts;
use http::{HeaderMap, HeaderName, header};
use outcrop_model::{ErrorClass, Fault, Phase};

pub use self::file::{Hidden, KeyFile, KeyFileError, Record};
pub use self::grant::{CallerId, Grant, surface_of};
pub use self::jwt::Issuer;
pub use self::keys::{KeyTable, Unusable};
pub use self::mint::{Kind, Minted, mint};
pub use self::sigv4::Signed;
pub use self::stored::{Look, StoredKeys};

/// Where Anthropic's and other clients put their key.
static X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Judges who may come in.
#[derive(Debug, Default)]
pub struct Admitter {
    keys: KeyTable,
    /// Keys that come and go while the gateway runs.
    stored: Option<Arc<StoredKeys>>,
    issuers: Vec<Arc<Issuer>>,
    /// Headers that may carry a key beside the two that every client uses.
    headers: Vec<HeaderName>,
    strangers: Strangers,
}

/// What becomes of a request that shows no valid key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strangers {
    /// It is served, with no caller's name.
    #[default]
    Welcome,
    Refused,
}

/// What the head of a request leads to.
#[derive(Debug)]
pub enum Admittance {
    Granted(Grant),
    /// The body decides.
    Signed(Box<Signed>),
}

// === impl Admitter ===

impl Admitter {
    /// Asks for one of `keys`.
    pub fn of(keys: KeyTable) -> Self {
        Self { keys, strangers: Strangers::Refused, ..Self::default() }
    }

    /// Takes the keys of a file too.
    pub fn with_stored(self, stored: Arc<StoredKeys>) -> Self {
        Self { stored: Some(stored), ..self }
    }

    /// Takes the tokens of these issuers too.
    pub fn with_issuers(self, issuers: Vec<Arc<Issuer>>) -> Self {
        Self { issuers, ..self }
    }

    /// Keeps what comes from elsewhere up to date, as long as anyone holds it: the file of keys, and the
    /// keys of issuers. Without this, an issuer is asked when a token needs it.
    pub fn watch(&self) {
        if let Some(stored) = &self.stored {
            tokio::spawn(StoredKeys::watch(Arc::downgrade(stored)));
        }
        for issuer in &self.issuers {
            tokio::spawn(jwks::watch(Arc::downgrade(&issuer.keys)));
        }
    }

    /// Looks for keys in these headers too.
    pub fn with_headers(self, headers: Vec<HeaderName>) -> Self {
        Self { headers, ..self }
    }

    pub fn with_strangers(self, strangers: Strangers) -> Self {
        Self { strangers, ..self }
    }

    /// Judges the head of a request.
    ///
    /// # Errors
    /// `Unauthenticated`, `CallerSignature`, and `Overloaded` when a token's issuer cannot be asked.
    pub async fn admit(&self, head: &Parts, now: SystemTime) -> Result<Admittance, Fault> {
        self.judge(head, now).await.or_else(|fault| match self.strangers {
            Strangers::Welcome => Ok(Admittance::Granted(Grant::default())),
            Strangers::Refused => Err(fault),
        })
    }

    /// Judges the body of a request whose head was `signed`.
    ///
    /// # Errors
    /// `Unauthenticated` and `CallerSignature`.
    pub fn finish(&self, signed: &Signed, body: &[u8], now: SystemTime) -> Result<Grant, Fault> {
        signed.judge(body, now).or_else(|fault| match self.strangers {
            Strangers::Welcome => Ok(Grant::default()),
            Strangers::Refused => Err(fault),
        })
    }

    async fn judge(&self, head: &Parts, now: SystemTime) -> Result<Admittance, Fault> {
        let signed = sigv4::fields(&head.headers)
            .map(|fields| Signed::read(head, fields, &|id| self.pair(id), now));
        let signed = match signed.transpose() {
            Ok(Some(signed)) => return Ok(Admittance::Signed(Box::new(signed))),
            Ok(None) => None,
            // An SDK may sign with keys of AWS's own, and send one of the gateway's beside them.
            Err(fault) => Some(fault),
        };
        let mut last = refused("no key");
        for token in self.tokens(&head.headers) {
            match self.judge_token(token, now).await {
                Ok(grant) => return Ok(Admittance::Granted(grant)),
                Err(fault) => last = weightier(last, fault),
            }
        }
        Err(match signed {
            Some(fault) => weightier(last, fault),
            None => last,
        })
    }

    /// Everything that may be a key. SDKs that know two headers fill both, one of them with a stopgap.
    fn tokens<'h>(&'h self, headers: &'h HeaderMap) -> impl Iterator<Item = &'h str> {
        let bearer = headers.get_all(header::AUTHORIZATION).iter().filter_map(|value| {
            let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let named = std::iter::once(&X_API_KEY).chain(&self.headers);
        let others = named
            .flat_map(|name| headers.get_all(name))
            .filter_map(|value| value.to_str().ok().map(str::trim));
        bearer.chain(others).filter(|token| !token.is_empty())
    }

    async fn judge_token(&self, token: &str, now: SystemTime) -> Result<Grant, Fault> {
        if let Some(query) = bearer::short_term(token) {
            return bearer::judge(&query, &|id| self.pair(id), now);
        }
        let stored = || self.stored.as_ref().and_then(|stored| stored.table().token(token));
        match self.keys.token(token).or_else(stored) {
            Some(key) => key.grant_at(now),
            None => self.judge_issued(token, now).await,
        }
    }

    /// By all entries of the issuer that are for an audience of the token's.
    async fn judge_issued(&self, token: &str, now: SystemTime) -> Result<Grant, Fault> {
        let claims = jwt::is_one(token).then(|| jwt::unverified(token)).flatten();
        let Some(claims) = claims else { return Err(refused("a token that is not known")) };
        let mut last = refused("a token of an issuer, or for an audience, that is not known");
        for issuer in self.issuers.iter().filter(|issuer| issuer.is_meant(&claims)) {
            match issuer.judge(token, now).await {
                Ok(grant) => return Ok(grant),
                Err(fault) => last = weightier(last, fault),
            }
        }
        Err(last)
    }

    fn pair(&self, id: &str) -> Found {
        let stored = || self.stored.as_ref().and_then(|stored| stored.table().pair(id));
        self.keys.pair(id).or_else(stored)
    }
}

/// What a file of keys holds of a token: its SHA-256 in hex.
pub fn token_hash(token: &str) -> String {
    crypto::hex(&crypto::sha256(token.as_bytes()))
}

/// Of two faults the one to tell: that an issuer cannot be asked, since the token may be a good one; else
/// the later.
fn weightier(earlier: Fault, later: Fault) -> Fault {
    if earlier.class == ErrorClass::Overloaded { earlier } else { later }
}

/// The one refusal of whoever shows no valid key; `why` is for the log.
fn refused(why: impl Into<String>) -> Fault {
    Fault::new(
        ErrorClass::Unauthenticated,
        Phase::BeforeSend,
        "The key is missing or not valid here. Send a key of this gateway as `Authorization: Bearer …` or `x-api-key: …`, or sign the request with one of its key pairs.",
    )
    .with_detail(why)
}

/// A key of a table.
type Found = Option<Arc<keys::Key>>;
