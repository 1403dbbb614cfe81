//! Verification of an `AWS4-HMAC-SHA256` authorization header.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::canonical;
use super::credential::{self, Scope};
use super::crypto::{same, sha256_hex, signature};
use super::{Caller, Known, Signed};
use crate::refusal::{Exception, Refusal};

pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far `x-amz-date` may be from now (protocol facts 5.1).
const SKEW: Duration = Duration::from_secs(5 * 60);
/// Payload hashes that stand for "not hashed here" or for a signed event stream.
const STREAMING: &str = "STREAMING-AWS4-HMAC-SHA256-EVENTS";

/// The three fields of the header.
struct Fields<'a> {
    scope: Scope<'a>,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

pub(super) fn verify(
    known: Known<'_>,
    request: &Signed<'_>,
    fields: &str,
    now: SystemTime,
) -> Result<Caller, Refusal> {
    let fields = Fields::parse(fields)?;
    let timestamp = canonical::header(request, "x-amz-date").ok_or_else(|| {
        incomplete(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
        )
    })?;
    fields.scope.check(known.config, request.service)?;
    let token = canonical::header(request, "x-amz-security-token");
    let (key, who) = credential::find(known, fields.scope.key_id, token.as_deref(), now)?;
    check_signed_headers(request, &fields.signed_headers)?;
    check_date(&fields.scope, &timestamp, now)?;
    let payload_hash = payload_hash(request)?;
    let canonical = canonical::request(request, &fields.signed_headers, &payload_hash);
    let to_sign = canonical::string_to_sign(&timestamp, &fields.scope.text(), &canonical);
    let expected = signature(
        &key.secret,
        fields.scope.date,
        fields.scope.region,
        fields.scope.service,
        &to_sign,
    );
    if !same(&expected, fields.signature) {
        return Err(mismatch(&canonical, &to_sign));
    }
    Ok(Caller { region: Some(fields.scope.region.to_owned()), key_id: Some(key.id), who })
}

impl<'a> Fields<'a> {
    fn parse(text: &'a str) -> Result<Self, Refusal> {
        let field = |name: &str| {
            text.split(',')
                .filter_map(|field| field.trim().split_once('='))
                .find(|(found, _)| *found == name)
                .map(|(_, value)| value)
                .ok_or_else(|| {
                    incomplete(&format!("Authorization header requires '{name}' parameter. "))
                })
        };
        let credential = field("Credential")?;
        let scope = Scope::parse(credential).ok_or_else(|| {
            incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term. ")
        })?;
        Ok(Self {
            scope,
            signed_headers: field("SignedHeaders")?.split(';').collect(),
            signature: field("Signature")?,
        })
    }
}

/// `host`, `x-amz-date` and every `x-amz-*` that is present must be signed.
fn check_signed_headers(request: &Signed<'_>, names: &[&str]) -> Result<(), Refusal> {
    let present = request
        .headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(|name| name.starts_with("x-amz-"));
    for name in present.chain(["host", "x-amz-date"]) {
        if !names.contains(&name) {
            return Err(Refusal::new(
                Exception::InvalidSignature,
                format!("'{name}' must be a 'SignedHeader' in the AWS Authorization."),
            ));
        }
    }
    Ok(())
}

fn check_date(scope: &Scope<'_>, timestamp: &str, now: SystemTime) -> Result<(), Refusal> {
    let at = parse_timestamp(timestamp)
        .ok_or_else(|| incomplete("Date must be in ISO-8601 'basic format'. "))?;
    let date = timestamp.get(..8).unwrap_or_default();
    if date != scope.date {
        return Err(Refusal::new(
            Exception::InvalidSignature,
            format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{date}', from '{timestamp}'.",
                scope.date
            ),
        ));
    }
    let here = format_timestamp(now);
    if at + SKEW < now {
        let bound = format_timestamp(now - SKEW);
        return Err(Refusal::new(
            Exception::InvalidSignature,
            format!("Signature expired: {timestamp} is now earlier than {bound} ({here} - 5 min.)"),
        ));
    }
    if at > now + SKEW {
        let bound = format_timestamp(now + SKEW);
        return Err(Refusal::new(
            Exception::InvalidSignature,
            format!(
                "Signature not yet current: {timestamp} is still later than {bound} ({here} + 5 min.)"
            ),
        ));
    }
    Ok(())
}

/// The body's hash; when the caller states one it must be the body's.
fn payload_hash(request: &Signed<'_>) -> Result<String, Refusal> {
    let actual = sha256_hex(request.body);
    match canonical::header(request, "x-amz-content-sha256") {
        None => Ok(actual),
        Some(stated) if stated == STREAMING || stated == actual => Ok(stated),
        Some(_) => Err(Refusal::new(
            Exception::InvalidSignature,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )),
    }
}

fn mismatch(canonical: &str, to_sign: &str) -> Refusal {
    Refusal::new(
        Exception::InvalidSignature,
        format!(
            "{}\n\nThe Canonical String for this request should have been\n'{canonical}'\n\nThe String-to-Sign should have been\n'{to_sign}'\n",
            Exception::InvalidSignature.message()
        ),
    )
}

fn incomplete(message: &str) -> Refusal {
    Refusal::new(Exception::IncompleteSignature, message)
}

/// Reads `20261121T035100Z`.
pub(super) fn parse_timestamp(text: &str) -> Option<SystemTime> {
    let is_form = text.len() == 16
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    if !is_form {
        return None;
    }
    let (date, time) = text.split_at(8);
    let extended = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &date[..4],
        &date[4..6],
        &date[6..8],
        &time[1..3],
        &time[3..5],
        &time[5..7]
    );
    let timestamp: Timestamp = extended.parse().ok()?;
    Some(SystemTime::from(timestamp))
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
        assert_eq!(parse_timestamp("2026-11-21T03:51Z"), None);
        assert_eq!(parse_timestamp("20261321T035107Z"), None);
    }
}
