//! Cohere Embed v3 and v4: texts by the dozen, or one picture.

use serde_json::{Value, json};

use super::{Embedded, Limits, dimension, of_bytes, of_text, text};
use crate::native::media::decoded_url;
use crate::native::reader::{Node, Parsed};

const MOST_TEXTS: usize = 96;
const TYPES: [&str; 5] =
    ["classification", "clustering", "image", "search_document", "search_query"];
const MEMBERS: [&str; 7] = [
    "embedding_types",
    "images",
    "input_type",
    "max_tokens",
    "output_dimension",
    "texts",
    "truncate",
];

pub(super) fn answer(root: &Node<'_>, limits: &Limits) -> Parsed<Embedded> {
    let input_type = root.need("input_type")?.choice(&TYPES)?;
    root.only(&MEMBERS)?;
    if let Some(truncate) = root.get("truncate") {
        truncate.choice(&limits.truncate.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    let asked = root.get("output_dimension");
    if let Some(asked) = asked.as_ref().filter(|_| limits.dimensions.len() == 1) {
        return Err(asked.fail("output_dimension is not supported by this model"));
    }
    let dimension = dimension(asked, limits)?;
    let (vectors, tokens, texts) = match (root.get("texts"), root.get("images")) {
        (Some(texts), None) if input_type != "image" => of_texts(&texts, dimension, limits)?,
        (None, Some(images)) if input_type == "image" => of_images(&images, dimension)?,
        _ => return Err(root.fail("texts, or images with input_type image, are required")),
    };
    let body = match root.get("embedding_types") {
        None => json!({"response_type": "embeddings_floats", "embeddings": vectors}),
        Some(types) => {
            let mut by_type = json!({});
            for kind in types.items()? {
                let kind = kind.choice(&["binary", "float", "int8", "ubinary", "uint8"])?;
                by_type[kind] = vectors.iter().map(|vector| typed(kind, vector)).collect();
            }
            json!({"response_type": "embeddings_by_type", "embeddings": by_type})
        }
    };
    Ok(Embedded { body: with(body, texts), tokens })
}

/// A vector in numbers of another type; bits come eight in a number, the first one highest.
fn typed(kind: &str, vector: &[f32]) -> Value {
    // Beyond its range a number is the last one therein.
    let scaled = |value: &f32| (value * 127.0).round() as i8;
    let packed =
        |bits: &[f32]| bits.iter().fold(0_u8, |byte, bit| byte << 1 | u8::from(*bit > 0.0));
    match kind {
        "int8" => vector.iter().map(scaled).collect(),
        "uint8" => vector.iter().map(|value| scaled(value) as u8 ^ 0x80).collect(),
        "ubinary" => vector.chunks(8).map(packed).collect(),
        "binary" => vector.chunks(8).map(|bits| (packed(bits) ^ 0x80) as i8).collect(),
        _ => json!(vector),
    }
}

type Found = (Vec<Vec<f32>>, u64, Value);

fn of_texts(node: &Node<'_>, dimension: u32, limits: &Limits) -> Parsed<Found> {
    let items = node.items()?;
    match items.len() {
        0 => return Err(node.fail("expected minItems: 1, actual: 0")),
        many if many > MOST_TEXTS => {
            return Err(node.fail(&format!("expected maxItems: {MOST_TEXTS}, actual: {many}")));
        }
        _ => {}
    }
    let (mut vectors, mut tokens) = (Vec::with_capacity(items.len()), 0);
    for item in &items {
        let (vector, cost) = of_text(text(item, limits)?, dimension);
        vectors.push(vector);
        tokens += cost;
    }
    Ok((vectors, tokens, node.value().clone()))
}

fn of_images(node: &Node<'_>, dimension: u32) -> Parsed<Found> {
    let [image] = &node.items()?[..] else {
        return Err(node.fail("expected exactly one image"));
    };
    let (vector, tokens) = of_bytes(&decoded_url(image)?, dimension);
    Ok((vec![vector], tokens, Value::Null))
}

fn with(mut body: Value, texts: Value) -> Value {
    body["id"] = json!("5ec2f7a4-0000-4000-8000-000000000000");
    if !texts.is_null() {
        body["texts"] = texts;
    }
    body
}
