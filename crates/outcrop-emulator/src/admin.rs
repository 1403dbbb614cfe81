//! The emulator's own calls, under `/_emulator/`: faults, engine, and the journal of requests.
//!
//! They need no signature: whoever reaches the listener may call them.

use http::Method;
use serde_json::{Value, json};

use crate::fault::Injection;
use crate::refusal::{Exception, Refusal};
use crate::reply::Reply;
use crate::service::State;

pub(crate) const PREFIX: &str = "/_emulator/";

pub(crate) fn answer(state: &State, method: &Method, path: &str, body: &[u8]) -> Reply {
    let what = path.strip_prefix(PREFIX).unwrap_or_default();
    let answer = match (method.as_str(), what) {
        ("GET", "health") => Ok(json!({"status": "ok"})),
        ("GET", "faults") => Ok(state.pending.to_json()),
        ("POST", "faults") => inject(state, body),
        ("DELETE", "faults") => {
            state.pending.clear();
            Ok(json!({}))
        }
        ("GET", "requests") => {
            let requests: Vec<Value> =
                state.journal.all().iter().map(crate::Received::to_json).collect();
            Ok(json!({"requests": requests}))
        }
        ("DELETE", "requests") => {
            state.journal.clear();
            Ok(json!({}))
        }
        ("PUT", "engine") => choose(state, body),
        _ => Err(Refusal::new(
            Exception::UnknownOperation,
            "Known: GET health; GET, POST, DELETE faults; GET, DELETE requests; PUT engine.",
        )),
    };
    answer.map_or_else(Reply::from, Reply::json)
}

fn inject(state: &State, body: &[u8]) -> Result<Value, Refusal> {
    let (injection, every) = Injection::from_json(&parse(body)?).map_err(Refusal::validation)?;
    state.pending.add(injection, every);
    Ok(state.pending.to_json())
}

fn choose(state: &State, body: &[u8]) -> Result<Value, Refusal> {
    let body = parse(body)?;
    let text = body["engine"].as_str().unwrap_or_default();
    state.set_engine(text.parse().map_err(Refusal::validation)?);
    Ok(json!({"engine": text}))
}

fn parse(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::validation(error.to_string()))
}
