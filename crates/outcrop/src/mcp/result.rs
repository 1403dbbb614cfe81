//! What a tool gave, as the content of a `tool` message.
//!
//! What the model is not shown, it is told of: nothing is left out without a word.

use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::{Value, json};

/// Kinds of images that Bedrock takes.
const IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
/// Most characters of an image in base64: Bedrock takes 3.75 MB each.
const IMAGE: usize = 5_000_000;
/// Most images of a turn: Bedrock takes 20 in a message, and a request has all of the turn's results.
const MOST_IMAGES: usize = 20;
/// Most bytes of all images of a turn, decoded: a request has to take them all.
const MOST_BYTES: usize = 15_000_000;

/// The images that a turn has had so far.
#[derive(Debug, Default)]
pub struct Images {
    count: usize,
    bytes: usize,
}

/// A result for the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Text, or parts.
    pub content: Value,
    pub success: bool,
    /// What was cut, for the user.
    pub cut: Option<String>,
}

/// The content on its way: texts, and images in their places.
struct Parts<'i> {
    parts: Vec<Value>,
    images: &'i mut Images,
    /// Bytes of text that may still come.
    room: usize,
    /// Bytes of text that did not fit.
    cut: usize,
    /// Images that did not fit.
    cut_images: usize,
}

/// `result` in at most `most` bytes of text, with as many images as the turn still takes.
pub fn told(result: &CallToolResult, most: usize, images: &mut Images) -> Told {
    let mut parts = Parts { parts: Vec::new(), images, room: most, cut: 0, cut_images: 0 };
    let failed = result.is_error == Some(true);
    if failed {
        parts.text("The tool failed:");
    }
    for block in &result.content {
        parts.block(block);
    }
    if let Some(value) = &result.structured_content
        && !result.content.iter().any(|block| says(block, value))
    {
        parts.text(&value.to_string());
    }
    parts.end(!failed)
}

/// A result of ours: that there is none, and why.
pub fn failed(what: impl Into<String>) -> Told {
    Told { content: what.into().into(), success: false, cut: None }
}

/// Whether the text is `value` written out, as servers do for clients that know texts only.
fn says(block: &ContentBlock, value: &Value) -> bool {
    let ContentBlock::Text(text) = block else { return false };
    let is_said = |value: &Value| {
        value == text.text.as_str()
            || serde_json::from_str::<Value>(&text.text).is_ok_and(|said| said == *value)
    };
    // Many put what they say in an object's only member.
    let only = value.as_object().filter(|members| members.len() == 1);
    is_said(value) || only.and_then(|members| members.values().next()).is_some_and(is_said)
}

/// About how many bytes base64 stands for.
fn bytes(data: &str) -> usize {
    data.len() / 4 * 3
}

// === impl Images ===

impl Images {
    /// Whether there is still room for one of so many bytes, which is then taken.
    fn take(&mut self, bytes: usize) -> bool {
        let fits = self.count < MOST_IMAGES && bytes <= MOST_BYTES - self.bytes;
        if fits {
            self.count += 1;
            self.bytes += bytes;
        }
        fits
    }
}

// === impl Parts ===

