//! Images, documents, video and audio: whether the model takes them, how many, how large, what named.

use std::collections::HashSet;

use serde_json::Value;

use super::{Asked, Placed, Verdict};
use crate::converse::read::list;
use crate::models::Model;

/// Limits of one request (protocol facts section 8).
const MOST_IMAGES: usize = 20;
const MOST_IMAGE_BYTES: usize = 3_932_160;
const MOST_DOCUMENTS: usize = 5;
const MOST_DOCUMENT_BYTES: usize = 4_718_592;

/// A medium's word, and whether a model takes it.
type Medium = (&'static str, fn(&Model) -> bool);

const MEDIA: [Medium; 4] = [
    ("image", |model| model.vision),
    ("document", |model| model.documents),
    ("video", |model| model.video),
    ("audio", |model| model.audio),
];

pub(super) fn check(asked: &Asked<'_>) -> Verdict {
    let media: Vec<(&'static str, &Value)> =
        asked.blocks().flat_map(|placed| within(&placed)).collect();
    for (kind, takes) in MEDIA {
        if media.iter().any(|(found, _)| *found == kind) && !takes(asked.model) {
            return Err(format!(
                "This model doesn't support the {kind} content block that you provided. Remove the {kind} content block and try again."
            ));
        }
    }
    of_kind(&media, "image", MOST_IMAGES, MOST_IMAGE_BYTES)?;
    of_kind(&media, "document", MOST_DOCUMENTS, MOST_DOCUMENT_BYTES)?;
    names(&media)?;
    beside_text(asked)
}

/// The media of a block, also those inside a tool result.
fn within<'a>(placed: &Placed<'a>) -> Vec<(&'static str, &'a Value)> {
    let inner = placed.get("toolResult").map_or(&[][..], |result| list(&result["content"]));
    let all = std::iter::once(placed.value).chain(inner);
    all.filter_map(|block| {
        let kind = MEDIA.into_iter().map(|(kind, _)| kind).find(|kind| !block[*kind].is_null())?;
        Some((kind, &block[kind]))
    })
    .collect()
}

fn of_kind(media: &[(&str, &Value)], kind: &str, most: usize, most_bytes: usize) -> Verdict {
    let of_kind: Vec<&Value> =
        media.iter().filter(|(found, _)| *found == kind).map(|(_, value)| *value).collect();
    if of_kind.len() > most {
        return Err(format!(
            "The number of {kind} blocks in the request exceeds the limit of {most}. Remove {kind} blocks and try again."
        ));
    }
    let size =
        |value: &Value| value["source"]["bytes"].as_str().map_or(0, |text| text.len() / 4 * 3);
    if of_kind.iter().any(|value| size(value) > most_bytes) {
        return Err(format!(
            "The {kind} block that you provided exceeds the maximum size of {most_bytes} bytes. Try again with a smaller {kind}."
        ));
    }
    Ok(())
}

fn names(media: &[(&str, &Value)]) -> Verdict {
    let mut seen = HashSet::new();
    let documents = media.iter().filter(|(kind, _)| *kind == "document");
    for name in documents.filter_map(|(_, value)| value["name"].as_str()) {
        if !is_name(name) {
            return Err("The document file name can only contain alphanumeric characters, whitespace characters, hyphens, parentheses, and square brackets. The name can't contain more than one consecutive whitespace character.".into());
        }
        if !seen.insert(name) {
            return Err(format!(
                "The document name {name} is used more than once. Give every document its own name and try again."
            ));
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let allowed = |char: char| char.is_ascii_alphanumeric() || " \t\n-()[]".contains(char);
    let spaced = name.as_bytes().windows(2).any(|pair| pair.iter().all(u8::is_ascii_whitespace));
    name.chars().all(allowed) && !spaced
}

/// A turn with a document must have a text of its own.
fn beside_text(asked: &Asked<'_>) -> Verdict {
    for (at, message) in asked.messages().iter().enumerate() {
        let has = |kind: &str| list(&message["content"]).iter().any(|block| !block[kind].is_null());
        if has("document") && !has("text") {
            return Err(format!(
                "A document block at messages.{at}.content requires a text block in the same message. Add a text block and try again."
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{HAIKU, NOVA, accepted, refused};
    use serde_json::{Value, json};

    fn user(blocks: Vec<Value>) -> Value {
        json!({"messages": [{"role": "user", "content": blocks}]})
    }

    fn document(name: &str) -> Value {
        json!({"document": {"name": name, "format": "pdf", "source": {"bytes": "AAAA"}}})
    }

    #[test]
    fn media_need_a_model_that_takes_them() {
        let image = json!({"image": {"format": "png", "source": {"bytes": "AAAA"}}});
        accepted(HAIKU, &user(vec![image.clone()]));
        refused(NOVA, &user(vec![image.clone()]), "doesn't support the image content block");
        refused(HAIKU, &user(vec![image; 21]), "exceeds the limit of 20");
    }

    #[test]
    fn documents_have_a_text_and_their_own_names() {
        let text = json!({"text": "read"});
        accepted(HAIKU, &user(vec![document("a"), document("b (2)"), text.clone()]));
        refused(HAIKU, &user(vec![document("a")]), "requires a text block");
        refused(HAIKU, &user(vec![document("a"), document("a"), text.clone()]), "more than once");
        refused(HAIKU, &user(vec![document("a.pdf"), text.clone()]), "can only contain");
        refused(HAIKU, &user(vec![document("a  b"), text]), "can only contain");
    }

    #[test]
    fn sizes_are_bounded() {
        let large = "A".repeat(super::MOST_IMAGE_BYTES / 3 * 4 + 8);
        let image = json!({"image": {"format": "png", "source": {"bytes": large}}});
        refused(HAIKU, &user(vec![image]), "exceeds the maximum size");
    }
}
