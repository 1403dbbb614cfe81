//! One gateway in front of one emulator, on free ports, and a client that sees every byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use outcrop_aws::Clock;
use outcrop_config as config;
use outcrop_config::{
    ANY_SERVICE, AttemptTimeouts, CredentialHeaders, Identity, IdentitySource, Policy, Redacted,
    RetryPolicy, Route, Secret, Target,
};
use outcrop_core::backend::Variables;
use outcrop_core::limit::Counters;
use outcrop_core::{
    Account, Admitter, Around, Gateway, KeyTable, ReceiptSink, Settings, Uncounted,
};
use outcrop_emulator::{Config, EXAMPLE_ACCESS_KEY_ID, EXAMPLE_SECRET_ACCESS_KEY, Emulator, Fault};
use outcrop_fetch::{Fetcher, Limits, Reach};
use outcrop_model::{Carrier, Fidelity, Prices, Receipt};
use outcrop_server::{Metrics, Readiness, Server, ServerConfig};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub use outcrop_emulator::EXAMPLE_SECRET_ACCESS_KEY as EXAMPLE_SECRET;

pub const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
pub const NOVA: &str = "amazon.nova-lite-v1:0";

pub struct Stack {
    pub emulator: Emulator,
    pub address: SocketAddr,
    http: Client<HttpConnector, Full<Bytes>>,
    receipts: mpsc::UnboundedReceiver<Receipt>,
    pub readiness: Readiness,
    pub metrics: Arc<Metrics>,
    pub account: Arc<Account>,
    ours: Ours,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<bool>>,
}

pub struct Options {
    pub fidelity: Fidelity,
    pub carrier: Option<Carrier>,
    pub attempts: u32,
    /// Longest wait between attempts.
    pub backoff_cap: Duration,
    pub uncounted: Uncounted,
    pub geography: String,
    pub keep_alive: Duration,
    pub timeouts: AttemptTimeouts,
    pub server: ServerConfig,
    pub emulator: Config,
    pub secret: &'static str,
    pub clock: Clock,
    /// Nothing is fetched unless a test says so.
    pub media: Limits,
    pub prices: Prices,
    pub cost_header: bool,
    pub admitter: Admitter,
    pub credential_headers: Option<CredentialHeaders>,
    pub region: &'static str,
    /// Whether the account's models are listed before the first request.
    pub lists: bool,
    pub limits: Vec<config::Limit>,
    pub counters: Counters,
    pub metrics: Arc<Metrics>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            fidelity: Fidelity::Report,
            carrier: None,
            attempts: 1,
            backoff_cap: Duration::from_millis(2),
            uncounted: Uncounted::Estimate,
            geography: "home".to_owned(),
            keep_alive: Duration::from_secs(15),
            timeouts: AttemptTimeouts::default(),
            server: ServerConfig::default(),
            emulator: Config::default(),
            secret: EXAMPLE_SECRET_ACCESS_KEY,
            clock: Clock::system(),
            media: Limits { reach: Reach::Off, ..Limits::default() },
            prices: Prices::built_in().clone(),
            cost_header: false,
            admitter: Admitter::default(),
            credential_headers: None,
            region: "us-east-1",
            lists: false,
            limits: Vec::new(),
            counters: Counters::default(),
            metrics: Arc::default(),
        }
    }
}

/// What a stack adds to every configuration.
struct Ours {
    backend: config::Backend,
    defaults: Policy,
    limits: Vec<config::Limit>,
}

impl Ours {
    fn laid_over(&self, mut config: config::Config) -> config::Config {
        config.backends.insert("bedrock".to_owned(), self.backend.clone());
        config.defaults = self.defaults.clone();
        config.limits.clone_from(&self.limits);
        config
    }
}

/// A response, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// The JSON of each `data:` line.
    pub fn events(&self) -> Vec<Value> {
        let text = self.text();
        let data = text.lines().filter_map(|l| l.strip_prefix("data: ")).filter(|d| *d != "[DONE]");
        data.map(|d| serde_json::from_str(d).unwrap_or_else(|e| panic!("{e}: {d}"))).collect()
    }
}

