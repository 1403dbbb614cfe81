//! `outcrop explain`: what would become of a request, with nothing sent to AWS.
//!
//! The gateway itself handles the request, with a local Bedrock in the place of all backends; what arrives
//! there is what AWS would get. So nothing is told here that the gateway does not do.
//!
//! Does not do: ask who calls, and ask the account which models and profiles it has; the catalog decides.

mod curl;
mod hidden;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use outcrop_config::{Config, Severity, is_secret_name};
use outcrop_core::account::opaque;
use outcrop_core::lent::PARTS;
use outcrop_core::model_id::percent_encode;
use outcrop_core::{Around, Gateway, ReceiptSink, Settings};
use outcrop_emulator::{
    self as emulator, AccessKey, Emulator, Exception, Fault, Injection, Received,
};
use outcrop_model::{Outcome, Receipt};
use outcrop_server::Direct;
use serde_json::{Map, Value, json};

use self::curl::Asked;
use self::hidden::{Hidden, Noting, SHOWN_INSTEAD};
use crate::check;
use crate::configuration::{emulated, emulated_instead, told};
use crate::exit::{Exit, Failure};
use crate::print::print_text;
use crate::sources::Files;

/// The model behind an ARN, of which the carrier may depend.
const NOT_ASKED: &str = "the account knows which model, and is not asked here";

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  outcrop explain -f outcrop.yaml request.json
  outcrop explain -f kong.yaml request.json --path /v1/chat --header 'x-team: a'
  outcrop explain -f outcrop.yaml --curl \"curl http://localhost:8080/v1/messages -d @request.json\"

Nothing is sent to AWS, and no credentials are needed. Exit codes: 0 the request would be sent, 15 it would be refused.")]
pub struct ExplainArgs {
    /// The configuration: a file or a folder, in any format; may be given several times.
    #[arg(short = 'f', long, required = true, value_name = "FILE")]
    pub config: Vec<PathBuf>,
    /// The request's body; - reads stdin.
    #[arg(value_name = "REQUEST", required_unless_present = "curl")]
    pub request: Option<PathBuf>,
    /// Where a client would send it.
    #[arg(long, default_value = "/v1/chat/completions", value_name = "PATH")]
    pub path: String,
    /// A header of it, as NAME: VALUE; may be given several times.
    #[arg(long, value_name = "HEADER", value_parser = header_line)]
    pub header: Vec<(HeaderName, HeaderValue)>,
    /// The listener of the configuration at which it would come in, by its name. Without it the routes of
    /// all listeners hold.
    #[arg(long, value_name = "NAME")]
    pub listener: Option<String>,
    /// The request as a line of curl. Its host matters to routes by host only.
    #[arg(long, value_name = "LINE", conflicts_with_all = ["request", "path", "header"])]
    pub curl: Option<Asked>,
}

/// What became of a request, with nothing sent to AWS.
pub struct Traced {
    pub receipt: Option<Receipt>,
    pub status: StatusCode,
    pub answer: Bytes,
    /// What AWS would have got.
    pub received: Vec<Received>,
    /// What is not shown of that.
    hidden: Hidden,
    /// What it was treated by.
    config: Config,
    /// Backends for which no region is set.
    homeless: Vec<String>,
}

pub async fn run(args: ExplainArgs) -> anyhow::Result<()> {
    let variables = Noting::default();
    let config = check::load_by(args.config.clone(), &variables)?;
    let listener = args.listener.clone();
    if let Some(name) = &listener {
        is_known(name, &config)?;
    }
    let request = asked(args)?;
    let traced = trace(config.clone(), (request, listener.as_deref()), &Around::default()).await?;
    let traced = Traced { hidden: traced.hidden.with(&config, &variables), ..traced };
    print_text(&traced.written())?;
    traced.verdict()
}

/// Handles the request as a gateway with this configuration would, before a local Bedrock.
///
/// # Errors
/// When the configuration cannot be put to work.
pub async fn trace(
    mut config: Config,
    (request, listener): (Request<Full<Bytes>>, Option<&str>),
    around: &Around,
) -> anyhow::Result<Traced> {
    let mut account = emulator::Config::default();
    account.access_keys.extend(lent(&config, request.headers()));
    let emulator =
        Emulator::bind("127.0.0.1:0", account).await.context("cannot start the emulator")?;
    know_no_arn(&emulator);
    let hidden = Hidden::of(&config);
    let homeless = emulated_instead(&mut config, &emulated(&emulator), around).await;
    let receipts: Arc<Mutex<Vec<Receipt>>> = Arc::default();
    let sink = {
        let receipts = Arc::clone(&receipts);
        ReceiptSink::new(move |receipt| {
            receipts.lock().unwrap_or_else(PoisonError::into_inner).push(receipt);
        })
    };
    let gateway = Gateway::new(Settings::default(), sink);
    let notes = gateway.reload(&config).await;
    notes.map_err(|found| anyhow::anyhow!(told(&found, Severity::Error)))?;
    let (head, body) = Direct::new(gateway).at(listener).call(request).await.into_parts();
    // The receipt is written at the end of the answer.
    let answer = body.collect().await.context("the answer broke off")?.to_bytes();
    let receipt = receipts.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let received = emulator.requests();
    Ok(Traced { receipt, status: head.status, answer, received, hidden, config, homeless })
}

