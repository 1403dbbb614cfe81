//! One request: route, read, hand to the gateway.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use http_body::Body;
use outcrop_config::SurfaceWord;
use outcrop_core::admit::surface_of;
use outcrop_core::model_id::percent_decode;
use outcrop_core::models::{Page, Shelf};
use outcrop_core::{
    Admittance, Approach, Gateway, Grant, Inbound, Operation, Present, Reply, Settlement,
};
use outcrop_model::{Dialect, ErrorClass, Fault, Phase};
use serde_json::json;
use uuid::Uuid;

use crate::body::{Limits, Rest, Room, discard, read};
use crate::cors::Cors;
use crate::outflow::Outflow;
use crate::page::{self, Reach};
use crate::patience::Busy;
use crate::routes::{Route, route};
use crate::serve::ServerConfig;

/// An operation, and the gateway's own path of it.
struct Meant {
    operation: Operation,
    own_path: String,
    present: Present,
}

/// What every connection shares.
#[derive(Debug)]
pub struct Door {
    pub gateway: Arc<Gateway>,
    pub limits: Limits,
    pub room: Room,
    /// How long an answer in HTTP/2 waits to be read.
    pub unread: Duration,
    pub cors: Cors,
    pub draining: AtomicBool,
}

/// Where a request came in, and from where.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    pub peer: Option<IpAddr>,
    /// The listener's name.
    pub listener: Option<Arc<str>>,
    /// From where the listener can be reached.
    pub reach: Reach,
}

impl Door {
    pub fn new(gateway: Arc<Gateway>, config: &ServerConfig) -> Self {
        let ServerConfig { max_body, max_bodies, body_idle, body_total, patience, cors, .. } =
            config;
        Self {
            gateway,
            limits: Limits { max_body: *max_body, body_idle: *body_idle, body_total: *body_total },
            room: Room::new((*max_bodies).max(*max_body)),
            unread: patience.unread,
            cors: cors.clone(),
            draining: AtomicBool::new(false),
        }
    }

    /// Answers one request.
    pub async fn answer<B>(
        self: Arc<Self>,
        request: Request<B>,
        entry: Entry,
        busy: Busy,
    ) -> Response<Outflow>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: std::error::Error + 'static,
    {
        let (head, body) = request.into_parts();
        let version = head.version;
        let request_id = Uuid::new_v4().to_string();
        let origin = head.headers.get(header::ORIGIN).cloned();
        let mut reply = match self.cors.preflight(&head) {
            Some(allowed) => allowed,
            None => self.serve(head, body, (&request_id, entry)).await,
        };
        if !reply.headers.contains_key("x-request-id") {
            reply.label(&request_id, None);
        }
        self.cors.grant(origin.as_ref(), &mut reply.headers);
        // In HTTP/1.1 what is not read blocks the socket, which has its own patience.
        let outflow = match version {
            Version::HTTP_2 => Outflow::watched(reply.body, busy, self.unread),
            _ => Outflow::new(reply.body, busy),
        };
        let mut response = Response::new(outflow);
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        response
    }

