//! Titan Image Generator and Nova Canvas: the task `TEXT_IMAGE`.

use serde_json::{Value, json};

use super::{BAD_OUTPUT, BAD_PROMPT, drawn, prompt};
use crate::native::reader::{Node, Parsed};

/// What the two models take.
pub(super) struct Rules {
    longest_prompt: usize,
    /// The sizes there are; any within Canvas's bounds when there is no list.
    sizes: &'static [(u32, u32)],
}

pub(super) const TITAN: Rules = Rules {
    longest_prompt: 512,
    sizes: &[
        (1024, 1024),
        (768, 768),
        (512, 512),
        (768, 1152),
        (384, 576),
        (1152, 768),
        (576, 384),
        (768, 1280),
        (384, 640),
        (1280, 768),
        (640, 384),
        (896, 1152),
        (448, 576),
        (1152, 896),
        (576, 448),
        (768, 1408),
        (384, 704),
        (1408, 768),
        (704, 384),
        (640, 1408),
        (320, 704),
        (1408, 640),
        (704, 320),
        (1152, 640),
        (1173, 640),
    ],
};
pub(super) const CANVAS: Rules = Rules { longest_prompt: 1024, sizes: &[] };

const CONFIG: [&str; 6] = ["cfgScale", "height", "numberOfImages", "quality", "seed", "width"];
const BLOCKED: &str = "This request has been blocked by our content filters. Our filters automatically flagged this prompt because it may conflict our AUP or AWS Responsible AI Policy. Please adjust your text prompt to submit a new request.";
const WITHHELD: &str = "All of the generated images have been blocked by our content filters because they may conflict our AUP or AWS Responsible AI Policy.";

pub(super) fn answer(root: &Node<'_>, rules: &Rules) -> Parsed<Value> {
    root.need("taskType")?.choice(&["TEXT_IMAGE"])?;
    let params = root.need("textToImageParams")?;
    root.only(&["imageGenerationConfig", "taskType", "textToImageParams"])?;
    let text = prompt(&params.need("text")?, rules.longest_prompt)?;
    params.only(&["negativeText", "text"])?;
    if let Some(negative) = params.get("negativeText") {
        prompt(&negative, rules.longest_prompt)?;
    }
    let config = root.get("imageGenerationConfig");
    let (mut count, mut seed, mut size) = (1, 12, (1024, 1024));
    if let Some(config) = &config {
        config.only(&CONFIG)?;
        count = bounded(config, "numberOfImages", 1, 5)?.unwrap_or(count);
        seed = bounded(config, "seed", 0, 2_147_483_646)?.unwrap_or(seed);
        size = self::size(config, rules)?.unwrap_or(size);
        config.get("cfgScale").map(|scale| scale.within(1.1, 10.0)).transpose()?;
        config.get("quality").map(|word| word.choice(&["premium", "standard"])).transpose()?;
    }
    if text.contains(BAD_PROMPT) {
        return Err(BLOCKED.to_owned());
    }
    if text.contains(BAD_OUTPUT) {
        return Ok(json!({"images": [], "error": WITHHELD}));
    }
    let images: Vec<String> =
        (0..count).map(|index| drawn(text, seed + index, size.0, size.1)).collect();
    Ok(json!({"images": images, "error": null}))
}

fn bounded(config: &Node<'_>, key: &str, low: i64, high: i64) -> Parsed<Option<u64>> {
    let Some(node) = config.get(key) else { return Ok(None) };
    let number = node.at_least(low)?;
    if number > high {
        return Err(node.fail(&format!("{number} is not less or equal to {high}")));
    }
    Ok(u64::try_from(number).ok())
}

fn size(config: &Node<'_>, rules: &Rules) -> Parsed<Option<(u32, u32)>> {
    if config.get("width").is_none() && config.get("height").is_none() {
        return Ok(None);
    }
    let (width, height) = (side(config, "width")?, side(config, "height")?);
    if !rules.sizes.is_empty() {
        return match rules.sizes.contains(&(width, height)) {
            true => Ok(Some((width, height))),
            false => Err(config.fail("the combination of width and height is not supported")),
        };
    }
    for (key, side) in [("width", width), ("height", height)] {
        if !(320..=4096).contains(&side) || side % 16 != 0 {
            return Err(config.need(key)?.fail("must be from 320 to 4096 in steps of 16"));
        }
    }
    if width > 4 * height || height > 4 * width {
        return Err(config.fail("the aspect ratio must be between 1:4 and 4:1"));
    }
    if u64::from(width) * u64::from(height) >= 4_194_304 {
        return Err(config.fail("the total pixel count must be less than 4194304"));
    }
    Ok(Some((width, height)))
}

fn side(config: &Node<'_>, key: &str) -> Parsed<u32> {
    let node = config.need(key)?;
    Ok(u32::try_from(node.at_least(1)?).unwrap_or(u32::MAX))
}
