//! Servers that want to know who asks: OAuth's code flow with PKCE, by the official SDK.
//!
//! 1. Tokens are kept in files that nobody else can read, one for each address, and renewed by themselves.
//! 2. The code comes back to a port of loopback that is open for one login only.
//! 3. Nobody is waited for who is not there: without a terminal only `outcrop mcp login` begins a login.
//! 4. Only who knows the state of the login ends it, and the browser is told how it ended.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use outcrop_dialect::names::legal;
use rmcp::transport::auth::{
    AuthError, AuthorizationManager, AuthorizationRequest, AuthorizationSession, CredentialStore,
    StoredCredentials,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::store;
use crate::home::Home;

/// How long a login waits for its user.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long the server has to give tokens for the code.
const EXCHANGE: Duration = Duration::from_secs(60);
/// Most bytes of the request that brings the code.
const MOST: u64 = 16 * 1024;
const DONE: &str = "You are logged in. This page can be closed.";

/// The tokens of one address.
struct Tokens(PathBuf);

/// A token for `url`, if there was a login, renewed if it must be.
///
/// # Errors
/// Why it cannot be told.
pub async fn token(url: &str) -> Result<Option<String>, String> {
    let tokens = Tokens::of(url)?;
    if !tokens.0.exists() {
        return Ok(None);
    }
    let mut manager = AuthorizationManager::new(url).await.map_err(said)?;
    manager.set_credential_store(tokens);
    if !manager.initialize_from_store().await.map_err(said)? {
        return Ok(None);
    }
    match manager.get_access_token().await {
        Ok(token) => Ok(Some(token)),
        Err(AuthError::AuthorizationRequired) => Ok(None),
        Err(error) => Err(said(error)),
    }
}

/// Lets the user log in with a browser and keeps the tokens. `challenge` is the server's, if it sent one.
///
/// # Errors
/// Why there are none.
pub async fn login(url: &str, challenge: Option<&str>) -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|e| e.to_string())?;
    let port = listener.local_addr().map_err(|e| e.to_string())?.port();
    let redirect = format!("http://127.0.0.1:{port}/callback");
    let mut manager = AuthorizationManager::new(url).await.map_err(said)?;
    manager.set_credential_store(Tokens::of(url)?);
    let resolved = manager.resolve_metadata_from_challenge(challenge).await.map_err(said)?;
    manager.set_metadata(resolved.metadata);
    let request = AuthorizationRequest::new(redirect.as_str())
        .with_client_name("Outcrop")
        .with_initial_scope_selection();
    let session =
        AuthorizationSession::new(manager, request).await.map_err(|(_, error)| said(error))?;
    let page = session.get_authorization_url();
    if !page.starts_with("https://") && !page.starts_with("http://") {
        return Err("its login is no web page".to_owned());
    }
    note!("log in here: {}", super::printable(page));
    open(page);
    let state = member(page, "state").ok_or("its login cannot be told from others")?;
    let (mut browser, target) = tokio::time::timeout(PATIENCE, callback(&listener, &state))
        .await
        .map_err(|_| format!("nobody logged in within {} s", PATIENCE.as_secs()))??;
    let back = format!("http://127.0.0.1:{port}{target}");
    let exchanged = tokio::time::timeout(EXCHANGE, exchange(&session, &back))
        .await
        .unwrap_or_else(|_| Err("it does not answer the code with a token".to_owned()));
    match &exchanged {
        Ok(()) => tell(&mut browser, "200 OK", DONE).await,
        Err(why) => {
            let words = format!("You are not logged in: {why}. This page can be closed.");
            tell(&mut browser, "400 Bad Request", &words).await;
        }
    }
    exchanged
}

/// Takes the code of the address that the browser came back to.
async fn exchange(session: &AuthorizationSession, back: &str) -> Result<(), String> {
    if let Some(error) = member(back, "error") {
        let more = member(back, "error_description").map(|more| format!(": {more}"));
        let why = format!("it refused the login ({error}{})", more.unwrap_or_default());
        return Err(super::printable(&why));
    }
    session.handle_callback_url(back).await.map_err(said)?;
    Ok(())
}

