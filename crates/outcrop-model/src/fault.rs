//! What can go wrong, in one closed list, and what follows from it.
//!
//! 1. Retrying is decided by [`ErrorClass`] × [`Phase`] alone ([`retry`]), never by message text.
//! 2. A [`Fault`] carries two messages: `message` is fit for the caller (no ARN, account, role, host),
//!    `detail` is for the log.
//! 3. Faults born in the gateway use the same classes as those that Bedrock reports.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// The closed set of failure classes. Status codes and bodies per dialect are a table over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The request is malformed or breaks a rule of the model.
    InvalidRequest,
    /// The model does not support something that the request uses.
    Unsupported,
    /// The prompt does not fit the model's context window.
    ContextOverflow,
    /// The model's own content filter refused the prompt.
    ContentFiltered,
    /// The body exceeds the size limit.
    TooLarge,
    /// The model id is not known, not available here, or past its end of life.
    UnknownModel,
    /// The model can be called only through an inference profile.
    ProfileNeeded,
    /// No stored answer has the id that the path names.
    UnknownResponse,
    /// No stored answer has the id that the request goes on from.
    UnknownPrevious,
    /// No such path in this gateway.
    UnknownPath,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The feature exists elsewhere but not in this gateway.
    NotSupported,
    /// Too many requests or tokens right now.
    Throttled,
    /// A daily allowance is spent: waiting seconds does not help.
    QuotaSpent,
    /// An account quota would be exceeded.
    QuotaExceeded,
    /// An imported or custom model is still loading.
    ModelNotReady,
    /// The service has no capacity.
    Overloaded,
    /// The service failed in an unexpected way.
    Internal,
    /// The model took longer than Bedrock allows.
    ModelTimeout,
    /// The model itself failed (original status 5xx or unknown).
    ModelFailed,
    /// The model itself refused the request (original status 4xx).
    ModelRejected,
    /// The gateway's AWS identity may not do this.
    AccessDenied,
    /// The gateway's AWS credentials are missing, unknown or wrong.
    BadCredentials,
    /// The gateway's AWS credentials have expired.
    ExpiredCredentials,
    /// The gateway's signature was refused: clock skew, wrong region or service.
    BadSignature,
    /// The endpoint does not know the operation: the gateway talks to the wrong host.
    WrongEndpoint,
    /// An idempotency token clash.
    Conflict,
    /// The endpoint could not be reached.
    Unreachable,
    /// The endpoint did not answer, or went silent, for longer than the gateway waits.
    UpstreamTimeout,
    /// The answer ended before its own end marker.
    Truncated,
    /// The answer's bytes are not what the protocol promises (checksum, framing, JSON).
    Garbled,
    /// The client left before the answer was complete.
    ClientLeft,
    /// The client took too long to send its body.
    ClientTimeout,
    /// The client showed no key that is valid here.
    Unauthenticated,
    /// The client's own signature is not what its key pair makes of the request, or not of this time.
    CallerSignature,
    /// The client's key is not for this.
    OutOfScope,
}

/// How far a request had come when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nothing has left for Bedrock.
    BeforeSend,
    /// Sent; no response head yet.
    AwaitingHead,
    /// A response head came; nothing has been sent to the client.
    BeforeCommit,
    /// The client has seen part of the answer.
    Streaming,
}

/// What to do after a failure with the same target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Trying the same target again can only fail again, or would repeat a side effect.
    Never,
    /// Wait (jittered, growing) and try again.
    Backoff,
    /// Renew credentials or correct the clock, then try once more.
    RefreshOnce,
}

