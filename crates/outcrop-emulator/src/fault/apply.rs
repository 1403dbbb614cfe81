//! Faults applied: first instead of an answer, then between its events, then among its frames.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use super::{ErrorFault, Fault, NamedIn};
use crate::frame;
use crate::refusal::{Exception, Refusal, lower_camel};
use crate::reply::{Event, Kind, Padding, Payload, Reply, Step};
use crate::vendor;

/// Lets what was sent before a break reach the peer.
const BEFORE_BREAK: Duration = Duration::from_millis(5);

/// What faults decide about a whole response.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) padding: Padding,
    pub(crate) date_skew_seconds: i64,
    pub(crate) before_head: Duration,
}

impl Plan {
    pub(crate) fn new(faults: &[Fault], padding_seed: u64) -> Self {
        let mut plan = Self {
            padding: Padding::On(padding_seed),
            date_skew_seconds: 0,
            before_head: Duration::ZERO,
        };
        for fault in faults {
            match fault {
                Fault::Padding { on: false } => plan.padding = Padding::Off,
                Fault::Skew { seconds } => plan.date_skew_seconds = *seconds,
                Fault::Slow { ms } => plan.before_head = Duration::from_millis(*ms),
                _ => {}
            }
        }
        plan
    }
}

/// A whole answer that replaces the true one; `refuse` writes errors as the operation does.
pub(crate) fn instead(faults: &[Fault], refuse: impl Fn(Refusal) -> Reply) -> Option<Reply> {
    faults.iter().find_map(|fault| match fault {
        Fault::Error(error) => Some(refuse(refusal(error))),
        Fault::Html { status } => Some(html(*status)),
        Fault::Empty => Some(raw(200, "application/json", Bytes::new())),
        _ => None,
    })
}

fn refusal(error: &ErrorFault) -> Refusal {
    let mut refusal = Refusal::new(Exception::Validation, &error.message);
    refusal.status = error.status;
    match error.named_in {
        NamedIn::Header => refusal.name.clone_from(&error.name),
        NamedIn::Body => {
            refusal.name.clear();
            refusal.members.insert("__type".into(), json!(error.name));
        }
    }
    if let Some(status) = error.original_status {
        refusal.members.insert("originalStatusCode".into(), json!(status));
    }
    let headers =
        [("retry-after", &error.retry_after), ("x-amz-retry-after", &error.amz_retry_after)];
    for (name, value) in headers {
        let header = value.as_ref().map(|value| (name.to_owned(), value.clone()));
        refusal.headers.extend(header);
    }
    refusal
}

fn html(status: u16) -> Reply {
    let page = format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    raw(status, "text/html", Bytes::from(page))
}

fn raw(status: u16, content_type: &'static str, body: Bytes) -> Reply {
    Reply { status, headers: Vec::new(), payload: Payload::Raw(content_type, body) }
}

/// Faults that change what is said: extra members, extra events, ends.
pub(crate) fn on_events(faults: &[Fault], payload: &mut Payload) {
    for fault in faults {
        match (fault, &mut *payload) {
            (Fault::FutureFields, Payload::Json(body)) => add_future_fields(body, true),
            (Fault::FutureFields, Payload::Events(events) | Payload::Sent(events)) => {
                for event in events {
                    add_future_fields(&mut event.payload, true);
                }
            }
            (_, Payload::Events(events)) => on_stream(fault, events),
            (_, Payload::Sent(events)) => on_sent(fault, events),
            _ => {}
        }
    }
}

fn on_stream(fault: &Fault, events: &mut Vec<Event>) {
    match fault {
        Fault::StreamError { name, message, original_status, after } => {
            let mut body = json!({"message": message});
            if let Some(status) = original_status {
                body["originalStatusCode"] = json!(status);
                body["originalMessage"] = json!(message);
            }
            end_with(events, *after, special(Kind::Exception, &lower_camel(name), body));
        }
        Fault::ErrorFrame { code, message, after } => {
            end_with(events, *after, special(Kind::Error, code, json!(message)));
        }
        Fault::End { after } => {
            let end = after.unwrap_or_else(|| before_stop(events));
            events.truncate(end);
        }
        Fault::UnknownEvent { after } => {
            let body = json!({"futureMember": "futureValue", "contentBlockIndex": 0});
            insert(events, *after, special(Kind::Event, "futureEvent", body));
        }
        Fault::UnknownDelta { after } => {
            let event = unknown_delta(events);
            insert(events, *after, event);
        }
        _ => {}
    }
}

/// The same in a stream of server-sent events.
fn on_sent(fault: &Fault, events: &mut Vec<Event>) {
    let api = vendor::api_of(events);
    match fault {
        Fault::StreamError { name, message, original_status: _, after }
        | Fault::ErrorFrame { code: name, message, after } => {
            let mut refusal = Refusal::new(Exception::InternalServer, message);
            refusal.name.clone_from(name);
            end_with(events, *after, vendor::error_event(api, &refusal));
        }
        Fault::End { after } => {
            let last = events.len().saturating_sub(1);
            let end = events.iter().position(vendor::is_end).unwrap_or(last);
            events.truncate(after.unwrap_or(end));
        }
        Fault::UnknownEvent { after } => insert(events, *after, vendor::unknown_event(api)),
        Fault::UnknownDelta { after } => {
            let event = vendor::unknown_delta(api, events);
            insert(events, *after, event);
        }
        _ => {}
    }
}

