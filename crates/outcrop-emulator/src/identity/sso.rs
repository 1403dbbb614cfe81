//! The SSO portal: credentials for an account's role against the token of a signed-in person.

use std::time::UNIX_EPOCH;

use serde_json::json;

use super::{Ask, Call, Issued, header};
use crate::reply::Reply;
use crate::route::query_pairs;

pub(super) const PATH: &str = "/federation/credentials";

pub(super) fn answer(issued: &Issued, ask: &Ask<'_>) -> Reply {
    let call = Call::GetRoleCredentials;
    if issued.sso_token().is_none_or(|token| token != header(ask, "x-amz-sso_bearer_token")) {
        return call.refuse("UnauthorizedException", 401, "Session token not found or invalid");
    }
    let pairs = query_pairs(ask.query);
    let value =
        |name: &str| pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value);
    let arn = format!("arn:aws:iam::{}:role/{}", value("account_id"), value("role_name"));
    let Some(role) = issued.role(&arn) else {
        return call.refuse("ForbiddenException", 403, "No access");
    };
    let session = issued.begin(role, "person", None);
    let end = session.expires_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    Reply::json(json!({"roleCredentials": {
        "accessKeyId": session.key.id,
        "secretAccessKey": session.key.secret,
        "sessionToken": session.key.session_token,
        "expiration": end.as_millis() as u64,
    }}))
}
