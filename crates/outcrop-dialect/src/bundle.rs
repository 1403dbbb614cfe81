//! One request that becomes one or more calls of InvokeModel, and their answers one answer.
//!
//! 1. Calls are independent: any order, any concurrency, each repeated on its own.
//! 2. An answer is read as soon as it is there, so that an unreadable one fails its own call.
//! 3. Pieces are put together in the order of the calls.

use std::fmt;

use bytes::Bytes;
use outcrop_model::{Catalog, ErrorClass, Fault, Ledger, Phase, Specialist, Wares};

use crate::answer::Label;
use crate::{embeddings, images, rerank};

/// What a request wants of a model that does not chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Specialty {
    /// OpenAI Embeddings.
    Embeddings,
    /// Cohere Rerank, in the version of the path.
    Rerank { version: u8 },
    /// OpenAI Images: generation.
    Images,
}

/// A planned request.
#[derive(Debug)]
pub struct Bundle {
    /// Model id as the caller wrote it.
    pub model: String,
    /// Bodies for InvokeModel.
    pub calls: Vec<Bytes>,
    /// What is charged by number, as far as it is asked for.
    pub wares: Wares,
    pub task: Box<dyn Task>,
}

/// How answers of the model become the caller's.
pub trait Task: fmt::Debug + Send + Sync {
    /// Reads the answer to one call.
    ///
    /// # Errors
    /// `Garbled` when it is not what the family answers; other classes when the model says why not.
    fn read(&self, call: usize, body: &[u8]) -> Result<Piece, Fault>;

    /// Writes the caller's answer from the pieces of all calls, in their order.
    ///
    /// # Errors
    /// When everything was withheld.
    fn write(&self, pieces: &[Piece], label: &Label, ledger: &mut Ledger)
    -> Result<Vec<u8>, Fault>;
}

/// What one call brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Results, each already as JSON of the caller's dialect.
    pub items: Vec<Vec<u8>>,
    /// Tokens of the input, when the body tells.
    pub input_tokens: Option<u64>,
    /// Why results are missing that trying again would not bring.
    pub withheld: Option<Fault>,
}

/// Plans a request. `asked` is told the model as soon as it is known, and tells the id by which the
/// catalog knows it.
///
/// # Errors
/// When the body is malformed, or the model cannot do what is asked.
pub fn plan(
    specialty: Specialty,
    body: &[u8],
    catalog: &Catalog,
    asked: impl FnOnce(&str) -> String,
    ledger: &mut Ledger,
) -> Result<Bundle, Fault> {
    match specialty {
        Specialty::Embeddings => {
            let request = embeddings::decode(body)?;
            match catalog.specialist(&asked(&request.model)) {
                Some(Specialist::Embeddings(card)) => embeddings::plan(request, card, ledger),
                _ => Err(wrong_model(&request.model, "makes no embeddings", catalog)),
            }
        }
        Specialty::Rerank { version } => {
            let request = rerank::decode(body)?;
            match catalog.specialist(&asked(&request.model)) {
                Some(Specialist::Rerank(card)) => rerank::plan(request, version, card, ledger),
                _ => Err(wrong_model(&request.model, "ranks no documents", catalog)),
            }
        }
        Specialty::Images => {
            let request = images::decode(body)?;
            match catalog.specialist(&asked(&request.model)) {
                Some(Specialist::Images(card)) => images::plan(request, card, ledger),
                _ => Err(wrong_model(&request.model, "draws no pictures", catalog)),
            }
        }
    }
}

/// Input tokens of all calls that told them; `None` when none did.
pub fn input_tokens(pieces: &[Piece]) -> Option<u64> {
    pieces.iter().filter_map(|piece| piece.input_tokens).reduce(|sum, more| sum + more)
}

/// An answer that is not what the family answers.
pub fn garbled(detail: impl Into<String>) -> Fault {
    Fault::new(ErrorClass::Garbled, Phase::BeforeCommit, "The model's answer could not be read.")
        .with_detail(detail)
}

/// The refusal of a model that cannot do what `wanted` says (`makes no embeddings`).
fn wrong_model(model: &str, wanted: &str, catalog: &Catalog) -> Fault {
    if let Some(other) = catalog.specialist(model) {
        return mistaken(model, other);
    }
    if catalog.is_known(model) {
        let message =
            format!("`{model}` {wanted}: it is a chat model. Ask it at /v1/chat/completions.");
        return Fault::invalid("model", message);
    }
    let message = format!(
        "Nothing is known of `{model}`, so its native body cannot be written. Name a model by its Bedrock id or inference profile id; GET /v1/models lists some."
    );
    Fault::new(ErrorClass::UnknownModel, Phase::BeforeSend, message).with_param("model")
}

/// The refusal of a specialist that was asked for something else.
pub fn mistaken(model: &str, specialist: &Specialist) -> Fault {
    let (what, path) = (specialist.what(), specialist.path());
    Fault::invalid("model", format!("`{model}` is {what}. Ask it at {path}."))
}
