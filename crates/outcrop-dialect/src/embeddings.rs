//! OpenAI Embeddings over the native bodies of Bedrock's embedding models.
//!
//! 1. Vectors keep the order of the inputs, however many calls they took.
//! 2. Floats are handed on digit for digit; base64 holds them as little-endian `f32`.
//! 3. Nothing is cut unless the caller says so (`truncate`).
//! 4. A family is a file: how it wants to be asked, and where it puts its vectors.

mod cohere;
mod input;
mod marengo;
mod nova;
mod titan_multimodal;
mod titan_text;
mod titan_v2;

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use outcrop_model::specialist::EmbeddingFamily as Family;
use outcrop_model::{EmbeddingCard, Fault, Ledger, Wares};
use serde_json::value::RawValue;

use crate::answer::Label;
use crate::bundle::{Bundle, Piece, Task, garbled, input_tokens};
use crate::fields::{Fields, alternatives};
use crate::write::JsonWriter;
use input::Input;

/// Most inputs of one request: OpenAI's own limit (API reference, checked 2026-11-21).
const MAX_INPUTS: usize = 2048;
/// The models' word for what all of them give.
const FLOAT: &str = "float";

/// A caller's request, read far enough to find its model.
#[derive(Debug)]
pub struct Request<'a> {
    pub model: Cow<'a, str>,
    inputs: Vec<Input<'a>>,
    encoding: Encoding,
    dimensions: Option<u32>,
    input_type: Option<Cow<'a, str>>,
    truncate: Option<Cow<'a, str>>,
    normalize: Option<bool>,
    user: bool,
    rest: Fields<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Float,
    Base64,
    /// Numbers from -128 to 127.
    Int8,
    /// A bit for each dimension, in numbers as the model packs them.
    Binary,
}

/// What a family is asked beside its inputs, in the model's own words.
#[derive(Debug)]
struct Wish<'c> {
    dimensions: Option<u32>,
    input_type: Option<&'c str>,
    truncate: Option<&'c str>,
    normalize: Option<bool>,
    encoding: Encoding,
    card: &'c EmbeddingCard,
}

/// The vectors of one answer, as written.
#[derive(Debug)]
struct Vectors<'a> {
    vectors: Vec<&'a RawValue>,
    input_tokens: Option<u64>,
}

#[derive(Debug)]
struct Gather {
    family: Family,
    encoding: Encoding,
    /// Inputs of each call.
    sizes: Vec<usize>,
}

/// Reads a request.
///
/// # Errors
/// Names the place of whatever is missing or malformed.
pub fn decode(body: &[u8]) -> Result<Request<'_>, Fault> {
    let mut fields = Fields::read(body)?;
    let model = fields.need_text("model", "Name the model to ask.")?;
    let inputs = input::read(fields.take("input"))?;
    if inputs.len() > MAX_INPUTS {
        let message =
            format!("must not hold more than {MAX_INPUTS} texts; it holds {}.", inputs.len());
        return Err(Fault::invalid("input", message));
    }
    let encoding = match fields.text("encoding_format")?.as_deref() {
        None | Some("float") => Encoding::Float,
        Some("base64") => Encoding::Base64,
        Some("int8") => Encoding::Int8,
        Some("binary") => Encoding::Binary,
        Some(_) => {
            let message = "must be float or base64; with some models int8 or binary.";
            return Err(Fault::invalid("encoding_format", message));
        }
    };
    Ok(Request {
        model,
        inputs,
        encoding,
        dimensions: fields.get("dimensions")?,
        input_type: fields.text("input_type")?,
        truncate: fields.text("truncate")?,
        normalize: fields.get("normalize")?,
        user: fields.take("user").is_some(),
        rest: fields,
    })
}

