//! Titan Text Embeddings G1: `{"inputText"}` → `{"embedding", "inputTextTokenCount"}`. One text a call.

use outcrop_model::Fault;

use super::{Input, Vectors};
use crate::bundle::garbled;
use crate::fields::Fields;
use crate::write::JsonWriter;

pub(super) fn encode(inputs: &[Input<'_>], w: &mut JsonWriter<'_>) {
    for input in inputs {
        match input {
            Input::Text(text) => w.member_str("inputText", text),
            Input::Image { url, data } => w.member_str("inputImage", &url[*data..]),
        }
    }
}

pub(super) fn read(mut answer: Fields<'_>) -> Result<Vectors<'_>, Fault> {
    let vector = answer.take("embedding").ok_or_else(|| garbled("there is no `embedding`"))?;
    Ok(Vectors { vectors: vec![vector], input_tokens: answer.get("inputTextTokenCount")? })
}
