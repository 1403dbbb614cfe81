//! What shall become a vector: texts, and pictures as data URLs.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outcrop_model::json::{Str, parse_raw};
use outcrop_model::{EmbeddingCard, Fault};
use serde_json::value::RawValue;

use crate::fields::Fields;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input<'a> {
    Text(Cow<'a, str>),
    /// A data URL and where its base64 begins.
    Image {
        url: Cow<'a, str>,
        data: usize,
    },
}

const TOKENS: &str = "holds token numbers, which mean nothing to models of Bedrock. Send text; with LangChain's OpenAIEmbeddings set check_embedding_ctx_length=False.";
const IMAGE_URL: &str = "must be a data URL with base64: data:image/png;base64,…";

// === impl Input ===

impl Input<'_> {
    /// Bytes that it adds to a body, about.
    pub(super) fn len(&self) -> usize {
        match self {
            Input::Text(text) | Input::Image { url: text, .. } => text.len(),
        }
    }

    /// The format of a picture as models name it: `png`, `jpeg`, …
    pub(super) fn format(url: &str) -> &str {
        let mime = url.strip_prefix("data:image/").unwrap_or_default();
        match mime.split(';').next().unwrap_or_default() {
            "jpg" => "jpeg",
            format => format,
        }
    }
}

/// Reads the member `input`: one input or a list of them.
pub(super) fn read(raw: Option<&RawValue>) -> Result<Vec<Input<'_>>, Fault> {
    let raw =
        raw.ok_or_else(|| Fault::invalid("input", "is required. Send a text or a list of texts."))?;
    if !raw.get().starts_with('[') {
        return Ok(vec![one(raw, "input")?]);
    }
    let items: Vec<&RawValue> = parse_raw(raw, "input")?;
    if items.is_empty() {
        return Err(Fault::invalid("input", "must not be empty. Send a text or a list of texts."));
    }
    if items.iter().all(|item| is_number(item)) {
        return Err(Fault::invalid("input", TOKENS));
    }
    let each = items.into_iter().enumerate();
    each.map(|(index, item)| one(item, &format!("input[{index}]"))).collect()
}

fn is_number(raw: &RawValue) -> bool {
    raw.get().starts_with(|c: char| c == '-' || c.is_ascii_digit())
}

fn one<'a>(raw: &'a RawValue, path: &str) -> Result<Input<'a>, Fault> {
    match raw.get().as_bytes().first() {
        Some(b'[') => Err(Fault::invalid(path, TOKENS)),
        Some(b'{') => picture(raw, path),
        _ => {
            let Str(text) = parse_raw(raw, path)?;
            if text.is_empty() {
                return Err(Fault::invalid(path, "must not be empty."));
            }
            match is_image_url(&text) {
                true => image(text, path),
                false => Ok(Input::Text(text)),
            }
        }
    }
}

fn is_image_url(text: &str) -> bool {
    text.starts_with("data:image/") && text.contains(";base64,")
}

/// `{"type": "image_url", "image_url": {"url"}}` or `{"type": "text", "text"}`, as in a chat.
fn picture<'a>(raw: &'a RawValue, path: &str) -> Result<Input<'a>, Fault> {
    let mut part = Fields::of(raw, path)?;
    let below = |key: &str| format!("{path}.{key}");
    if let Some(text) = part.take("text") {
        return one(text, &below("text"));
    }
    let place = below("image_url");
    let found = part.take("image_url").ok_or_else(|| {
        Fault::invalid(
            path,
            "must be a text or {\"type\": \"image_url\", \"image_url\": {\"url\"}}.",
        )
    })?;
    let (url, place) = match found.get().starts_with('{') {
        true => (Fields::of(found, &place)?.take("url"), format!("{place}.url")),
        false => (Some(found), place),
    };
    let url = url.ok_or_else(|| Fault::invalid(place.clone(), IMAGE_URL))?;
    let Str(url) = parse_raw(url, &place)?;
    image(url, &place)
}

fn image<'a>(url: Cow<'a, str>, path: &str) -> Result<Input<'a>, Fault> {
    let split = is_image_url(&url).then(|| url.find(";base64,")).flatten();
    let Some(split) = split else { return Err(Fault::invalid(path, IMAGE_URL)) };
    let data = split + ";base64,".len();
    if STANDARD.decode(&url[data..]).is_ok_and(|bytes| !bytes.is_empty()) {
        return Ok(Input::Image { url, data });
    }
    Err(Fault::invalid(path, "holds no base64 after `;base64,`."))
}

/// Refuses inputs that the model would refuse, by their place.
pub(super) fn check(inputs: &[Input<'_>], card: &EmbeddingCard) -> Result<(), Fault> {
    for (index, input) in inputs.iter().enumerate() {
        let complaint = match input {
            Input::Image { .. } if !card.images => {
                "is a picture, which this model cannot see.".to_owned()
            }
            Input::Text(text) if too_long(text, card.max_chars) => {
                let most = card.max_chars;
                format!("is longer than {most} characters, the most that this model takes.")
            }
            Input::Image { .. } | Input::Text(_) => continue,
        };
        return Err(Fault::invalid(format!("input[{index}]"), complaint));
    }
    Ok(())
}

fn too_long(text: &str, most: usize) -> bool {
    most > 0 && text.len() > most && text.chars().count() > most
}

/// Divides inputs among calls: up to `batch` texts in a row each, every picture on its own.
pub(super) fn runs(inputs: &[Input<'_>], batch: usize) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    let is_text = |index: usize| matches!(inputs[index], Input::Text(_));
    for index in 0..inputs.len() {
        match runs.last_mut() {
            Some(run) if run.len() < batch && is_text(run.start) && is_text(index) => run.end += 1,
            _ => runs.push(index..index + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_keep_order_and_leave_pictures_alone() {
        let text = Input::Text("a".into());
        let image = Input::Image { url: "data:image/png;base64,AA==".into(), data: 22 };
        let inputs = [text.clone(), text.clone(), text.clone(), image.clone(), image, text];
        assert_eq!(runs(&inputs, 2), [0..2, 2..3, 3..4, 4..5, 5..6]);
        assert_eq!(runs(&inputs, 1).len(), 6);
    }
}