    /// What stands at the request's path.
    async fn serve<B>(&self, head: Parts, mut body: B, (request_id, entry): (&str, Entry)) -> Reply
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: std::error::Error + 'static,
    {
        let present = self.gateway.present();
        let own_path = own_path(&present, &head, &entry);
        let at = (&head, entry.reach);
        let mut reply = match route(&head.method, &own_path) {
            Route::Operation(operation) => {
                let meant = Meant { operation, own_path, present };
                return self.operate(meant, head, body, (request_id, entry)).await;
            }
            Route::ListModels => {
                let answer = |grant: &Grant| self.models(grant, &head, request_id);
                self.keyed(SurfaceWord::Models, at, request_id, answer).await
            }
            Route::GetModel(id) => {
                let id = percent_decode(&id);
                let answer = |grant: &Grant| self.model(grant, &id, &head, request_id);
                self.keyed(SurfaceWord::Models, at, request_id, answer).await
            }
            Route::GetResponse(id) => {
                let answer =
                    |grant: &Grant| self.kept_response(grant, &percent_decode(&id), request_id);
                self.keyed(SurfaceWord::Responses, at, request_id, answer).await
            }
            Route::DeleteResponse(id) => {
                let answer =
                    |grant: &Grant| self.delete_response(grant, &percent_decode(&id), request_id);
                self.keyed(SurfaceWord::Responses, at, request_id, answer).await
            }
            Route::Health => json_reply(StatusCode::OK, &self.health("ok")),
            Route::Ready => self.ready(),
            Route::Probe => json_reply(StatusCode::OK, &json!({ "service": "outcrop" })),
            Route::WrongMethod { dialect, allow } => wrong_method(dialect, allow, request_id),
            Route::Elsewhere { dialect, what } => {
                let dialect = dialect.unwrap_or_else(|| dialect_of(&head));
                not_supported(what, dialect, request_id)
            }
            Route::Unknown { dialect, meant } => {
                unknown(head.uri.path(), meant.as_deref(), dialect, request_id)
            }
        };
        close_unless(rest_of(&head, &mut body).await, &mut reply);
        reply
    }

    async fn operate<B>(
        &self,
        meant: Meant,
        head: Parts,
        mut body: B,
        (request_id, entry): (&str, Entry),
    ) -> Reply
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: std::error::Error + 'static,
    {
        let Meant { operation, own_path, present } = meant;
        let dialect = operation.dialect();
        let mut settlement = self.gateway.begin(&operation, request_id);
        let at = (&head, entry.reach);
        match self.take((&operation, &mut settlement), at, &mut body).await {
            Ok(body) => {
                let inbound = Inbound {
                    operation,
                    listener: entry.listener.as_deref().map(str::to_owned),
                    method: head.method,
                    path: head.uri.path().to_owned(),
                    own_path,
                    authority: head.uri.host().map(str::to_owned),
                    query: head.uri.query().map(str::to_owned),
                    headers: head.headers,
                    credentials: None,
                    body,
                    peer: entry.peer,
                    request_id: request_id.to_owned(),
                };
                self.gateway.handle(&present, inbound, settlement).await
            }
            Err(fault) => {
                let mut reply = Reply::fault(&fault, dialect, request_id);
                let rest = match fault.class {
                    // Nothing more is to be expected.
                    ErrorClass::ClientTimeout | ErrorClass::ClientLeft => Rest::Left,
                    _ => rest_of(&head, &mut body).await,
                };
                close_unless(rest, &mut reply);
                settlement.fail(&fault, Some(reply.status.as_u16()));
                reply
            }
        }
    }

    /// The body of an operation, from someone who may come in. Whoever shows no key sends it in vain.
    async fn take<B>(
        &self,
        (operation, settlement): (&Operation, &mut Settlement),
        at: (&Parts, Reach),
        body: &mut B,
    ) -> Result<Bytes, Fault>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: std::error::Error + 'static,
    {
        let mut enter = |grant| {
            // First, so that the receipt names the caller whatever comes of it.
            settlement.admitted(grant);
            let grant = settlement.grant();
            self.check(grant, at)?;
            grant.check_surface(surface_of(operation))
        };
        let (admitter, head) = (self.gateway.admitter(), at.0);
        let signed = match admitter.admit(head, SystemTime::now()).await? {
            Admittance::Granted(grant) => {
                enter(grant)?;
                None
            }
            Admittance::Signed(signed) => Some(signed),
        };
        let body = as_it_is(head, read(body, self.limits, &self.room).await?)?;
        if let Some(signed) = signed {
            enter(admitter.finish(&signed, &body, SystemTime::now())?)?;
        }
        Ok(body)
    }

    /// Whoever comes in without a key must not be a web page of elsewhere.
    fn check(&self, grant: &Grant, (head, reach): (&Parts, Reach)) -> Result<(), Fault> {
        match (&grant.caller, reach) {
            (None, Reach::Machine) => page::check(head, &self.cors),
            (Some(_), _) | (None, Reach::Anywhere) => Ok(()),
        }
    }