impl Parts<'_> {
    fn block(&mut self, block: &ContentBlock) {
        match block {
            ContentBlock::Text(text) => self.text(&text.text),
            ContentBlock::Image(image) => self.image(&image.mime_type, &image.data),
            ContentBlock::Audio(audio) => self.unshown("audio", &audio.mime_type, &audio.data),
            ContentBlock::Resource(resource) => match &resource.resource {
                ResourceContents::TextResourceContents { uri, text, .. } => {
                    self.text(&format!("{uri}:\n{text}"));
                }
                ResourceContents::BlobResourceContents { uri, mime_type, blob, .. } => {
                    self.text(&format!("{uri}:"));
                    self.image(mime_type.as_deref().unwrap_or("unknown"), blob);
                }
                other => self.foreign(other),
            },
            ContentBlock::ResourceLink(link) => {
                let about = link.description.as_deref().unwrap_or_default();
                self.text(format!("{} ({}) {about}", link.uri, link.name).trim_end());
            }
            other => self.foreign(other),
        }
    }

    fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut end = text.len().min(self.room);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.room -= end;
        self.cut += text.len() - end;
        // Once something is cut, what follows would not be where it belongs.
        if end < text.len() {
            self.room = 0;
        }
        if end > 0 {
            self.parts.push(json!({ "type": "text", "text": text[..end] }));
        }
    }

    fn image(&mut self, kind: &str, data: &str) {
        if !IMAGES.contains(&kind) {
            return self.unshown("a file", kind, data);
        }
        if data.len() > IMAGE || !self.images.take(bytes(data)) {
            self.cut_images += 1;
            return;
        }
        let url = format!("data:{kind};base64,{data}");
        self.parts.push(json!({ "type": "image_url", "image_url": { "url": url } }));
    }

    fn unshown(&mut self, what: &str, kind: &str, data: &str) {
        let bytes = bytes(data);
        self.text(&format!("[{what} of type {kind}, about {bytes} bytes, which cannot be shown]"));
    }

    /// A kind of content that is newer than we are.
    fn foreign(&mut self, content: &impl serde::Serialize) {
        let written = serde_json::to_string(content).unwrap_or_default();
        self.text(&written);
    }

    fn end(mut self, success: bool) -> Told {
        let cut = match (self.cut, self.cut_images) {
            (0, 0) => None,
            (bytes, 0) => Some(format!("{bytes} bytes of text")),
            (0, images) => Some(format!("{images} images")),
            (bytes, images) => Some(format!("{bytes} bytes of text and {images} images")),
        };
        if let Some(cut) = &cut {
            let note =
                format!("[The result is too long: {cut} are left out. Ask for less at once.]");
            self.parts.push(json!({ "type": "text", "text": note }));
        }
        let content = match self.parts.as_slice() {
            [] => "(The tool gave no content.)".into(),
            [one] if one["type"] == "text" => one["text"].clone(),
            _ => Value::Array(self.parts),
        };
        Told { content, success, cut }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(result: Value, most: usize) -> Told {
        told(&serde_json::from_value(result).unwrap(), most, &mut Images::default())
    }

    #[test]
    fn all_of_a_result_is_told() {
        for (result, expected) in [
            (json!({ "content": [{ "type": "text", "text": "hi" }] }), json!("hi")),
            (json!({ "content": [] }), json!("(The tool gave no content.)")),
            (
                json!({ "content": [{ "type": "text", "text": "no" }], "isError": true }),
                json!([{ "type": "text", "text": "The tool failed:" }, { "type": "text", "text": "no" }]),
            ),
            (json!({ "content": [], "structuredContent": { "a": 1 } }), json!("{\"a\":1}")),
            (
                json!({ "content": [{ "type": "text", "text": "{ \"a\": 1 }" }], "structuredContent": { "a": 1 } }),
                json!("{ \"a\": 1 }"),
            ),
            (
                json!({ "content": [{ "type": "text", "text": "a\nb" }], "structuredContent": { "content": "a\nb" } }),
                json!("a\nb"),
            ),
            (
                json!({ "content": [{ "type": "image", "data": "aGk=", "mimeType": "image/png" }] }),
                json!([{ "type": "image_url", "image_url": { "url": "data:image/png;base64,aGk=" } }]),
            ),
            (
                json!({ "content": [{ "type": "audio", "data": "aGk=", "mimeType": "audio/wav" }] }),
                json!("[audio of type audio/wav, about 3 bytes, which cannot be shown]"),
            ),
            (
                json!({ "content": [{ "type": "resource", "resource": { "uri": "file:///a", "text": "b" } }] }),
                json!("file:///a:\nb"),
            ),
            (
                json!({ "content": [{ "type": "resource_link", "uri": "file:///a", "name": "a" }] }),
                json!("file:///a (a)"),
            ),
        ] {
            let told = of(result.clone(), 1000);
            assert_eq!(told.content, expected, "{result}");
            assert_eq!(told.success, result["isError"] != true);
            assert_eq!(told.cut, None);
        }
    }

    #[test]
    fn all_images_of_a_turn_fit_a_request() {
        for (characters, of_first, of_second) in [(4, 12, 8), (4_000_000, 5, 0), (5_000_001, 0, 0)]
        {
            let image =
                json!({ "type": "image", "data": "A".repeat(characters), "mimeType": "image/png" });
            let result = serde_json::from_value(json!({ "content": vec![image; 12] })).unwrap();
            let mut images = Images::default();
            for expected in [of_first, of_second] {
                let told = told(&result, 1000, &mut images);
                let shown = told.content.as_array().into_iter().flatten();
                assert_eq!(shown.filter(|part| part["type"] == "image_url").count(), expected);
                let cut = (expected < 12).then(|| format!("{} images", 12 - expected));
                assert_eq!(told.cut, cut);
            }
        }
    }

    #[test]
    fn what_is_cut_is_told_to_both() {
        let told = of(
            json!({ "content": [{ "type": "text", "text": "äöü" }, { "type": "text", "text": "x" }] }),
            3,
        );
        assert_eq!(told.cut.as_deref(), Some("5 bytes of text"));
        assert_eq!(told.content[0]["text"], "ä");
        assert!(told.content[1]["text"].as_str().unwrap().contains("5 bytes of text"));
    }
}