impl Stack {
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let routes = vec![route("all", vec![Target::new("bedrock")])];
        Self::routing(options, config::Config { routes, ..config::Config::default() }).await
    }

    /// With this configuration, in which the emulator becomes the backend `bedrock`.
    pub async fn routing(mut options: Options, config: config::Config) -> Self {
        let emulator = Emulator::bind("127.0.0.1:0", options.emulator.clone()).await.unwrap();
        let mut backend = config::Backend {
            geography: Some(options.geography.clone()),
            timeouts: options.timeouts,
            region: Some(options.region.to_owned()),
            ..backend(&emulator, options.secret)
        };
        backend.identity.credential_headers = options.credential_headers.take();
        let defaults = Policy {
            fidelity: Some(options.fidelity),
            carrier: options.carrier,
            retry: RetryPolicy {
                attempts: Some(options.attempts),
                base: Some(Duration::from_millis(1)),
                cap: Some(options.backoff_cap),
                ..RetryPolicy::default()
            },
            cost_header: Some(options.cost_header),
            ..Policy::default()
        };
        let ours = Ours { backend, defaults, limits: std::mem::take(&mut options.limits) };
        let config = ours.laid_over(config);
        let none: Variables = Arc::new(|_| None);
        let lists = options.lists;
        let stack = Self::launch(emulator, (&config, ours), none, options).await;
        if lists {
            stack.account.refresh(None).await;
        }
        stack
    }

    /// A gateway of this configuration, with the variables of its environment, whatever the options say of
    /// backends, routes and limits.
    pub async fn of(emulator: Emulator, config: &config::Config, variables: Variables) -> Self {
        let backend = backend(&emulator, EXAMPLE_SECRET_ACCESS_KEY);
        let ours = Ours { backend, defaults: Policy::default(), limits: Vec::new() };
        let config::Admission { keys, key_headers, .. } = &config.admission;
        let reveal = |secret: &Secret| match secret {
            Secret::Inline(text) => Ok(text.reveal().to_owned()),
            Secret::Env(name) => variables(name).ok_or_else(|| name.clone()),
            Secret::File(_) => Err("not here".to_owned()),
        };
        let admitter = match keys.is_empty() {
            true => Admitter::default(),
            false => Admitter::of(KeyTable::of(keys, &reveal).0)
                .with_headers(key_headers.iter().map(|name| name.parse().unwrap()).collect()),
        };
        let options = Options { admitter, ..Options::default() };
        Self::launch(emulator, (config, ours), variables, options).await
    }

    async fn launch(
        emulator: Emulator,
        (config, ours): (&config::Config, Ours),
        variables: Variables,
        options: Options,
    ) -> Self {
        let settings = Settings {
            uncounted: options.uncounted,
            keep_alive: options.keep_alive,
            media: Fetcher::new(options.media),
            prices: options.prices,
            around: Around { variables, clock: options.clock, listing: None },
            ..Settings::default()
        };
        let (send, receipts) = mpsc::unbounded_channel();
        let metrics = Arc::clone(&options.metrics);
        let sink = ReceiptSink::new(move |receipt| {
            metrics.receipt(&receipt);
            drop(send.send(receipt));
        });
        let gateway =
            Gateway::new(settings, sink).admitting(options.admitter).counting(options.counters);
        gateway.reload(config).await.unwrap();
        let account = gateway.account().unwrap();
        let server =
            Server::bind("127.0.0.1:0".parse().unwrap(), gateway, options.server).await.unwrap();
        let address = server.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let readiness = server.readiness();
        let serving = Some(tokio::spawn(server.serve(async move { drop(stopped.await) })));
        let http = Client::builder(TokioExecutor::new()).build_http();
        let (stop, metrics) = (Some(stop), options.metrics);
        Self { emulator, address, http, receipts, readiness, metrics, account, ours, stop, serving }
    }

    /// Puts another configuration to work.
    pub async fn reload(&self, config: config::Config) {
        let config = self.ours.laid_over(config);
        self.readiness.gateway().reload(&config).await.unwrap();
    }

    /// Makes the next `times` upstream requests fail as the text says (see the emulator's documentation).
    pub fn fault(&self, text: &str, times: u32) {
        self.emulator.inject(Fault::parse_list(text).unwrap(), times);
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, &[], body.to_string()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let url = format!("http://{}{path}", self.address);
        self.send_to(method, &url, headers, body).await
    }

    /// Asks somebody else.
    pub async fn send_to(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response =
            self.http.request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: head.status, headers: head.headers, body }
    }

    /// Asks the gateway to stop. The task tells whether all requests could finish.
    pub fn stop(&mut self) -> JoinHandle<bool> {
        drop(self.stop.take());
        self.serving.take().unwrap()
    }

    /// Says exactly these bytes on a connection of its own, and returns it.
    pub async fn say(&self, bytes: &[u8]) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        socket
    }

    /// The next receipt; waits for it.
    pub async fn receipt(&mut self) -> Receipt {
        self.receipts.recv().await.unwrap()
    }

    /// The body of the last request that reached the emulator.
    pub fn upstream_body(&self) -> Value {
        let requests = self.emulator.requests();
        serde_json::from_slice(&requests.last().unwrap().body).unwrap()
    }
}

