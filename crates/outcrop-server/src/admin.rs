//! The operator's own door: what is at work, what was counted, and the wish to load it anew.
//!
//! 1. The configuration is shown and loaded at a loopback address only: nobody is asked for a key, as who can
//!    reach it can read the files too. At any other address there is what was counted, and nothing else; what
//!    the connection comes from plays no part, as whatever forwards it comes from loopback itself.
//! 2. Not for web pages: what a browser sends for one is refused, and at a loopback address also what is for
//!    a name that leads here by a trick. Elsewhere names are how scrapers ask.
//! 3. Loading that was begun comes to its end, also when whoever asked for it has left.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::metrics::OPEN_METRICS;
use crate::page;
use crate::patience::{Patience, Patient, Work};

/// Who does what is asked at this door.
pub trait Operator: Send + Sync + 'static {
    /// The configuration at work.
    fn config(&self) -> Value;

    /// What was counted, as OpenMetrics' text.
    fn metrics(&self) -> String;

    /// Loads the configuration anew.
    fn reload(self: Arc<Self>) -> impl Future<Output = Result<Value, Value>> + Send + 'static;
}

/// Connections at a time: others wait, and the gateway's own clients are not the ones who pay.
const MOST_CONNECTIONS: usize = 64;

/// A bound, not yet serving door.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    view: View,
}

/// What there is to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// At a loopback address.
    All,
    /// At any other.
    Metrics,
}

// === impl Admin ===

impl Admin {
    /// # Errors
    /// When the address is taken, or is none of this machine.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let view = if address.ip().is_loopback() { View::All } else { View::Metrics };
        Ok(Self { listener: TcpListener::bind(address).await?, view })
    }

    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    pub fn view(&self) -> View {
        self.view
    }

    /// Serves as long as it is polled.
    pub async fn serve(self, operator: Arc<impl Operator>) {
        let Self { listener, view } = self;
        let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            // It is never closed.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let socket = match listener.accept().await {
                Ok((socket, _)) => socket,
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection of the operator's");
                    tokio::time::sleep(crate::serve::ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let operator = Arc::clone(&operator);
            let work = Arc::new(Work::default());
            let socket = Patient::new(socket, Patience::default(), Arc::clone(&work));
            let service = service_fn(move |request| {
                let (operator, busy) = (Arc::clone(&operator), work.begin());
                let answer = async move {
                    let answer = answer(&request, operator, view).await;
                    drop(busy);
                    answer
                };
                async { Ok::<_, std::convert::Infallible>(answer.await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(socket), service);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "connection of the operator's ended");
                }
                drop(place);
            });
        }
    }
}

async fn answer<B>(
    request: &Request<B>,
    operator: Arc<impl Operator>,
    view: View,
) -> Response<Full<Bytes>> {
    let is_trick =
        view == View::All && !page::host(request.headers()).is_some_and(page::is_address);
    if request.headers().contains_key(header::ORIGIN) || is_trick {
        let what = "This door is not for web pages. Ask it by its address, such as http://127.0.0.1:9901, without the header origin.";
        return reply(StatusCode::FORBIDDEN, &json!({ "error": what }));
    }
    if view == View::Metrics && request.uri().path().starts_with("/admin") {
        let what = "At this address there is GET /metrics. The configuration is shown and loaded at a loopback address only: add --admin 127.0.0.1:9901.";
        return reply(StatusCode::FORBIDDEN, &json!({ "error": what }));
    }
    let reloaded = match (request.method(), request.uri().path()) {
        (&Method::GET, "/admin/config") => Ok(operator.config()),
        (&Method::GET, "/metrics") => return text(operator.metrics(), OPEN_METRICS),
        (&Method::POST, "/admin/reload") => match tokio::spawn(operator.reload()).await {
            Ok(outcome) => outcome,
            Err(error) => Err(json!({ "error": format!("loading came to no end: {error}") })),
        },
        (_, "/admin/config" | "/admin/reload" | "/metrics") => {
            let what = "Use GET /admin/config, GET /metrics and POST /admin/reload.";
            return reply(StatusCode::METHOD_NOT_ALLOWED, &json!({ "error": what }));
        }
        _ => {
            let what = "There is GET /admin/config, GET /metrics and POST /admin/reload.";
            return reply(StatusCode::NOT_FOUND, &json!({ "error": what }));
        }
    };
    match reloaded {
        Ok(value) => reply(StatusCode::OK, &value),
        Err(value) => reply(StatusCode::UNPROCESSABLE_ENTITY, &value),
    }
}

fn reply(status: StatusCode, value: &Value) -> Response<Full<Bytes>> {
    let mut response = text(format!("{value:#}\n"), "application/json");
    *response.status_mut() = status;
    response
}

fn text(text: String, content_type: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
