//! Titan Image Generator and Nova Canvas: task `TEXT_IMAGE`, several pictures a call.
//!
//! Pictures that the filter held back are missing from `images`; `error` then says why.

use outcrop_model::Fault;

use super::size::Shape;
use super::{Pictures, Wish, filtered, images};
use crate::fields::Fields;
use crate::write::JsonWriter;

pub(super) fn encode(wish: &Wish<'_>, w: &mut JsonWriter<'_>) {
    w.member_str("taskType", "TEXT_IMAGE");
    w.key("textToImageParams");
    w.open_object();
    w.member_str("text", wish.prompt);
    if let Some(negative) = wish.negative {
        w.member_str("negativeText", negative);
    }
    w.close_object();
    w.key("imageGenerationConfig");
    w.open_object();
    w.member_u64("numberOfImages", wish.count);
    if let Some(Shape::Pixels(size)) = &wish.shape {
        w.member_u64("width", size.width);
        w.member_u64("height", size.height);
    }
    if let Some(quality) = wish.quality {
        w.member_str("quality", quality);
    }
    if let Some(seed) = wish.seed {
        w.member_u64("seed", seed);
    }
    w.close_object();
}

pub(super) fn read(mut answer: Fields<'_>) -> Result<Pictures<'_>, Fault> {
    let error = answer.text("error")?.filter(|error| !error.is_empty());
    Ok(Pictures { images: images(&mut answer)?, withheld: error.map(|error| filtered(&error)) })
}