/// The retry table.
///
/// Source: the retry column of AWS's Bedrock error reference and the behaviour of AWS SDKs in
/// standard mode (checked 2026-11-21): throttling, 5xx and lost connections are retried; model
/// timeouts, 4xx and anything after the first byte for the client are not.
pub fn retry(class: ErrorClass, phase: Phase) -> Retry {
    use ErrorClass as C;
    if phase == Phase::Streaming {
        return Retry::Never;
    }
    match class {
        C::Throttled | C::ModelNotReady | C::Overloaded | C::Internal => Retry::Backoff,
        C::ModelFailed | C::Unreachable | C::Truncated | C::Garbled => Retry::Backoff,
        C::ExpiredCredentials | C::BadSignature => Retry::RefreshOnce,
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
        | C::QuotaSpent
        | C::QuotaExceeded
        | C::ModelTimeout
        | C::ModelRejected
        | C::AccessDenied
        | C::BadCredentials
        | C::WrongEndpoint
        | C::Conflict
        | C::UpstreamTimeout
        | C::ClientLeft
        | C::ClientTimeout
        | C::Unauthenticated
        | C::CallerSignature
        | C::OutOfScope => Retry::Never,
    }
}

/// Whether another target (region, account or model) may do better after a failure at this one.
///
/// Source: the failover column of AWS's Bedrock error reference (checked 2026-11-21). What is wrong with
/// the request itself is wrong everywhere.
pub fn failover(class: ErrorClass, phase: Phase) -> bool {
    use ErrorClass as C;
    if phase == Phase::Streaming {
        return false;
    }
    match class {
        C::Throttled
        | C::QuotaSpent
        | C::QuotaExceeded
        | C::ModelNotReady
        | C::Overloaded
        | C::Internal
        | C::ModelTimeout
        | C::ModelFailed
        | C::AccessDenied
        | C::BadCredentials
        | C::ExpiredCredentials
        | C::BadSignature
        | C::WrongEndpoint
        | C::Unreachable
        | C::UpstreamTimeout
        | C::Truncated
        | C::Garbled
        | C::UnknownModel
        | C::ProfileNeeded => true,
        C::InvalidRequest
        | C::Unsupported
        | C::ContextOverflow
        | C::ContentFiltered
        | C::TooLarge
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
        | C::OutOfScope => false,
    }
}

/// One failure, with all that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub class: ErrorClass,
    pub phase: Phase,
    /// Fit for the caller: names the place and the mend; never an ARN, account id, role or host.
    pub message: Cow<'static, str>,
    /// For the log only; may hold what the upstream said, word for word.
    pub detail: Option<String>,
    /// JSON path of the offending member in the caller's own body.
    pub param: Option<String>,
    /// Upstream HTTP status, if there was one.
    pub status: Option<u16>,
    /// Upstream error name, e.g. `ThrottlingException`.
    pub code: Option<String>,
    /// Upstream request id.
    pub request_id: Option<String>,
    /// How long the upstream asks to wait.
    pub retry_after: Option<Duration>,
}

// === impl Fault ===

