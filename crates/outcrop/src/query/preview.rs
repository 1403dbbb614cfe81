//! What would be sent, with nothing sent: `--dry-run` and `--curl`, and before it is: `--show-request`.
//!
//! As `outcrop explain` does it: the gateway inside this process, before a local Bedrock. No credentials are
//! needed, and none is shown. The account is not asked for its models and profiles; the catalog decides.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use outcrop_config::Config;
use outcrop_emulator::Received;
use serde_json::{Value, json};

use crate::ask::turn::{CHAT, Talk};
use crate::cli::{EngineArgs, QueryArgs};
use crate::engine::call;
use crate::exit::{Exit, Failure};
use crate::explain::{Traced, trace};
use crate::settings;

/// The way that the request would take, and what Bedrock or the gateway elsewhere would get.
///
/// # Errors
/// When it would be refused.
pub async fn request(args: &QueryArgs, talk: &Talk) -> anyhow::Result<String> {
    let body = body(talk, !args.show.no_stream && !args.show.json);
    if let Some(url) = &args.engine.via {
        let path = format!("{}{CHAT}", base(url));
        return Ok(format!("POST {path}\ncontent-type: application/json\n\n{body}\n"));
    }
    let (traced, config) = traced(&args.engine, &body).await?;
    traced.verdict()?;
    Ok(traced.written(&config))
}

/// A line of curl that sends it with a Bedrock API key, which is a variable of the shell.
///
/// # Errors
/// When it would be refused.
pub async fn curl(args: &QueryArgs, talk: &Talk) -> anyhow::Result<String> {
    let body = body(talk, false);
    if let Some(url) = &args.engine.via {
        let path = quoted(&format!("{}{CHAT}", base(url)))?;
        let key = r#"-H "authorization: Bearer $OUTCROP_VIA_KEY""#;
        return Ok(line(&[&path, key, JSON, &format!("-d {}", quoted(&body.to_string())?)]));
    }
    let (traced, config) = traced(&args.engine, &body).await?;
    traced.verdict()?;
    let Some(Received { raw_path, body, headers, .. }) = traced.received.last() else {
        let what = "The gateway answers this itself: there is nothing to send.";
        return Err(Failure::new(Exit::RequestFailed, what).into());
    };
    let region = region(&args.engine, &config);
    let host = match &args.engine.endpoint_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("https://bedrock-runtime.{region}.amazonaws.com"),
    };
    let mut parts = vec![
        format!("\"{host}{raw_path}\""),
        // Not by signature: older versions of curl sign paths with a `:` or `%3A` otherwise than AWS does.
        r#"-H "authorization: Bearer $AWS_BEARER_TOKEN_BEDROCK""#.to_owned(),
        JSON.to_owned(),
    ];
    let own = headers.iter().filter(|(name, _)| name.as_str().starts_with("x-amzn-bedrock-"));
    for (name, value) in own {
        let value = String::from_utf8_lossy(value.as_bytes());
        parts.push(format!("-H {}", quoted(&format!("{name}: {value}"))?));
    }
    parts.push(format!("-d {}", quoted(&String::from_utf8_lossy(body))?));
    Ok(line(&parts.iter().map(String::as_str).collect::<Vec<_>>()))
}

const JSON: &str = "-H 'content-type: application/json'";

fn body(talk: &Talk, streams: bool) -> Value {
    let mut body = talk.settings.clone();
    body.insert("messages".to_owned(), json!(talk.messages));
    if streams {
        body.insert("stream".to_owned(), true.into());
    }
    Value::Object(body)
}

/// The request before a local Bedrock, and the configuration that it is treated by.
async fn traced(args: &EngineArgs, body: &Value) -> anyhow::Result<(Traced, Config)> {
    let (mut config, _) = settings::account::gateway(args)?;
    call(&args.call, &mut config);
    let mut request = Request::new(Full::new(Bytes::from(body.to_string())));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = CHAT.parse()?;
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(header::CONTENT_TYPE, json);
    Ok((trace(config.clone(), request).await?, config))
}

/// The region, or the shell's variable for it.
fn region(args: &EngineArgs, config: &Config) -> String {
    let of_files = config.backends.values().find_map(|backend| backend.region.clone());
    args.region.clone().or(of_files).unwrap_or_else(|| "$AWS_REGION".to_owned())
}

fn base(url: &str) -> &str {
    url.trim_end_matches('/').trim_end_matches("/v1")
}

fn line(parts: &[&str]) -> String {
    format!("curl -sS {}\n", parts.join(" \\\n  "))
}

fn quoted(text: &str) -> anyhow::Result<String> {
    let quoted = shlex::try_quote(text).map_err(|_| {
        Failure::new(Exit::InvalidArgument, "A line of curl cannot hold a NUL character.")
    })?;
    Ok(quoted.into_owned())
}
