//! Anthropic's error objects, in bodies and in streams, as faults.

use std::borrow::Cow;

use outcrop_model::json::{Object, next_str, read_object};
use outcrop_model::scrub::scrub;
use outcrop_model::{ErrorClass, Fault, Phase};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess};

/// `error: {type, message}`
#[derive(Debug, Default)]
pub(super) struct WireError<'a> {
    kind: Option<Cow<'a, str>>,
    message: Option<Cow<'a, str>>,
}

impl<'de> Deserialize<'de> for WireError<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for WireError<'de> {
    const WHAT: &'static str = "an error, which is an object";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key.as_ref() {
            "type" => self.kind = next_str(map)?,
            "message" => self.message = next_str(map)?,
            // An error ends the request; what else it says changes nothing for anyone.
            _ => {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl WireError<'_> {
    pub fn into_fault(self, phase: Phase) -> Fault {
        let WireError { kind, message } = self;
        let kind = kind.unwrap_or_default();
        let message = message.unwrap_or(Cow::Borrowed("The model reported an error."));
        let mut fault = Fault::new(class(&kind), phase, scrub(&message)).with_detail(message);
        fault.code = (!kind.is_empty()).then(|| kind.into_owned());
        fault
    }
}

/// Source: Anthropic's error reference (checked 2026-11-21). Errors of identity are the gateway's
/// own, never the caller's.
fn class(kind: &str) -> ErrorClass {
    use ErrorClass as C;
    match kind {
        "invalid_request_error" => C::InvalidRequest,
        "authentication_error" => C::BadCredentials,
        "permission_error" => C::AccessDenied,
        "billing_error" => C::QuotaSpent,
        "not_found_error" => C::UnknownModel,
        "conflict_error" => C::Conflict,
        "request_too_large" => C::TooLarge,
        "rate_limit_error" => C::Throttled,
        "timeout_error" => C::ModelTimeout,
        "overloaded_error" => C::Overloaded,
        "api_error" => C::Internal,
        _ => C::ModelFailed,
    }
}

/// An answer that is not what the protocol promises.
pub(super) fn garbled(phase: Phase, detail: impl Into<String>) -> Fault {
    Fault::new(ErrorClass::Garbled, phase, "The model's answer could not be read.")
        .with_detail(detail)
}
