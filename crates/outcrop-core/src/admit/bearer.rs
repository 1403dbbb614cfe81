//! Short-term Bedrock API keys that were made from a key pair of the gateway.
//!
//! Such a key is the base64 of a presigned `POST https://bedrock.amazonaws.com/` with
//! `Action=CallWithBearerToken`; `Version=1` is appended after signing (what AWS's token generator
//! makes, checked 2026-11-21). It says nothing of the request that it comes with.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outcrop_model::Fault;

use super::canonical::{self, ALGORITHM, Scope};
use super::crypto::{hex, same, sha256};
use super::grant::Grant;
use super::sigv4::{SKEW, parse_timestamp};
use super::{Found, refused};
use crate::model_id::percent_decode;

const PREFIX: &str = "bedrock-api-key-";
const HOST: &str = "bedrock.amazonaws.com";
/// The longest life that AWS gives such a key, whatever it says itself.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);

/// The query of a token that has the form of such a key.
pub(super) fn short_term(token: &str) -> Option<String> {
    let bytes = STANDARD.decode(token.strip_prefix(PREFIX)?).ok()?;
    let url = String::from_utf8(bytes).ok()?;
    Some(url.strip_prefix(HOST)?.strip_prefix("/?")?.to_owned())
}

pub(super) fn judge(
    query: &str,
    pair: &dyn Fn(&str) -> Found,
    now: SystemTime,
) -> Result<Grant, Fault> {
    let key =
        read(query, pair, now).ok_or_else(|| refused("a short-term key that is not valid"))?;
    key.grant_at(now)
}

fn read(query: &str, pair: &dyn Fn(&str) -> Found, now: SystemTime) -> Found {
    let value = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(found, _)| *found == name).map(|(_, value)| percent_decode(value))
    };
    let is_one = value("Action")? == "CallWithBearerToken"
        && value("X-Amz-Algorithm")? == ALGORITHM
        && value("X-Amz-SignedHeaders")? == "host"
        && value("Version")? == "1";
    let scope = Scope::parse(&value("X-Amz-Credential")?)?;
    let timestamp = value("X-Amz-Date")?;
    let key = pair(&scope.key_id).filter(|_| is_one && scope.service == "bedrock")?;
    let mut signed: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.starts_with("X-Amz-Signature=") && !pair.starts_with("Version="))
        .collect();
    signed.sort_unstable();
    let signed = signed.join("&");
    // One spelling only: the key that was made is the key that is taken.
    let is_canonical = canonical::query(&signed) == signed;
    let payload = hex(&sha256(b""));
    let canonical = format!("POST\n/\n{signed}\nhost:{HOST}\n\nhost\n{payload}");
    let expected = scope.sign(key.secret.as_ref()?.reveal(), &timestamp, canonical.as_bytes());
    let is_signed = same(expected.as_bytes(), value("X-Amz-Signature")?.as_bytes());
    let begin = parse_timestamp(&timestamp)?;
    let life = Duration::from_secs(value("X-Amz-Expires")?.parse().ok()?).min(LONGEST);
    let is_current = begin <= now + SKEW && now < begin + life;
    (is_canonical && is_signed && is_current).then_some(key)
}
