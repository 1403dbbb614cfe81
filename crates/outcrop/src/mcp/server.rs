//! A connection to a server: its tools, and calls of them.

use std::collections::HashMap;
use std::sync::Once;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use rmcp::model::{ClientRequest, ListToolsRequest, PaginatedRequestParams};
use rmcp::service::RunningService;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{RoleClient, ServiceExt};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::approve::somebody_is_there;
use super::call::{Caller, Running};
use super::client::Client;
use super::definition::{Definition, Way};
use super::printable;
use super::process::{MOST, Process, Said};
use super::{fault, oauth};

/// Most pages of a list of tools: a server that always has another one has none.
const PAGES: usize = 200;
const NO_LOGIN: &str = "it is a command, which needs no login";
/// How long a server may take to hear that its calls are given up.
const FAREWELL: Duration = Duration::from_millis(500);

/// A connection.
pub struct Server {
    service: RunningService<RoleClient, Client>,
    process: Option<Process>,
    caller: Caller,
}

/// What is done where a server wants to know who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// The user logs in with a browser, if somebody is there.
    Browser,
    Never,
}

/// Why there is no connection by HTTP.
enum Unreached {
    /// The server wants to know who asks; with its challenge.
    WhoAsks(Option<String>),
    Why(String),
}

/// A tool as its server describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    pub name: String,
    pub description: String,
    /// A JSON schema of an object.
    pub input: Map<String, Value>,
}

// === impl Server ===

impl Server {
    /// # Errors
    /// Why there is no connection, with what the server said.
    pub async fn connect(
        definition: &Definition,
        login: Login,
        patience: Duration,
    ) -> Result<Self, String> {
        let way = definition.resolved()?;
        match &way {
            Way::Stdio { .. } => Self::start(&way, patience).await,
            Way::Http { .. } => Self::reach(definition, &way, (login, patience)).await,
        }
    }

    fn new(service: RunningService<RoleClient, Client>, process: Option<Process>) -> Self {
        let signs = service.service().signs();
        let caller = Caller { peer: service.peer().clone(), signs, running: Running::default() };
        Self { service, process, caller }
    }

    async fn start(way: &Way, patience: Duration) -> Result<Self, String> {
        let (process, (lines, stdin)) = Process::start(way)?;
        let said = process.said.clone();
        let transport = AsyncRwTransport::new_client(lines, stdin).with_max_line_length(usize::MAX);
        let (why, has_ended) = match timeout(patience, Client::default().serve(transport)).await {
            Ok(Ok(service)) => return Ok(Self::new(service, Some(process))),
            Ok(Err(error)) => (fault::of_connect(&error), fault::is_end(&error)),
            Err(_) => (late(patience), false),
        };
        let ended = process.end().await.filter(|_| has_ended);
        Err(with_said(&ended.map_or(why, fault::of_end), &said))
    }

    async fn reach(
        definition: &Definition,
        way: &Way,
        (login, patience): (Login, Duration),
    ) -> Result<Self, String> {
        let Way::Http { url, headers, bearer_variable } = way else {
            return Err("it has no address".to_owned());
        };
        secure();
        let headers = named(headers)?;
        let is_known = bearer_variable.is_some() || headers.contains_key(&AUTHORIZATION);
        let bearer = match bearer_variable {
            Some(variable) => Some(
                std::env::var(variable)
                    .map_err(|_| format!("the variable {variable} is not set"))?,
            ),
            None if is_known => None,
            None => within(patience, oauth::token(url)).await?,
        };
        let connect = |bearer| within(patience, Self::over_http(url, headers.clone(), bearer));
        match connect(bearer).await {
            Err(Unreached::WhoAsks(_)) if is_known => {
                Err("it does not take the credentials that its definition names (HTTP 401)"
                    .to_owned())
            }
            Err(Unreached::WhoAsks(challenge))
                if login == Login::Browser && somebody_is_there() =>
            {
                oauth::login(url, challenge.as_deref()).await?;
                let bearer = within(patience, oauth::token(url)).await?;
                connect(bearer).await.map_err(Unreached::in_words)
            }
            Err(Unreached::WhoAsks(_)) => {
                let name = shown(&definition.name);
                Err(format!("it wants a login: `outcrop mcp login {name}` begins one"))
            }
            reached => reached.map_err(Unreached::in_words),
        }
    }

