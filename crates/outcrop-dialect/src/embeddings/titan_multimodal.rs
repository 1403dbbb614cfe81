//! Titan Multimodal Embeddings: `inputText` or `inputImage`, length in `embeddingConfig`.
//!
//! A refusal of the model may come as a success whose `message` says why.

use outcrop_model::{ErrorClass, Fault, Phase};

use super::{Input, Vectors, Wish, titan_text};
use crate::fields::Fields;
use crate::write::JsonWriter;

pub(super) fn encode(inputs: &[Input<'_>], wish: &Wish<'_>, w: &mut JsonWriter<'_>) {
    titan_text::encode(inputs, w);
    if let Some(dimensions) = wish.dimensions {
        w.key("embeddingConfig");
        w.open_object();
        w.member_u64("outputEmbeddingLength", u64::from(dimensions));
        w.close_object();
    }
}

pub(super) fn read(mut answer: Fields<'_>) -> Result<Vectors<'_>, Fault> {
    if let Some(message) = answer.text("message")?.filter(|message| !message.is_empty()) {
        let said = outcrop_model::scrub::scrub(&message);
        return Err(Fault::new(ErrorClass::ModelRejected, Phase::BeforeCommit, said));
    }
    titan_text::read(answer)
}
