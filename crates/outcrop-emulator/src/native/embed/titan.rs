//! Titan embeddings: text G1 and V2, and multimodal.

use serde_json::{Value, json};

use super::{Embedded, Limits, dimension, of_bytes, of_text, text};
use crate::native::media::decoded;
use crate::native::reader::{Node, Parsed};

pub(super) fn g1(root: &Node<'_>, limits: &Limits) -> Parsed<Embedded> {
    let input = text(&root.need("inputText")?, limits)?;
    root.only(&["inputText"])?;
    let (vector, tokens) = of_text(input, dimension(None, limits)?);
    Ok(Embedded { body: json!({"embedding": vector, "inputTextTokenCount": tokens}), tokens })
}

pub(super) fn v2(root: &Node<'_>, limits: &Limits) -> Parsed<Embedded> {
    let input = text(&root.need("inputText")?, limits)?;
    root.only(&["dimensions", "embeddingTypes", "inputText", "normalize"])?;
    root.get("normalize").map(|flag| flag.flag()).transpose()?;
    let (vector, tokens) = of_text(input, dimension(root.get("dimensions"), limits)?);
    let mut by_type = json!({});
    let types = root.get("embeddingTypes").map(|list| list.items()).transpose()?;
    for kind in types.unwrap_or_default() {
        match kind.choice(&["binary", "float"])? {
            "binary" => by_type["binary"] = vector.iter().map(|v| u8::from(*v > 0.0)).collect(),
            _ => by_type["float"] = json!(vector),
        }
    }
    if by_type.as_object().is_none_or(|types| types.is_empty()) {
        by_type["float"] = json!(vector);
    }
    let mut body = json!({"embeddingsByType": by_type, "inputTextTokenCount": tokens});
    if let Value::Array(float) = &body["embeddingsByType"]["float"] {
        body["embedding"] = Value::Array(float.clone());
    }
    Ok(Embedded { body, tokens })
}

pub(super) fn image(root: &Node<'_>, limits: &Limits) -> Parsed<Embedded> {
    root.only(&["embeddingConfig", "inputImage", "inputText"])?;
    let config = root.get("embeddingConfig");
    if let Some(config) = &config {
        config.only(&["outputEmbeddingLength"])?;
    }
    let length = config.and_then(|config| config.get("outputEmbeddingLength"));
    let dimension = dimension(length, limits)?;
    let input = root.get("inputText").map(|node| text(&node, limits)).transpose()?;
    let picture = root.get("inputImage").map(|node| decoded(&node)).transpose()?;
    let (vector, tokens) = match (input, picture) {
        (None, None) => return Err(root.fail("inputText or inputImage is required")),
        (Some(input), None) => of_text(input, dimension),
        (None, Some(picture)) => (of_bytes(&picture, dimension).0, 0),
        (Some(input), Some(picture)) => {
            let (words, tokens) = of_text(input, dimension);
            let seen = of_bytes(&picture, dimension).0;
            let middle = words.iter().zip(&seen).map(|(a, b)| (a + b) / 2.0);
            (middle.collect(), tokens)
        }
    };
    let body = json!({"embedding": vector, "inputTextTokenCount": tokens, "message": null});
    Ok(Embedded { body, tokens })
}
