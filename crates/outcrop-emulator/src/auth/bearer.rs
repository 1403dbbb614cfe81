//! Bedrock API keys: long-term ones by table, short-term ones by computing them again.
//!
//! A short-term key is the base64 of a presigned `POST https://bedrock.amazonaws.com/` with
//! `Action=CallWithBearerToken`; `Version=1` is appended after signing (protocol facts 5.2).

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::canonical;
use super::credential::{self, Scope};
use super::crypto::{same, sha256_hex, signature};
use super::sigv4::{ALGORITHM, parse_timestamp};
use super::{Caller, Identity, Known, SERVICE};
use crate::access;
use crate::refusal::{Exception, Refusal};
use crate::route::query_pairs;

const SHORT_TERM: &str = "bedrock-api-key-";
const HOST: &str = "bedrock.amazonaws.com";
/// The longest life of a short-term key.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);

pub(super) fn verify(known: Known<'_>, key: &str, now: SystemTime) -> Result<Caller, Refusal> {
    if known.config.api_keys.iter().any(|good| same(good, key)) {
        let who = Identity::new(known, key, access::user("BedrockAPIKey-example"));
        return Ok(Caller { region: None, key_id: None, who });
    }
    let query = key
        .strip_prefix(SHORT_TERM)
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|url| Some(url.strip_prefix(HOST)?.strip_prefix("/?")?.to_owned()))
        .ok_or_else(invalid)?;
    ShortTerm::parse(&query).ok_or_else(invalid)?.verify(known, now)
}

/// A short-term key, taken apart.
struct ShortTerm {
    credential: String,
    timestamp: String,
    lifetime: Duration,
    token: Option<String>,
    signature: String,
    /// The canonical query that was signed.
    signed_query: String,
}

impl ShortTerm {
    fn parse(query: &str) -> Option<Self> {
        let pairs = query_pairs(query);
        let value = |name: &str| {
            let pair = pairs.iter().find(|(found, _)| found == name);
            pair.map(|(_, value)| value.clone())
        };
        let signed: Vec<&str> = query
            .split('&')
            .filter(|pair| !pair.starts_with("X-Amz-Signature=") && !pair.starts_with("Version="))
            .collect();
        let fixed = value("Action")? == "CallWithBearerToken"
            && value("X-Amz-Algorithm")? == ALGORITHM
            && value("X-Amz-SignedHeaders")? == "host";
        fixed.then_some(())?;
        Some(Self {
            credential: value("X-Amz-Credential")?,
            timestamp: value("X-Amz-Date")?,
            lifetime: Duration::from_secs(value("X-Amz-Expires")?.parse().ok()?),
            token: value("X-Amz-Security-Token"),
            signature: value("X-Amz-Signature")?,
            signed_query: canonical::query(&signed.join("&")),
        })
    }

    fn verify(&self, known: Known<'_>, now: SystemTime) -> Result<Caller, Refusal> {
        let scope = Scope::parse(&self.credential).ok_or_else(invalid)?;
        scope.check(known.config, SERVICE)?;
        let (key, who) = credential::find(known, scope.key_id, self.token.as_deref(), now)
            .map_err(|refusal| match refusal.name.as_str() {
                "ExpiredTokenException" => refusal,
                _ => invalid(),
            })?;
        let canonical =
            format!("POST\n/\n{}\nhost:{HOST}\n\nhost\n{}", self.signed_query, sha256_hex(b""));
        let to_sign = canonical::string_to_sign(&self.timestamp, &scope.text(), &canonical);
        let expected = signature(&key.secret, scope.date, scope.region, scope.service, &to_sign);
        if !same(&expected, &self.signature) {
            return Err(invalid());
        }
        let start = parse_timestamp(&self.timestamp).ok_or_else(invalid)?;
        if now >= start + self.lifetime.min(LONGEST) {
            return Err(Refusal::plain(Exception::ExpiredToken));
        }
        let key_id = Some(key.id);
        Ok(Caller { region: Some(scope.region.to_owned()), key_id, who })
    }
}

fn invalid() -> Refusal {
    Refusal::new(
        Exception::AccessDenied,
        "Authentication failed: Please make sure your API Key is valid.",
    )
}
