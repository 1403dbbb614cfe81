//! OpenAI image generation over the native bodies of Bedrock's image models.
//!
//! 1. Pictures come back as base64; nothing is stored, so there is no address to give.
//! 2. What a model's filter held back is an error, or a reported loss when other pictures passed.
//! 3. A wish for a seed is the first call's; further calls count on, so that pictures differ.

mod amazon;
mod size;
mod stability;

use std::borrow::Cow;

use outcrop_model::json::{Str, parse_raw};
use outcrop_model::specialist::ImageFamily as Family;
use outcrop_model::{ErrorClass, Fault, ImageCard, Ledger, Phase, Quality, Wares};
use serde_json::value::RawValue;

use crate::answer::Label;
use crate::bundle::{Bundle, Piece, Task, garbled};
use crate::fields::{Fields, alternatives};
use crate::write::JsonWriter;
use size::{Shape, Size};

/// Most pictures of one request: OpenAI's own limit (API reference, checked 2026-11-21).
const MAX_IMAGES: u64 = 10;

/// Where seeds of further calls begin when the caller names none and the model's own is always the same
/// (12 or 42): far enough from those that no picture comes twice.
const OWN_SEED: u64 = 1000;

const PREMIUM: &str = "premium";

/// A caller's request, read far enough to find its model.
#[derive(Debug)]
pub struct Request<'a> {
    pub model: Cow<'a, str>,
    prompt: Cow<'a, str>,
    negative: Option<Cow<'a, str>>,
    count: u64,
    size: Option<Size>,
    quality: Option<Cow<'a, str>>,
    format: Option<Cow<'a, str>>,
    seed: Option<u64>,
    rest: Fields<'a>,
}

/// One call in the model's own terms.
#[derive(Debug)]
struct Wish<'a> {
    prompt: &'a str,
    negative: Option<&'a str>,
    count: u64,
    shape: Option<Shape<'a>>,
    /// `standard` or `premium`.
    quality: Option<&'static str>,
    format: Option<&'a str>,
    seed: Option<u64>,
}

#[derive(Debug)]
struct Gallery {
    family: Family,
    /// Pictures of each call.
    counts: Vec<u64>,
}

/// What an answer holds.
#[derive(Debug)]
struct Pictures<'a> {
    /// Base64 strings as written.
    images: Vec<&'a RawValue>,
    /// What the model says of those that are missing.
    withheld: Option<Fault>,
}

/// Reads a request.
///
/// # Errors
/// Names the place of whatever is missing or malformed.
pub fn decode(body: &[u8]) -> Result<Request<'_>, Fault> {
    let mut fields = Fields::read(body)?;
    let model = fields.need_text("model", "Name the model to ask.")?;
    let prompt = fields.need_text("prompt", "Say what to draw.")?;
    let count = fields.get("n")?.unwrap_or(1);
    if !(1..=MAX_IMAGES).contains(&count) {
        return Err(Fault::invalid("n", format!("must be from 1 to {MAX_IMAGES}.")));
    }
    match fields.text("response_format")?.as_deref() {
        None | Some("b64_json") => {}
        Some("url") => {
            let mend = "cannot be url: nothing is stored here that an address could lead to. Ask for b64_json.";
            return Err(Fault::invalid("response_format", mend));
        }
        Some(_) => return Err(Fault::invalid("response_format", "must be b64_json.")),
    }
    if fields.get("stream")? == Some(true) {
        return Err(Fault::invalid("stream", "must be false: pictures come whole."));
    }
    Ok(Request {
        model,
        prompt,
        count,
        size: size::read(fields.text("size")?.as_deref())?,
        quality: fields.text("quality")?.filter(|word| word != "auto"),
        format: fields.text("output_format")?,
        seed: fields.get("seed")?,
        negative: fields.text("negative_prompt")?.filter(|text| !text.is_empty()),
        rest: fields,
    })
}

