//! An OIDC issuer: discovery, keys, and tokens for programs that show a client's secret.
//!
//! It is at `/oidc` of the emulator, which is also its name. What STS takes of it is in `token.rs`.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::token::{AUDIENCE, Claims};
use super::{Ask, Call, Issued, header, with_status};
use crate::reply::{Payload, Reply};
use crate::route::{percent_decode, query_pairs};

pub(super) const BASE: &str = "/oidc";
pub(super) const DISCOVERY: &str = "/oidc/.well-known/openid-configuration";
pub(super) const TOKEN: &str = "/oidc/token";
pub(super) const KEYS: &str = "/oidc/jwks";
/// How long a token is good unless it is said otherwise.
const LIFETIME: Duration = Duration::from_secs(300);

/// How the issuer is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcIssuer {
    pub clients: Vec<OidcClient>,
    /// How clients may show their secrets; nothing else is taken.
    pub methods: Vec<ClientAuth>,
    /// Who it says it is; its own address if `None`. STS trusts the address alone.
    pub name: Option<String>,
    /// The member of the answer in which the token is.
    pub token_member: &'static str,
}

/// A program that may ask for tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct OidcClient {
    pub id: String,
    pub secret: String,
    /// What it may ask for.
    pub scopes: Vec<String>,
}

/// How a client shows its secret (RFC 6749, 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// In the header `Authorization`.
    Basic,
    /// In the form.
    Post,
}

impl Default for OidcIssuer {
    fn default() -> Self {
        Self {
            clients: vec![OidcClient {
                id: crate::config::EXAMPLE_OIDC_CLIENT.to_owned(),
                secret: crate::config::EXAMPLE_OIDC_SECRET.to_owned(),
                scopes: vec!["bedrock".to_owned()],
            }],
            methods: vec![ClientAuth::Basic, ClientAuth::Post],
            name: None,
            token_member: "access_token",
        }
    }
}

impl std::fmt::Debug for OidcClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OidcClient").field("id", &self.id).finish_non_exhaustive()
    }
}

impl ClientAuth {
    fn word(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
        }
    }
}

pub(super) fn discovery(issued: &Issued) -> Reply {
    let address = &issued.oidc_address;
    let methods: Vec<&str> = issued.oidc.methods.iter().map(|method| method.word()).collect();
    Reply::json(json!({
        "issuer": issued.issuer.name,
        "token_endpoint": format!("{address}/token"),
        "jwks_uri": format!("{address}/jwks"),
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": methods,
        "id_token_signing_alg_values_supported": ["ES256"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
    }))
}

pub(super) fn keys(issued: &Issued) -> Reply {
    Reply::json(issued.issuer.key_set())
}

pub(super) fn token(issued: &Issued, ask: &Ask<'_>) -> Reply {
    granted(issued, ask).unwrap_or_else(|(status, code)| {
        let call = Call::OidcToken;
        call.refuse(code, status, "the emulator's issuer does not give this token")
    })
}

/// The refusals are those of RFC 6749 (5.2): status and code.
fn granted(issued: &Issued, ask: &Ask<'_>) -> Result<Reply, (u16, &'static str)> {
    // In a form a plus is a blank.
    let form = query_pairs(&String::from_utf8_lossy(ask.body).replace('+', " "));
    let value =
        |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value);
    let shown = basic(header(ask, "authorization"));
    let (method, id, secret) = match &shown {
        Some((id, secret)) => (ClientAuth::Basic, id.as_str(), secret.as_str()),
        None => (ClientAuth::Post, value("client_id"), value("client_secret")),
    };
    let client = issued.oidc.clients.iter().find(|client| client.id == id);
    let client = client.filter(|client| client.secret == secret);
    let client = client.filter(|_| issued.oidc.methods.contains(&method));
    let client = client.ok_or((401, "invalid_client"))?;
    if value("grant_type") != "client_credentials" {
        return Err((400, "unsupported_grant_type"));
    }
    let scope = value("scope");
    if !scope.split_whitespace().all(|word| client.scopes.iter().any(|scope| scope == word)) {
        return Err((400, "invalid_scope"));
    }
    let audience = [value("audience"), value("resource"), AUDIENCE];
    let audience = audience.into_iter().find(|audience| !audience.is_empty()).unwrap_or_default();
    let lifetime = issued.oidc_lifetime().unwrap_or(LIFETIME);
    let end = SystemTime::now() + lifetime;
    let token = issued.issuer.token(&Claims { subject: id, audience, scope, end });
    let mut body = json!({
        "token_type": "Bearer", "expires_in": lifetime.as_secs(), "scope": scope,
    });
    body[issued.oidc.token_member] = json!(token);
    Ok(Reply::json(body).with_header("cache-control", "no-store"))
}

/// Id and secret of the header, each of them form-encoded before it was joined.
fn basic(authorization: &str) -> Option<(String, String)> {
    let decoded = STANDARD.decode(authorization.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(decoded).ok()?.replace('+', " ");
    let (id, secret) = text.split_once(':')?;
    Some((percent_decode(id), percent_decode(secret)))
}

/// An error in the words of OAuth.
pub(super) fn refuse(code: &str, status: u16, message: &str) -> Reply {
    let body = json!({"error": code, "error_description": message});
    let reply = with_status(status, Payload::Json(body)).with_header("cache-control", "no-store");
    match status {
        401 => reply.with_header("www-authenticate", "Basic realm=\"emulator\""),
        _ => reply,
    }
}
