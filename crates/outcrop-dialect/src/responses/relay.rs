//! A Responses request as the model's own host takes it, and what is seen of its answer.
//!
//! 1. The host is to keep nothing: what the request refers to is put into it, `store` is false, and
//!    reasoning is asked for in its sealed form, so that the next request can hold it.
//! 2. All other members keep their bytes; what the carrier does not take goes, with a ledger entry.
//! 3. `response.completed` and `response.incomplete` are ends of a stream, and nothing else is.

use std::borrow::Cow;

use outcrop_model::json::{Extra, Members, Object, Str, next_str, parse_raw, skip};
use outcrop_model::scrub::scrub;
use outcrop_model::{
    Delta, ErrorClass, Event, Fault, Ledger, Opening, Phase, StopReason, Usage, read_as_object,
};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::body::{Body, Item, Unfolded};
use super::recall::Recalled;
use super::settings::Settings;
use super::{envelope, request};
use crate::openai;
use crate::relay::Toward;
use crate::relay::openai::{Change, body as write_body};
use crate::render::response_error;
use crate::write::JsonWriter;

/// What reasoning must be asked for by, to be had back.
const ENCRYPTED: &str = "\"reasoning.encrypted_content\"";

/// Writes the body, and keeps what the answer will be kept with.
pub(crate) fn relay<'a>(
    body: Body<'a>,
    recalled: &'a Recalled,
    model: &str,
    to: Toward<'_>,
    ledger: &mut Ledger,
) -> Result<(Vec<u8>, Settings), Fault> {
    let Unfolded { mut members, mut items, previous, as_sent } = body.unfold(recalled)?;
    request::refuse_background(&members)?;
    let conversation = match request::take_store(&mut members)? {
        true => Some(request::as_list(&items)),
        false => None,
    };
    let before = items.len();
    items.retain(|item| !is_foreign(item, ledger));
    let as_sent = as_sent.filter(|_| previous.is_none() && items.len() == before);
    let input = as_sent.map_or_else(|| request::as_list(&items), |raw| raw.get().to_owned());
    let mut changes = vec![
        Change { key: "input", json: Some(input.into_bytes()) },
        Change { key: "store", json: Some(b"false".to_vec()) },
        Change { key: "include", json: Some(include(&members)?) },
        Change { key: "background", json: None },
    ];
    changes.extend(tools(&members, to, ledger)?);
    let members = Members(members);
    let body = write_body(&members, model, changes, to, ledger);
    Ok((body, Settings { conversation, ..Settings::default() }))
}

/// Thinking that this gateway sealed for a model of another kind.
fn is_foreign(item: &Item<'_>, ledger: &mut Ledger) -> bool {
    let Item::Object(place, raw) = item else { return false };
    let foreign = memchr::memmem::find(raw.get().as_bytes(), envelope::MARK.as_bytes()).is_some()
        && serde_json::from_str::<Members<'_>>(raw.get())
            .is_ok_and(|item| item.get("type").is_some_and(|kind| kind.get() == "\"reasoning\""));
    if foreign {
        let why = "the thinking of another model means nothing to this one";
        ledger.dropped(place.at().to_string(), why);
    }
    foreign
}

fn include(members: &Extra<'_>) -> Result<Vec<u8>, Fault> {
    let sent = members.iter().find(|(key, _)| key == "include").map(|(_, raw)| *raw);
    let mut wishes: Vec<&RawValue> = match sent {
        Some(raw) => parse_raw(raw, "include")?,
        None => Vec::new(),
    };
    wishes.retain(|wish| wish.get() != ENCRYPTED);
    let mut json = Vec::new();
    let mut w = JsonWriter::new(&mut json);
    w.open_array();
    w.raw_bytes(ENCRYPTED.as_bytes());
    wishes.into_iter().for_each(|wish| w.raw(wish));
    w.close_array();
    Ok(json)
}

