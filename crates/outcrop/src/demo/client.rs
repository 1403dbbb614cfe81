//! A small HTTP client for the demo: asks, prints answers as they stream, and takes no error for success.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::print::print_text;

/// What one event of a stream holds for the reader.
pub struct Piece {
    pub text: Option<String>,
    /// Tokens, in whichever number the dialect tells last.
    pub usage: Option<u64>,
}

pub struct Client {
    http: HyperClient<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self { http: HyperClient::builder(TokioExecutor::new()).build_http(), address }
    }

    /// Asks for a whole answer.
    pub async fn ask(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let response = self.post(path, body).await?;
        let bytes =
            response.into_body().collect().await.context("the answer broke off")?.to_bytes();
        serde_json::from_slice(&bytes).context("the answer is not JSON")
    }

    /// Asks for a stream and prints its text as it comes. Returns the last token count.
    pub async fn stream(
        &self,
        path: &str,
        body: &Value,
        read: impl Fn(&Value) -> Piece,
    ) -> anyhow::Result<u64> {
        let mut body = self.post(path, body).await?.into_body();
        let (mut pending, mut tokens, mut spoke) = (Vec::new(), 0, false);
        print_text("  ")?;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.context("the stream broke off")?.into_data() else { continue };
            pending.extend_from_slice(&data);
            while let Some(end) = pending.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = pending.drain(..=end).collect();
                let Some(event) = parse(&line)? else { continue };
                let Piece { text, usage } = read(&event);
                tokens = usage.unwrap_or(tokens);
                if let Some(text) = text {
                    spoke = true;
                    print_text(&text)?;
                }
            }
        }
        if !spoke {
            bail!("the stream held no text");
        }
        Ok(tokens)
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Response<Incoming>> {
        let request = Request::post(format!("http://{}{path}", self.address))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.to_string())))?;
        let response = self.http.request(request).await.with_context(|| format!("POST {path}"))?;
        if !response.status().is_success() {
            let status = response.status();
            let body =
                response.into_body().collect().await.map(|b| b.to_bytes()).unwrap_or_default();
            bail!("POST {path} was answered with {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(response)
    }
}

/// The JSON of a `data:` line, if it is one; an error event ends the demo.
fn parse(line: &[u8]) -> anyhow::Result<Option<Value>> {
    let line = String::from_utf8_lossy(line);
    let Some(data) = line.trim_end().strip_prefix("data: ").filter(|d| *d != "[DONE]") else {
        return Ok(None);
    };
    let event: Value = serde_json::from_str(data).context("an event is not JSON")?;
    if event.get("error").is_some() {
        bail!("the stream ended in an error: {event}");
    }
    Ok(Some(event))
}
