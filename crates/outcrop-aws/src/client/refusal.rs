//! Why there is no answer: what a refusal says, and what a connection does that is lost.

use std::time::Duration;

use http::{HeaderMap, Response};
use outcrop_model::{ErrorClass, Fault, Phase};
use tokio::time::timeout;

use crate::body::{IncomingBody, chain};
use crate::classify::classify_http;

/// Most bytes read of a refusal: AWS's error bodies are under 10 KB; a proxy's page may be larger, and
/// none of it reaches the caller.
const MAX_REFUSAL: usize = 1024 * 1024;
/// Longest wait for the rest of a refusal: its head already says that the request failed.
const REFUSAL_PATIENCE: Duration = Duration::from_secs(10);

/// What a refusal is when the caller brought the credentials, and what the caller is told.
const LENT: [(ErrorClass, ErrorClass, &str); 4] = [
    (
        ErrorClass::BadCredentials,
        ErrorClass::Unauthenticated,
        "AWS does not know the AWS credentials of this request. Check the access key id, and send the session token with temporary ones.",
    ),
    (
        ErrorClass::ExpiredCredentials,
        ErrorClass::Unauthenticated,
        "The AWS credentials of this request have expired. Send new ones.",
    ),
    (
        ErrorClass::BadSignature,
        ErrorClass::Unauthenticated,
        "AWS refused a signature made with the AWS credentials of this request. The secret access key does not belong to the access key id.",
    ),
    (
        ErrorClass::AccessDenied,
        ErrorClass::OutOfScope,
        "The AWS identity of this request may not do this, or its account has no access to the model. Ask the account's administrator.",
    ),
];

/// Reads why the service refused.
pub(super) async fn read(response: Response<IncomingBody>) -> (HeaderMap, Fault) {
    let (head, mut body) = response.into_parts();
    body.set_phase(Phase::AwaitingHead);
    let mut read = Vec::new();
    let complete = timeout(REFUSAL_PATIENCE, fill(&mut body, &mut read)).await;
    if !matches!(complete, Ok(Ok(()))) {
        tracing::debug!(status = head.status.as_u16(), bytes = read.len(), "error body incomplete");
    }
    let fault = classify_http(head.status.as_u16(), &head.headers, &read);
    (head.headers, fault)
}

/// Reads up to [`MAX_REFUSAL`] bytes; what has been read stays in `read` whatever happens.
async fn fill(body: &mut IncomingBody, read: &mut Vec<u8>) -> Result<(), Fault> {
    while read.len() < MAX_REFUSAL {
        let Some(chunk) = body.chunk().await.transpose()? else {
            return Ok(());
        };
        let room = MAX_REFUSAL - read.len();
        read.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    Ok(())
}

/// A refusal of credentials that the caller brought: theirs to mend.
pub(super) fn of_the_caller(mut fault: Fault) -> Fault {
    if let Some((_, class, message)) = LENT.iter().find(|(theirs, ..)| *theirs == fault.class) {
        fault.class = *class;
        fault.message = (*message).into();
    }
    fault
}

pub(super) fn lost(error: &hyper_util::client::legacy::Error) -> Fault {
    let detail = chain(error);
    let (class, phase, message) = if error.is_connect() {
        (ErrorClass::Unreachable, Phase::BeforeSend, "the gateway could not connect to Bedrock")
    } else if is_parse(error) {
        (ErrorClass::Garbled, Phase::AwaitingHead, "Bedrock's answer arrived damaged")
    } else {
        (
            ErrorClass::Unreachable,
            Phase::AwaitingHead,
            "the connection to Bedrock was lost before it answered",
        )
    };
    Fault::new(class, phase, message).with_detail(detail)
}

fn is_parse(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
            return true;
        }
        cause = error.source();
    }
    false
}

pub(super) fn unanswered() -> Fault {
    Fault::new(
        ErrorClass::UpstreamTimeout,
        Phase::AwaitingHead,
        "Bedrock did not begin to answer in time",
    )
    .with_detail("first-byte timeout")
}
