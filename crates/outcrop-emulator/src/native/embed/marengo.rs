//! TwelveLabs Marengo: 2.7 with flat members, 3.0 with members nested under the input type.

use serde_json::json;

use super::{Embedded, Limits, dimension, of_bytes, of_text, text};
use crate::native::media::decoded;
use crate::native::reader::{Node, Parsed};

const KINDS: [&str; 2] = ["image", "text"];

pub(super) fn flat(root: &Node<'_>, limits: &Limits) -> Parsed<Embedded> {
    let dimension = dimension(None, limits)?;
    let (vector, tokens) = match root.need("inputType")?.choice(&KINDS)? {
        "text" => {
            root.need("inputText")?;
            root.only(&["inputText", "inputType", "textTruncate"])?;
            if let Some(cut) = root.get("textTruncate") {
                cut.choice(&["end", "none"])?;
            }
            of_text(text(&root.need("inputText")?, limits)?, dimension)
        }
        _ => {
            root.only(&["inputType", "mediaSource"])?;
            of_bytes(&media(root)?, dimension)
        }
    };
    Ok(Embedded { body: json!({"data": [{"embedding": vector}]}), tokens })
}

pub(super) fn nested(root: &Node<'_>, limits: &Limits) -> Parsed<Embedded> {
    let dimension = dimension(None, limits)?;
    let kind = root.need("inputType")?.choice(&KINDS)?;
    root.only(&["inputType", kind])?;
    let inner = root.need(kind)?;
    let (vector, tokens) = match kind {
        "text" => {
            inner.only(&["inputText"])?;
            of_text(text(&inner.need("inputText")?, limits)?, dimension)
        }
        _ => {
            inner.only(&["mediaSource"])?;
            of_bytes(&media(&inner)?, dimension)
        }
    };
    Ok(Embedded { body: json!({"data": {"embedding": vector}}), tokens })
}

fn media(node: &Node<'_>) -> Parsed<Vec<u8>> {
    let source = node.need("mediaSource")?;
    source.only(&["base64String"])?;
    decoded(&source.need("base64String")?)
}
