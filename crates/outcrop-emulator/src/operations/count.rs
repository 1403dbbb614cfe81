//! CountTokens: the same count that usage reports.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{judge, resolve};
use crate::converse::read;
use crate::converse::rules::{self, Asked, Mode};
use crate::models::Model;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::service::{Call, State};
use crate::tokens;
use crate::words::Prompt;

pub(super) fn answer(state: &State, call: &Call<'_>, body: &Value) -> Result<Reply, Refusal> {
    let target = resolve(state, call)?;
    let input = &body["input"];
    let prompt = match (input.get("invokeModel"), input.get("converse")) {
        (Some(invoke), None) => judge::native(target.model, &decoded(invoke)?)?,
        (None, Some(converse)) => converse_prompt(converse, target.model)?,
        _ => {
            return Err(Refusal::validation(
                "The input must have exactly one of invokeModel and converse.",
            ));
        }
    };
    Ok(Reply::json(json!({"inputTokens": tokens::prompt(&prompt)})))
}

/// The same rules as for Converse, so that what is counted can also be sent.
fn converse_prompt(converse: &Value, model: &Model) -> Result<Prompt, Refusal> {
    let asked = Asked { body: converse, model, mode: Mode::Whole };
    rules::check(&asked).map_err(Refusal::validation)?;
    Ok(read::prompt(converse, model))
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