    async fn over_http(
        url: &str,
        headers: HashMap<HeaderName, HeaderValue>,
        bearer: Option<String>,
    ) -> Result<Self, Unreached> {
        let mut config = StreamableHttpClientTransportConfig::with_uri(url)
            .custom_headers(headers)
            .max_sse_event_size(MOST)
            .max_json_response_size(MOST);
        if let Some(token) = bearer {
            config = config.auth_header(token);
        }
        match Client::default().serve(StreamableHttpClientTransport::from_config(config)).await {
            Ok(service) => Ok(Self::new(service, None)),
            Err(error) if error.is_authorization_required() => {
                Err(Unreached::WhoAsks(error.auth_challenge().map(str::to_owned)))
            }
            Err(error) => {
                let why = fault::of_connect(&error);
                let is_old = url.trim_end_matches('/').ends_with("/sse");
                let old =
                    if is_old { format!("; {}", fault::OLD_TRANSPORT) } else { String::new() };
                Err(Unreached::Why(format!("{why}{old}")))
            }
        }
    }

    /// Lets the user log in at the server of `definition`.
    ///
    /// # Errors
    /// Why that cannot be.
    pub async fn login(definition: &Definition, patience: Duration) -> Result<(), String> {
        let Way::Http { url, headers, bearer_variable } = definition.resolved()? else {
            return Err(NO_LOGIN.to_owned());
        };
        let names = |header: &String| header.eq_ignore_ascii_case(AUTHORIZATION.as_str());
        if bearer_variable.is_some() || headers.keys().any(names) {
            return Err("its definition names credentials, so no login would count".to_owned());
        }
        secure();
        let challenge = match within(patience, Self::over_http(&url, HashMap::new(), None)).await {
            Err(Unreached::WhoAsks(challenge)) => challenge,
            Err(why) => return Err(why.in_words()),
            Ok(server) => {
                server.close().await;
                return Err("it asks nobody to log in".to_owned());
            }
        };
        oauth::login(&url, challenge.as_deref()).await
    }

    /// Forgets the login; whether there was one.
    ///
    /// # Errors
    /// Why that cannot be.
    pub fn logout(definition: &Definition) -> Result<bool, String> {
        oauth::logout(&address(definition)?)
    }

    pub fn caller(&self) -> Caller {
        self.caller.clone()
    }

    /// Whether it said since this was last asked that its tools are others now.
    pub fn has_other_tools(&self) -> bool {
        self.service.service().has_other_tools()
    }

    pub fn is_gone(&self) -> bool {
        self.service.is_closed() || self.service.peer().is_transport_closed()
    }

    /// What it said on stderr.
    pub fn said(&self) -> Said {
        self.process.as_ref().map(|process| process.said.clone()).unwrap_or_default()
    }

    /// All its tools, and what is wrong with others.
    ///
    /// # Errors
    /// Where there is no list.
    pub async fn tools(&self, patience: Duration) -> Result<(Vec<Tool>, Vec<String>), String> {
        within(patience, self.pages()).await
    }

    async fn pages(&self) -> Result<(Vec<Tool>, Vec<String>), String> {
        let mut tools: Vec<Tool> = Vec::new();
        let mut notes = Vec::new();
        let has_tools = |info: &rmcp::model::ServerPeerInfo| info.capabilities.tools.is_some();
        if !self.service.peer().peer_info().is_none_or(|info| has_tools(&info)) {
            return Ok((tools, notes));
        }
        let mut cursor: Option<String> = None;
        for _page in 0..PAGES {
            let page = self.page(cursor.clone()).await?;
            for tool in page["tools"].as_array().ok_or("its list of tools is none")? {
                match Tool::read(tool) {
                    Ok(tool) if tools.iter().any(|known| known.name == tool.name) => {
                        notes.push(format!("the tool {} is there twice", shown(&tool.name)));
                    }
                    Ok(tool) => tools.push(tool),
                    Err(why) => notes.push(why),
                }
            }
            let next = page["nextCursor"].as_str().filter(|next| !next.is_empty());
            match next.map(str::to_owned) {
                None => return Ok((tools, notes)),
                next if next == cursor => break,
                next => cursor = next,
            }
        }
        notes.push("its list of tools has no end; the first of them count".to_owned());
        Ok((tools, notes))
    }

