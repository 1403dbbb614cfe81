//! Cohere Embed v3 and v4: up to 96 texts a call, or one picture.
//!
//! `embedding_types` is always sent, so that both versions answer `{"embeddings": {"float": […]}}`;
//! the bare list that a model gives without it is read as well.

use outcrop_model::Fault;
use outcrop_model::json::parse_raw;

use super::{Encoding, Input, Vectors, Wish};
use crate::bundle::garbled;
use crate::fields::Fields;
use crate::write::JsonWriter;

/// What a picture is for, whatever the texts are for.
const IMAGE: &str = "image";

pub(super) fn encode(inputs: &[Input<'_>], wish: &Wish<'_>, w: &mut JsonWriter<'_>) {
    let pictures = matches!(inputs, [Input::Image { .. }, ..]);
    w.key(if pictures { "images" } else { "texts" });
    w.open_array();
    for input in inputs {
        match input {
            Input::Text(text) | Input::Image { url: text, .. } => w.str(text),
        }
    }
    w.close_array();
    let input_type = if pictures { Some(IMAGE) } else { wish.input_type };
    if let Some(word) = input_type {
        w.member_str("input_type", word);
    }
    if let Some(word) = wish.truncate.filter(|_| !pictures) {
        w.member_str("truncate", word);
    }
    w.key("embedding_types");
    w.open_array();
    w.str(wish.encoding.word());
    w.close_array();
    if let Some(dimensions) = wish.dimensions {
        w.member_u64("output_dimension", u64::from(dimensions));
    }
}

pub(super) fn read(mut answer: Fields<'_>, encoding: Encoding) -> Result<Vectors<'_>, Fault> {
    let missing = || garbled("there are no `embeddings`");
    let mut found = answer.take("embeddings").ok_or_else(missing)?;
    if found.get().starts_with('{') {
        found = Fields::of(found, "embeddings")?.take(encoding.word()).ok_or_else(missing)?;
    }
    Ok(Vectors { vectors: parse_raw(found, "embeddings")?, input_tokens: None })
}