fn special(kind: Kind, name: &str, payload: Value) -> Event {
    Event { kind, ..Event::new(name, payload) }
}

fn end_with(events: &mut Vec<Event>, after: usize, event: Event) {
    events.truncate(after);
    events.push(event);
}

fn insert(events: &mut Vec<Event>, after: usize, event: Event) {
    events.insert(after.min(events.len()), event);
}

/// A delta in the language of the stream it is put into.
fn unknown_delta(events: &[Event]) -> Event {
    let delta = json!({"futureDelta": {"value": "from the future"}});
    let is_chunk = events.first().is_some_and(|event| event.kind == Kind::Chunk);
    if !is_chunk {
        return Event::new("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": delta}));
    }
    let speaks_anthropic = events.iter().any(|event| event.payload["type"] == "message_start");
    Event::chunk(if speaks_anthropic {
        let delta = json!({"type": "future_delta", "value": "from the future"});
        json!({"type": "content_block_delta", "index": 0, "delta": delta})
    } else {
        json!({"contentBlockDelta": {"contentBlockIndex": 0, "delta": delta}})
    })
}

/// The place of the event that ends the message.
fn before_stop(events: &[Event]) -> usize {
    let ends = |event: &Event| {
        event.name == "messageStop"
            || event.payload["type"] == "message_stop"
            || event.payload.get("messageStop").is_some()
    };
    let last = events.len().saturating_sub(1);
    events.iter().position(ends).unwrap_or(last)
}

/// Puts an unknown member into every object that is certainly no tagged union: the outermost one
/// and all with more than one member. Tool input is the caller's own and left alone.
fn add_future_fields(value: &mut Value, outermost: bool) {
    match value {
        Value::Array(items) => {
            for item in items {
                add_future_fields(item, false);
            }
        }
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if name != "input" {
                    add_future_fields(member, false);
                }
            }
            if outermost || members.len() > 1 {
                let future = json!({"nested": [1, "two"]});
                members.insert("futureField".into(), future);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Faults among the frames (or the one body) of an answer; `frames` come with the wait before each.
pub(crate) fn on_frames(faults: &[Fault], frames: Vec<(Duration, Bytes)>) -> Vec<Step> {
    let mut frames = frames;
    let mut end = None;
    for fault in faults {
        match fault {
            Fault::Corrupt { after } => {
                if let Some((_, frame)) = frames.get_mut(*after) {
                    *frame = frame::corrupted(frame);
                }
            }
            Fault::Truncate { bytes, after } => {
                frames.truncate(after + 1);
                if let Some((_, frame)) = frames.get_mut(*after) {
                    frame.truncate(*bytes);
                }
            }
            Fault::Drop { after } => {
                frames.truncate(*after);
                end = Some(Step::Break);
            }
            _ => {}
        }
    }
    let mut steps = Vec::with_capacity(frames.len() * 2);
    for (index, (wait, frame)) in frames.into_iter().enumerate() {
        steps.extend(stalls(faults, index));
        steps.extend((!wait.is_zero()).then_some(Step::Wait(wait)));
        steps.extend((!frame.is_empty()).then_some(Step::Send(frame)));
    }
    let mut steps = rechunked(faults, steps);
    if let Some(end) = end {
        steps.extend([Step::Wait(BEFORE_BREAK), end]);
    }
    steps
}

fn stalls(faults: &[Fault], index: usize) -> Option<Step> {
    faults.iter().find_map(|fault| match fault {
        Fault::Stall { ms, after } if *after == index => {
            Some(Step::Wait(Duration::from_millis(*ms)))
        }
        _ => None,
    })
}

/// Applies `cut` and `rechunk`, which count bytes.
fn rechunked(faults: &[Fault], steps: Vec<Step>) -> Vec<Step> {
    let cut = faults.iter().find_map(|fault| match fault {
        Fault::Cut { bytes } => Some(*bytes),
        _ => None,
    });
    let size = faults.iter().find_map(|fault| match fault {
        Fault::Rechunk { bytes } => Some((*bytes).max(1)),
        _ => None,
    });
    if cut.is_none() && size.is_none() {
        return steps;
    }
    let mut left = cut.unwrap_or(usize::MAX);
    let mut rechunked = Vec::new();
    let mut held = BytesMut::new();
    for step in steps {
        match step {
            Step::Send(bytes) => {
                let taken = bytes.len().min(left);
                left -= taken;
                held.extend_from_slice(&bytes[..taken]);
                release(&mut held, size, &mut rechunked);
            }
            other => {
                rechunked.extend(rest(&mut held));
                rechunked.push(other);
            }
        }
        if left == 0 {
            break;
        }
    }
    rechunked.extend(rest(&mut held));
    rechunked
}

/// Moves full pieces out; without a size everything.
fn release(held: &mut BytesMut, size: Option<usize>, steps: &mut Vec<Step>) {
    let Some(size) = size else {
        steps.extend(rest(held));
        return;
    };
    while held.len() >= size {
        steps.push(Step::Send(held.split_to(size).freeze()));
    }
}

fn rest(held: &mut BytesMut) -> Option<Step> {
    (!held.is_empty()).then(|| Step::Send(held.split().freeze()))
}
