//! Bedrock's latency mode in a request of OpenAI's: `performanceConfig: {latency}`, as Converse has it.

use outcrop_model::json::Extra;
use outcrop_model::{ChatRequest, Fault};
use serde_json::value::RawValue;

use crate::openai::{lift, members, take, text};
use crate::tier::OPTIMISED;

/// The member that holds it.
pub const MEMBER: &str = "performanceConfig";
/// Its place.
pub(crate) const PATH: &str = "performanceConfig.latency";
/// What Bedrock does unasked.
pub(crate) const STANDARD: &str = "standard";

/// Whether the member asks for nothing that Bedrock does not do unasked.
pub(crate) fn is_standard(raw: &RawValue) -> bool {
    let members = serde_json::from_str::<std::collections::BTreeMap<&str, &str>>(raw.get());
    members.is_ok_and(|all| all.into_iter().all(|one| one == ("latency", STANDARD)))
}

/// Reads the member.
///
/// # Errors
/// For a mode that Bedrock does not have: no model would be asked what the caller meant.
pub(crate) fn read<'a>(raw: &'a RawValue, request: &mut ChatRequest<'a>) -> Result<(), Fault> {
    let mut config: Extra<'a> = members(raw, MEMBER)?;
    if let Some(raw) = take(&mut config, "latency") {
        let latency = text(raw, PATH)?;
        request.latency = match &*latency {
            STANDARD => None,
            OPTIMISED => Some(latency),
            _ => {
                let what = format!("`{PATH}` is `{latency}`; it must be standard or optimized.");
                return Err(Fault::invalid(PATH, what));
            }
        };
    }
    lift(&mut request.extra, MEMBER, config);
    Ok(())
}
