//! Instance metadata, version 2 only: nothing is told without the token that `PUT` gives.

use bytes::Bytes;
use serde_json::json;

use super::{Ask, Call, Issued, agent_words, header, with_status};
use crate::reply::{Payload, Reply};

pub(super) const TOKEN: &str = "/latest/api/token";
pub(super) const ROLES: &str = "/latest/meta-data/iam/security-credentials";
const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";

pub(super) fn token(issued: &Issued, ask: &Ask<'_>) -> Reply {
    match header(ask, TTL).parse::<u32>() {
        Ok(seconds @ 1..=21_600) => text(&issued.metadata_token).with_header(TTL, seconds),
        Ok(_) | Err(_) => Call::InstanceToken.refuse("", 400, ""),
    }
}

pub(super) fn answer(issued: &Issued, ask: &Ask<'_>) -> Reply {
    let call = Call::InstanceCredentials;
    if header(ask, "x-aws-ec2-metadata-token") != issued.metadata_token {
        return call.refuse("", 401, "");
    }
    let Some(role) = issued.first_role() else {
        return call.refuse("", 404, "");
    };
    let name = ask.path.strip_prefix(ROLES).unwrap_or_default().trim_matches('/');
    if name.is_empty() {
        return text(role.name());
    }
    if name != role.name() {
        return call.refuse("", 404, "");
    }
    let session = issued.begin(role, "i-0123456789abcdef0", None);
    let mut body = agent_words(&session);
    body["Code"] = json!("Success");
    body["Type"] = json!("AWS-HMAC");
    body["LastUpdated"] = json!("2026-11-21T00:00:00Z");
    Reply::json(body)
}

fn text(text: &str) -> Reply {
    with_status(200, Payload::Raw("text/plain", Bytes::copy_from_slice(text.as_bytes())))
}