/// The tools without those whose type the carrier does not take; `None` if that is all of them.
fn tools(
    members: &Extra<'_>,
    to: Toward<'_>,
    ledger: &mut Ledger,
) -> Result<Option<Change>, Fault> {
    let Some((_, raw)) = members.iter().find(|(key, _)| key == "tools") else { return Ok(None) };
    let tools: Vec<&RawValue> = parse_raw(raw, "tools")?;
    let mut json = Vec::new();
    let mut w = JsonWriter::new(&mut json);
    w.open_array();
    let mut is_whole = true;
    for (i, raw) in tools.into_iter().enumerate() {
        let place = format!("tools[{i}]");
        let tool: Members<'_> = parse_raw(raw, &place)?;
        let kind = tool.get("type").map(|raw| parse_raw::<Str<'_>>(raw, &place)).transpose()?;
        let kind = kind.map_or(Cow::Borrowed(""), |kind| kind.0);
        match to.lane.tools.iter().any(|known| *known == kind) {
            true => w.raw(raw),
            false => {
                is_whole = false;
                ledger.dropped(place, format!("Bedrock takes no tools of type `{kind}` here"));
            }
        }
    }
    w.close_array();
    Ok((!is_whole).then_some(Change { key: "tools", json: Some(json) }))
}

/// Looks at the events of one relayed stream.
#[derive(Debug, Default)]
pub struct Watch {
    id: String,
    created: u64,
    model: String,
    sequence: u64,
    whole: Option<Vec<u8>>,
}

/// Reads a whole answer: how many tokens it took and why it ended.
///
/// # Errors
/// When it is no answer, or says that it failed.
pub fn read_whole(body: &[u8]) -> Result<(Usage, StopReason), Fault> {
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|error| {
        let what = "The model's answer could not be read.";
        Fault::new(ErrorClass::Garbled, Phase::BeforeCommit, what).with_detail(error.to_string())
    })?;
    match answer.status.as_deref() {
        Some("completed" | "incomplete") => Ok((answer.usage(), answer.stop())),
        status => {
            let what = "The model's answer says that it failed.";
            let message = answer.error.and_then(|error| {
                let members: Members<'_> = serde_json::from_str(error.get()).ok()?;
                let Str(text) = serde_json::from_str(members.get("message")?.get()).ok()?;
                Some(scrub(&text))
            });
            let message = message.unwrap_or_else(|| what.to_owned());
            Err(Fault::new(ErrorClass::ModelFailed, Phase::BeforeCommit, message)
                .with_detail(format!("status {status:?}")))
        }
    }
}

// === impl Watch ===

impl Watch {
    /// Reads the data of one event.
    pub fn read(&mut self, data: &[u8], emit: &mut dyn FnMut(Event<'_>)) {
        let sent: Sent<'_> = match serde_json::from_slice(data) {
            Ok(sent) => sent,
            Err(error) => {
                let what = "The model's answer could not be read.";
                let fault = Fault::new(ErrorClass::Garbled, Phase::Streaming, what);
                return emit(Event::Fault(fault.with_detail(error.to_string())));
            }
        };
        let Sent { kind, sequence, index, delta, response } = sent;
        self.sequence = sequence.unwrap_or(self.sequence);
        let index = index.unwrap_or_default();
        let kind = kind.unwrap_or_default();
        match &*kind {
            "response.created" | "response.in_progress" | "response.queued" => {
                self.begin(response);
                emit(Event::Start { id: None, usage: None });
            }
            "response.completed" | "response.incomplete" => self.end(response, emit),
            "response.output_item.added" => emit(Event::Open { index, block: Opening::Text }),
            "response.output_item.done" => emit(Event::Close { index }),
            known if known.starts_with("response.") => {
                if let Some(text) = delta {
                    emit(Event::Delta { index, delta: Delta::Text(text) });
                }
            }
            _ => emit(Event::Unknown(kind)),
        }
    }