    /// What the gateway answers by itself to those who may come in.
    async fn keyed(
        &self,
        surface: SurfaceWord,
        (head, reach): (&Parts, Reach),
        request_id: &str,
        answer: impl FnOnce(&Grant) -> Reply,
    ) -> Reply {
        let (admitter, now) = (self.gateway.admitter(), SystemTime::now());
        let granted = admitter.admit(head, now).await.and_then(|admittance| match admittance {
            Admittance::Granted(grant) => Ok(grant),
            // None of these calls has a body.
            Admittance::Signed(signed) => admitter.finish(&signed, b"", now),
        });
        let granted = granted.and_then(|grant| {
            self.check(&grant, (head, reach))?;
            grant.check_surface(surface).map(|()| grant)
        });
        match granted {
            Ok(grant) => answer(&grant),
            Err(fault) => {
                tracing::info!(
                    request_id,
                    operation = surface.as_str(),
                    detail = fault.detail.as_deref().unwrap_or(&fault.message),
                    "refused"
                );
                let dialect = match surface {
                    SurfaceWord::Responses => Dialect::Responses,
                    _ => dialect_of(head),
                };
                Reply::fault(&fault, dialect, request_id)
            }
        }
    }

    fn models(&self, grant: &Grant, head: &Parts, request_id: &str) -> Reply {
        let shelf = self.gateway.shelf(grant);
        let listed =
            Page::of_query(head.uri.query().unwrap_or_default()).and_then(|page| shelf.list(&page));
        match listed {
            Ok(list) => from(&shelf, &list),
            Err(fault) => Reply::fault(&fault, dialect_of(head), request_id),
        }
    }

    fn model(&self, grant: &Grant, id: &str, head: &Parts, request_id: &str) -> Reply {
        let shelf = self.gateway.shelf(grant);
        if let Some(model) = shelf.one(id) {
            return from(&shelf, &model);
        }
        let fault = Fault::new(
            ErrorClass::UnknownModel,
            Phase::BeforeSend,
            format!("The model `{}` is not listed. GET /v1/models lists what is.", shown(id)),
        );
        Reply::fault(&fault, dialect_of(head), request_id)
    }

    /// `GET /v1/responses/{id}`
    fn kept_response(&self, grant: &Grant, id: &str, request_id: &str) -> Reply {
        match self.gateway.responses().get(grant.caller_id(), id) {
            Some(kept) => Reply::json(StatusCode::OK, kept.response.clone()),
            None => unknown_response(id, request_id),
        }
    }

    /// `DELETE /v1/responses/{id}`
    fn delete_response(&self, grant: &Grant, id: &str, request_id: &str) -> Reply {
        match self.gateway.responses().delete(grant.caller_id(), id) {
            true => {
                let done = json!({ "id": id, "object": "response", "deleted": true });
                json_reply(StatusCode::OK, &done)
            }
            false => unknown_response(id, request_id),
        }
    }

    fn health(&self, status: &str) -> serde_json::Value {
        json!({ "status": status, "upstream": self.gateway.upstream() })
    }

    fn ready(&self) -> Reply {
        match self.draining.load(Ordering::Relaxed) {
            true => json_reply(StatusCode::SERVICE_UNAVAILABLE, &self.health("draining")),
            false => json_reply(StatusCode::OK, &self.health("ready")),
        }
    }
}

/// The gateway's own path that the request's path means. Its health is told at its own paths,
/// whatever the routes say.
fn own_path(present: &Present, head: &Parts, entry: &Entry) -> String {
    let path = head.uri.path();
    if let Route::Health | Route::Ready | Route::Probe = route(&head.method, path) {
        return path.to_owned();
    }
    let approach = Approach {
        listener: entry.listener.as_deref(),
        method: &head.method,
        path,
        query: head.uri.query(),
        headers: &head.headers,
        authority: head.uri.host(),
    };
    let is_known = |path: &str| !matches!(route(&head.method, path), Route::Unknown { .. });
    present.own_path(&approach, &is_known)
}

