//! A refusal: the one error type of the emulator, already in Bedrock's terms.
//!
//! Guarantee: name and status always agree with the service model (protocol facts 1.7), because
//! both come from [`Exception`].

use serde_json::{Map, Value};

/// The exceptions the emulator raises or injects, with the HTTP status each is modelled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exception {
    AccessDenied,
    Conflict,
    ExpiredToken,
    IncompleteSignature,
    InternalServer,
    InvalidSignature,
    MissingAuthenticationToken,
    ModelError,
    ModelNotReady,
    ModelStreamError,
    ModelTimeout,
    ResourceNotFound,
    Serialization,
    ServiceQuotaExceeded,
    ServiceUnavailable,
    Throttling,
    UnknownOperation,
    UnrecognizedClient,
    Validation,
}

const TABLE: &[(Exception, &str, u16, &str)] = &[
    (
        Exception::AccessDenied,
        "AccessDeniedException",
        403,
        "You don't have access to the model with the specified model ID.",
    ),
    (
        Exception::Conflict,
        "ConflictException",
        400,
        "The request conflicts with an earlier one that used the same client token.",
    ),
    (
        Exception::ExpiredToken,
        "ExpiredTokenException",
        403,
        "The security token included in the request is expired",
    ),
    (
        Exception::IncompleteSignature,
        "IncompleteSignatureException",
        400,
        "The request signature does not conform to AWS standards.",
    ),
    (
        Exception::InternalServer,
        "InternalServerException",
        500,
        "The system encountered an unexpected error during processing. Try your request again.",
    ),
    (
        Exception::InvalidSignature,
        "InvalidSignatureException",
        403,
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
    ),
    (
        Exception::MissingAuthenticationToken,
        "MissingAuthenticationTokenException",
        403,
        "Missing Authentication Token",
    ),
    (
        Exception::ModelError,
        "ModelErrorException",
        424,
        "The request failed due to an error while processing the model.",
    ),
    (
        Exception::ModelNotReady,
        "ModelNotReadyException",
        429,
        "Model is not ready for inference. Please wait and try your request again.",
    ),
    (
        Exception::ModelStreamError,
        "ModelStreamErrorException",
        424,
        "The system encountered an unexpected error during processing. Try your request again.",
    ),
    (
        Exception::ModelTimeout,
        "ModelTimeoutException",
        408,
        "Model has timed out in processing the request. Try your request again.",
    ),
    (
        Exception::ResourceNotFound,
        "ResourceNotFoundException",
        404,
        "Could not resolve the foundation model from the provided model identifier.",
    ),
    (
        Exception::Serialization,
        "SerializationException",
        400,
        "The request body could not be read.",
    ),
    (
        Exception::ServiceQuotaExceeded,
        "ServiceQuotaExceededException",
        400,
        "Your request exceeds the service quota for your account.",
    ),
    (
        Exception::ServiceUnavailable,
        "ServiceUnavailableException",
        503,
        "Bedrock is unable to process your request.",
    ),
    (
        Exception::Throttling,
        "ThrottlingException",
        429,
        "Too many requests, please wait before trying again.",
    ),
    (
        Exception::UnknownOperation,
        "UnknownOperationException",
        404,
        "The requested operation is not recognized by the service.",
    ),
    (
        Exception::UnrecognizedClient,
        "UnrecognizedClientException",
        403,
        "The security token included in the request is invalid.",
    ),
    (Exception::Validation, "ValidationException", 400, "The request is not valid."),
];

/// Why a request is not served: what becomes the error response.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub status: u16,
    /// The value of `x-amzn-ErrorType`; an empty name sends no such header.
    pub name: String,
    pub message: String,
    /// Members of the body besides `message` (`originalStatusCode`, …).
    pub members: Map<String, Value>,
    pub headers: Vec<(String, String)>,
}

// === impl Exception ===

impl Exception {
    /// The shape name, e.g. `ThrottlingException`.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The HTTP status of the service model.
    pub fn status(self) -> u16 {
        self.row().2
    }

    /// The message used when nothing more precise is known.
    pub fn message(self) -> &'static str {
        self.row().3
    }

    /// Finds an exception by its shape name, in any case of the first letter.
    pub fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1.eq_ignore_ascii_case(name)).map(|row| row.0)
    }

    fn row(self) -> &'static (Exception, &'static str, u16, &'static str) {
        // Every variant has a row (a test says so), so the fallback is never read.
        TABLE.iter().find(|row| row.0 == self).unwrap_or(&TABLE[0])
    }
}

/// The spelling of an exception inside a stream: `throttlingException`.
pub(crate) fn lower_camel(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

// === impl Refusal ===

impl Refusal {
    pub(crate) fn new(exception: Exception, message: impl Into<String>) -> Self {
        Self {
            status: exception.status(),
            name: exception.name().to_owned(),
            message: message.into(),
            members: Map::new(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn plain(exception: Exception) -> Self {
        Self::new(exception, exception.message())
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(Exception::Validation, message)
    }

    /// The JSON body.
    pub(crate) fn body(&self) -> Value {
        let mut members = self.members.clone();
        members.insert("message".into(), Value::from(self.message.clone()));
        Value::Object(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exception_has_its_own_row() {
        for row in TABLE {
            assert_eq!(row.0.name(), row.1);
            assert_eq!(Exception::named(row.1), Some(row.0));
        }
    }

    #[test]
    fn streams_spell_exceptions_with_a_small_first_letter() {
        assert_eq!(lower_camel("ThrottlingException"), "throttlingException");
    }
}