// === impl Traced ===

impl Traced {
    /// Its way, and what AWS would have got.
    pub fn written(&self) -> String {
        let sent = self.received.iter().map(|one| format!("\n{}", upstream(one, &self.hidden)));
        self.way() + &sent.collect::<String>()
    }

    /// As [`Traced::written`], for programs.
    pub fn to_json(&self) -> Value {
        let (steps, losses) = self.steps();
        let way: Map<String, Value> =
            steps.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let sent = self.received.iter().map(|one| upstream_json(one, &self.hidden));
        let sent: Vec<Value> = sent.collect();
        json!({ "way": way, "losses": losses, "sent": sent })
    }

    /// Whether it would come to Bedrock and not be refused there, as far as is known: what a model behind an ARN
    /// of the account says, is not.
    pub fn is_sent(&self) -> bool {
        let is_open = |last: &Received| last.method == "POST" && is_of_no_known_model(last);
        self.status.is_success() || self.received.last().is_some_and(is_open)
    }

    /// Which way the request took, a line each.
    fn way(&self) -> String {
        if self.receipt.is_none() {
            return "the gateway answers this itself\n".to_owned();
        }
        let (mut steps, losses) = self.steps();
        // What came of it stands last.
        let refused =
            steps.iter().position(|(name, _)| *name == "refused").map(|at| steps.remove(at));
        let losses = losses.into_iter().map(|loss| ("loss", loss));
        let lines = steps.into_iter().chain(losses).chain(refused);
        lines.map(|(name, value)| format!("{name:<9}{value}\n")).collect()
    }