impl Fault {
    pub fn new(class: ErrorClass, phase: Phase, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            class,
            phase,
            message: message.into(),
            detail: None,
            param: None,
            status: None,
            code: None,
            request_id: None,
            retry_after: None,
        }
    }

    /// A fault in the caller's request, found before anything was sent.
    pub fn invalid(param: impl Into<String>, message: impl Into<Cow<'static, str>>) -> Self {
        let mut fault = Self::new(ErrorClass::InvalidRequest, Phase::BeforeSend, message);
        fault.param = Some(param.into());
        fault
    }

    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    pub fn at_phase(mut self, phase: Phase) -> Self {
        self.phase = phase;
        self
    }

    pub fn retry(&self) -> Retry {
        retry(self.class, self.phase)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.param {
            Some(param) if !param.is_empty() => write!(f, "{param}: {}", self.message),
            Some(_) | None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Fault {}

// === impl ErrorClass ===

impl ErrorClass {
    /// The word for logs and metrics.
    pub fn as_str(self) -> &'static str {
        use ErrorClass as C;
        match self {
            C::InvalidRequest => "invalid_request",
            C::Unsupported => "unsupported",
            C::ContextOverflow => "context_overflow",
            C::ContentFiltered => "content_filtered",
            C::TooLarge => "too_large",
            C::UnknownModel => "unknown_model",
            C::ProfileNeeded => "profile_needed",
            C::UnknownResponse => "unknown_response",
            C::UnknownPrevious => "unknown_previous",
            C::UnknownPath => "unknown_path",
            C::MethodNotAllowed => "method_not_allowed",
            C::NotSupported => "not_supported",
            C::Throttled => "throttled",
            C::QuotaSpent => "quota_spent",
            C::QuotaExceeded => "quota_exceeded",
            C::ModelNotReady => "model_not_ready",
            C::Overloaded => "overloaded",
            C::Internal => "internal",
            C::ModelTimeout => "model_timeout",
            C::ModelFailed => "model_failed",
            C::ModelRejected => "model_rejected",
            C::AccessDenied => "access_denied",
            C::BadCredentials => "bad_credentials",
            C::ExpiredCredentials => "expired_credentials",
            C::BadSignature => "bad_signature",
            C::WrongEndpoint => "wrong_endpoint",
            C::Conflict => "conflict",
            C::Unreachable => "unreachable",
            C::UpstreamTimeout => "upstream_timeout",
            C::Truncated => "truncated",
            C::Garbled => "garbled",
            C::ClientLeft => "client_left",
            C::ClientTimeout => "client_timeout",
            C::Unauthenticated => "unauthenticated",
            C::CallerSignature => "caller_signature",
            C::OutOfScope => "out_of_scope",
        }
    }

    /// Every class, for exhaustive table tests.
    pub const ALL: [ErrorClass; 36] = {
        use ErrorClass as C;
        [
            C::InvalidRequest,
            C::Unsupported,
            C::ContextOverflow,
            C::ContentFiltered,
            C::TooLarge,
            C::UnknownModel,
            C::ProfileNeeded,
            C::UnknownResponse,
            C::UnknownPrevious,
            C::UnknownPath,
            C::MethodNotAllowed,
            C::NotSupported,
            C::Throttled,
            C::QuotaSpent,
            C::QuotaExceeded,
            C::ModelNotReady,
            C::Overloaded,
            C::Internal,
            C::ModelTimeout,
            C::ModelFailed,
            C::ModelRejected,
            C::AccessDenied,
            C::BadCredentials,
            C::ExpiredCredentials,
            C::BadSignature,
            C::WrongEndpoint,
            C::Conflict,
            C::Unreachable,
            C::UpstreamTimeout,
            C::Truncated,
            C::Garbled,
            C::ClientLeft,
            C::ClientTimeout,
            C::Unauthenticated,
            C::CallerSignature,
            C::OutOfScope,
        ]
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_retried_once_the_client_saw_a_byte() {
        for class in ErrorClass::ALL {
            assert_eq!(retry(class, Phase::Streaming), Retry::Never, "{class:?}");
        }
    }

    #[test]
    fn what_may_be_tried_again_may_be_tried_elsewhere() {
        for class in ErrorClass::ALL {
            assert!(!failover(class, Phase::Streaming), "{class:?}");
            if retry(class, Phase::AwaitingHead) != Retry::Never {
                assert!(failover(class, Phase::AwaitingHead), "{class:?}");
            }
        }
        assert!(!failover(ErrorClass::InvalidRequest, Phase::AwaitingHead));
        assert!(failover(ErrorClass::AccessDenied, Phase::AwaitingHead));
    }

    #[test]
    fn throttling_is_retried_and_spent_quota_is_not() {
        assert_eq!(retry(ErrorClass::Throttled, Phase::AwaitingHead), Retry::Backoff);
        assert_eq!(retry(ErrorClass::QuotaSpent, Phase::AwaitingHead), Retry::Never);
        assert_eq!(retry(ErrorClass::ModelTimeout, Phase::AwaitingHead), Retry::Never);
    }

    #[test]
    fn class_names_are_unique() {
        let names: std::collections::BTreeSet<_> =
            ErrorClass::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(names.len(), ErrorClass::ALL.len());
    }
}
