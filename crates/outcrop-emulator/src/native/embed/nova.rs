//! Nova multimodal embeddings, the synchronous task.

use serde_json::json;

use super::{Embedded, Limits, dimension, of_bytes, of_text, text};
use crate::native::media::{decoded, image_format};
use crate::native::reader::{Node, Parsed};

const PURPOSES: [&str; 9] = [
    "AUDIO_RETRIEVAL",
    "CLASSIFICATION",
    "CLUSTERING",
    "DOCUMENT_RETRIEVAL",
    "GENERIC_INDEX",
    "GENERIC_RETRIEVAL",
    "IMAGE_RETRIEVAL",
    "TEXT_RETRIEVAL",
    "VIDEO_RETRIEVAL",
];

pub(super) fn answer(root: &Node<'_>, limits: &Limits) -> Parsed<Embedded> {
    root.need("taskType")?.choice(&["SINGLE_EMBEDDING"])?;
    let params = root.need("singleEmbeddingParams")?;
    root.only(&["schemaVersion", "singleEmbeddingParams", "taskType"])?;
    if let Some(schema) = root.get("schemaVersion") {
        schema.choice(&["nova-multimodal-embed-v1"])?;
    }
    params.need("embeddingPurpose")?.choice(&PURPOSES)?;
    params.only(&["embeddingDimension", "embeddingPurpose", "image", "text"])?;
    let dimension = dimension(params.get("embeddingDimension"), limits)?;
    let (kind, (vector, tokens)) = match (params.get("text"), params.get("image")) {
        (Some(node), None) => ("TEXT", of_text(written(&node, limits)?, dimension)),
        (None, Some(node)) => ("IMAGE", of_bytes(&seen(&node)?, dimension)),
        _ => return Err(params.fail("exactly one of text or image is required")),
    };
    let body = json!({"embeddings": [{"embeddingType": kind, "embedding": vector}]});
    Ok(Embedded { body, tokens })
}

fn written<'a>(node: &Node<'a>, limits: &Limits) -> Parsed<&'a str> {
    node.need("truncationMode")?.choice(&["END", "NONE", "START"])?;
    node.only(&["truncationMode", "value"])?;
    text(&node.need("value")?, limits)
}

fn seen(node: &Node<'_>) -> Parsed<Vec<u8>> {
    let format = node.need("format")?;
    let named = format.choice(&["gif", "jpeg", "png", "webp"])?;
    node.only(&["detailLevel", "format", "source"])?;
    if let Some(detail) = node.get("detailLevel") {
        detail.choice(&["DOCUMENT_IMAGE", "STANDARD_IMAGE"])?;
    }
    let source = node.need("source")?;
    source.only(&["bytes"])?;
    let bytes = decoded(&source.need("bytes")?)?;
    match image_format(&bytes) {
        found if found == named => Ok(bytes),
        found => Err(format.fail(&format!("the image is {found}, not {named}"))),
    }
}
