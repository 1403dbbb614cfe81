//! OpenAI's and Anthropic's own APIs as Bedrock serves them: what differs from Bedrock's around the body.
//!
//! The forms of errors are those of the vendors' APIs; whether Bedrock writes exactly these is not known.

use serde_json::{Value, json};

use crate::refusal::Refusal;
use crate::reply::{Event, Reply};

/// Whose API, and which part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Chat,
    Responses,
    Messages,
}

/// The vendors' words for an exception: OpenAI's type and code, Anthropic's type.
struct Words {
    openai: (&'static str, &'static str),
    anthropic: &'static str,
}

fn words(refusal: &Refusal) -> Words {
    let words = |kind, code, anthropic| Words { openai: (kind, code), anthropic };
    let name = refusal.name.to_ascii_lowercase();
    match name.strip_suffix("exception").unwrap_or(&name) {
        "throttling" | "modelnotready" => {
            words("rate_limit_error", "rate_limit_exceeded", "rate_limit_error")
        }
        "servicequotaexceeded" => {
            words("insufficient_quota", "insufficient_quota", "rate_limit_error")
        }
        "accessdenied" => words("permission_error", "permission_denied", "permission_error"),
        "resourcenotfound" => words("invalid_request_error", "model_not_found", "not_found_error"),
        "serviceunavailable" => words("server_error", "service_unavailable", "overloaded_error"),
        "modeltimeout" => words("server_error", "timeout_error", "timeout_error"),
        "internalserver" | "internalfailure" | "modelerror" | "modelstreamerror" => {
            words("server_error", "server_error", "api_error")
        }
        _ if refusal.message.contains("too long") => {
            words("invalid_request_error", "context_length_exceeded", "invalid_request_error")
        }
        _ => words("invalid_request_error", "validation_error", "invalid_request_error"),
    }
}

/// The error of an answer.
pub(crate) fn refuse(api: Api, refusal: Refusal) -> Reply {
    let mut reply = Reply::json(error(api, &refusal));
    reply.status = refusal.status;
    reply.headers = refusal.headers;
    reply
}

fn error(api: Api, refusal: &Refusal) -> Value {
    let Words { openai: (kind, code), anthropic } = words(refusal);
    let message = &refusal.message;
    match api {
        Api::Chat | Api::Responses => {
            json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
        }
        Api::Messages => {
            json!({"type": "error", "error": {"type": anthropic, "message": message}})
        }
    }
}

/// The error in a stream.
pub(crate) fn error_event(api: Api, refusal: &Refusal) -> Event {
    match api {
        Api::Chat => Event::sent("", error(api, refusal)),
        Api::Messages => Event::sent("error", error(api, refusal)),
        Api::Responses => {
            let Words { openai: (_, code), .. } = words(refusal);
            let message = &refusal.message;
            let event = json!({"type": "error", "code": code, "message": message, "param": null, "sequence_number": 0});
            Event::sent("error", event)
        }
    }
}

/// Whose stream it is, by what its events say of themselves.
pub(crate) fn api_of(events: &[Event]) -> Api {
    let first = events.first().map_or(&Value::Null, |event| &event.payload);
    match (&first["type"], &first["object"]) {
        (Value::String(kind), _) if kind == "message_start" => Api::Messages,
        (_, Value::String(object)) if object == "chat.completion.chunk" => Api::Chat,
        _ => Api::Responses,
    }
}

/// A delta of a kind that no client knows.
pub(crate) fn unknown_delta(api: Api, events: &[Event]) -> Event {
    match api {
        Api::Messages => {
            let delta = json!({"type": "future_delta", "value": "from the future"});
            let event = json!({"type": "content_block_delta", "index": 0, "delta": delta});
            Event::sent("content_block_delta", event)
        }
        Api::Chat => {
            let mut chunk = events.first().map_or(Value::Null, |event| event.payload.clone());
            chunk["choices"] = json!([{"index": 0, "delta": {"future_delta": "from the future"}, "finish_reason": null}]);
            Event::sent("", chunk)
        }
        Api::Responses => unknown_event(api),
    }
}

/// An event of a type that no client knows.
pub(crate) fn unknown_event(api: Api) -> Event {
    match api {
        Api::Chat => {
            Event::sent("future", json!({"object": "chat.completion.future", "choices": []}))
        }
        Api::Messages => Event::sent("future_event", json!({"type": "future_event"})),
        Api::Responses => {
            Event::sent("response.future", json!({"type": "response.future", "sequence_number": 0}))
        }
    }
}

/// Whether an event ends a stream.
pub(crate) fn is_end(event: &Event) -> bool {
    let kind = event.payload["type"].as_str().unwrap_or_default();
    event.payload == "[DONE]"
        || kind == "message_stop"
        || matches!(kind, "response.completed" | "response.incomplete" | "response.failed")
}
