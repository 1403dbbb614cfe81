//! The body as it stands on the wire, read to its top-level members.

use std::borrow::Cow;

use outcrop_model::Fault;
use outcrop_model::json::{Extra, Members, Str, parse_body, parse_raw};
use serde_json::value::RawValue;

use super::place::Place;
use super::recall::{Recalled, response_of};
use super::request::{Decoded, check, decode};
use super::{invalid, unsupported};
use crate::openai::{members, take, text};

const REFERENCE: &str = "item_reference";
const PREVIOUS: &str = "previous_response_id";

/// A request body, not yet decoded.
#[derive(Debug, Clone)]
pub struct Body<'a> {
    members: Extra<'a>,
    input: Input<'a>,
    /// The input as it was sent.
    raw_input: Option<&'a RawValue>,
    previous: Option<Cow<'a, str>>,
}

#[derive(Debug, Clone)]
enum Input<'a> {
    Absent,
    /// The raw JSON string.
    Text(&'a RawValue),
    Items(Vec<Sent<'a>>),
}

/// An item as sent.
#[derive(Debug, Clone)]
enum Sent<'a> {
    Whole(&'a RawValue),
    /// The id of an item of an earlier answer.
    Reference(Cow<'a, str>),
}

/// An item of the conversation.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item<'a> {
    /// The whole input as one raw string.
    Text(&'a RawValue),
    Object(Place, &'a RawValue),
}

/// A body with all that it refers to.
pub(super) struct Unfolded<'a> {
    pub members: Extra<'a>,
    pub items: Vec<Item<'a>>,
    pub previous: Option<Cow<'a, str>>,
    /// The input, if it refers to nothing.
    pub as_sent: Option<&'a RawValue>,
}

/// Whether a body that is no Chat Completions request was meant for this dialect.
pub fn is_meant(body: &[u8]) -> bool {
    let members: Result<Members<'_>, _> = serde_json::from_slice(body);
    members.is_ok_and(|m| m.get("messages").is_none() && m.get("input").is_some())
}

/// Decodes a body that can refer to nothing.
pub fn decode_alone(body: &[u8]) -> Result<Decoded<'_>, Fault> {
    const NOTHING: &Recalled = &Recalled(Vec::new());
    Body::read(body)?.decode(NOTHING)
}

// === impl Body ===

impl<'a> Body<'a> {
    pub fn read(body: &'a [u8]) -> Result<Self, Fault> {
        let Members(mut members) = parse_body(body)?;
        members.retain(|(_, raw)| raw.get() != "null");
        let raw_input = take(&mut members, "input");
        let input = match raw_input {
            None => Input::Absent,
            Some(raw) => read_input(raw)?,
        };
        let previous = take(&mut members, PREVIOUS).map(|raw| text(raw, PREVIOUS)).transpose()?;
        Ok(Self { members, input, raw_input, previous })
    }

    /// Ids of the kept answers that the request refers to.
    pub fn wanted(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.previous.iter().map(|id| id.to_string()).collect();
        if let Input::Items(items) = &self.input {
            let references = items.iter().filter_map(|item| match item {
                Sent::Whole(_) => None,
                // An id of another form is looked for in the answers themselves.
                Sent::Reference(id) => Some(response_of(id).unwrap_or_else(|| id.to_string())),
            });
            ids.extend(references);
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Model and streaming, if they can be read without looking further.
    pub fn head(&self) -> Option<(Cow<'a, str>, bool)> {
        let find = |name: &str| self.members.iter().find(|(key, _)| key == name);
        let Str(model) = serde_json::from_str(find("model")?.1.get()).ok()?;
        let stream = find("stream").map(|(_, raw)| serde_json::from_str(raw.get()));
        let stream = stream.transpose().ok()?.unwrap_or(false);
        (!model.trim().is_empty()).then_some((model, stream))
    }

    /// Decodes the request. A fault names the JSON path and what to do about it.
    pub fn decode(self, recalled: &'a Recalled) -> Result<Decoded<'a>, Fault> {
        let Unfolded { members, items, previous, as_sent: _ } = self.unfold(recalled)?;
        decode(members, items, previous)
    }

    /// Puts in what the request refers to.
    pub(super) fn unfold(self, recalled: &'a Recalled) -> Result<Unfolded<'a>, Fault> {
        let Self { members, input, raw_input, previous } = self;
        let refers = match &input {
            Input::Items(sent) => sent.iter().any(|item| matches!(item, Sent::Reference(_))),
            Input::Absent | Input::Text(_) => false,
        };
        let as_sent = raw_input.filter(|_| !refers && previous.is_none());
        check(&members)?;
        let mut items = Vec::new();
        if let Some(id) = &previous {
            let kept = recalled.response(id).ok_or_else(|| unknown_previous(id))?;
            let before = kept.conversation().into_iter();
            items.extend(before.map(|raw| Item::Object(Place::Recalled, raw)));
        }
        match input {
            Input::Absent if items.is_empty() => {
                let what = "is required: a string, or a list of at least one item.";
                return Err(invalid("input", what));
            }
            Input::Absent => {}
            Input::Text(raw) => items.push(Item::Text(raw)),
            Input::Items(sent) => {
                for (i, item) in (0..).zip(sent) {
                    items.push(Item::Object(Place::Input(i), resolve(item, i, recalled)?));
                }
            }
        }
        if items.is_empty() {
            return Err(invalid("input", "is empty; send a string or at least one item."));
        }
        Ok(Unfolded { members, items, previous, as_sent })
    }
}

fn read_input(raw: &RawValue) -> Result<Input<'_>, Fault> {
    match raw.get().as_bytes().first() {
        Some(b'"') => Ok(Input::Text(raw)),
        Some(b'[') => {
            let items: Vec<&RawValue> = parse_raw(raw, "input")?;
            let sent = (0..).zip(items).map(|(i, raw)| read_item(raw, i)).collect::<Result<_, _>>();
            Ok(Input::Items(sent?))
        }
        _ => Err(invalid("input", "must be a string or a list of items.")),
    }
}

fn read_item(raw: &RawValue, i: u32) -> Result<Sent<'_>, Fault> {
    // Most items are no references: only those that may be one are looked into.
    if memchr::memmem::find(raw.get().as_bytes(), REFERENCE.as_bytes()).is_none() {
        return Ok(Sent::Whole(raw));
    }
    let place = Place::Input(i);
    let mut item = members(raw, &place.at().to_string())?;
    let kind = take(&mut item, "type").map(|raw| text(raw, &place.key("type"))).transpose()?;
    if kind.as_deref() != Some(REFERENCE) {
        return Ok(Sent::Whole(raw));
    }
    match take(&mut item, "id") {
        Some(id) => Ok(Sent::Reference(text(id, &place.key("id"))?)),
        None => Err(invalid(place.key("id"), "is required: the item that is meant.")),
    }
}

fn resolve<'a>(item: Sent<'a>, i: u32, recalled: &'a Recalled) -> Result<&'a RawValue, Fault> {
    match item {
        Sent::Whole(raw) => Ok(raw),
        Sent::Reference(id) => recalled.item(&id).ok_or_else(|| {
            let what = format_args!(
                "refers to an item that is not kept here (`{id}`). Send the item itself; answers are kept for a while only, and not at all with `store: false`."
            );
            unsupported(Place::Input(i).key("id"), what)
        }),
    }
}

fn unknown_previous(id: &str) -> Fault {
    let message = format!(
        "Previous response with id '{id}' not found. Answers are kept for a while only, in the memory of one gateway; send the whole conversation as `input` instead."
    );
    let mut fault = Fault::invalid(PREVIOUS, message);
    fault.class = outcrop_model::ErrorClass::UnknownPrevious;
    fault
}
