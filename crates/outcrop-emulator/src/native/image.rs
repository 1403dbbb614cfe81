//! Bodies of image models. A picture is stripes in two colours that the prompt and the seed decide: the same
//! request gets the same bytes, and the file has the size that was asked for.
//!
//! `filter:prompt` and `filter:output` in a prompt make the model's filter refuse, as each family says it.
//! Files are PNG whatever format is asked for.

mod amazon;
mod png;
mod stability;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::reader::{Node, Parsed, Voice};

/// In a prompt: the filter refuses it.
const BAD_PROMPT: &str = "filter:prompt";
/// In a prompt: the filter withholds the picture.
const BAD_OUTPUT: &str = "filter:output";

/// Answers a body of an image family; `None` for any other family. The error is the message of the
/// `ValidationException`. `chance` is the seed of a request that names none, where the family leaves it to chance.
pub(crate) fn answer(family: &str, body: &Value, chance: u64) -> Option<Parsed<Value>> {
    let root = Node::root(body, Voice::Schema);
    match family {
        "titan-image" => Some(amazon::answer(&root, &amazon::TITAN)),
        "nova-canvas" => Some(amazon::answer(&root, &amazon::CANVAS)),
        "stability" => Some(stability::answer(&root, chance)),
        _ => None,
    }
}

/// A prompt of at most `most` characters.
fn prompt<'a>(node: &Node<'a>, most: usize) -> Parsed<&'a str> {
    let text = node.text()?;
    match text.chars().count() {
        0 => Err(node.fail("expected minLength: 1, actual: 0")),
        length if length > most => {
            Err(node.fail(&format!("expected maxLength: {most}, actual: {length}")))
        }
        _ => Ok(text),
    }
}

/// A picture as base64.
fn drawn(prompt: &str, seed: u64, width: u32, height: u32) -> String {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = prompt.bytes().chain(seed.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, mix);
    STANDARD.encode(png::stripes(width, height, hash))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ask(family: &str, body: &Value) -> Parsed<Value> {
        answer(family, body, 7).unwrap()
    }

    fn canvas(config: &Value) -> Value {
        json!({"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "a fox"}, "imageGenerationConfig": config})
    }

    #[test]
    fn pictures_have_the_size_that_was_asked_for_and_differ() {
        let body = canvas(&json!({"width": 640, "height": 320, "numberOfImages": 2}));
        let answer = ask("nova-canvas", &body).unwrap();
        let [first, second] = &answer["images"].as_array().unwrap()[..] else { panic!("{answer}") };
        assert_ne!(first, second);
        let bytes = STANDARD.decode(first.as_str().unwrap()).unwrap();
        assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
        assert_eq!(&bytes[16..24], &[0, 0, 2, 128, 0, 0, 1, 64]);
        assert_eq!(ask("nova-canvas", &body).unwrap(), answer);
    }

    #[test]
    fn bodies_are_read_strictly() {
        let long = "a".repeat(513);
        for (family, body, place) in [
            ("titan-image", json!({}), "required key [taskType]"),
            ("titan-image", json!({"taskType": "TEXT_IMAGE"}), "required key [textToImageParams]"),
            (
                "titan-image",
                json!({"taskType": "TEXT_IMAGE", "textToImageParams": {"text": long}}),
                "maxLength: 512",
            ),
            ("titan-image", canvas(&json!({"width": 100, "height": 100})), "width"),
            (
                "nova-canvas",
                canvas(&json!({"width": 330, "height": 640})),
                "#/imageGenerationConfig/width",
            ),
            ("nova-canvas", canvas(&json!({"width": 4096, "height": 320})), "aspect"),
            ("nova-canvas", canvas(&json!({"width": 640})), "required key [height]"),
            ("nova-canvas", canvas(&json!({"numberOfImages": 6})), "numberOfImages"),
            ("nova-canvas", canvas(&json!({"quality": "hd"})), "quality"),
            ("nova-canvas", canvas(&json!({"n": 1})), "extraneous key [n]"),
            ("stability", json!({"prompt": "a", "size": "1x1"}), "extraneous key [size]"),
            ("stability", json!({"prompt": "a", "aspect_ratio": "7:5"}), "#/aspect_ratio"),
            ("stability", json!({}), "required key [prompt]"),
        ] {
            let refusal = ask(family, &body).unwrap_err();
            assert!(refusal.contains(place), "{family} {body}: {refusal}");
        }
        assert!(answer("nova", &json!({}), 7).is_none());
    }

    #[test]
    fn filters_refuse_in_each_familys_words() {
        let body =
            |text: &str| json!({"taskType": "TEXT_IMAGE", "textToImageParams": {"text": text}});
        assert!(ask("titan-image", &body(BAD_PROMPT)).unwrap_err().contains("content filters"));
        let answer = ask("nova-canvas", &body(BAD_OUTPUT)).unwrap();
        assert!(answer["images"].as_array().unwrap().is_empty() && answer["error"].is_string());
        let answer = ask("stability", &json!({"prompt": BAD_OUTPUT})).unwrap();
        assert_eq!(answer["finish_reasons"], json!(["Filter reason: output image"]));
    }
}
