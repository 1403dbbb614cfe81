//! Bodies of embedding models, and the vectors they get.
//!
//! 1. A vector depends on its input alone. Each word (or each picture) has a direction of its own, a text
//!    is the sum of its words, and vectors have length 1: texts that share words are closer.
//! 2. Bodies are read strictly: a member that the family does not know is refused.

mod cohere;
mod marengo;
mod nova;
mod titan;

use serde::Deserialize;
use serde_json::Value;

use super::reader::{Node, Parsed, Voice};
use crate::tokens;

/// What a picture costs in tokens, whatever its size.
const PER_IMAGE: u64 = 256;

/// The limits of one embedding model.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Limits {
    /// Lengths of vectors; the last one is the default.
    pub(crate) dimensions: Vec<u32>,
    /// Longest text in characters.
    pub(crate) max_chars: Option<usize>,
    /// The model's words for what is cut off long texts.
    #[serde(default)]
    pub(crate) truncate: Vec<String>,
}

/// An answer with the tokens it cost.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Embedded {
    pub(crate) body: Value,
    pub(crate) tokens: u64,
}

/// Answers a body of an embedding family; `None` for any other family. The error is the message of the
/// `ValidationException`.
pub(crate) fn answer(family: &str, limits: &Limits, body: &Value) -> Option<Parsed<Embedded>> {
    let root = Node::root(body, Voice::Schema);
    Some(match family {
        "titan-embed-g1" => titan::g1(&root, limits),
        "titan-embed-v2" => titan::v2(&root, limits),
        "titan-embed-image" => titan::image(&root, limits),
        "cohere-embed" => cohere::answer(&root, limits),
        "nova-embed" => nova::answer(&root, limits),
        "marengo-embed-2" => marengo::flat(&root, limits),
        "marengo-embed-3" => marengo::nested(&root, limits),
        _ => return None,
    })
}

/// A text within the limits.
fn text<'a>(node: &Node<'a>, limits: &Limits) -> Parsed<&'a str> {
    let text = node.text()?;
    let length = text.chars().count();
    if length == 0 {
        return Err(node.fail("expected minLength: 1, actual: 0"));
    }
    match limits.max_chars.filter(|most| length > *most) {
        Some(most) => Err(node.fail(&format!("expected maxLength: {most}, actual: {length}"))),
        None => Ok(text),
    }
}

/// The length of vectors that is asked for, or the default.
fn dimension(node: Option<Node<'_>>, limits: &Limits) -> Parsed<u32> {
    let default = limits.dimensions.last().copied().unwrap_or(1);
    let Some(node) = node else { return Ok(default) };
    let asked = node.integer()?;
    match u32::try_from(asked).ok().filter(|asked| limits.dimensions.contains(asked)) {
        Some(asked) => Ok(asked),
        None => Err(node.fail(&format!("{asked} is not a valid enum value"))),
    }
}

/// The vector of a text, and its tokens.
fn of_text(text: &str, dimension: u32) -> (Vec<f32>, u64) {
    let lower = text.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let seeds: Vec<u64> = match words.is_empty() {
        true => vec![seed(text.as_bytes())],
        false => words.iter().map(|word| seed(word.as_bytes())).collect(),
    };
    (sum(&seeds, dimension), tokens::count(text))
}

/// The vector of a picture, and its tokens.
fn of_bytes(bytes: &[u8], dimension: u32) -> (Vec<f32>, u64) {
    (sum(&[seed(bytes)], dimension), PER_IMAGE)
}

/// FNV-1a.
fn seed(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix)
}

/// The directions of all seeds, added up and brought to length 1.
fn sum(seeds: &[u64], dimension: u32) -> Vec<f32> {
    let mut vector = vec![0_f64; dimension as usize];
    for seed in seeds {
        let mut state = seed | 1;
        for value in &mut vector {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *value += (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
        }
    }
    let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
    vector.into_iter().map(|value| (value / length) as f32).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    pub(super) fn limits() -> Limits {
        Limits {
            dimensions: vec![256, 1024],
            max_chars: Some(20),
            truncate: vec!["NONE".into(), "END".into()],
        }
    }

    /// The answer's body and tokens, or the refusal.
    pub(super) fn ask(family: &str, body: Value) -> Parsed<Embedded> {
        answer(family, &limits(), &body).unwrap()
    }

    fn cosine(a: &str, b: &str) -> f32 {
        let (a, b) = (of_text(a, 512).0, of_text(b, 512).0);
        a.iter().zip(&b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn shared_words_bring_texts_closer() {
        let same = cosine("the red fox", "the red fox");
        let near = cosine("the red fox", "The red hen!");
        let far = cosine("the red fox", "quarterly tax report");
        assert!((same - 1.0).abs() < 1e-5, "{same}");
        assert!(near > 0.4 && far < 0.3 && near > far, "{near} {far}");
        assert!((cosine("!!", "!!") - 1.0).abs() < 1e-5);
    }

    #[test]
    fn other_families_are_none_of_its_business() {
        assert!(answer("nova", &limits(), &json!({})).is_none());
    }

    #[test]
    fn every_family_is_strict() {
        for (family, body, place) in [
            (
                "titan-embed-g1",
                json!({"inputText": "a", "dimensions": 256}),
                "extraneous key [dimensions]",
            ),
            ("titan-embed-v2", json!({"inputText": "a", "dimensions": 300}), "#/dimensions: 300"),
            ("titan-embed-v2", json!({"inputText": ""}), "#/inputText: expected minLength: 1"),
            (
                "titan-embed-v2",
                json!({"inputText": "aaaaaaaaaaaaaaaaaaaaa"}),
                "maxLength: 20, actual: 21",
            ),
            ("titan-embed-v2", json!({}), "required key [inputText]"),
            ("titan-embed-image", json!({}), "inputText or inputImage"),
            ("titan-embed-image", json!({"inputImage": "%"}), "#/inputImage"),
            ("cohere-embed", json!({"texts": ["a"]}), "required key [input_type]"),
            ("cohere-embed", json!({"texts": [], "input_type": "clustering"}), "minItems: 1"),
            ("cohere-embed", json!({"texts": ["a"], "input_type": "x"}), "#/input_type"),
            (
                "cohere-embed",
                json!({"texts": ["a"], "input_type": "clustering", "truncate": "LEFT"}),
                "#/truncate",
            ),
            (
                "nova-embed",
                json!({"taskType": "SINGLE_EMBEDDING"}),
                "required key [singleEmbeddingParams]",
            ),
            (
                "nova-embed",
                json!({"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {"embeddingPurpose": "GENERIC_INDEX"}}),
                "text or image",
            ),
            ("marengo-embed-2", json!({"inputType": "text"}), "required key [inputText]"),
            (
                "marengo-embed-3",
                json!({"inputType": "text", "inputText": "a"}),
                "extraneous key [inputText]",
            ),
        ] {
            let refusal = ask(family, body.clone()).unwrap_err();
            assert!(refusal.contains(place), "{family} {body}: {refusal}");
        }
    }

    #[test]
    fn more_texts_than_a_call_takes_are_refused() {
        let texts: Vec<&str> = vec!["a"; 97];
        let refusal = ask("cohere-embed", json!({"texts": texts, "input_type": "clustering"}));
        assert!(refusal.unwrap_err().contains("maxItems: 96, actual: 97"));
    }
}