/// An emulator as a backend, with the example key and this secret.
pub fn backend(emulator: &Emulator, secret: &str) -> config::Backend {
    let inline = |text: &str| Secret::Inline(Redacted::new(text));
    let source = IdentitySource::Keys {
        access_key_id: inline(EXAMPLE_ACCESS_KEY_ID),
        secret_access_key: inline(secret),
        session_token: None,
    };
    config::Backend {
        region: Some("us-east-1".to_owned()),
        endpoints: vec![
            (ANY_SERVICE.to_owned(), emulator.base_url()),
            ("bedrock_mantle".to_owned(), emulator.mantle_url()),
            // Without TLS nobody reads the machine's certificates, for each backend anew.
            ("sts".to_owned(), emulator.base_url()),
        ],
        identity: Identity { source, ..Identity::default() },
        ..config::Backend::default()
    }
}

/// A route that takes every request.
pub fn route(name: &str, targets: Vec<Target>) -> Route {
    Route { name: name.to_owned(), targets, ..Route::default() }
}

pub fn invoke_path(model: &str, stream: bool) -> String {
    let verb = if stream { "invoke-with-response-stream" } else { "invoke" };
    format!("/model/{}/{verb}", model.replace(':', "%3A").replace('/', "%2F"))
}

/// A minimal chat in the client's dialect.
pub fn chat(dialect: &str, model: &str, text: &str, stream: bool) -> (String, Value) {
    match dialect {
        "openai" => {
            let body = json!({"model": model, "stream": stream, "stream_options": {"include_usage": true}, "messages": [{"role": "user", "content": text}]});
            ("/v1/chat/completions".to_owned(), body)
        }
        "responses" => {
            ("/v1/responses".to_owned(), json!({"model": model, "stream": stream, "input": text}))
        }
        "anthropic" => {
            let body = json!({"model": model, "stream": stream, "max_tokens": 500, "messages": [{"role": "user", "content": text}]});
            ("/v1/messages".to_owned(), body)
        }
        "converse" => {
            let verb = if stream { "converse-stream" } else { "converse" };
            let body = json!({"messages": [{"role": "user", "content": [{"text": text}]}]});
            (format!("/model/{}/{verb}", model.replace(':', "%3A").replace('/', "%2F")), body)
        }
        // Anthropic's body in InvokeModel's envelope.
        "invoke" => {
            let body = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 500, "messages": [{"role": "user", "content": text}]});
            (invoke_path(model, stream), body)
        }
        other => panic!("no dialect {other}"),
    }
}

/// Every client dialect with every kind of upstream: (client dialect, model).
pub const ROUTES: [(&str, &str); 8] = [
    ("openai", NOVA),
    ("openai", CLAUDE),
    ("responses", NOVA),
    ("responses", CLAUDE),
    ("anthropic", NOVA),
    ("anthropic", CLAUDE),
    ("converse", NOVA),
    ("invoke", NOVA),
];
