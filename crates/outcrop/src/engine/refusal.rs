//! What a refusal of the gateway means for the command: its exit code, its words and its mend.
//!
//! 1. The gateway's code decides the exit code and the mend; its words never do.
//! 2. A gateway in this process speaks to the owner of the account, not to a client of an operator: where its words
//!    are about the account or its models, the class of the error has words of its own here, with AWS's own in them.

use http::StatusCode;
use outcrop_model::scrub::scrub;
use outcrop_model::{Catalog, ErrorClass, Outcome, Receipt, Specialist, alias};
use serde_json::Value;

use super::Answer;
use super::meant::meant;
use crate::exit::{Exit, Failure};
use crate::table::line;

const EMBEDDINGS: &str = "/v1/embeddings";
/// Longest part of AWS's own words, in characters.
const MOST_SAID: usize = 300;

/// A gateway's `error.code`, what it means here, and what to do. Codes are those of
/// `docs/guide/errors.md`.
const CODES: [(&str, Exit, Option<&str>); 15] = [
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
            "Ask for access to the model in Bedrock's console, or for bedrock:InvokeModel; `outcrop doctor` tells which is missing.",
        ),
    ),
    (
        "upstream_auth",
        Exit::Credentials,
        Some(
            "Renew them, as by `aws sso login`, or name others by AWS_PROFILE or --profile; `outcrop doctor` tells what is wrong.",
        ),
    ),
    ("upstream_endpoint", Exit::RequestFailed, Some("`outcrop doctor` tests the way there.")),
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

/// An answer that is none.
pub struct Refusal {
    /// Where it was asked.
    path: String,
    status: StatusCode,
    /// The error object of OpenAI's dialect; nothing where it is none.
    error: Value,
    /// Empty where the answer has none.
    pub request_id: String,
}

// === impl Refusal ===

impl Refusal {
    pub async fn read(path: &str, answer: Answer) -> Self {
        let status = answer.status;
        let id = answer.headers.get("x-request-id").and_then(|id| id.to_str().ok());
        let request_id = id.unwrap_or_default().to_owned();
        let body = answer.whole().await.unwrap_or_default();
        Self { request_id, ..Self::of(path, status, &body) }
    }

    pub fn of(path: &str, status: StatusCode, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let path = path.to_owned();
        Self { path, status, error: body["error"].clone(), request_id: String::new() }
    }

    /// In the gateway's words; `model` is the one that was asked.
    pub fn told(&self, model: &str) -> Failure {
        match self.error.is_null() {
            true => Failure::new(
                by_status(self.status),
                format!("The gateway answered {}.", self.status),
            ),
            false => may_be_meant(told(&self.error, self.status), model),
        }
    }

    /// In words for the owner of the account, by what the gateway wrote down of the request.
    pub fn told_to_owner(&self, model: &str, receipt: Option<&Receipt>) -> Failure {
        if let Some(failure) = self.other_command(model) {
            return failure;
        }
        let class = receipt.and_then(|receipt| match &receipt.outcome {
            Outcome::Failed(class) => Some(*class),
            Outcome::Completed(_) | Outcome::ClientLeft => None,
        });
        // What is known of models is asked without a receipt.
        let is_unknown = self.error["code"] == "model_not_found";
        let class = class.or_else(|| is_unknown.then_some(ErrorClass::UnknownModel));
        let Some(cause) = class.and_then(|class| cause(class, model)) else {
            return self.told(model);
        };
        let what = match receipt.and_then(|receipt| self.said(receipt)) {
            Some(said) => format!("{cause}: {}.", said.trim_end_matches('.')),
            None => format!("{cause}."),
        };
        may_be_meant(told(&self.error, self.status).because(what), model)
    }

    /// AWS's own words, if it was asked. They hold no ARN and no account.
    fn said(&self, receipt: &Receipt) -> Option<String> {
        let said = receipt.detail.as_deref().filter(|_| receipt.attempts > 0)?;
        let place = self.error["param"].as_str().map(|place| format!("{place}: "));
        let said = place.and_then(|place| said.strip_prefix(&place)).unwrap_or(said);
        let said = line(&scrub(said), MOST_SAID);
        Some(said).filter(|said| !said.is_empty())
    }

    /// Where the model does something else than what it was asked for.
    fn other_command(&self, model: &str) -> Option<Failure> {
        if self.error["param"] != "model" {
            return None;
        }
        let wrong = |what: &str| {
            Failure::new(Exit::InvalidArgument, format!("`{model}` is a model of {what}."))
        };
        let catalog = Catalog::built_in();
        let id = alias::resolve(model).id;
        match catalog.specialist(&id) {
            Some(Specialist::Embeddings(_)) if self.path == EMBEDDINGS => None,
            Some(Specialist::Embeddings(_)) => {
                Some(wrong("vectors").mend(format!("`outcrop embed -m {model}` asks it.")))
            }
            Some(Specialist::Images(_)) => {
                Some(wrong("pictures").mend("A gateway asks it: POST /v1/images/generations."))
            }
            Some(Specialist::Rerank(_)) => {
                Some(wrong("ranking").mend("A gateway asks it: POST /v1/rerank."))
            }
            None if self.path == EMBEDDINGS && catalog.is_known(&id) => Some(wrong("chats").mend(
                "`outcrop query` asks it; `outcrop models --kind embeddings` lists those of vectors.",
            )),
            None => None,
        }
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

/// The failure, with the names that may have been meant where there is no such model.
fn may_be_meant(failure: Failure, model: &str) -> Failure {
    match meant(model).filter(|_| failure.exit == Exit::UnknownModel) {
        Some(meant) => failure.also(&meant),
        None => failure,
    }
}

/// Words for errors whose own are for clients of a gateway.
fn cause(class: ErrorClass, model: &str) -> Option<String> {
    match class {
        ErrorClass::UnknownModel => Some(format!("`{model}` is no model that can be called here")),
        ErrorClass::AccessDenied => Some(format!("AWS does not let this account use `{model}`")),
        ErrorClass::BadCredentials => Some("AWS does not accept the credentials".to_owned()),
        ErrorClass::ExpiredCredentials => Some("The AWS credentials have expired".to_owned()),
        ErrorClass::BadSignature => Some(
            "AWS does not accept the signature; this machine's clock or the region may be wrong"
                .to_owned(),
        ),
        ErrorClass::WrongEndpoint => {
            Some("The host in the place of AWS does not know this operation".to_owned())
        }
        _other_classes_speak_for_themselves => None,
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
