//! The error tables: AWS's names, texts and statuses → [`ErrorClass`].
//!
//! 1. Texts are searched from top to bottom and the first hit wins, so a more specific text stands
//!    above a more general one. All texts are in lower case and matched as parts of the message.
//! 2. A text counts only within its own scope: "too many tokens" is a full context in a
//!    `ValidationException` and a busy service in a `ThrottlingException`.
//! 3. Where two classes lead to the same status, the one that says more to the caller is taken.
//!
//! Sources: service models in botocore 1.44.5 for names and statuses; AWS's troubleshooting pages,
//! public issue threads of AWS SDKs and gateways for the texts. Checked 2026-11-21.

use outcrop_model::ErrorClass;
use outcrop_model::ErrorClass as C;

/// One error name, without `Exception` at the end.
pub(super) struct NameRow {
    pub(super) name: &'static str,
    pub(super) class: ErrorClass,
    /// The status in the service model, for errors that arrive inside a stream.
    pub(super) status: u16,
    pub(super) origin: Origin,
}

/// A word of OpenAI's or Anthropic's for an error.
pub(super) struct VendorRow {
    pub(super) word: &'static str,
    pub(super) class: ErrorClass,
}

/// Where a name can come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// In the service model: may be an event of a stream.
    Modelled,
    /// From the service's front end: only ever an HTTP error or a `:error-code`.
    FrontEnd,
}

/// A text that says more than the error's name.
pub(super) struct TextRow {
    pub(super) within: Scope,
    pub(super) text: &'static str,
    pub(super) class: ErrorClass,
}

/// The classes, as the name alone gives them, to whose messages a text applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The request or the model is at fault.
    Request,
    /// Too much at once.
    Throttling,
    /// The identity is at fault.
    Identity,
}

// === impl Scope ===

impl Scope {
    /// The scope of a class as the name alone gave it.
    pub(super) fn of(class: ErrorClass) -> Option<Self> {
        match class {
            C::InvalidRequest | C::ModelRejected | C::UnknownModel => Some(Self::Request),
            C::Throttled => Some(Self::Throttling),
            C::AccessDenied | C::BadCredentials | C::ExpiredCredentials | C::BadSignature => {
                Some(Self::Identity)
            }
            C::Unsupported
            | C::ContextOverflow
            | C::ContentFiltered
            | C::TooLarge
            | C::ProfileNeeded
            | C::UnknownResponse
            | C::UnknownPrevious
            | C::UnknownPath
            | C::MethodNotAllowed
            | C::NotSupported
            | C::QuotaSpent
            | C::QuotaExceeded
            | C::ModelNotReady
            | C::Overloaded
            | C::Internal
            | C::ModelTimeout
            | C::ModelFailed
            | C::WrongEndpoint
            | C::Conflict
            | C::Unreachable
            | C::UpstreamTimeout
            | C::Truncated
            | C::Garbled
            | C::ClientLeft
            | C::ClientTimeout
            | C::Unauthenticated
            | C::CallerSignature
            | C::OutOfScope => None,
        }
    }
}

// === impl VendorRow ===

impl VendorRow {
    /// The class in an answer of this status. `invalid_request_error` and `server_error` are what vendors say
    /// where they have no word for it: that an identity is refused, say.
    pub(super) fn class_at(&self, status: u16) -> ErrorClass {
        let is_general = match self.class {
            C::InvalidRequest => !matches!(status, 400 | 404 | 405 | 422),
            C::Internal => matches!(status, 408 | 424 | 500..),
            _has_a_word_of_its_own => false,
        };
        if is_general { by_status(status) } else { self.class }
    }
}

