//! Titan Text Embeddings V2: as G1, with `dimensions`. Vectors are normalised, the model's own default.

use super::{Input, Wish, titan_text};
use crate::write::JsonWriter;

pub(super) fn encode(inputs: &[Input<'_>], wish: &Wish<'_>, w: &mut JsonWriter<'_>) {
    titan_text::encode(inputs, w);
    if let Some(dimensions) = wish.dimensions {
        w.member_u64("dimensions", u64::from(dimensions));
    }
}
