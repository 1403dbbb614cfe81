//! Signature Version 4 from AWS's SDKs, by computing it again.
//!
//! 1. No `x-amz-…` header, host or date counts that is not signed.
//! 2. The payload is always signed: a stated hash must be the body's, and `UNSIGNED-PAYLOAD` is refused.
//! 3. Texts are those of AWS's front door. A wrong time is told before anything of keys is, so that the
//!    SDK for Rust corrects its clock by the response's `date`.
//!
//! A session token is signed like any header, and otherwise ignored: pairs of the gateway have none, but
//! an environment often holds a left-over one.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::request::Parts;
use http::{HeaderMap, header};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use outcrop_model::{ErrorClass, Fault, Phase};

use super::canonical::{self, ALGORITHM, Scope};
use super::crypto::{hex, same, sha256};
use super::grant::Grant;
use super::keys::Key;
use super::{Found, refused};

/// How far the clocks of both sides may be apart; AWS's own measure.
pub(super) const SKEW: Duration = Duration::from_secs(5 * 60);
/// The names that SDKs sign for when they mean Bedrock: its own, mantle's, and Anthropic's platform on
/// AWS (clients seen on the wire, 2026-11-21). The region is the caller's own choice.
const SERVICES: [&str; 3] = ["bedrock", "bedrock-mantle", "aws-external-anthropic"];

/// A request whose head was signed with a known key; its body is still to be seen.
#[derive(Debug)]
pub struct Signed {
    key: Arc<Key>,
    scope: Scope,
    timestamp: String,
    /// The canonical request up to the payload's hash.
    canonical: Vec<u8>,
    /// The hash that the caller states.
    stated: Option<String>,
    signature: String,
}

/// The three fields of the header.
struct Fields<'a> {
    scope: Scope,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

/// The fields of the header, if the request is signed at all.
pub(super) fn fields(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (algorithm, fields) = value.split_once(' ')?;
    (algorithm == ALGORITHM).then_some(fields)
}

// === impl Signed ===

impl Signed {
    /// Judges all but the signature itself.
    pub(super) fn read(
        head: &Parts,
        fields: &str,
        pair: &dyn Fn(&str) -> Found,
        now: SystemTime,
    ) -> Result<Self, Fault> {
        let Fields { scope, signed_headers, signature } = Fields::parse(fields)?;
        let timestamp = text(head, "x-amz-date").ok_or_else(|| {
            wrong("Authorization header requires existence of a 'X-Amz-Date' header.")
        })?;
        check_service(&scope)?;
        check_signed(head, &signed_headers)?;
        check_date(&scope, &timestamp, now)?;
        let key =
            pair(&scope.key_id).ok_or_else(|| refused("an access key id that is not known"))?;
        Ok(Self {
            key,
            scope,
            timestamp,
            canonical: canonical::before_payload(head, &signed_headers),
            stated: text(head, "x-amz-content-sha256"),
            signature: signature.to_owned(),
        })
    }

    pub(super) fn judge(&self, body: &[u8], now: SystemTime) -> Result<Grant, Fault> {
        let Self { key, scope, timestamp, canonical, stated, signature } = self;
        let hash = hex(&sha256(body));
        if stated.as_ref().is_some_and(|stated| *stated != hash) {
            return Err(wrong(
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            ));
        }
        let secret = key.secret.as_ref().map_or("", |secret| secret.reveal());
        let canonical = [canonical.as_slice(), hash.as_bytes()].concat();
        let expected = scope.sign(secret, timestamp, &canonical);
        match same(expected.as_bytes(), signature.as_bytes()) {
            true => key.grant_at(now),
            false => {
                let detail = format!("a signature that is not that of the key {}", key.name());
                Err(wrong("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.").with_detail(detail))
            }
        }
    }
}

// === impl Fields ===

impl<'a> Fields<'a> {
    fn parse(text: &'a str) -> Result<Self, Fault> {
        let field = |name: &str| {
            text.split(',')
                .filter_map(|field| field.trim().split_once('='))
                .find(|(found, _)| *found == name)
                .map(|(_, value)| value)
                .ok_or_else(|| wrong(format!("Authorization header requires '{name}' parameter.")))
        };
        let scope = Scope::parse(field("Credential")?).ok_or_else(|| {
            wrong("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.")
        })?;
        Ok(Self {
            scope,
            signed_headers: field("SignedHeaders")?.split(';').collect(),
            signature: field("Signature")?,
        })
    }
}

fn check_service(scope: &Scope) -> Result<(), Fault> {
    match SERVICES.contains(&scope.service.as_str()) {
        true => Ok(()),
        false => Err(wrong("Credential should be scoped to correct service: 'bedrock'.")),
    }
}

fn check_signed(head: &Parts, names: &[&str]) -> Result<(), Fault> {
    let present = head.headers.keys().map(http::HeaderName::as_str);
    let amazons = present.filter(|name| name.starts_with("x-amz-"));
    match amazons.chain(["host", "x-amz-date"]).find(|name| !names.contains(name)) {
        None => Ok(()),
        Some(name) => {
            Err(wrong(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")))
        }
    }
}

fn check_date(scope: &Scope, timestamp: &str, now: SystemTime) -> Result<(), Fault> {
    let at = parse_timestamp(timestamp)
        .ok_or_else(|| wrong("Date must be in ISO-8601 'basic format'."))?;
    let date = timestamp.get(..8).unwrap_or_default();
    if date != scope.date {
        let text = format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{date}', from '{timestamp}'.",
            scope.date
        );
        return Err(wrong(text));
    }
    let here = format_timestamp(now);
    if at + SKEW < now {
        let bound = format_timestamp(now - SKEW);
        return Err(wrong(format!(
            "Signature expired: {timestamp} is now earlier than {bound} ({here} - 5 min.)"
        )));
    }
    if at > now + SKEW {
        let bound = format_timestamp(now + SKEW);
        return Err(wrong(format!(
            "Signature not yet current: {timestamp} is still later than {bound} ({here} + 5 min.)"
        )));
    }
    Ok(())
}

fn text(head: &Parts, name: &str) -> Option<String> {
    String::from_utf8(canonical::header(head, name)?).ok()
}

fn wrong(message: impl Into<String>) -> Fault {
    Fault::new(ErrorClass::CallerSignature, Phase::BeforeSend, message.into())
}

/// Reads `20261121T035100Z`.
pub(super) fn parse_timestamp(text: &str) -> Option<SystemTime> {
    let at = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    let at = at.to_zoned(TimeZone::UTC).ok()?.timestamp();
    // Nothing but the form itself: `strptime` is lenient with blanks and signs.
    (format_timestamp(at.into()) == text).then(|| at.into())
}

/// Writes `20261121T035100Z`.
fn format_timestamp(at: SystemTime) -> String {
    Timestamp::try_from(at)
        .map_or_else(|_| String::new(), |at| at.strftime("%Y%m%dT%H%M%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_survive_a_round_trip() {
        let at = parse_timestamp("20261121T035107Z").unwrap();
        assert_eq!(format_timestamp(at), "20261121T035107Z");
        for wrong in ["2026-11-21T03:51Z", "20261321T035107Z", " 20261121T035107Z", ""] {
            assert_eq!(parse_timestamp(wrong), None, "{wrong}");
        }
    }
}
