//! Stability's SD3.5 Large, Core and Ultra: text to image, one picture a call.

use serde_json::{Value, json};

use super::{BAD_OUTPUT, BAD_PROMPT, drawn, prompt};
use crate::native::reader::{Node, Parsed};

const MEMBERS: [&str; 6] =
    ["aspect_ratio", "mode", "negative_prompt", "output_format", "prompt", "seed"];
const LONGEST_PROMPT: usize = 10_000;
/// Aspect ratios with the size that a picture then has.
const RATIOS: [(&str, u32, u32); 9] = [
    ("1:1", 1024, 1024),
    ("16:9", 1344, 768),
    ("21:9", 1536, 640),
    ("2:3", 832, 1216),
    ("3:2", 1216, 832),
    ("4:5", 896, 1088),
    ("5:4", 1088, 896),
    ("9:16", 768, 1344),
    ("9:21", 640, 1536),
];

pub(super) fn answer(root: &Node<'_>, chance: u64) -> Parsed<Value> {
    let text = prompt(&root.need("prompt")?, LONGEST_PROMPT)?;
    root.only(&MEMBERS)?;
    root.get("negative_prompt").map(|node| prompt(&node, LONGEST_PROMPT)).transpose()?;
    root.get("mode").map(|mode| mode.choice(&["text-to-image"])).transpose()?;
    root.get("output_format").map(|word| word.choice(&["jpeg", "png"])).transpose()?;
    let names: Vec<&str> = RATIOS.iter().map(|row| row.0).collect();
    let asked = root.get("aspect_ratio").map(|ratio| ratio.choice(&names)).transpose()?;
    let row = RATIOS.iter().find(|row| Some(row.0) == asked).unwrap_or(&RATIOS[0]);
    let seed = root.get("seed").map(|seed| seed.at_least(0)).transpose()?;
    let seed = seed.map_or(chance, i64::unsigned_abs);
    let reason = match text {
        _ if text.contains(BAD_PROMPT) => Some("Filter reason: prompt"),
        _ if text.contains(BAD_OUTPUT) => Some("Filter reason: output image"),
        _ => None,
    };
    let images = match reason {
        Some(_) => Vec::new(),
        None => vec![drawn(text, seed, row.1, row.2)],
    };
    Ok(json!({"images": images, "seeds": [seed], "finish_reasons": [reason]}))
}