pub(super) const NAMES: &[NameRow] = &[
    modelled("AccessDenied", C::AccessDenied, 403),
    modelled("Conflict", C::Conflict, 400),
    modelled("InternalServer", C::Internal, 500),
    modelled("ModelError", C::ModelFailed, 424),
    modelled("ModelNotReady", C::ModelNotReady, 429),
    modelled("ModelStreamError", C::ModelFailed, 424),
    modelled("ModelTimeout", C::ModelTimeout, 408),
    modelled("ResourceNotFound", C::UnknownModel, 404),
    modelled("ServiceQuotaExceeded", C::QuotaExceeded, 400),
    modelled("ServiceUnavailable", C::Overloaded, 503),
    modelled("Throttling", C::Throttled, 429),
    modelled("Validation", C::InvalidRequest, 400),
    front_end("AuthFailure", C::BadCredentials, 401),
    front_end("ExpiredToken", C::ExpiredCredentials, 403),
    front_end("IncompleteSignature", C::BadCredentials, 400),
    front_end("InternalFailure", C::Internal, 500),
    front_end("InternalServerError", C::Internal, 500),
    front_end("InvalidClientTokenId", C::BadCredentials, 403),
    front_end("InvalidSignature", C::BadSignature, 403),
    front_end("MissingAuthenticationToken", C::BadCredentials, 403),
    front_end("NotAuthorized", C::AccessDenied, 400),
    front_end("OptInRequired", C::AccessDenied, 403),
    front_end("RequestEntityTooLarge", C::TooLarge, 413),
    front_end("RequestExpired", C::BadSignature, 400),
    front_end("RequestLimitExceeded", C::Throttled, 429),
    front_end("RequestTimeTooSkewed", C::BadSignature, 403),
    front_end("RequestTooLarge", C::TooLarge, 413),
    front_end("Serialization", C::InvalidRequest, 400),
    front_end("SignatureDoesNotMatch", C::BadSignature, 403),
    front_end("TooManyRequests", C::Throttled, 429),
    front_end("UnknownOperation", C::WrongEndpoint, 404),
    front_end("UnrecognizedClient", C::BadCredentials, 403),
    front_end("ValidationError", C::InvalidRequest, 400),
];

/// The words by which OpenAI's and Anthropic's error bodies name an error: `code` or `type`.
///
/// Sources: error types of the SDKs anthropic 2.11.0 and openai 3.52.0 (checked 2026-11-21); which of
/// them Bedrock uses is unverified.
pub(super) const VENDOR_WORDS: &[VendorRow] = &[
    vendor("api_error", C::Internal),
    vendor("authentication_error", C::BadCredentials),
    vendor("billing_error", C::QuotaExceeded),
    vendor("content_filter", C::ContentFiltered),
    vendor("content_policy_violation", C::ContentFiltered),
    vendor("context_length_exceeded", C::ContextOverflow),
    vendor("insufficient_quota", C::QuotaExceeded),
    vendor("internal_error", C::Internal),
    vendor("internal_server_error", C::Internal),
    vendor("invalid_api_key", C::BadCredentials),
    vendor("invalid_request_error", C::InvalidRequest),
    vendor("model_not_found", C::UnknownModel),
    vendor("not_found_error", C::UnknownModel),
    vendor("overloaded_error", C::Overloaded),
    vendor("permission_denied", C::AccessDenied),
    vendor("permission_error", C::AccessDenied),
    vendor("rate_limit_error", C::Throttled),
    vendor("rate_limit_exceeded", C::Throttled),
    vendor("request_too_large", C::TooLarge),
    vendor("server_error", C::Internal),
    vendor("service_unavailable", C::Overloaded),
    vendor("timeout_error", C::ModelTimeout),
    vendor("unsupported_parameter", C::Unsupported),
    vendor("unsupported_value", C::Unsupported),
    vendor("validation_error", C::InvalidRequest),
];

