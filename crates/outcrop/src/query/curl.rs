//! `--curl`: a line of curl that sends the request as this process would.
//!
//! 1. It goes where this process sends: the region's host, a configured one, a gateway's, an emulator's.
//! 2. Secrets are variables of the shell, by the names that AWS's tools give them.
//! 3. Every version of curl signs it as AWS does (see [`Target`]).

use outcrop_aws::{Endpoint, Region, Service};
use outcrop_config::{Config, IdentitySource};
use outcrop_core::Around;
use outcrop_core::backend::endpoints;
use outcrop_emulator::Received;
use outcrop_model::Carrier;

use super::preview::{base, body, traced, verdict};
use crate::ask::turn::{CHAT, Talk};
use crate::cli::{EMULATOR_LISTEN, QueryArgs};
use crate::configuration::{API_KEY, is_by_api_key};
use crate::exit::{Exit, Failure};
use crate::explain::Traced;

const JSON: &str = "-H 'content-type: application/json'";
/// Headers that a body needs, beside its type.
const HEADERS: [&str; 2] = ["x-amzn-bedrock-", "anthropic-"];
/// A longer body is no argument that a system takes (Linux: 128 KiB); it is read from the lines below.
const LONGEST: usize = 100_000;
/// Ends such a body; it is JSON in one line, which this is not.
const END: &str = "OUTCROP";
/// Any would do: the emulator takes signatures for all of them.
const EMULATOR_REGION: &str = "us-east-1";

/// # Errors
/// When the request would be refused, or it is not known where it would go.
pub async fn line(args: &QueryArgs, talk: &Talk) -> anyhow::Result<String> {
    let body = body(talk, false);
    if let Some(url) = &args.engine.via {
        let mut parts = vec![quoted(&format!("{}{CHAT}", base(url)))?, JSON.to_owned()];
        if args.engine.via_key.is_some() {
            parts.push(r#"-H "authorization: Bearer $OUTCROP_VIA_KEY""#.to_owned());
        }
        return written(parts, &body.to_string());
    }
    let (traced, config, around) = traced(&args.engine, &body).await?;
    verdict(&traced, talk)?;
    let Some(Received { raw_path, body, headers, .. }) = traced.received.last() else {
        let what = "The gateway answers this itself: there is nothing to send.";
        return Err(Failure::new(Exit::RequestFailed, what).into());
    };
    let mut parts = match args.engine.emulator {
        true => of_emulator(raw_path)?,
        false => of_account(&traced, (&config, &around), raw_path).await?,
    };
    parts.push(JSON.to_owned());
    for (name, value) in headers {
        if HEADERS.iter().any(|begin| name.as_str().starts_with(begin)) {
            let value = String::from_utf8_lossy(value.as_bytes());
            parts.push(format!("-H {}", quoted(&format!("{name}: {value}"))?));
        }
    }
    written(parts, &String::from_utf8_lossy(body))
}

/// The one of `outcrop emulate`; that of `--emulator` is gone with the process.
fn of_emulator(raw_path: &str) -> anyhow::Result<Vec<String>> {
    let endpoint = Endpoint::parse(&format!("http://{EMULATOR_LISTEN}"), "the emulator")?;
    let region = Region::new(EMULATOR_REGION, "the emulator")?;
    note!("note: for the emulator that `outcrop emulate` runs; it tells the variables of its keys");
    signed(Target::of(&endpoint, raw_path)?, (&region, Service::Runtime))
}

async fn of_account(
    traced: &Traced,
    (config, around): (&Config, &Around),
    raw_path: &str,
) -> anyhow::Result<Vec<String>> {
    let receipt = traced.receipt.as_ref();
    let named = receipt.and_then(|receipt| config.backends.get(receipt.backend.as_ref()?));
    let Some(backend) = named.or_else(|| config.backends.values().next()) else {
        return Err(Failure::new(Exit::Other, "No account is configured.").into());
    };
    let endpoints = endpoints(backend, around).await.map_err(|why| {
        Failure::new(Exit::InvalidArgument, format!("Where to send it is not known: {why}."))
    })?;
    let service = match receipt.and_then(|receipt| receipt.carrier) {
        Some(Carrier::Mantle) => Service::Mantle,
        Some(_) | None => Service::Runtime,
    };
    let target = Target::of(endpoints.of(service), raw_path)?;
    if is_by_api_key(backend, around) {
        let url = quoted(&target.url)?;
        return Ok(vec![url, format!(r#"-H "authorization: Bearer ${API_KEY}""#)]);
    }
    if (around.variables)("AWS_ACCESS_KEY_ID").is_none_or(|value| value.is_empty()) {
        let profile = match &backend.identity.source {
            IdentitySource::Profile(name) => format!(" --profile {}", quoted(name)?),
            _ => String::new(),
        };
        note!(
            "note: its variables are set by: eval \"$(aws configure export-credentials{profile} --format env)\""
        );
    }
    signed(target, (endpoints.signing_region(service), service))
}

/// Where a request goes, and as what its path is signed.
///
/// AWS signs the path as it is sent, encoded once more. Older versions of curl sign the path of the address as
/// it is, newer ones encode what is not encoded in it. So the address has the path as it is signed, which both
/// leave alone, and the path that is sent is given beside it.
struct Target {
    /// As it is sent.
    url: String,
    path: String,
    /// With the path as it is signed.
    signed_url: String,
}

impl Target {
    fn of(endpoint: &Endpoint, raw_path: &str) -> anyhow::Result<Self> {
        let uri =
            endpoint.target(raw_path).map_err(|fault| anyhow::anyhow!("{}", fault.message))?;
        let url = uri.to_string();
        let path = uri.path().to_owned();
        let host = url.strip_suffix(path.as_str()).unwrap_or(&url);
        let signed_url = format!("{host}{}", encoded(&path));
        Ok(Self { url, path, signed_url })
    }
}

fn encoded(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let encode = |byte: u8| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    path.bytes().map(encode).collect()
}

fn signed(target: Target, whom: (&Region, Service)) -> anyhow::Result<Vec<String>> {
    let Target { url, path, signed_url } = target;
    let (region, service) = whom;
    let mut parts = vec![quoted(&signed_url)?];
    if url != signed_url {
        parts.push(format!("--request-target {}", quoted(&path)?));
    }
    let scope = format!("aws:amz:{}:{}", region.as_str(), service.signing_name());
    parts.push(format!("--aws-sigv4 {}", quoted(&scope)?));
    parts.push(r#"--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY""#.to_owned());
    // One word, or none where the keys have no token: of every shell.
    let token = r#"${AWS_SESSION_TOKEN:+-H"x-amz-security-token: $AWS_SESSION_TOKEN"}"#;
    parts.push(token.to_owned());
    Ok(parts)
}

fn written(mut parts: Vec<String>, body: &str) -> anyhow::Result<String> {
    let below = if body.len() > LONGEST && !body.contains('\n') {
        parts.push(format!("-d @- <<'{END}'"));
        format!("{body}\n{END}\n")
    } else {
        parts.push(format!("-d {}", quoted(body)?));
        String::new()
    };
    Ok(format!("curl -sS {}\n{below}", parts.join(" \\\n  ")))
}

fn quoted(text: &str) -> anyhow::Result<String> {
    let quoted = shlex::try_quote(text).map_err(|_| {
        Failure::new(Exit::InvalidArgument, "A line of curl cannot hold a NUL character.")
    })?;
    Ok(quoted.into_owned())
}
