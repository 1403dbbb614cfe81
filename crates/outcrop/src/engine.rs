//! Who answers the command line: a gateway inside this process, or one that runs elsewhere (`--via`).
//! Both are asked by the same paths, in OpenAI's dialect, so a command cannot tell them apart.

mod chat;
mod meant;
mod refusal;
mod trace;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::uri::Uri;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use outcrop_config::{Diagnostic, Guardrail, Severity};
use outcrop_core::{Account, Gateway, ReceiptSink, Settings};
use outcrop_emulator::{Config, Emulator};
use outcrop_model::Receipt;
use outcrop_server::Direct;
use serde_json::Value;

pub use self::chat::{Chat, Part, ToolCall, Usage};
pub use self::meant::{meant, names};
pub use self::refusal::Refusal;
use self::trace::{Trace, Traced};
use crate::cli::{CallArgs, EngineArgs};
use crate::configuration::{emulated, emulated_instead, told};
use crate::exit::{Exit, Failure};
use crate::settings;

/// Most bytes of a whole answer: as many as the gateway reads of Bedrock's.
const MOST: usize = 64 * 1024 * 1024;
/// How long the account's models are waited for: seven lists, of which each takes less than a second.
const LISTS: Duration = Duration::from_secs(15);

/// Answers requests by path.
pub struct Engine {
    way: Way,
    /// Where Bedrock is asked; `None` where a gateway elsewhere chooses it.
    pub region: Option<String>,
    /// Whose models [`Engine::learn_models`] lists; `None` where a gateway elsewhere does.
    account: Option<Arc<Account>>,
    receipts: Receipts,
    trace: Option<Arc<Trace>>,
    /// Answers as long as it is held.
    _emulator: Option<Emulator>,
}

/// Receipts of an engine inside this process; of others none is known.
type Receipts = Arc<Mutex<Vec<Receipt>>>;

enum Way {
    Inside(Direct),
    Elsewhere {
        base: String,
        key: Option<HeaderValue>,
        http: Box<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>,
    },
}

/// An answer whose body is still to come.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: UnsyncBoxBody<Bytes, anyhow::Error>,
    traced: Option<Traced>,
}

// === impl Engine ===

impl Engine {
    /// The engine that the flags ask for.
    ///
    /// # Errors
    /// [`Exit::Credentials`] and its like, before anything is asked.
    pub async fn start(args: &EngineArgs) -> anyhow::Result<Self> {
        let trace = args.trace.as_deref().map(Trace::open).transpose()?;
        let engine = match &args.via {
            Some(url) => Self::elsewhere(url, args.via_key.as_deref())?,
            None => Self::inside(args).await?,
        };
        Ok(Self { trace, ..engine })
    }

    async fn inside(args: &EngineArgs) -> anyhow::Result<Self> {
        if !args.emulator {
            settings::known::tell_account();
        }
        let emulator = match args.emulator {
            true => Some(
                Emulator::bind("127.0.0.1:0", Config::default())
                    .await
                    .context("cannot start the emulator")?,
            ),
            false => None,
        };
        let (mut config, around) = settings::account::gateway(args)?;
        if let Some(emulator) = &emulator {
            emulated_instead(&mut config, &emulated(emulator), &around).await;
        }
        call(&args.call, &mut config);
        let receipts = Receipts::default();
        let sink = {
            let receipts = Arc::clone(&receipts);
            ReceiptSink::new(move |receipt| {
                receipts.lock().unwrap_or_else(PoisonError::into_inner).push(receipt);
            })
        };
        let gateway = Gateway::new(Settings { around, ..Settings::default() }, sink);
        let put_to_work = gateway.reload(&config).await;
        put_to_work.map_err(|found| no_account(&found))?;
        let region =
            gateway.backends().first().map(|one| one.endpoints().region.as_str().to_owned());
        let account = gateway.account();
        let way = Way::Inside(Direct::new(gateway));
        Ok(Self { way, region, account, receipts, trace: None, _emulator: emulator })
    }