/// A member of an address's query.
fn member(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let mut members = form_urlencoded::parse(query.as_bytes());
    members.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// Forgets the tokens for `url`; whether there were any.
///
/// # Errors
/// Where they cannot be removed.
pub fn logout(url: &str) -> Result<bool, String> {
    match std::fs::remove_file(Tokens::of(url)?.0) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}

/// The browser that comes back from the login of `state`, and the path and query that it asks for; others
/// are turned away.
async fn callback(listener: &TcpListener, state: &str) -> Result<(TcpStream, String), String> {
    loop {
        let (mut stream, _) = listener.accept().await.map_err(|e| e.to_string())?;
        // One that says nothing must not hold up the one that brings the code.
        let read = tokio::time::timeout(Duration::from_secs(5), target(&mut stream)).await;
        let Ok(Some(target)) = read else { continue };
        if target.starts_with("/callback?") && member(&target, "state").as_deref() == Some(state) {
            return Ok((stream, target));
        }
        tell(&mut stream, "404 Not Found", "").await;
    }
}

async fn tell(browser: &mut TcpStream, status: &str, words: &str) {
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\
         x-content-type-options: nosniff\r\nconnection: close\r\n\r\n{words}",
        words.len()
    );
    // The browser may have gone: the terminal is told all the same.
    let _gone = browser.write_all(answer.as_bytes()).await;
    let _gone = browser.shutdown().await;
}

async fn target(stream: &mut TcpStream) -> Option<String> {
    let mut lines = BufReader::new(tokio::io::AsyncReadExt::take(stream, MOST)).lines();
    let first = lines.next_line().await.ok()??;
    // All of the request is read, else closing would cut off the answer.
    while let Ok(Some(line)) = lines.next_line().await {
        if line.is_empty() {
            break;
        }
    }
    let mut words = first.split(' ');
    (words.next()? == "GET").then(|| words.next().map(str::to_owned))?
}

/// Opens a browser where there is one; the address is on the terminal anyway.
fn open(page: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut browser = std::process::Command::new(program);
    browser.arg(page).stdin(std::process::Stdio::null());
    browser.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    if let Ok(mut child) = browser.spawn() {
        // Reaps it, whenever it ends.
        std::thread::spawn(move || child.wait());
    }
}

/// What went wrong, without what a server could put on the terminal.
fn said(error: AuthError) -> String {
    let other = "give it a token instead, with `outcrop mcp add --bearer-env VARIABLE`";
    let words = match error {
        AuthError::RegistrationFailed(_) => {
            format!("it lets no program register for a login; {other}")
        }
        AuthError::NoAuthorizationSupport
        | AuthError::AuthorizationServersUnavailable { .. }
        | AuthError::DiscoveryRequestFailed { .. } => {
            format!("it does not say where to log in; {other}")
        }
        AuthError::PkceUnsupported => format!("its login is not safe (no PKCE); {other}"),
        AuthError::TokenRefreshRejected(_) | AuthError::TokenExpired => {
            "the login has expired; `outcrop mcp login` begins another".to_owned()
        }
        error => error.to_string(),
    };
    super::printable(&words)
}

// === impl Tokens ===

impl Tokens {
    fn of(url: &str) -> Result<Self, String> {
        let home = Home::find().map_err(|error| error.to_string())?;
        // A blank makes sure that the name ends in a hash of all of the address.
        let name = legal(&format!("{url} ")).into_owned();
        Ok(Self(home.data.join("mcp-tokens").join(format!("{name}.json"))))
    }
}

#[async_trait]
impl CredentialStore for Tokens {
    async fn load(&self) -> Result<Option<StoredCredentials>, AuthError> {
        let text = match std::fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(AuthError::CredentialStoreError(error.to_string())),
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| AuthError::CredentialStoreError(error.to_string()))
    }

    async fn save(&self, credentials: StoredCredentials) -> Result<(), AuthError> {
        let text = serde_json::to_string(&credentials)
            .map_err(|error| AuthError::CredentialStoreError(error.to_string()))?;
        store::write(&self.0, &text)
            .map_err(|error| AuthError::CredentialStoreError(error.to_string()))
    }

    async fn clear(&self) -> Result<(), AuthError> {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(AuthError::CredentialStoreError(error.to_string()))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
