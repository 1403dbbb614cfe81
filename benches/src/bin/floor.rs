//! The floor under every gateway: a proxy that forwards, signs and hands the answer back, and knows
//! nothing of what it carries.
//!
//! Server, client and pool are the gateway's own, so the difference between the two is the gateway's
//! work on meaning. Endpoint and credentials come from the environment, as for `outcrop serve`.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use anyhow::Context;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use outcrop_aws::{AwsClient, ClientConfig, EndpointWish, IdentityWish, IncomingBody, Outbound};
use outcrop_model::{ErrorClass, Fault, Phase};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let wish = EndpointWish { region: None, endpoint_url: None };
    let config =
        ClientConfig::from_env(wish, &IdentityWish::default(), &|name| std::env::var(name).ok())
            .await?;
    config.credentials.begin().await?;
    let client = Arc::new(AwsClient::new(config)?);
    let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen")?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (socket, _peer) = listener.accept().await?;
        socket.set_nodelay(true)?;
        tokio::spawn(serve(socket, Arc::clone(&client)));
    }
}

async fn serve(socket: TcpStream, client: Arc<AwsClient>) {
    let service = hyper::service::service_fn(move |request| {
        let client = Arc::clone(&client);
        async move { Ok::<_, Infallible>(answer(request, &client).await) }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    if let Err(error) = builder.serve_connection(TokioIo::new(socket), service).await {
        eprintln!("connection ended: {error}");
    }
}

async fn answer(request: Request<Incoming>, client: &AwsClient) -> Response<Outflow> {
    match forward(request, client).await {
        Ok(response) => response,
        Err(fault) => {
            eprintln!("{fault:?}");
            let mut response = Response::new(Outflow::Whole(Bytes::from(fault.to_string())));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    }
}

async fn forward(
    request: Request<Incoming>,
    client: &AwsClient,
) -> Result<Response<Outflow>, Fault> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|error| lost(&error))?.to_bytes();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let incoming = client.send(&Outbound::post(path, body)).await?;
    let mut response = Response::new(Outflow::Stream(incoming.body));
    *response.headers_mut() = end_to_end(incoming.headers);
    Ok(response)
}

fn lost(error: &hyper::Error) -> Fault {
    Fault::new(ErrorClass::ClientLeft, Phase::BeforeSend, error.to_string())
}

fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    headers.remove(header::CONNECTION);
    headers.remove(header::TRANSFER_ENCODING);
    headers
}

/// The answer's body, on its way.
enum Outflow {
    Whole(Bytes),
    Stream(IncomingBody),
}

impl Body for Outflow {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        match &mut *self {
            Outflow::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Outflow::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Outflow::Stream(body) => {
                body.poll_chunk(cx).map(|next| next.map(|r| r.map(Frame::data)))
            }
        }
    }
}
