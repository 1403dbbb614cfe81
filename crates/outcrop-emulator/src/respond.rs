//! From a reply to an HTTP response: frames, head, faults of the wire.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use uuid::Uuid;

use crate::body::StepBody;
use crate::fault::{self, Fault, Plan};
use crate::reply::{EVENT_STREAM, Event, JSON, Payload, Reply, SENT_EVENTS};

/// A response without faults, for the emulator's own calls.
pub(crate) fn plain(reply: Reply) -> Response<StepBody> {
    let id = Uuid::new_v4();
    build(reply, &[], Plan::new(&[], 0), id)
}

/// A response with faults, after the wait they ask for.
pub(crate) async fn with_faults(reply: Reply, faults: &[Fault], id: Uuid) -> Response<StepBody> {
    let plan = Plan::new(faults, id.as_u64_pair().1);
    if !plan.before_head.is_zero() {
        tokio::time::sleep(plan.before_head).await;
    }
    build(reply, faults, plan, id)
}

fn build(mut reply: Reply, faults: &[Fault], plan: Plan, id: Uuid) -> Response<StepBody> {
    if !faults.is_empty() {
        fault::on_events(faults, &mut reply.payload);
    }
    let (content_type, whole, frames) = framed(reply.payload, plan);
    let length: usize = frames.iter().map(|(_, frame)| frame.len()).sum();
    let steps = fault::on_frames(faults, frames);
    let body = if whole && !ends_early(faults) {
        StepBody::sized(steps, length as u64)
    } else {
        StepBody::chunked(steps)
    };
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(content_type) = content_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    headers.insert(header::DATE, date(plan.date_skew_seconds));
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert("x-amzn-requestid", id);
    }
    for (name, value) in reply.headers {
        let name = header::HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
            headers.insert(name, value);
        }
    }
    response
}

/// Content type (`None` when the reply's headers hold it), whether the body is one whole, frames.
type Framed = (Option<&'static str>, bool, Vec<(Duration, Bytes)>);

fn framed(payload: Payload, plan: Plan) -> Framed {
    let whole = |bytes: Bytes| vec![(Duration::ZERO, bytes)];
    match payload {
        Payload::Json(value) => (Some(JSON), true, whole(value.to_string().into())),
        Payload::Raw("", bytes) => (None, true, whole(bytes)),
        Payload::Raw(content_type, bytes) => (Some(content_type), true, whole(bytes)),
        Payload::Events(events) => (Some(EVENT_STREAM), false, encoded(&events, plan)),
        Payload::Sent(events) => (Some(SENT_EVENTS), false, encoded(&events, plan)),
    }
}

fn encoded(events: &[Event], plan: Plan) -> Vec<(Duration, Bytes)> {
    let encode = |(index, event): (usize, &Event)| (event.wait, event.encode(index, plan.padding));
    events.iter().enumerate().map(encode).collect()
}

/// Whether a fault makes a whole body shorter than announced, yet end cleanly.
fn ends_early(faults: &[Fault]) -> bool {
    faults.iter().any(|fault| matches!(fault, Fault::Cut { .. } | Fault::Truncate { .. }))
}

fn date(skew_seconds: i64) -> HeaderValue {
    let skew = Duration::from_secs(skew_seconds.unsigned_abs());
    let now = SystemTime::now();
    let shown = if skew_seconds < 0 { now - skew } else { now + skew };
    HeaderValue::from_str(&httpdate::fmt_http_date(shown))
        .unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}

/// Plays recorded bytes as they are.
pub(crate) fn recorded(bytes: Bytes) -> Payload {
    Payload::Raw("", bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_can_be_off() {
        let of = |skew| httpdate::parse_http_date(date(skew).to_str().unwrap()).unwrap();
        let apart = of(0).duration_since(of(-600)).unwrap().as_secs();
        assert!((599..=601).contains(&apart), "{apart}");
    }
}