    fn elsewhere(url: &str, key: Option<&str>) -> anyhow::Result<Self> {
        let wrong = || {
            Failure::new(
                Exit::InvalidArgument,
                format!("--via {url}: not the address of a gateway."),
            )
            .mend("It looks like http://127.0.0.1:8080.")
        };
        let parsed: Uri = url.parse().map_err(|_| wrong())?;
        if !matches!(parsed.scheme_str(), Some("http" | "https")) || parsed.authority().is_none() {
            return Err(wrong().into());
        }
        let key = key
            .map(|key| {
                let mut value = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| {
                    Failure::new(
                        Exit::Credentials,
                        "the gateway's key holds characters that no header can.",
                    )
                })?;
                value.set_sensitive(true);
                Ok::<_, Failure>(value)
            })
            .transpose()?;
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_platform_verifier(rustls::crypto::aws_lc_rs::default_provider())
            .context("cannot read the system's certificates")?
            .https_or_http()
            .enable_http1()
            .build();
        let http = Box::new(Client::builder(TokioExecutor::new()).build(tls));
        let base = url.trim_end_matches('/').trim_end_matches("/v1").to_owned();
        let way = Way::Elsewhere { base, key, http };
        let receipts = Receipts::default();
        Ok(Self { way, region: None, account: None, receipts, trace: None, _emulator: None })
    }

    /// Whether this process itself asks Bedrock.
    pub fn is_here(&self) -> bool {
        matches!(self.way, Way::Inside(_))
    }

    /// Has the account list its models, so that they are known from now on. Where it cannot, the catalog's
    /// serve as before. Returns whether that is so here; a gateway elsewhere lists by itself.
    pub async fn learn_models(&self) -> bool {
        let Some(account) = &self.account else { return true };
        matches!(tokio::time::timeout(LISTS, account.refresh(None)).await, Ok(Some(_)))
    }

    /// Asks with a JSON body. Any status but 2xx is a failure.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let model = body["model"].as_str().unwrap_or_default();
        self.ask((Method::POST, path), Bytes::from(body.to_string()), model).await
    }

    /// What is known of a model.
    pub async fn model(&self, name: &str) -> anyhow::Result<Value> {
        let segment: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
        let path = format!("/v1/models/{segment}");
        self.ask((Method::GET, &path), Bytes::new(), name).await?.json().await
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.ask((Method::GET, path), Bytes::new(), "").await
    }

    /// Asks; `model` is the one that it is about, if it is about one.
    async fn ask(
        &self,
        (method, path): (Method, &str),
        body: Bytes,
        model: &str,
    ) -> anyhow::Result<Answer> {
        let traced = self.trace.as_ref().map(|trace| trace.request(&method, path, &body));
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
        let answer = match &self.way {
            Way::Inside(direct) => {
                *request.uri_mut() = path.parse()?;
                Answer::of(direct.call(request).await, traced)
            }
            Way::Elsewhere { base, key, http } => {
                *request.uri_mut() = format!("{base}{path}").parse()?;
                if let Some(key) = key {
                    request.headers_mut().insert(header::AUTHORIZATION, key.clone());
                }
                let response = http.request(request).await.map_err(|error| {
                    if let Some(traced) = &traced {
                        traced.failed(&chain(&error));
                    }
                    Failure::new(
                        Exit::Network,
                        format!("{base} does not answer: {}.", chain(&error)),
                    )
                    .mend("Is the gateway running? `outcrop serve` starts one.")
                })?;
                Answer::of(response, traced)
            }
        };
        if answer.status.is_success() {
            return Ok(answer);
        }
        let refusal = Refusal::read(path, answer).await;
        let failure = match &self.way {
            Way::Elsewhere { .. } => refusal.told(model),
            Way::Inside(_) => refusal.told_to_owner(model, self.settled(&refusal).as_ref()),
        };
        Err(failure.into())
    }

    /// The receipt of what was refused, which is written once the answer is read.
    fn settled(&self, refusal: &Refusal) -> Option<Receipt> {
        let receipts = self.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        receipts.iter().rfind(|receipt| receipt.request_id == refusal.request_id).cloned()
    }

    /// What the last request cost and took, where this process knows it. It is told once.
    pub fn receipt(&self) -> Option<Receipt> {
        std::mem::take(&mut *self.receipts.lock().unwrap_or_else(PoisonError::into_inner)).pop()
    }

    /// What all requests so far cost and took, once; none of a gateway elsewhere.
    pub fn take_receipts(&self) -> Vec<Receipt> {
        std::mem::take(&mut *self.receipts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

// === impl Answer ===

impl Answer {
    fn of<B>(response: Response<B>, traced: Option<Traced>) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let (head, body) = response.into_parts();
        let body = body.map_err(anyhow::Error::from).boxed_unsync();
        if let Some(traced) = &traced {
            traced.head(head.status, &head.headers);
        }
        Self { status: head.status, headers: head.headers, body, traced }
    }

    /// The next bytes.
    pub async fn chunk(&mut self) -> Option<anyhow::Result<Bytes>> {
        loop {
            let frame = match self.body.frame().await? {
                Ok(frame) => frame,
                Err(error) => {
                    if let Some(traced) = &self.traced {
                        traced.failed(&format!("{error:#}"));
                    }
                    return Some(Err(broken(&error)));
                }
            };
            if let Ok(data) = frame.into_data() {
                if let Some(traced) = &self.traced {
                    traced.data(&data);
                }
                return Some(Ok(data));
            }
        }
    }

    /// Lets go of what is still to come.
    pub fn close(&mut self) {
        self.body = Empty::new().map_err(|never| match never {}).boxed_unsync();
    }

    /// The whole body.
    pub async fn whole(mut self) -> anyhow::Result<Vec<u8>> {
        let mut read = Vec::new();
        while let Some(chunk) = self.chunk().await.transpose()? {
            if read.len() + chunk.len() > MOST {
                let what = format!("The answer is longer than {MOST} bytes.");
                return Err(Failure::new(Exit::RequestFailed, what).into());
            }
            read.extend_from_slice(&chunk);
        }
        Ok(read)
    }

    /// The whole body as JSON.
    pub async fn json(self) -> anyhow::Result<Value> {
        let bytes = self.whole().await?;
        serde_json::from_slice(&bytes)
            .map_err(|_| Failure::new(Exit::RequestFailed, "The answer is not JSON.").into())
    }
}

/// Nobody can be asked. The hints of `found` are for whoever runs a gateway.
fn no_account(found: &[Diagnostic]) -> Failure {
    let causes: Vec<_> =
        found.iter().cloned().map(|found| Diagnostic { hint: None, ..found }).collect();
    // One line, however many providers lack the same.
    let cause = told(&causes, Severity::Error).replace(".\n", "; ").replace('\n', "; ");
    Failure::new(Exit::Credentials, format!("{}.", cause.trim_end_matches('.'))).mend(
        "`outcrop init` finds account and region and remembers them; AWS_PROFILE and AWS_REGION, or \
         --profile and --region, name them; --emulator needs none. `outcrop doctor` tells what was tried.",
    )
}

/// What the flags say of calls, over what files say.
pub fn call(args: &CallArgs, config: &mut outcrop_config::Config) {
    let CallArgs { retries, timeout, connect_timeout, idle_timeout, guardrail, guardrail_trace } =
        args;
    for backend in config.backends.values_mut() {
        backend.timeouts.connect = connect_timeout.or(backend.timeouts.connect);
    }
    for policy in config.routes.iter_mut().map(|route| &mut route.policy) {
        policy.retry.attempts = retries.map(|times| times + 1).or(policy.retry.attempts);
        policy.timeouts.request = timeout.or(policy.timeouts.request);
        policy.timeouts.idle = idle_timeout.or(policy.timeouts.idle);
        if let Some(guardrail) = guardrail {
            policy.guardrail = Some(Guardrail { trace: *guardrail_trace, ..guardrail.clone() });
        }
    }
}

fn broken(error: &anyhow::Error) -> anyhow::Error {
    Failure::new(Exit::Network, format!("The answer broke off: {error:#}.")).into()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    said
}