/// Plans the calls for a model.
///
/// # Errors
/// When the model cannot give what is asked.
pub fn plan(request: Request<'_>, card: &ImageCard, ledger: &mut Ledger) -> Result<Bundle, Fault> {
    for (key, text) in
        [("prompt", Some(&request.prompt)), ("negative_prompt", request.negative.as_ref())]
    {
        if text.is_some_and(|text| text.chars().count() > card.max_prompt) {
            let most = card.max_prompt;
            let message = format!("must not be longer than {most} characters with this model.");
            return Err(Fault::invalid(key, message));
        }
    }
    let mut wish = Wish {
        prompt: &request.prompt,
        negative: request.negative.as_deref(),
        count: 0,
        shape: size::shape(request.size, card, ledger)?,
        quality: wished_quality(request.quality.as_deref(), card, ledger)?,
        format: wished_format(request.format.as_deref(), card)?,
        seed: None,
    };
    let wares = wares(&wish, request.count, card);
    let counts = divided(request.count, card.per_call);
    if request.seed.is_some() && counts.len() > 1 {
        ledger.approximated("seed", "one seed a call: further calls get higher ones");
    }
    let mut calls = Vec::with_capacity(counts.len());
    for (index, count) in counts.iter().enumerate() {
        wish.count = *count;
        // Models count upwards within a call, so a further call begins where the last one ended.
        let before = counts[..index].iter().sum();
        let own = (card.fixed_seed && index > 0).then_some(OWN_SEED);
        wish.seed = request.seed.or(own).map(|seed| seed.saturating_add(before));
        calls.push(encode(&wish, card.family).into());
    }
    drop_rest(request.rest, ledger);
    let task = Box::new(Gallery { family: card.family, counts });
    Ok(Bundle { model: request.model.into_owned(), calls, wares, task })
}

/// What bears on the price of each picture.
fn wares(wish: &Wish<'_>, images: u64, card: &ImageCard) -> Wares {
    let pixels = match &wish.shape {
        Some(Shape::Pixels(size)) => size.width.saturating_mul(size.height),
        Some(Shape::Ratio(_)) | None => card.default_pixels,
    };
    let quality = if wish.quality == Some(PREMIUM) { Quality::Premium } else { Quality::Standard };
    Wares { images, pixels, quality, ..Wares::default() }
}

/// Accounts for the rest; what asks for nothing beyond the usual is no loss.
fn drop_rest(mut rest: Fields<'_>, ledger: &mut Ledger) {
    for key in ["background", "moderation"] {
        if rest.take(key).is_some_and(|raw| raw.get() != "\"auto\"") {
            ledger.dropped(key, "models on Bedrock take no such setting");
        }
    }
    rest.drop_rest(ledger);
}

/// The model's word for the quality.
fn wished_quality(
    asked: Option<&str>,
    card: &ImageCard,
    ledger: &mut Ledger,
) -> Result<Option<&'static str>, Fault> {
    let Some(asked) = asked else { return Ok(None) };
    let (word, exact) = match asked {
        "standard" => ("standard", true),
        "premium" | "hd" | "high" => (PREMIUM, true),
        "low" | "medium" => ("standard", false),
        _ => {
            let message = "must be auto, standard, hd, low, medium, high or premium.";
            return Err(Fault::invalid("quality", message));
        }
    };
    if !card.quality {
        ledger.dropped("quality", "this model has but one");
        return Ok(None);
    }
    if !exact {
        ledger.approximated("quality", "this model knows standard and premium");
    }
    Ok(Some(word))
}

fn wished_format<'a>(asked: Option<&'a str>, card: &ImageCard) -> Result<Option<&'a str>, Fault> {
    match asked {
        Some(word) if !card.formats.iter().any(|format| format == word) => {
            let message = format!("must be {} with this model.", alternatives(&card.formats));
            Err(Fault::invalid("output_format", message))
        }
        Some(word) if card.formats.len() > 1 => Ok(Some(word)),
        Some(_) | None => Ok(None),
    }
}

