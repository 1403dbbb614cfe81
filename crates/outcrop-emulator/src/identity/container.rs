//! The agent of a container: EKS Pod Identity (`/v1/credentials`) and ECS (`/v2/credentials/ID`).
//!
//! The token must be sent exactly as it was set: neither agent forgives white space. The words of its
//! refusals are this emulator's own.

use serde_json::json;

use super::{Ask, Call, Issued, agent_words, header};
use crate::reply::Reply;

pub(super) const PATHS: [&str; 2] = ["/v1/credentials", "/v2/credentials/"];

pub(super) fn answer(issued: &Issued, ask: &Ask<'_>) -> Reply {
    let call = Call::ContainerCredentials;
    if issued.container_token().is_some_and(|token| token != header(ask, "authorization")) {
        return call.refuse("AccessDenied", 401, "the token is missing or wrong");
    }
    let Some(role) = issued.first_role() else {
        return call.refuse("ResourceNotFound", 404, "no role is associated");
    };
    let mut body = agent_words(&issued.begin(role, "container", None));
    body["AccountId"] = json!(role.account());
    Reply::json(body)
}
