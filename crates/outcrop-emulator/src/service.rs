//! The way of one request: route, authenticate, read, judge, answer, break on demand, send.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use serde_json::Value;
use uuid::Uuid;

use crate::admin;
use crate::auth::{self, Caller, Known, Signed};
use crate::body::StepBody;
use crate::cache::CacheStore;
use crate::config::Config;
use crate::engine::Engine;
use crate::fault::{self, Fault, Pending};
use crate::identity::{self, Ask, Issued};
use crate::models::Catalog;
use crate::operations;
use crate::operations::jobs::Jobs;
use crate::received::{Journal, Received};
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::respond;
use crate::route::{self, Routed};
use crate::surface;
use crate::vendor;

/// The largest request body the service takes (protocol facts section 8).
const MOST_BYTES: usize = 25_000_000;
/// How much of a larger body is read, and thrown away, before it is refused: a refusal that comes
/// while the peer still writes is lost on many clients.
const MOST_DRAINED: usize = 128 * 1024 * 1024;
/// The request header that chooses an engine.
const ENGINE_HEADER: &str = "x-outcrop-emulator";
/// The request header that asks for faults.
const FAULT_HEADER: &str = "x-outcrop-emulator-fault";

/// Everything the requests of one emulator share.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) catalog: Catalog,
    pub(crate) journal: Journal,
    pub(crate) pending: Pending,
    pub(crate) cache: CacheStore,
    pub(crate) jobs: Jobs,
    pub(crate) issued: Issued,
    engine: Mutex<Engine>,
}

/// One authenticated request, as operations see it.
pub(crate) struct Call<'a> {
    pub(crate) routed: &'a Routed,
    pub(crate) raw_path: &'a str,
    pub(crate) raw_query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) caller: &'a Caller,
    pub(crate) engine: Engine,
    pub(crate) started: Instant,
    pub(crate) id: Uuid,
}

/// A request, read completely.
struct Whole {
    parts: Parts,
    /// `None` when it was larger than [`MOST_BYTES`].
    body: Option<Bytes>,
    started: Instant,
    id: Uuid,
}

// === impl State ===

impl State {
    pub(crate) fn new(config: Config, catalog: Catalog, base_url: &str) -> Self {
        Self {
            engine: Mutex::new(config.engine.clone()),
            issued: Issued::new(&config, base_url),
            config,
            catalog,
            journal: Journal::default(),
            pending: Pending::default(),
            cache: CacheStore::default(),
            jobs: Jobs::default(),
        }
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_engine(&self, engine: Engine) {
        *self.engine.lock().unwrap_or_else(PoisonError::into_inner) = engine;
    }
}

/// Serves one request.
pub(crate) async fn handle<B>(
    state: Arc<State>,
    request: Request<B>,
) -> Result<Response<StepBody>, Infallible>
where
    B: Body<Data = Bytes> + Unpin,
{
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let Ok(body) = read(body).await else {
        // The peer is gone: nobody reads the answer.
        return Ok(respond::plain(Reply::from(too_large())));
    };
    if parts.uri.path().starts_with(admin::PREFIX) {
        let body = body.unwrap_or_default();
        return Ok(respond::plain(admin::answer(&state, &parts.method, parts.uri.path(), &body)));
    }
    let whole = Whole { parts, body, started, id: Uuid::new_v4() };
    let (reply, faults) = whole.answer(&state);
    whole.record(&state, &reply);
    Ok(respond::with_faults(reply, &faults, whole.id).await)
}

/// Reads a whole body, or `None` when it is too large.
async fn read<B>(mut body: B) -> Result<Option<Bytes>, B::Error>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut whole = BytesMut::new();
    let mut length = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        length += data.len();
        if length <= MOST_BYTES {
            whole.extend_from_slice(&data);
        } else if length > MOST_DRAINED {
            break;
        }
    }
    Ok((length <= MOST_BYTES).then(|| whole.freeze()))
}

fn too_large() -> Refusal {
    let mut refusal = Refusal::validation("Request Entity Too Large");
    refusal.status = 413;
    refusal.name.clear();
    refusal
}

// === impl Whole ===