/// How many pictures each call is asked for.
fn divided(count: u64, per_call: u64) -> Vec<u64> {
    let per_call = per_call.max(1);
    (0..count.div_ceil(per_call)).map(|call| per_call.min(count - call * per_call)).collect()
}

/// The body of one call.
fn encode(wish: &Wish<'_>, family: Family) -> Vec<u8> {
    let mut body = Vec::with_capacity(256 + wish.prompt.len());
    let mut w = JsonWriter::new(&mut body);
    w.open_object();
    match family {
        Family::Amazon => amazon::encode(wish, &mut w),
        Family::Stability => stability::encode(wish, &mut w),
    }
    w.close_object();
    body
}

/// A picture that the model's filter held back.
fn filtered(message: &str) -> Fault {
    let said = outcrop_model::scrub::scrub(message);
    Fault::new(ErrorClass::ContentFiltered, Phase::BeforeCommit, said)
}

/// The list of base64 strings under `images`.
fn images<'a>(answer: &mut Fields<'a>) -> Result<Vec<&'a RawValue>, Fault> {
    let images = answer.take("images").map(|raw| parse_raw(raw, "images")).transpose()?;
    Ok(images.unwrap_or_default())
}

// === impl Gallery ===

impl Gallery {
    fn pictures<'a>(&self, body: &'a [u8]) -> Result<Pictures<'a>, Fault> {
        let answer = Fields::read(body)?;
        match self.family {
            Family::Amazon => amazon::read(answer),
            Family::Stability => stability::read(answer),
        }
    }
}

impl Task for Gallery {
    fn read(&self, call: usize, body: &[u8]) -> Result<Piece, Fault> {
        // Faults of reading name places in the model's answer, not in the caller's body.
        let Pictures { images, withheld } =
            self.pictures(body).map_err(|fault| match fault.param {
                Some(_) => garbled(fault.to_string()),
                None => fault,
            })?;
        let due = self.counts.get(call).copied().unwrap_or_default();
        match &withheld {
            None if images.len() as u64 != due => {
                return Err(garbled(format!("{} pictures instead of {due}", images.len())));
            }
            Some(_) | None => {}
        }
        let items = images.into_iter().map(item).collect::<Result<_, Fault>>()?;
        Ok(Piece { items, input_tokens: None, withheld })
    }

    fn write(
        &self,
        pieces: &[Piece],
        label: &Label,
        ledger: &mut Ledger,
    ) -> Result<Vec<u8>, Fault> {
        let given = pieces.iter().map(|piece| piece.items.len() as u64).sum::<u64>();
        let due = self.counts.iter().sum::<u64>();
        if given < due {
            let reason = pieces.iter().find_map(|piece| piece.withheld.as_ref());
            if let Some(fault) = reason.filter(|_| given == 0) {
                return Err(fault.clone());
            }
            let why = format!("the model's filter held back {} of {due} pictures", due - given);
            ledger.approximated("n", why);
        }
        let size = pieces.iter().flat_map(|p| &p.items).map(Vec::len).sum::<usize>();
        let mut body = Vec::with_capacity(size + 128);
        let mut w = JsonWriter::new(&mut body);
        w.open_object();
        w.member_u64("created", label.created);
        w.key("data");
        w.open_array();
        for item in pieces.iter().flat_map(|piece| &piece.items) {
            w.raw_bytes(item);
        }
        w.close_array();
        w.close_object();
        Ok(body)
    }
}

/// `{"b64_json"}` around a base64 string.
fn item(raw: &RawValue) -> Result<Vec<u8>, Fault> {
    let Str(base64) = parse_raw(raw, "images").map_err(|fault| garbled(fault.to_string()))?;
    let is_base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    if base64.is_empty() || !base64.bytes().all(is_base64) {
        return Err(garbled("a picture that is not base64"));
    }
    let mut item = Vec::with_capacity(base64.len() + 16);
    let mut w = JsonWriter::new(&mut item);
    w.open_object();
    w.member_str("b64_json", &base64);
    w.close_object();
    Ok(item)
}
