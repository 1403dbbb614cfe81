//! TwelveLabs Marengo: flat members in 2.7, members nested under the input type in 3.0.
//!
//! Answers hold `data`, a list in 2.7 and an object in 3.0; both are read for both.

use outcrop_model::Fault;
use outcrop_model::json::parse_raw;
use serde_json::value::RawValue;

use super::{Input, Vectors, Wish};
use crate::bundle::garbled;
use crate::fields::Fields;
use crate::write::JsonWriter;

pub(super) fn encode_flat(inputs: &[Input<'_>], wish: &Wish<'_>, w: &mut JsonWriter<'_>) {
    for input in inputs {
        match input {
            Input::Text(text) => {
                w.member_str("inputType", "text");
                w.member_str("inputText", text);
                // The model's default cuts the end off in silence.
                let none = wish.card.truncate.first().map_or("none", String::as_str);
                w.member_str("textTruncate", wish.truncate.unwrap_or(none));
            }
            Input::Image { url, data } => {
                w.member_str("inputType", "image");
                media(&url[*data..], w);
            }
        }
    }
}

pub(super) fn encode_nested(inputs: &[Input<'_>], w: &mut JsonWriter<'_>) {
    for input in inputs {
        let kind = match input {
            Input::Text(_) => "text",
            Input::Image { .. } => "image",
        };
        w.member_str("inputType", kind);
        w.key(kind);
        w.open_object();
        match input {
            Input::Text(text) => w.member_str("inputText", text),
            Input::Image { url, data } => media(&url[*data..], w),
        }
        w.close_object();
    }
}

fn media(base64: &str, w: &mut JsonWriter<'_>) {
    w.key("mediaSource");
    w.open_object();
    w.member_str("base64String", base64);
    w.close_object();
}

pub(super) fn read(mut answer: Fields<'_>) -> Result<Vectors<'_>, Fault> {
    let data = answer.take("data").ok_or_else(|| garbled("there is no `data`"))?;
    let items: Vec<&RawValue> = match data.get().starts_with('[') {
        true => parse_raw(data, "data")?,
        false => vec![data],
    };
    let vector = |item| {
        let mut item = Fields::of(item, "data")?;
        item.take("embedding").ok_or_else(|| garbled("there is no `embedding`"))
    };
    let vectors = items.into_iter().map(vector).collect::<Result<_, Fault>>()?;
    Ok(Vectors { vectors, input_tokens: None })
}
