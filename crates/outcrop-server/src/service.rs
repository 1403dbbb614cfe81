//! One request: route, read, hand to the gateway.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::Body;
use outcrop_core::gateway::percent_decode;
use outcrop_core::{Gateway, Inbound, Operation, Reply, models};
use outcrop_model::{Dialect, ErrorClass, Fault, Phase};
use serde_json::json;
use uuid::Uuid;

use crate::body::{Limits, Outflow, read};
use crate::routes::{Route, route};

/// What every connection shares.
#[derive(Debug)]
pub struct Door {
    pub gateway: Gateway,
    pub limits: Limits,
    pub draining: AtomicBool,
}

impl Door {
    /// Answers one request.
    pub async fn answer<B>(self: Arc<Self>, request: Request<B>) -> Response<Outflow>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: std::fmt::Display,
    {
        let (head, body) = request.into_parts();
        let request_id = Uuid::new_v4().to_string();
        let mut reply = match route(&head.method, head.uri.path()) {
            Route::Operation(operation) => self.operate(operation, head, body, &request_id).await,
            Route::ListModels => json_reply(StatusCode::OK, &models::list(self.gateway.catalog())),
            Route::GetModel(id) => self.model(&percent_decode(&id), &head, &request_id),
            Route::Health => json_reply(StatusCode::OK, &self.health("ok")),
            Route::Ready => self.ready(),
            Route::Probe => json_reply(StatusCode::OK, &json!({ "service": "outcrop" })),
            Route::WrongMethod { dialect, allow } => wrong_method(dialect, allow, &request_id),
            Route::Unknown { dialect } => unknown(head.uri.path(), dialect, &request_id),
        };
        if !reply.headers.contains_key("x-request-id") {
            reply.label(&request_id, None);
        }
        let mut response = Response::new(Outflow::new(reply.body));
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        response
    }

    async fn operate<B>(
        &self,
        operation: Operation,
        head: Parts,
        body: B,
        request_id: &str,
    ) -> Reply
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: std::fmt::Display,
    {
        let dialect = operation.dialect();
        let settlement = self.gateway.begin(dialect, request_id);
        match read(body, self.limits).await {
            Ok(body) => {
                let inbound = Inbound {
                    operation,
                    headers: head.headers,
                    body,
                    request_id: request_id.to_owned(),
                };
                self.gateway.handle(inbound, settlement).await
            }
            Err(fault) => {
                let mut reply = Reply::fault(&fault, dialect, request_id);
                // The rest of the body is not read: the connection cannot be used again.
                reply.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
                settlement.fail(&fault, Some(reply.status.as_u16()));
                reply
            }
        }
    }

    fn model(&self, id: &str, head: &Parts, request_id: &str) -> Reply {
        if let Some(model) = models::one(self.gateway.catalog(), id) {
            return json_reply(StatusCode::OK, &model);
        }
        let fault = Fault::new(
            ErrorClass::UnknownModel,
            Phase::BeforeSend,
            format!("The model `{id}` is not listed. GET /v1/models lists what is."),
        );
        let dialect = match head.headers.contains_key("anthropic-version") {
            true => Dialect::Anthropic,
            false => Dialect::OpenAiChat,
        };
        Reply::fault(&fault, dialect, request_id)
    }

    fn health(&self, status: &str) -> serde_json::Value {
        json!({ "status": status, "upstream": self.gateway.upstream().as_str() })
    }

    fn ready(&self) -> Reply {
        match self.draining.load(Ordering::Relaxed) {
            true => json_reply(StatusCode::SERVICE_UNAVAILABLE, &self.health("draining")),
            false => json_reply(StatusCode::OK, &self.health("ready")),
        }
    }
}

fn json_reply(status: StatusCode, value: &serde_json::Value) -> Reply {
    Reply::json(status, value.to_string())
}

fn wrong_method(dialect: Dialect, allow: &'static str, request_id: &str) -> Reply {
    let message = format!("This path takes {allow} only.");
    let fault = Fault::new(ErrorClass::MethodNotAllowed, Phase::BeforeSend, message);
    let mut reply = Reply::fault(&fault, dialect, request_id);
    reply.headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    reply
}

fn unknown(path: &str, dialect: Dialect, request_id: &str) -> Reply {
    let message = format!(
        "There is nothing at `{path}`. Try POST /v1/chat/completions, POST /v1/messages, POST /model/{{id}}/converse or GET /v1/models."
    );
    Reply::fault(
        &Fault::new(ErrorClass::UnknownPath, Phase::BeforeSend, message),
        dialect,
        request_id,
    )
}