    fn begin(&mut self, response: Option<&RawValue>) {
        let answer = response.and_then(|raw| serde_json::from_str::<Answer<'_>>(raw.get()).ok());
        if let Some(Answer { id, created, model, .. }) = answer {
            self.id = id.unwrap_or_default().into_owned();
            self.model = model.unwrap_or_default().into_owned();
            self.created = created.unwrap_or_default();
        }
    }

    fn end(&mut self, response: Option<&RawValue>, emit: &mut dyn FnMut(Event<'_>)) {
        let answer = response.and_then(|raw| serde_json::from_str::<Answer<'_>>(raw.get()).ok());
        let Some(answer) = answer else {
            let what = "The model's answer could not be read.";
            return emit(Event::Fault(Fault::new(ErrorClass::Garbled, Phase::Streaming, what)));
        };
        emit(Event::Usage(answer.usage()));
        emit(Event::Stop(answer.stop()));
        emit(Event::End);
        self.whole = response.map(|raw| raw.get().as_bytes().to_vec());
    }

    /// The whole answer, once, after its end.
    pub fn finished(&mut self) -> Option<Vec<u8>> {
        self.whole.take()
    }

    /// Ends a stream that the client has begun to read, under the id that it knows.
    pub fn fault(&self, fault: &Fault, out: &mut Vec<u8>) {
        out.extend_from_slice(b"event: response.failed\ndata: ");
        let mut w = JsonWriter::new(out);
        w.open_object();
        w.member_str("type", "response.failed");
        w.member_u64("sequence_number", self.sequence + 1);
        w.key("response");
        w.open_object();
        w.member_str("id", &self.id);
        w.member_str("object", "response");
        w.member_u64("created_at", self.created);
        w.member_str("model", &self.model);
        w.member_str("status", "failed");
        w.key("error");
        response_error(fault, &mut w);
        w.member_null("incomplete_details");
        w.key("output");
        w.raw_bytes(b"[]");
        w.member_bool("parallel_tool_calls", true);
        w.member_str("tool_choice", "auto");
        w.key("tools");
        w.raw_bytes(b"[]");
        w.member_null("usage");
        w.close_object();
        w.close_object();
        out.extend_from_slice(b"\n\n");
    }
}

#[derive(Default)]
struct Sent<'a> {
    kind: Option<Cow<'a, str>>,
    sequence: Option<u64>,
    index: Option<u32>,
    delta: Option<Cow<'a, str>>,
    response: Option<&'a RawValue>,
}

#[derive(Default)]
struct Answer<'a> {
    id: Option<Cow<'a, str>>,
    created: Option<u64>,
    model: Option<Cow<'a, str>>,
    status: Option<Cow<'a, str>>,
    error: Option<&'a RawValue>,
    details: Option<&'a RawValue>,
    output: Option<&'a RawValue>,
    usage: Option<&'a RawValue>,
}

impl Answer<'_> {
    fn usage(&self) -> Usage {
        self.usage.and_then(openai::usage).unwrap_or_default()
    }

    fn stop(&self) -> StopReason {
        let items = self.output.map(|raw| serde_json::from_str::<Vec<Members<'_>>>(raw.get()));
        let items = items.and_then(Result::ok).unwrap_or_default();
        let calls = |item: &Members<'_>| {
            let kind = item.get("type").map(RawValue::get);
            kind.is_some_and(|kind| kind.ends_with("_call\""))
        };
        match (self.status.as_deref(), self.details.map(RawValue::get)) {
            (Some("incomplete"), Some(details)) if details.contains("content_filter") => {
                StopReason::ContentFiltered
            }
            (Some("incomplete"), _) => StopReason::MaxTokens,
            _ if items.iter().any(calls) => StopReason::ToolUse,
            _ => StopReason::EndTurn,
        }
    }
}

impl<'de> Object<'de> for Sent<'de> {
    const WHAT: &'static str = "an event";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "type" => self.kind = next_str(map)?,
            "sequence_number" => self.sequence = map.next_value()?,
            "output_index" => self.index = map.next_value()?,
            "response" => self.response = map.next_value()?,
            // Some deltas are no text.
            "delta" => {
                let raw: &RawValue = map.next_value()?;
                self.delta = serde_json::from_str(raw.get()).ok().map(|Str(text)| text);
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for Answer<'de> {
    const WHAT: &'static str = "a response";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "id" => self.id = next_str(map)?,
            "created_at" => self.created = map.next_value::<Option<f64>>()?.map(|at| at as u64),
            "model" => self.model = next_str(map)?,
            "status" => self.status = next_str(map)?,
            "error" => self.error = map.next_value()?,
            "incomplete_details" => self.details = map.next_value()?,
            "output" => self.output = map.next_value()?,
            "usage" => self.usage = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

read_as_object!(Sent<'de>, Answer<'de>);
