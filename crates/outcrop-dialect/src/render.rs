//! The second error table: class × dialect → status, body and retry advice.
//!
//! 1. The table decides; texts never do.
//! 2. The client's message is already scrubbed; this module adds no detail to it.
//! 3. Failures of the gateway's own AWS identity are 5xx in every dialect: the caller's key is not at fault.

use outcrop_model::{Carrier, Dialect, ErrorClass, Fault};

use crate::write::JsonWriter;

/// An error as the client will see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    pub status: u16,
    pub body: Vec<u8>,
    /// `x-should-retry`, where the status alone would make SDKs do the wrong thing.
    pub should_retry: Option<bool>,
    /// `x-amzn-errortype`, in Bedrock's own dialects.
    pub error_type: Option<&'static str>,
}

/// One row of the table.
struct Row {
    openai: (u16, &'static str, &'static str),
    anthropic: (u16, &'static str),
    bedrock: (u16, &'static str),
    should_retry: Option<bool>,
}

const fn row(
    openai: (u16, &'static str, &'static str),
    anthropic: (u16, &'static str),
    bedrock: (u16, &'static str),
    should_retry: Option<bool>,
) -> Row {
    Row { openai, anthropic, bedrock, should_retry }
}

/// Source: the error catalogue of the Bedrock API references, and the status sets of the OpenAI and
/// Anthropic SDKs (both retry 408, 409, 429 and 5xx on their own; checked 2026-11-21).
fn lookup(class: ErrorClass) -> Row {
    use ErrorClass as C;
    const INVALID: &str = "invalid_request_error";
    const SERVER: &str = "server_error";
    const NO: Option<bool> = Some(false);
    match class {
        C::InvalidRequest => {
            row((400, INVALID, "invalid_value"), (400, INVALID), (400, "ValidationException"), None)
        }
        C::Unsupported => row(
            (400, INVALID, "unsupported_parameter"),
            (400, INVALID),
            (400, "ValidationException"),
            None,
        ),
        C::ContextOverflow => row(
            (400, INVALID, "context_length_exceeded"),
            (400, INVALID),
            (400, "ValidationException"),
            None,
        ),
        C::ContentFiltered => row(
            (400, INVALID, "content_policy_violation"),
            (400, INVALID),
            (400, "ValidationException"),
            None,
        ),
        C::TooLarge => row(
            (413, INVALID, "request_too_large"),
            (413, "request_too_large"),
            (413, "ValidationException"),
            NO,
        ),
        C::UnknownModel => row(
            (404, INVALID, "model_not_found"),
            (404, "not_found_error"),
            (404, "ResourceNotFoundException"),
            None,
        ),
        C::ProfileNeeded => row(
            (400, INVALID, "inference_profile_required"),
            (400, INVALID),
            (400, "ValidationException"),
            None,
        ),
        C::UnknownResponse => row(
            (404, INVALID, "response_not_found"),
            (404, "not_found_error"),
            (404, "ResourceNotFoundException"),
            NO,
        ),
        C::UnknownPrevious => row(
            (400, INVALID, "previous_response_not_found"),
            (400, INVALID),
            (400, "ValidationException"),
            None,
        ),
        C::UnknownPath => row(
            (404, INVALID, "unknown_url"),
            (404, "not_found_error"),
            (404, "UnknownOperationException"),
            None,
        ),
        C::MethodNotAllowed => row(
            (405, INVALID, "method_not_allowed"),
            (405, INVALID),
            (405, "UnknownOperationException"),
            None,
        ),
        C::NotSupported => row(
            (501, INVALID, "not_supported"),
            (501, "api_error"),
            (501, "UnknownOperationException"),
            NO,
        ),
        C::Throttled => row(
            (429, "rate_limit_error", "rate_limit_exceeded"),
            (429, "rate_limit_error"),
            (429, "ThrottlingException"),
            None,
        ),
        C::QuotaSpent => row(
            (429, "insufficient_quota", "insufficient_quota"),
            (429, "rate_limit_error"),
            (429, "ThrottlingException"),
            NO,
        ),
        C::QuotaExceeded => row(
            (429, "insufficient_quota", "insufficient_quota"),
            (429, "rate_limit_error"),
            (400, "ServiceQuotaExceededException"),
            NO,
        ),
        C::ModelNotReady => row(
            (503, SERVER, "model_not_ready"),
            (529, "overloaded_error"),
            (429, "ModelNotReadyException"),
            None,
        ),
        C::Overloaded => row(
            (503, SERVER, "overloaded"),
            (529, "overloaded_error"),
            (503, "ServiceUnavailableException"),
            None,
        ),
        C::Internal => row(
            (500, SERVER, "internal_error"),
            (500, "api_error"),
            (500, "InternalServerException"),
            None,
        ),
        C::ModelTimeout => row(
            (504, SERVER, "timeout"),
            (504, "timeout_error"),
            (408, "ModelTimeoutException"),
            NO,
        ),
        C::ModelFailed => row(
            (502, SERVER, "model_error"),
            (502, "api_error"),
            (424, "ModelErrorException"),
            None,
        ),
        C::ModelRejected => row(
            (400, INVALID, "model_rejected"),
            (400, INVALID),
            (424, "ModelErrorException"),
            None,
        ),
        C::AccessDenied => row(
            (502, SERVER, "upstream_access_denied"),
            (502, "api_error"),
            (502, "InternalServerException"),
            NO,
        ),
        C::BadCredentials | C::ExpiredCredentials | C::BadSignature => row(
            (502, SERVER, "upstream_auth"),
            (502, "api_error"),
            (502, "InternalServerException"),
            NO,
        ),
        C::WrongEndpoint => row(
            (502, SERVER, "upstream_endpoint"),
            (502, "api_error"),
            (502, "InternalServerException"),
            NO,
        ),
        C::Conflict => {
            row((409, INVALID, "conflict"), (409, INVALID), (400, "ConflictException"), None)
        }
        C::Unreachable => row(
            (502, SERVER, "upstream_unreachable"),
            (502, "api_error"),
            (503, "ServiceUnavailableException"),
            None,
        ),
        C::UpstreamTimeout => row(
            (504, SERVER, "upstream_timeout"),
            (504, "timeout_error"),
            (503, "ServiceUnavailableException"),
            NO,
        ),
        C::Truncated | C::Garbled => row(
            (502, SERVER, "upstream_broken"),
            (502, "api_error"),
            (424, "ModelStreamErrorException"),
            None,
        ),
        C::ClientLeft => row(
            (499, INVALID, "client_closed_request"),
            (499, INVALID),
            (499, "ValidationException"),
            NO,
        ),
        C::ClientTimeout => row(
            (408, INVALID, "request_timeout"),
            (408, "timeout_error"),
            (408, "ValidationException"),
            NO,
        ),
        C::Unauthenticated => row(
            (401, INVALID, "invalid_api_key"),
            (401, "authentication_error"),
            (403, "UnrecognizedClientException"),
            NO,
        ),
        C::CallerSignature => row(
            (401, INVALID, "invalid_signature"),
            (401, "authentication_error"),
            (403, "InvalidSignatureException"),
            NO,
        ),
        C::OutOfScope => row(
            (403, INVALID, "permission_denied"),
            (403, "permission_error"),
            (403, "AccessDeniedException"),
            NO,
        ),
    }
}

/// Renders a fault before the commit point: a real HTTP status with a body in the client's dialect.
pub fn render(fault: &Fault, dialect: Dialect, request_id: &str) -> Rendered {
    let row = lookup(fault.class);
    let mut body = Vec::with_capacity(256);
    let (status, error_type) = match dialect {
        Dialect::OpenAiChat
        | Dialect::OpenAiText
        | Dialect::Responses
        | Dialect::OpenAiEmbeddings
        | Dialect::OpenAiImages => {
            openai_body(fault, &mut body);
            (row.openai.0, None)
        }
        Dialect::KongChat => (crate::kong::error(fault, &client_message(fault), &mut body), None),
        Dialect::CohereRerank => {
            bedrock_body(fault, &mut body);
            (row.openai.0, None)
        }
        Dialect::Anthropic => {
            anthropic_body(fault, Some(request_id), &mut body);
            (row.anthropic.0, None)
        }
        Dialect::Converse | Dialect::Native => {
            bedrock_body(fault, &mut body);
            (row.bedrock.0, Some(row.bedrock.1))
        }
    };
    Rendered { status, body, should_retry: row.should_retry, error_type }
}

/// `{"error":{message,type,param,code}}`
pub fn openai_body(fault: &Fault, out: &mut Vec<u8>) {
    let (_, kind, code) = lookup(fault.class).openai;
    let mut w = JsonWriter::new(out);
    w.open_object();
    w.key("error");
    w.open_object();
    w.member_str("message", &client_message(fault));
    w.member_str("type", kind);
    match fault.param.as_deref().filter(|param| !param.is_empty()) {
        Some(param) => w.member_str("param", param),
        None => w.member_null("param"),
    }
    w.member_str("code", code);
    w.close_object();
    w.close_object();
}

/// `{"type":"error","error":{type,message},"request_id"}`
pub fn anthropic_body(fault: &Fault, request_id: Option<&str>, out: &mut Vec<u8>) {
    let (_, kind) = lookup(fault.class).anthropic;
    let mut w = JsonWriter::new(out);
    w.open_object();
    w.member_str("type", "error");
    w.key("error");
    w.open_object();
    w.member_str("type", kind);
    w.member_str("message", &client_message(fault));
    w.close_object();
    if let Some(id) = request_id {
        w.member_str("request_id", id);
    }
    w.close_object();
}

/// `{"message"}`, as Bedrock and Cohere write it.
pub fn bedrock_body(fault: &Fault, out: &mut Vec<u8>) {
    let mut w = JsonWriter::new(out);
    w.open_object();
    w.member_str("message", &client_message(fault));
    w.close_object();
}

/// `:exception-type` for a fault inside a Bedrock event stream, among those that the service model
/// gives the carrier's stream: only Invoke's knows `modelTimeoutException`.
pub fn exception_type(class: ErrorClass, carrier: Carrier) -> &'static str {
    use ErrorClass as C;
    match class {
        C::ModelTimeout if carrier == Carrier::Invoke => "modelTimeoutException",
        C::Throttled | C::QuotaSpent | C::QuotaExceeded | C::ModelNotReady => "throttlingException",
        C::Overloaded | C::Unreachable | C::UpstreamTimeout => "serviceUnavailableException",
        C::Truncated | C::Garbled | C::ModelFailed | C::ModelTimeout => "modelStreamErrorException",
        C::InvalidRequest
        | C::Unsupported
        | C::ContextOverflow
        | C::ContentFiltered
        | C::TooLarge
        | C::UnknownModel
        | C::ProfileNeeded
        | C::UnknownResponse
        | C::UnknownPrevious
        | C::UnknownPath
        | C::MethodNotAllowed
        | C::NotSupported
        | C::ModelRejected
        | C::Conflict
        | C::ClientLeft
        | C::ClientTimeout
        | C::Unauthenticated
        | C::CallerSignature
        | C::OutOfScope => "validationException",
        C::Internal
        | C::AccessDenied
        | C::BadCredentials
        | C::ExpiredCredentials
        | C::BadSignature
        | C::WrongEndpoint => "internalServerException",
    }
}

/// `{code,message}`, as an answer of the Responses API holds it.
pub fn response_error(fault: &Fault, w: &mut JsonWriter<'_>) {
    let (_, _, code) = lookup(fault.class).openai;
    w.open_object();
    w.member_str("code", code);
    w.member_str("message", &client_message(fault));
    w.close_object();
}

/// The message with the place in front, unless it names the place itself. Messages may quote what the
/// caller sent, so they are cut at [`MAX_MESSAGE`].
fn client_message(fault: &Fault) -> String {
    let mut message = match fault.param.as_deref() {
        Some(param) if !param.is_empty() && !names(&fault.message, param) => {
            format!("{param}: {}", fault.message)
        }
        Some(_) | None => fault.message.to_string(),
    };
    if let Some((cut, _)) = message.char_indices().nth(MAX_MESSAGE) {
        message.truncate(cut);
        message.push('…');
    }
    message
}

/// Longest message for a client, in characters: AWS's own are under 1,000; lists of constraint
/// violations are the longest.
const MAX_MESSAGE: usize = 2000;

fn names(message: &str, param: &str) -> bool {
    message.starts_with(param) || message.contains(&format!("`{param}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_model::Phase;

    #[test]
    fn the_gateways_own_identity_is_never_the_callers_fault() {
        use ErrorClass as C;
        for class in [
            C::AccessDenied,
            C::BadCredentials,
            C::ExpiredCredentials,
            C::BadSignature,
            C::WrongEndpoint,
        ] {
            let row = lookup(class);
            assert!(
                row.openai.0 >= 500 && row.anthropic.0 >= 500 && row.bedrock.0 >= 500,
                "{class:?}"
            );
        }
    }

    #[test]
    fn quota_never_looks_like_a_malformed_request() {
        for class in [ErrorClass::Throttled, ErrorClass::QuotaSpent, ErrorClass::QuotaExceeded] {
            assert_eq!(lookup(class).openai.0, 429);
            assert_eq!(lookup(class).anthropic.0, 429);
        }
    }

    #[test]
    fn every_class_renders_in_every_dialect() {
        for class in ErrorClass::ALL {
            for dialect in Dialect::ALL {
                let rendered = render(&Fault::new(class, Phase::AwaitingHead, "m"), dialect, "id");
                assert!((400..600).contains(&rendered.status), "{class:?} {dialect:?}");
                let body: serde_json::Value = serde_json::from_slice(&rendered.body).unwrap();
                // Most of its words are fixed.
                let has_words = dialect == Dialect::KongChat && body["error"].is_string();
                assert!(has_words || body.to_string().contains("\"m\""), "{class:?} {dialect:?}");
            }
        }
    }

    #[test]
    fn a_message_is_bounded_and_an_error_of_the_whole_body_has_no_place() {
        let fault = Fault::invalid("", "ä".repeat(1_000_000));
        let mut body = Vec::new();
        openai_body(&fault, &mut body);
        assert!(body.len() < 5000);
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert!(body["error"]["param"].is_null());
    }

    #[test]
    fn the_json_path_is_named_once() {
        let fault = Fault::invalid("messages[0].role", "must be one of user, assistant.");
        let mut body = Vec::new();
        openai_body(&fault, &mut body);
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["error"]["message"], "messages[0].role: must be one of user, assistant.");
        assert_eq!(body["error"]["param"], "messages[0].role");
    }
}
