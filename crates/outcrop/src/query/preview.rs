//! What would be sent, with nothing sent: `--dry-run`, and before it is: `--show-request`.
//!
//! As `outcrop explain` does it: the gateway inside this process, before a local Bedrock. No credentials are
//! needed, and none is shown. The account is not asked for its models and profiles; the catalog decides.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use outcrop_config::Config;
use outcrop_core::Around;
use serde_json::{Value, json};

use crate::ask::turn::{CHAT, Talk};
use crate::cli::{EngineArgs, QueryArgs};
use crate::engine::{Refusal, call};
use crate::exit::Failure;
use crate::explain::{Traced, trace};
use crate::settings;

/// The way that the request would take, and what Bedrock or the gateway elsewhere would get.
///
/// # Errors
/// When it would be refused.
pub async fn request(args: &QueryArgs, talk: &Talk) -> anyhow::Result<String> {
    let body = body(talk, !args.show.look.no_stream && !args.show.json);
    if let Some(url) = &args.engine.via {
        let path = format!("{}{CHAT}", base(url));
        return Ok(match args.show.json {
            true => format!("{:#}\n", json!({ "method": "POST", "url": path, "body": body })),
            false => format!("POST {path}\ncontent-type: application/json\n\n{body}\n"),
        });
    }
    let (traced, ..) = traced(&args.engine, &body).await?;
    verdict(&traced, talk)?;
    Ok(match args.show.json {
        true => format!("{:#}\n", traced.to_json()),
        false => traced.written(),
    })
}

/// # Errors
/// As the question itself would end.
pub fn verdict(traced: &Traced, talk: &Talk) -> Result<(), Failure> {
    match traced.is_sent() {
        true => Ok(()),
        false => {
            let refusal = Refusal::of(CHAT, traced.status, &traced.answer);
            Err(refusal.told_to_owner(talk.model(), traced.receipt.as_ref()))
        }
    }
}

pub fn body(talk: &Talk, streams: bool) -> Value {
    let mut body = talk.settings.clone();
    body.insert("messages".to_owned(), json!(talk.messages));
    if streams {
        body.insert("stream".to_owned(), true.into());
    }
    Value::Object(body)
}

/// The request before a local Bedrock, and what it is treated by.
pub async fn traced(args: &EngineArgs, body: &Value) -> anyhow::Result<(Traced, Config, Around)> {
    let (mut config, around) = settings::account::gateway(args)?;
    call(&args.call, &mut config);
    let mut request = Request::new(Full::new(Bytes::from(body.to_string())));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = CHAT.parse()?;
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(header::CONTENT_TYPE, json);
    let traced = trace(config.clone(), (request, None), &around).await?;
    Ok((traced, config, around))
}

/// The gateway's address without the part that all paths have.
pub fn base(url: &str) -> &str {
    url.trim_end_matches('/').trim_end_matches("/v1")
}