/// Plans the calls for a model.
///
/// # Errors
/// When the model cannot give what is asked.
pub fn plan(
    request: Request<'_>,
    card: &EmbeddingCard,
    ledger: &mut Ledger,
) -> Result<Bundle, Fault> {
    let Request {
        model,
        inputs,
        encoding,
        dimensions,
        input_type,
        truncate,
        normalize,
        user,
        rest,
    } = request;
    input::check(&inputs, card)?;
    check_encoding(encoding, card)?;
    let wish = Wish {
        dimensions: wished_dimensions(dimensions, card)?,
        input_type: wished_type(input_type.as_deref(), card, ledger)?,
        truncate: wished_cut(truncate.as_deref(), card, ledger)?,
        normalize: normalize.filter(|_| card.normalize),
        encoding,
        card,
    };
    if normalize.is_some() && !card.normalize {
        ledger.dropped("normalize", "this model takes no such setting");
    }
    if user {
        ledger.dropped("user", "embedding models of Bedrock take none");
    }
    rest.drop_rest(ledger);
    let runs = input::runs(&inputs, card.batch);
    let calls = runs.iter().map(|run| encode(&inputs[run.clone()], &wish)).collect();
    let sizes = runs.iter().map(Range::len).collect();
    let task = Box::new(Gather { family: card.family, encoding, sizes });
    let image_inputs = inputs.iter().filter(|input| matches!(input, Input::Image { .. })).count();
    let wares = Wares {
        image_inputs: image_inputs as u64,
        queries: (inputs.len() - image_inputs) as u64,
        ..Wares::default()
    };
    Ok(Bundle { model: model.into_owned(), calls, wares, task })
}

fn check_encoding(encoding: Encoding, card: &EmbeddingCard) -> Result<(), Fault> {
    let word = encoding.word();
    if word == FLOAT || card.encodings.iter().any(|known| known == word) {
        return Ok(());
    }
    let known = ["float", "base64"].into_iter().chain(card.encodings.iter().map(String::as_str));
    let message = format!("must be {} with this model.", alternatives(known));
    Err(Fault::invalid("encoding_format", message))
}

fn wished_dimensions(asked: Option<u32>, card: &EmbeddingCard) -> Result<Option<u32>, Fault> {
    let Some(asked) = asked else { return Ok(None) };
    if !card.dimensions.contains(&asked) {
        let message = format!("must be {} with this model.", alternatives(&card.dimensions));
        return Err(Fault::invalid("dimensions", message));
    }
    Ok((card.dimensions.len() > 1).then_some(asked))
}

/// The model's word for what the vectors are for.
fn wished_type<'c>(
    asked: Option<&str>,
    card: &'c EmbeddingCard,
    ledger: &mut Ledger,
) -> Result<Option<&'c str>, Fault> {
    let types = &card.input_types;
    if asked.is_some() && types.is_empty() {
        ledger.dropped("input_type", "this model makes no difference");
        return Ok(None);
    }
    let Some(word) = asked.or(card.input_type.as_deref()) else { return Ok(None) };
    match types.get(&word.to_ascii_lowercase()) {
        Some(theirs) => Ok(Some(theirs)),
        None => {
            let message = format!("must be {} with this model.", alternatives(types.keys()));
            Err(Fault::invalid("input_type", message))
        }
    }
}

/// The model's word for what is cut off a text that is too long.
fn wished_cut<'c>(
    asked: Option<&str>,
    card: &'c EmbeddingCard,
    ledger: &mut Ledger,
) -> Result<Option<&'c str>, Fault> {
    let Some(asked) = asked else { return Ok(None) };
    let index = match asked.to_ascii_lowercase().as_str() {
        "none" => 0,
        "start" => 1,
        "end" => 2,
        _ => return Err(Fault::invalid("truncate", "must be NONE, START or END.")),
    };
    match card.truncate.get(index).map(String::as_str) {
        None if index == 0 => Ok(None),
        None => {
            ledger.dropped("truncate", "this model takes no such setting");
            Ok(None)
        }
        Some("") => Err(Fault::invalid("truncate", "must be NONE or END with this model.")),
        Some(word) => Ok(Some(word)),
    }
}

