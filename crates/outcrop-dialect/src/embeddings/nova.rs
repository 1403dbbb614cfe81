//! Nova multimodal embeddings: one input a call, with purpose, length and manner of truncation.

use outcrop_model::Fault;
use outcrop_model::json::parse_raw;
use serde_json::value::RawValue;

use super::{Input, Vectors, Wish};
use crate::bundle::garbled;
use crate::fields::Fields;
use crate::write::JsonWriter;

const SCHEMA: &str = "nova-multimodal-embed-v1";
/// The detail at which pictures are seen (the schema's default, which it wants spelt out).
const DETAIL: &str = "STANDARD_IMAGE";

pub(super) fn encode(inputs: &[Input<'_>], wish: &Wish<'_>, w: &mut JsonWriter<'_>) {
    w.member_str("schemaVersion", SCHEMA);
    w.member_str("taskType", "SINGLE_EMBEDDING");
    w.key("singleEmbeddingParams");
    w.open_object();
    if let Some(purpose) = wish.input_type {
        w.member_str("embeddingPurpose", purpose);
    }
    if let Some(dimensions) = wish.dimensions {
        w.member_u64("embeddingDimension", u64::from(dimensions));
    }
    for input in inputs {
        match input {
            Input::Text(text) => {
                w.key("text");
                w.open_object();
                // Required; what is too long shall fail unless the caller wants it cut.
                let none = wish.card.truncate.first().map_or("NONE", String::as_str);
                w.member_str("truncationMode", wish.truncate.unwrap_or(none));
                w.member_str("value", text);
                w.close_object();
            }
            Input::Image { url, data } => image(url, *data, w),
        }
    }
    w.close_object();
}

fn image(url: &str, data: usize, w: &mut JsonWriter<'_>) {
    w.key("image");
    w.open_object();
    w.member_str("detailLevel", DETAIL);
    w.member_str("format", Input::format(url));
    w.key("source");
    w.open_object();
    w.member_str("bytes", &url[data..]);
    w.close_object();
    w.close_object();
}

pub(super) fn read(mut answer: Fields<'_>) -> Result<Vectors<'_>, Fault> {
    let found = answer.take("embeddings").ok_or_else(|| garbled("there are no `embeddings`"))?;
    let items: Vec<&RawValue> = parse_raw(found, "embeddings")?;
    let vector = |item| {
        let mut item = Fields::of(item, "embeddings")?;
        item.take("embedding").ok_or_else(|| garbled("there is no `embedding`"))
    };
    let vectors = items.into_iter().map(vector).collect::<Result<_, Fault>>()?;
    Ok(Vectors { vectors, input_tokens: answer.get("inputTextTokenCount")? })
}
