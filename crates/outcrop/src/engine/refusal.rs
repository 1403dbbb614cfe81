//! What a refusal of the gateway means for the command: its exit code and its mend.

use http::StatusCode;
use serde_json::Value;

use super::Answer;
use crate::exit::{Exit, Failure};

/// A gateway's `error.code`, what it means here, and what to do. Codes are those of
/// `docs/guide/errors.md`.
const CODES: [(&str, Exit, Option<&str>); 14] = [
    (
        "model_not_found",
        Exit::UnknownModel,
        Some(
            "`outcrop models` lists what can be called; model access is granted in Bedrock's console.",
        ),
    ),
    ("inference_profile_required", Exit::UnknownModel, Some("Choose one with --geography.")),
    ("context_length_exceeded", Exit::ContextTooLong, None),
    ("content_policy_violation", Exit::Refused, None),
    (
        "upstream_access_denied",
        Exit::AccessDenied,
        Some(
            "Grant bedrock:InvokeModel and access to the model; `outcrop doctor` tells which is missing.",
        ),
    ),
    ("upstream_auth", Exit::Credentials, Some("`outcrop doctor` tells what is wrong with them.")),
    (
        "rate_limit_exceeded",
        Exit::Throttled,
        Some("Try again later, or ask AWS for a higher quota."),
    ),
    ("insufficient_quota", Exit::Throttled, Some("Ask AWS for a higher quota.")),
    ("model_not_ready", Exit::Throttled, Some("Try again in a minute.")),
    ("overloaded", Exit::Throttled, Some("Try again later.")),
    ("upstream_unreachable", Exit::Network, Some("`outcrop doctor` tests the way there.")),
    ("upstream_timeout", Exit::Network, None),
    ("timeout", Exit::Network, None),
    ("unsupported_parameter", Exit::RequestFailed, None),
];

/// The failure that an answer tells.
pub async fn refusal(answer: Answer) -> Failure {
    let status = answer.status;
    let body = answer.whole().await.unwrap_or_default();
    match serde_json::from_slice::<Value>(&body) {
        Ok(body) => told(&body["error"], status),
        Err(_) => Failure::new(by_status(status), format!("The gateway answered {status}.")),
    }
}

/// The failure that an error object of OpenAI's dialect tells, at the head of an answer or in it.
pub fn told(error: &Value, status: StatusCode) -> Failure {
    let message =
        error["message"].as_str().unwrap_or("The gateway says no more than that it failed.");
    let row = error["code"].as_str().and_then(|code| CODES.iter().find(|(word, ..)| *word == code));
    match row {
        Some((_, exit, mend)) => {
            let failure = Failure::new(*exit, message);
            match mend {
                Some(mend) => failure.mend(*mend),
                None => failure,
            }
        }
        None => Failure::new(by_status(status), message),
    }
}

fn by_status(status: StatusCode) -> Exit {
    match status.as_u16() {
        401 => Exit::Credentials,
        403 => Exit::AccessDenied,
        404 => Exit::UnknownModel,
        429 => Exit::Throttled,
        _ => Exit::RequestFailed,
    }
}
