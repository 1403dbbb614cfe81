//! What Bedrock would say of one body, without a server: for tests of whoever writes such bodies.
//!
//! 1. The verdict is the one of the running emulator: the same constraints, the same rules.
//! 2. Path, headers, the caller's identity and the account's limits are not looked at.

use std::sync::LazyLock;

use serde_json::Value;

use crate::config::Config;
use crate::constraints;
use crate::converse::rules::{self, Asked, Mode};
use crate::models::Catalog;
use crate::operations::judge;
use crate::route::Operation;

static CATALOG: LazyLock<Option<Catalog>> =
    LazyLock::new(|| Catalog::load(&Config::default()).ok());

/// Judges the body of one of the four calls of a chat model.
///
/// # Errors
/// The message of the exception that the body would bring. A model that the emulator does not know
/// brings one for a body that breaks the service model alone; nothing more is known of it.
pub fn verdict(operation: Operation, model_id: &str, body: &Value) -> Result<(), String> {
    let violations = constraints::check(operation.name(), &[("modelId", model_id)], body);
    if !violations.is_empty() {
        return Err(constraints::coral_message(&violations));
    }
    let Some(target) = CATALOG.as_ref().and_then(|catalog| catalog.resolve(model_id, None).ok())
    else {
        return Ok(());
    };
    let model = target.model;
    match operation {
        Operation::Converse => rules::check(&Asked { body, model, mode: Mode::Whole }),
        Operation::ConverseStream => rules::check(&Asked { body, model, mode: Mode::Stream }),
        _ => judge::native(model, body).map(|_| ()).map_err(|refusal| refusal.message),
    }
}