    /// What it has beside tools, for people: the names of prompts and of resources. A list that it does not
    /// give is empty.
    pub async fn asides(&self, patience: Duration) -> (Vec<String>, Vec<String>) {
        let peer = self.service.peer();
        let Some(info) = peer.peer_info() else { return Default::default() };
        let mut asides = (Vec::new(), Vec::new());
        if info.capabilities.prompts.is_some()
            && let Ok(Ok(prompts)) = timeout(patience, peer.list_all_prompts()).await
        {
            asides.0 = prompts.into_iter().map(|prompt| prompt.name).collect();
        }
        if info.capabilities.resources.is_some()
            && let Ok(Ok(resources)) = timeout(patience, peer.list_all_resources()).await
        {
            asides.1 = resources.into_iter().map(|resource| resource.uri).collect();
        }
        asides
    }

    /// A page of the list, as it came: one bad tool shall not cost the others.
    async fn page(&self, cursor: Option<String>) -> Result<Value, String> {
        let mut params = PaginatedRequestParams::default();
        params.cursor = cursor;
        let request = ListToolsRequest::with_param(params);
        let answer = self
            .service
            .peer()
            .send_request(ClientRequest::ListToolsRequest(request))
            .await
            .map_err(|error| {
                let why = format!("it lists no tools: {}", fault::of_request(&error));
                with_said(&why, &self.said())
            })?;
        serde_json::to_value(answer).map_err(|error| error.to_string())
    }

    /// Ends it, in a few seconds at the most.
    pub async fn close(mut self) {
        let _given_up = timeout(FAREWELL, self.caller.give_up()).await;
        // What matters is the process, which is ended next.
        let _closed = self.service.close_with_timeout(Duration::from_secs(1)).await;
        if let Some(process) = self.process.take() {
            drop(self.service);
            process.end().await;
        }
    }
}

// === impl Unreached ===

impl Unreached {
    fn in_words(self) -> String {
        match self {
            Self::WhoAsks(_) => "it does not take the login".to_owned(),
            Self::Why(why) => why,
        }
    }
}

impl From<String> for Unreached {
    fn from(why: String) -> Self {
        Self::Why(why)
    }
}

// === impl Tool ===

impl Tool {
    fn read(tool: &Value) -> Result<Self, String> {
        let name = tool["name"].as_str().filter(|name| !name.is_empty());
        let name = name.ok_or("a tool without a name is left out")?;
        let Some(input) = tool["inputSchema"].as_object() else {
            return Err(format!("the tool {} is left out: its schema is none", shown(name)));
        };
        let mut input = input.clone();
        match input.get("type").and_then(Value::as_str) {
            Some("object") => {}
            None => {
                input.insert("type".to_owned(), "object".into());
            }
            Some(_) => {
                let why = "its arguments are to be no object";
                return Err(format!("the tool {} is left out: {why}", shown(name)));
            }
        }
        let description = tool["description"].as_str().unwrap_or_default().to_owned();
        Ok(Self { name: name.to_owned(), description, input })
    }
}

/// rmcp's HTTP client takes the process's cryptography.
fn secure() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Another part of the process may have chosen already, which is as good.
        let _chosen = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
}

async fn within<T, E: From<String>>(
    patience: Duration,
    doing: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match timeout(patience, doing).await {
        Ok(done) => done,
        Err(_) => Err(late(patience).into()),
    }
}

fn address(definition: &Definition) -> Result<String, String> {
    match definition.resolved()? {
        Way::Http { url, .. } => Ok(url),
        Way::Stdio { .. } => Err(NO_LOGIN.to_owned()),
    }
}

fn named(
    headers: &std::collections::BTreeMap<String, String>,
) -> Result<HashMap<HeaderName, HeaderValue>, String> {
    let pair = |(name, value): (&String, &String)| {
        let wrong = || format!("the header {} cannot be sent", shown(name));
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        Ok((header, value))
    };
    headers.iter().map(pair).collect()
}

fn shown(name: &str) -> String {
    printable(&name.chars().take(100).collect::<String>())
}

fn late(patience: Duration) -> String {
    format!("it does not answer within {} s", patience.as_secs_f64())
}

/// With what the server said on stderr, if it said anything.
pub fn with_said(what: &str, said: &Said) -> String {
    match said.in_words().as_str() {
        "" => what.to_owned(),
        said => format!("{what}; it said: {said}"),
    }
}
