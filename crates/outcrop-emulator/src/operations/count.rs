//! CountTokens: the same count that usage reports.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{json as body_of, resolve};
use crate::converse::read;
use crate::models::Model;
use crate::native;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::service::{Call, State};
use crate::tokens;

pub(super) fn answer(state: &State, call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = body_of(call)?;
    let target = resolve(state, call)?;
    let input = &body["input"];
    let prompt = match (input.get("invokeModel"), input.get("converse")) {
        (Some(invoke), None) => {
            native::parse(&target.model.native, &decoded(invoke)?).map_err(Refusal::validation)?
        }
        (None, Some(converse)) => read::prompt(converse, supporting(target.model)?),
        _ => {
            return Err(Refusal::validation(
                "The input must have exactly one of invokeModel and converse.",
            ));
        }
    };
    Ok(Reply::json(json!({"inputTokens": tokens::prompt(&prompt)})))
}

fn supporting(model: &Model) -> Result<&Model, Refusal> {
    if model.converse {
        Ok(model)
    } else {
        Err(Refusal::validation("The provided model doesn't support counting tokens."))
    }
}

/// The native body inside `invokeModel.body`.
fn decoded(invoke: &Value) -> Result<Value, Refusal> {
    let text = invoke["body"].as_str().unwrap_or_default();
    let bytes = STANDARD.decode(text).map_err(|error| {
        Refusal::validation(format!("Malformed input request: body is not base64: {error}"))
    })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Refusal::validation(format!("Malformed input request: {error}")))
}
