//! What a tool gave, as the content of a `tool` message.
//!
//! What the model is not shown, it is told of: nothing is left out without a word.

use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::{Value, json};

/// Kinds of images that Bedrock takes.
const IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
/// Most characters of an image in base64: Bedrock takes 3.75 MB each.
const IMAGE: usize = 5_000_000;
/// Most images of one result: Bedrock takes 20 in a message.
const MOST_IMAGES: usize = 10;

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
struct Parts {
    parts: Vec<Value>,
    images: usize,
    /// Bytes of text that may still come.
    room: usize,
    /// Bytes of text that did not fit.
    cut: usize,
    /// Images that did not fit.
    cut_images: usize,
}

/// `result` in at most `most` bytes of text.
pub fn told(result: &CallToolResult, most: usize) -> Told {
    let mut parts = Parts { parts: Vec::new(), images: 0, room: most, cut: 0, cut_images: 0 };
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
    serde_json::from_str::<Value>(&text.text).is_ok_and(|said| said == *value)
}

// === impl Parts ===

impl Parts {
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
        if self.images == MOST_IMAGES || data.len() > IMAGE {
            self.cut_images += 1;
            return;
        }
        self.images += 1;
        let url = format!("data:{kind};base64,{data}");
        self.parts.push(json!({ "type": "image_url", "image_url": { "url": url } }));
    }

    fn unshown(&mut self, what: &str, kind: &str, data: &str) {
        let bytes = data.len() / 4 * 3;
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
        told(&serde_json::from_value(result).unwrap(), most)
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