impl Whole {
    /// The answer, and the faults still to be applied to it.
    fn answer(&self, state: &State) -> (Reply, Vec<Fault>) {
        if let Some(answer) = self.give_credentials(state) {
            return answer;
        }
        let (surface, path) = surface::of(&self.parts);
        let mut routed = match route::route(self.parts.method.as_str(), path, surface) {
            Ok(routed) => routed,
            Err(refusal) => {
                let faults = state.pending.take(Some("UnknownOperation"), path);
                let reply = fault::instead(&faults, Reply::from);
                return (reply.unwrap_or_else(|| refusal.into()), faults);
            }
        };
        if routed.operation.api().is_some() {
            routed.id = self.model_in_body();
        }
        let caller = match self.authenticate(state, surface.signing_name()) {
            Ok(caller) => caller,
            Err(refusal) => return (refusal.into(), Vec::new()),
        };
        let faults = match self.faults(state, &routed) {
            Ok(faults) => faults,
            Err(refusal) => return (refusal.into(), Vec::new()),
        };
        let refuse = |refusal: Refusal| match routed.operation.api() {
            // What does not fit a recording is the operator's matter, in one form for all.
            Some(api) if refusal.status != 501 => vendor::refuse(api, refusal),
            Some(_) | None => Reply::from(refusal),
        };
        if let Some(reply) = fault::instead(&faults, refuse) {
            return (reply, faults);
        }
        let reply = self.operate(state, &routed, &caller);
        (reply.unwrap_or_else(refuse), faults)
    }

    /// The answer of a service that hands out credentials, if the request is for one.
    fn give_credentials(&self, state: &State) -> Option<(Reply, Vec<Fault>)> {
        let ask = Ask {
            method: &self.parts.method,
            path: self.parts.uri.path(),
            query: self.parts.uri.query().unwrap_or_default(),
            headers: &self.parts.headers,
            body: self.body.as_deref().unwrap_or_default(),
        };
        let call = identity::Call::of(&ask)?;
        let mut key_id = None;
        if call.is_signed() {
            match self.authenticate(state, "sts") {
                Ok(caller) => key_id = caller.key_id,
                Err(refusal) => return Some((identity::unsigned(&refusal), Vec::new())),
            }
        }
        let faults = state.pending.take(Some(call.name()), ask.path);
        let refuse =
            |refusal: Refusal| call.refuse(&refusal.name, refusal.status, &refusal.message);
        let reply = fault::instead(&faults, refuse)
            .unwrap_or_else(|| call.answer(&state.issued, &ask, key_id.as_deref()));
        Some((reply, faults))
    }

    /// The model that the body names, as far as it can be read.
    fn model_in_body(&self) -> String {
        let body = self.body.as_deref().unwrap_or_default();
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        body["model"].as_str().unwrap_or_default().to_owned()
    }

    fn authenticate(&self, state: &State, service: &'static str) -> Result<Caller, Refusal> {
        let signed = Signed {
            service,
            method: self.parts.method.as_str(),
            raw_path: self.parts.uri.path(),
            raw_query: self.parts.uri.query().unwrap_or_default(),
            headers: &self.parts.headers,
            authority: self.parts.uri.authority().map(http::uri::Authority::as_str),
            body: self.body.as_deref().ok_or_else(too_large)?,
        };
        let known = Known { config: &state.config, issued: &state.issued };
        auth::verify(known, &signed, SystemTime::now())
    }

    /// Those of the header, then those injected for requests like this one.
    fn faults(&self, state: &State, routed: &Routed) -> Result<Vec<Fault>, Refusal> {
        let mut faults = Vec::new();
        for value in self.parts.headers.get_all(FAULT_HEADER) {
            let text = value.to_str().unwrap_or_default();
            faults.extend(Fault::parse_list(text).map_err(bad_header(FAULT_HEADER))?);
        }
        faults.extend(state.pending.take(Some(routed.operation.name()), &routed.id));
        Ok(faults)
    }

    fn operate(&self, state: &State, routed: &Routed, caller: &Caller) -> Result<Reply, Refusal> {
        let engine = match self.parts.headers.get(ENGINE_HEADER) {
            None => state.engine(),
            Some(value) => {
                let text = value.to_str().unwrap_or_default();
                let text = text.trim().strip_prefix("engine=").unwrap_or(text);
                text.parse().map_err(bad_header(ENGINE_HEADER))?
            }
        };
        let call = Call {
            routed,
            raw_path: self.parts.uri.path(),
            raw_query: self.parts.uri.query().unwrap_or_default(),
            headers: &self.parts.headers,
            body: self.body.as_deref().unwrap_or_default(),
            caller,
            engine,
            started: self.started,
            id: self.id,
        };
        operations::answer(state, &call)
    }

    fn record(&self, state: &State, reply: &Reply) {
        state.journal.push(Received {
            method: self.parts.method.to_string(),
            raw_path: self.parts.uri.path().to_owned(),
            raw_query: self.parts.uri.query().unwrap_or_default().to_owned(),
            headers: self.parts.headers.clone(),
            body: self.body.clone().unwrap_or_default(),
            status: reply.status,
            request_id: self.id.to_string(),
        });
    }
}

/// A mistake in one of the emulator's own headers, which no Bedrock knows.
fn bad_header(name: &'static str) -> impl Fn(String) -> Refusal {
    move |message| Refusal::validation(format!("{name}: {message}"))
}