/// Takes the rest of a refused body, since its sender may still be sending. Who asked for leave to send
/// (`expect: 100-continue`) is answered at once instead.
async fn rest_of<B>(head: &Parts, body: &mut B) -> Rest
where
    B: Body<Data = Bytes> + Unpin,
{
    match (body.is_end_stream(), head.headers.contains_key(header::EXPECT)) {
        (true, _) => Rest::Taken,
        (false, true) => Rest::Left,
        (false, false) => discard(body).await,
    }
}

/// A connection of which a body is still to be read cannot be used again.
fn close_unless(rest: Rest, reply: &mut Reply) {
    match rest {
        Rest::Taken => {}
        Rest::Left => {
            reply.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// `body`, if no encoding stands between it and its JSON.
fn as_it_is(head: &Parts, body: Bytes) -> Result<Bytes, Fault> {
    let encodings = head.headers.get_all(header::CONTENT_ENCODING).iter();
    let foreign = encodings
        .map(|e| e.to_str().unwrap_or("?").trim())
        .find(|e| !e.is_empty() && !e.eq_ignore_ascii_case("identity"));
    match foreign {
        None => Ok(body),
        Some(encoding) => {
            let word: String = encoding.chars().take(40).collect();
            let message = format!(
                "content-encoding: this gateway does not take bodies encoded as `{word}`. Send the JSON as it is, without the header."
            );
            Err(Fault::new(ErrorClass::InvalidRequest, Phase::BeforeSend, message)
                .with_param("content-encoding"))
        }
    }
}

fn json_reply(status: StatusCode, value: &serde_json::Value) -> Reply {
    Reply::json(status, value.to_string())
}

/// A reply that tells by whose word models are listed.
fn from(shelf: &Shelf, value: &serde_json::Value) -> Reply {
    let mut reply = json_reply(StatusCode::OK, value);
    let source = HeaderValue::from_static(shelf.source.as_str());
    reply.headers.insert("x-outcrop-models", source);
    reply
}

fn unknown_response(id: &str, request_id: &str) -> Reply {
    let message = format!(
        "Response with id '{}' not found. Answers are kept for a while only, by one gateway, and not at all with `store: false`.",
        shown(id)
    );
    let fault = Fault::new(ErrorClass::UnknownResponse, Phase::BeforeSend, message);
    Reply::fault(&fault, Dialect::Responses, request_id)
}

fn wrong_method(dialect: Dialect, allow: &'static str, request_id: &str) -> Reply {
    let message = format!("This path takes {allow} only.");
    let fault = Fault::new(ErrorClass::MethodNotAllowed, Phase::BeforeSend, message);
    let mut reply = Reply::fault(&fault, dialect, request_id);
    reply.headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    reply
}

/// The dialect of a caller on a path that OpenAI's and Anthropic's APIs share.
fn dialect_of(head: &Parts) -> Dialect {
    match head.headers.contains_key("anthropic-version") {
        true => Dialect::Anthropic,
        false => Dialect::OpenAiChat,
    }
}

fn not_supported(what: &str, dialect: Dialect, request_id: &str) -> Reply {
    let message = format!("{what}: not supported. Bedrock has no such API for the gateway to use.");
    let fault = Fault::new(ErrorClass::NotSupported, Phase::BeforeSend, message);
    Reply::fault(&fault, dialect, request_id)
}

fn unknown(path: &str, meant: Option<&str>, dialect: Dialect, request_id: &str) -> Reply {
    let message = match meant {
        Some(meant) => format!(
            "There is nothing at `{}`. Did you mean `{}`? Look for a slash too many in the client's base URL.",
            shown(path),
            shown(meant)
        ),
        None => format!(
            "There is nothing at `{}`. Try POST /v1/chat/completions, POST /v1/responses, POST /v1/messages, POST /model/{{id}}/converse or GET /v1/models.",
            shown(path)
        ),
    };
    let fault = Fault::new(ErrorClass::UnknownPath, Phase::BeforeSend, message);
    Reply::fault(&fault, dialect, request_id)
}

/// As much of a path or id as an error message may repeat.
fn shown(text: &str) -> Cow<'_, str> {
    const MOST: usize = 200;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}
