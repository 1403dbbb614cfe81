//! Stability's SD3.5, Core and Ultra: one picture a call, an aspect ratio instead of a size.
//!
//! `finish_reasons` holds `null` for a picture that is as asked, else why it is not.

use outcrop_model::json::Str;
use outcrop_model::{ErrorClass, Fault, Phase};

use super::size::Shape;
use super::{Pictures, Wish, filtered, images};
use crate::fields::Fields;
use crate::write::JsonWriter;

pub(super) fn encode(wish: &Wish<'_>, w: &mut JsonWriter<'_>) {
    w.member_str("prompt", wish.prompt);
    if let Some(negative) = wish.negative {
        w.member_str("negative_prompt", negative);
    }
    if let Some(Shape::Ratio(ratio)) = &wish.shape {
        w.member_str("aspect_ratio", ratio);
    }
    if let Some(format) = wish.format {
        w.member_str("output_format", format);
    }
    if let Some(seed) = wish.seed {
        w.member_u64("seed", seed);
    }
}

pub(super) fn read(mut answer: Fields<'_>) -> Result<Pictures<'_>, Fault> {
    let reasons: Vec<Option<Str<'_>>> = answer.get("finish_reasons")?.unwrap_or_default();
    let reason = reasons.into_iter().flatten().map(|Str(reason)| reason).find(|r| !is_fine(r));
    match reason {
        // What stands under `images` is then no picture to show.
        Some(reason) => Ok(Pictures { images: Vec::new(), withheld: Some(withheld(&reason)) }),
        None => Ok(Pictures { images: images(&mut answer)?, withheld: None }),
    }
}

fn is_fine(reason: &str) -> bool {
    reason.is_empty() || reason.eq_ignore_ascii_case("success")
}

fn withheld(reason: &str) -> Fault {
    if reason.to_ascii_lowercase().contains("filter") {
        return filtered(reason);
    }
    let message = format!("The model gave no picture: {}.", outcrop_model::scrub::scrub(reason));
    Fault::new(ErrorClass::ModelFailed, Phase::BeforeCommit, message)
}