pub(super) const TEXTS: &[TextRow] = &[
    // The wish for output exceeds the model, not the prompt.
    request("maximum tokens you requested exceeds the model limit", C::InvalidRequest),
    // Context.
    request("prompt is too long", C::ContextOverflow),
    request("input is too long", C::ContextOverflow),
    request("exceed context limit", C::ContextOverflow),
    request("exceeds context limit", C::ContextOverflow),
    request("maximum context length", C::ContextOverflow),
    request("context window", C::ContextOverflow),
    request("too many input tokens", C::ContextOverflow),
    request("too many tokens", C::ContextOverflow),
    request("too many total text bytes", C::ContextOverflow),
    request("input token count exceeds", C::ContextOverflow),
    request("number of input tokens exceeds", C::ContextOverflow),
    // Which model.
    request("with on-demand throughput isn", C::ProfileNeeded),
    request("with on-demand throughput is not supported", C::ProfileNeeded),
    request("arn of an inference profile", C::ProfileNeeded),
    request("model identifier is invalid", C::UnknownModel),
    request("could not resolve the foundation model", C::UnknownModel),
    request("reached the end of its life", C::UnknownModel),
    request("use case details have not been submitted", C::UnknownModel),
    // The model's own filter.
    request("blocked by our content filter", C::ContentFiltered),
    request("blocked by content filter", C::ContentFiltered),
    request("responsible ai policy", C::ContentFiltered),
    // What the model cannot do.
    request("doesn't support", C::Unsupported),
    request("does not support", C::Unsupported),
    request("isn't supported", C::Unsupported),
    request("is not supported", C::Unsupported),
    request("are not supported", C::Unsupported),
    request("not supported by this model", C::Unsupported),
    request("not supported for this model", C::Unsupported),
    // Size of the whole.
    request("request body is too large", C::TooLarge),
    request("request entity too large", C::TooLarge),
    // How long to wait.
    throttling("tokens per day", C::QuotaSpent),
    throttling("requests per day", C::QuotaSpent),
    throttling("daily", C::QuotaSpent),
    // Who is calling: front ends say AccessDenied for many of these.
    identity("signature expired", C::BadSignature),
    identity("signature not yet current", C::BadSignature),
    identity("request signature we calculated does not match", C::BadSignature),
    identity("credential should be scoped", C::BadSignature),
    identity("security token included in the request is expired", C::ExpiredCredentials),
    identity("token has expired", C::ExpiredCredentials),
    identity("key has expired", C::ExpiredCredentials),
    identity("security token included in the request is invalid", C::BadCredentials),
    identity("please make sure your api key is valid", C::BadCredentials),
    identity("missing authentication token", C::BadCredentials),
];

/// The class when nothing but the status is known: a proxy or load balancer spoke, not Bedrock.
/// AWS SDKs retry 500, 502, 503, 504 and any 429 of unknown name (boto3 1.44.5, observed 2026-11-21).
pub(super) fn by_status(status: u16) -> ErrorClass {
    match status {
        401 => C::BadCredentials,
        403 => C::AccessDenied,
        300..=399 | 404 | 405 | 407 => C::WrongEndpoint,
        408 => C::ModelTimeout,
        409 => C::Conflict,
        413 => C::TooLarge,
        424 => C::ModelFailed,
        429 => C::Throttled,
        502..=504 | 529 => C::Overloaded,
        400..=499 => C::InvalidRequest,
        _ => C::Internal,
    }
}

/// What the caller reads instead of AWS's words when those are about the gateway itself.
pub(super) fn private_message(class: ErrorClass) -> Option<&'static str> {
    match class {
        C::AccessDenied => Some(
            "The gateway's AWS identity may not use this model. Ask the operator of the gateway to grant it access.",
        ),
        C::BadCredentials => Some(
            "AWS refused the gateway's credentials. Ask the operator of the gateway to check them.",
        ),
        C::ExpiredCredentials => Some(
            "The gateway's AWS credentials have expired. Ask the operator of the gateway to renew them.",
        ),
        C::BadSignature => Some(
            "AWS refused the gateway's signature. Ask the operator of the gateway to check its clock and region.",
        ),
        C::WrongEndpoint => Some(
            "The gateway's AWS endpoint does not know this operation. Ask the operator of the gateway to check the endpoint URL.",
        ),
        _other_classes_speak_for_themselves => None,
    }
}

// === helpers ===

const fn modelled(name: &'static str, class: ErrorClass, status: u16) -> NameRow {
    NameRow { name, class, status, origin: Origin::Modelled }
}

const fn vendor(word: &'static str, class: ErrorClass) -> VendorRow {
    VendorRow { word, class }
}

const fn front_end(name: &'static str, class: ErrorClass, status: u16) -> NameRow {
    NameRow { name, class, status, origin: Origin::FrontEnd }
}

const fn request(text: &'static str, class: ErrorClass) -> TextRow {
    TextRow { within: Scope::Request, text, class }
}

const fn throttling(text: &'static str, class: ErrorClass) -> TextRow {
    TextRow { within: Scope::Throttling, text, class }
}

const fn identity(text: &'static str, class: ErrorClass) -> TextRow {
    TextRow { within: Scope::Identity, text, class }
}