    /// The stations of the request by name, and what it lost.
    fn steps(&self) -> (Vec<(&'static str, String)>, Vec<String>) {
        let Self { receipt: Some(receipt), config, homeless, .. } = self else {
            return (Vec::new(), Vec::new());
        };
        let Receipt { dialect, route, backend, failed_over, .. } = receipt;
        let Receipt { carrier, model, target, outcome, losses, lost, .. } = receipt;
        let mut lines = vec![("dialect", dialect.as_str().to_owned())];
        let mut line = |name, value: Option<String>| lines.extend(value.map(|value| (name, value)));
        line("route", route.clone());
        for (backend, class) in failed_over {
            line("tried", Some(format!("{backend}: {}", class.as_str())));
        }
        line("backend", backend.clone());
        let settings = backend.as_ref().and_then(|name| config.backends.get(name));
        line("region", settings.and_then(|settings| settings.region.clone()));
        if backend.as_ref().is_some_and(|name| homeless.contains(name)) {
            line("note", Some("no region is set; this one is an example".to_owned()));
        }
        line("model", Some(model.clone()).filter(|model| !model.is_empty()));
        // What was asked is the model's own id where no other is told.
        line("target", target.clone().or_else(|| carrier.map(|_| model.clone())));
        line("carrier", carrier.map(|carrier| carrier.as_str().to_owned()));
        if self.received.iter().any(is_of_no_known_model) {
            line("behind", Some(NOT_ASKED.to_owned()));
        }
        if let Outcome::Failed(class) = outcome
            && !self.is_sent()
        {
            line("refused", Some(class.as_str().to_owned()));
        }
        // A member may be called anything.
        let plain = |letter: char| if letter.is_control() { '?' } else { letter };
        let mut told: Vec<String> =
            lost.iter().map(|loss| loss.to_string().chars().map(plain).collect()).collect();
        if *losses > told.len() {
            told.push(format!("and {} more", losses - told.len()));
        }
        (lines, told)
    }

    /// # Errors
    /// [`Exit::RequestFailed`] where it was refused.
    pub fn verdict(&self) -> anyhow::Result<()> {
        if self.is_sent() {
            return Ok(());
        }
        let what = format!("{}: {}", self.status, String::from_utf8_lossy(&self.answer).trim());
        Err(Failure::new(Exit::RequestFailed, what).into())
    }
}

/// Whether a listener has the name.
fn is_known(name: &str, config: &Config) -> anyhow::Result<()> {
    let names: Vec<&str> = config.listeners.iter().map(|listener| &*listener.name).collect();
    match (names.contains(&name), names.is_empty()) {
        (true, _) => Ok(()),
        (false, true) => anyhow::bail!("--listener: the configuration has no listeners"),
        (false, false) => {
            anyhow::bail!(
                "--listener: there is no listener `{name}`; there is {}",
                names.join(", ")
            )
        }
    }
}

/// The request that the flags say.
fn asked(args: ExplainArgs) -> anyhow::Result<Request<Full<Bytes>>> {
    let ExplainArgs { config: _, request, path, header, listener: _, curl } = args;
    let Asked { method, path, headers, body } = match (curl, request) {
        (Some(asked), _) => asked,
        (None, Some(file)) => {
            let text = Files::new(vec![file])?.read()?.into_iter().next();
            let body = text.context("no request")?.text;
            Asked { method: Method::POST, path, headers: header, body }
        }
        (None, None) => anyhow::bail!("no request"),
    };
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().with_context(|| format!("`{path}` is no path"))?;
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().extend(headers);
    request.headers_mut().entry(header::CONTENT_TYPE).or_insert(json);
    Ok(request)
}

/// The credentials that the request brings, wherever a backend takes such.
fn lent(config: &Config, headers: &HeaderMap) -> Vec<AccessKey> {
    let prefixes = config.backends.values().filter_map(|backend| {
        backend.identity.credential_headers.as_ref().map(|lent| lent.prefix.as_str())
    });
    let keys = prefixes.filter_map(|prefix| {
        let value = |part: &str| headers.get(format!("{prefix}{part}"))?.to_str().ok();
        let [id, secret, token] = PARTS.map(value);
        let session_token = token.map(str::to_owned);
        Some(AccessKey { session_token, ..AccessKey::new(id?, secret?) })
    });
    keys.collect()
}

/// What is behind the ARNs of an account is not known here: nothing is said of them, and what would be sent to
/// them comes to an end that is no other target's turn.
fn know_no_arn(emulator: &Emulator) {
    for part in opaque() {
        emulator.inject_where(Injection {
            faults: vec![Fault::error(Exception::Validation)],
            times: u32::MAX,
            model: Some(part),
            ..Injection::default()
        });
    }
}

/// Whether it was about such an ARN.
fn is_of_no_known_model(received: &Received) -> bool {
    opaque().any(|part| received.raw_path.contains(&percent_encode(&part)))
}

/// A request as AWS would get it, secrets masked. The host is this machine's here, and left out.
fn upstream(received: &Received, hidden: &Hidden) -> String {
    let Received { method, raw_path, raw_query, body, .. } = received;
    let query = if raw_query.is_empty() { String::new() } else { format!("?{raw_query}") };
    let mut text = format!("{method} {raw_path}{query}\n");
    for (name, value) in shown(received, hidden) {
        text.push_str(&format!("{name}: {value}\n"));
    }
    format!("{text}\n{}\n", hidden.cover_body(body))
}

/// As [`upstream`], for programs.
fn upstream_json(received: &Received, hidden: &Hidden) -> Value {
    let Received { method, raw_path, raw_query, body, .. } = received;
    let headers: Map<String, Value> =
        shown(received, hidden).map(|(name, value)| (name.to_owned(), value.into())).collect();
    let mut body = serde_json::from_slice(body)
        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(body).into_owned()));
    hidden.cover_json("", &mut body);
    json!({
        "method": method.as_str(), "path": raw_path, "query": raw_query, "headers": headers,
        "body": body,
    })
}

fn shown<'r>(
    received: &'r Received,
    hidden: &'r Hidden,
) -> impl Iterator<Item = (&'r str, String)> {
    let headers = received.headers.iter().filter(|(name, _)| **name != header::HOST);
    headers.map(|(name, value)| match is_secret_name(name.as_str()) {
        true => (name.as_str(), SHOWN_INSTEAD.to_owned()),
        false => {
            (name.as_str(), hidden.cover(name.as_str(), &String::from_utf8_lossy(value.as_bytes())))
        }
    })
}

fn header_line(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let wrong = || "a header is NAME: VALUE".to_owned();
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    match (name.trim().parse(), value.trim().parse()) {
        (Ok(name), Ok(value)) => Ok((name, value)),
        (Ok(_) | Err(_), _) => Err(wrong()),
    }
}
