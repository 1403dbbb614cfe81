//! Titan Text Embeddings V2: as G1, with `dimensions`, `normalize` (the model's own default is to do so) and
//! types other than float: `{"embeddingsByType": {"binary": […]}}`.

use outcrop_model::Fault;

use super::{Encoding, FLOAT, Input, Vectors, Wish, titan_text};
use crate::bundle::garbled;
use crate::fields::Fields;
use crate::write::JsonWriter;

pub(super) fn encode(inputs: &[Input<'_>], wish: &Wish<'_>, w: &mut JsonWriter<'_>) {
    titan_text::encode(inputs, w);
    if let Some(dimensions) = wish.dimensions {
        w.member_u64("dimensions", u64::from(dimensions));
    }
    if let Some(normalize) = wish.normalize {
        w.member_bool("normalize", normalize);
    }
    let word = wish.encoding.word();
    if word != FLOAT {
        w.key("embeddingTypes");
        w.open_array();
        w.str(word);
        w.close_array();
    }
}

pub(super) fn read(mut answer: Fields<'_>, encoding: Encoding) -> Result<Vectors<'_>, Fault> {
    let word = encoding.word();
    if word == FLOAT {
        return titan_text::read(answer);
    }
    const BY_TYPE: &str = "embeddingsByType";
    let missing = || garbled(format!("there is no `{BY_TYPE}.{word}`"));
    let by_type = answer.take(BY_TYPE).ok_or_else(missing)?;
    let vector = Fields::of(by_type, BY_TYPE)?.take(word).ok_or_else(missing)?;
    Ok(Vectors { vectors: vec![vector], input_tokens: answer.get("inputTextTokenCount")? })
}
