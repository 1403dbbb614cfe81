//! `size` as a model takes it: pixels from a list, pixels within bounds, or an aspect ratio.

use outcrop_model::specialist::FreeSize;
use outcrop_model::{Fault, ImageCard, Ledger};

use crate::fields::alternatives;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub width: u64,
    pub height: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape<'c> {
    Pixels(Size),
    Ratio(&'c str),
}

/// Reads `1024x1024`; `auto` leaves it to the model.
pub(super) fn read(text: Option<&str>) -> Result<Option<Size>, Fault> {
    let Some(text) = text.filter(|text| *text != "auto") else { return Ok(None) };
    let parsed = text.split_once('x').and_then(|(width, height)| {
        Some(Size { width: width.parse().ok()?, height: height.parse().ok()? })
    });
    match parsed.filter(|size| size.width > 0 && size.height > 0) {
        Some(size) => Ok(Some(size)),
        None => Err(Fault::invalid("size", "must be auto or WIDTHxHEIGHT, e.g. 1024x1024.")),
    }
}

/// The size in the model's terms.
pub(super) fn shape<'c>(
    size: Option<Size>,
    card: &'c ImageCard,
    ledger: &mut Ledger,
) -> Result<Option<Shape<'c>>, Fault> {
    let Some(size) = size else { return Ok(None) };
    if let Some(bounds) = &card.free_size {
        return within(size, bounds).map(|()| Some(Shape::Pixels(size)));
    }
    if !card.ratios.is_empty() {
        return ratio(size, card, ledger).map(|ratio| Some(Shape::Ratio(ratio)));
    }
    let Size { width, height } = size;
    if card.sizes.contains(&format!("{width}x{height}")) {
        return Ok(Some(Shape::Pixels(size)));
    }
    let message = format!("must be {} with this model.", alternatives(&card.sizes));
    Err(Fault::invalid("size", message))
}

fn within(size: Size, bounds: &FreeSize) -> Result<(), Fault> {
    let FreeSize { min, max, step, max_ratio, max_pixels } = *bounds;
    let Size { width, height } = size;
    let side = |side: u64| (min..=max).contains(&side) && side.is_multiple_of(step.max(1));
    let slim =
        width <= height.saturating_mul(max_ratio) && height <= width.saturating_mul(max_ratio);
    if side(width) && side(height) && slim && width.saturating_mul(height) <= max_pixels {
        return Ok(());
    }
    let message = format!(
        "must have sides of {min} to {max} in steps of {step}, no more than {max_ratio}:1 apart and no more than {max_pixels} pixels, with this model."
    );
    Err(Fault::invalid("size", message))
}

/// The ratio that is exactly the size's own.
fn ratio<'c>(size: Size, card: &'c ImageCard, ledger: &mut Ledger) -> Result<&'c str, Fault> {
    let same = |ratio: &&String| {
        let sides = ratio.split_once(':');
        let sides = sides.and_then(|(w, h)| Some((w.parse::<u64>().ok()?, h.parse::<u64>().ok()?)));
        sides.is_some_and(|(w, h)| {
            size.width.checked_mul(h).is_some_and(|a| Some(a) == size.height.checked_mul(w))
        })
    };
    let Some(ratio) = card.ratios.iter().find(same) else {
        let ratios = alternatives(&card.ratios);
        let message = format!("must have an aspect ratio of {ratios} with this model.");
        return Err(Fault::invalid("size", message));
    };
    ledger.approximated("size", format!("this model takes an aspect ratio: {ratio}"));
    Ok(ratio)
}