/// The body of one call.
fn encode(inputs: &[Input<'_>], wish: &Wish<'_>) -> Bytes {
    let mut body = Vec::with_capacity(256 + inputs.iter().map(Input::len).sum::<usize>());
    let mut w = JsonWriter::new(&mut body);
    w.open_object();
    match wish.card.family {
        Family::TitanText => titan_text::encode(inputs, &mut w),
        Family::TitanV2 => titan_v2::encode(inputs, wish, &mut w),
        Family::TitanMultimodal => titan_multimodal::encode(inputs, wish, &mut w),
        Family::Cohere => cohere::encode(inputs, wish, &mut w),
        Family::Nova => nova::encode(inputs, wish, &mut w),
        Family::MarengoFlat => marengo::encode_flat(inputs, wish, &mut w),
        Family::MarengoNested => marengo::encode_nested(inputs, &mut w),
    }
    w.close_object();
    body.into()
}

// === impl Gather ===

impl Task for Gather {
    fn read(&self, call: usize, body: &[u8]) -> Result<Piece, Fault> {
        let fields = Fields::read(body).map_err(|fault| garbled(fault.to_string()))?;
        let read = match self.family {
            Family::TitanText => titan_text::read(fields),
            Family::TitanV2 => titan_v2::read(fields, self.encoding),
            Family::TitanMultimodal => titan_multimodal::read(fields),
            Family::Cohere => cohere::read(fields, self.encoding),
            Family::Nova => nova::read(fields),
            Family::MarengoFlat | Family::MarengoNested => marengo::read(fields),
        };
        // Faults of reading name places in the model's answer, not in the caller's body.
        let Vectors { vectors, input_tokens } = read.map_err(|fault| match fault.param {
            Some(_) => garbled(fault.to_string()),
            None => fault,
        })?;
        let due = self.sizes.get(call).copied().unwrap_or_default();
        if vectors.len() != due {
            return Err(garbled(format!("{} vectors for {due} inputs", vectors.len())));
        }
        let items = vectors.into_iter().map(|raw| self.encoding.write(raw));
        Ok(Piece { items: items.collect::<Result<_, _>>()?, input_tokens, withheld: None })
    }

    fn write(
        &self,
        pieces: &[Piece],
        label: &Label,
        ledger: &mut Ledger,
    ) -> Result<Vec<u8>, Fault> {
        let size = pieces.iter().flat_map(|p| &p.items).map(|item| item.len() + 64).sum::<usize>();
        let mut body = Vec::with_capacity(size + 256);
        let mut w = JsonWriter::new(&mut body);
        w.open_object();
        w.member_str("object", "list");
        w.key("data");
        w.open_array();
        for (index, item) in pieces.iter().flat_map(|piece| &piece.items).enumerate() {
            w.open_object();
            w.member_str("object", "embedding");
            w.member_u64("index", index as u64);
            w.key("embedding");
            w.raw_bytes(item);
            w.close_object();
        }
        w.close_array();
        w.member_str("model", &label.model);
        if pieces.iter().any(|piece| piece.input_tokens.is_none()) {
            ledger.approximated("usage", "Bedrock did not tell the tokens of every input");
        }
        let tokens = input_tokens(pieces).unwrap_or_default();
        w.key("usage");
        w.open_object();
        w.member_u64("prompt_tokens", tokens);
        w.member_u64("total_tokens", tokens);
        w.close_object();
        w.close_object();
        Ok(body)
    }
}

// === impl Encoding ===

impl Encoding {
    /// The models' word for what they are to give.
    fn word(self) -> &'static str {
        match self {
            Self::Float | Self::Base64 => FLOAT,
            Self::Int8 => "int8",
            Self::Binary => "binary",
        }
    }

    /// One vector as the caller wants it.
    fn write(self, raw: &RawValue) -> Result<Vec<u8>, Fault> {
        let floats: Vec<f32> =
            serde_json::from_str(raw.get()).map_err(|e| garbled(e.to_string()))?;
        if floats.is_empty() {
            return Err(garbled("an empty vector"));
        }
        match self {
            Self::Float | Self::Int8 | Self::Binary => return Ok(raw.get().as_bytes().to_vec()),
            Self::Base64 => {}
        }
        let bytes: Vec<u8> = floats.iter().flat_map(|float| float.to_le_bytes()).collect();
        let mut item = Vec::with_capacity(bytes.len() * 4 / 3 + 8);
        JsonWriter::new(&mut item).base64(&bytes);
        Ok(item)
    }
}
