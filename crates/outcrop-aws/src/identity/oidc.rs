//! A role for whoever an OIDC issuer says that the gateway is: client credentials for a token, the token
//! for credentials of STS.
//!
//! 1. Every fetch asks the issuer anew: a token lives for minutes, what STS gives for hours.
//! 2. The secret and the token go over `https`, or to this machine.
//! 3. An error names the step that failed and the mend, and holds neither secret nor token, nor what the
//!    issuer says in words of its own.
//!
//! Does not do: private-key clients (`private_key_jwt`) and mutual TLS.

use std::fmt;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_sdk_sts::error::ProvideErrorMetadata as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use form_urlencoded::Serializer;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use serde::Deserialize;

use crate::identity::Text;
use crate::identity::chain::story;
use crate::identity::container::place;
use crate::identity::http::{Wire, is_private};
use crate::identity::web_identity::TokenRole;

const DISCOVERY: &str = "/.well-known/openid-configuration";
/// An issuer answers within a second.
const ANSWER: Duration = Duration::from_secs(10);
/// For answers that another attempt may better.
const ATTEMPTS: u32 = 3;

/// An issuer to ask, who to be there, and the role to get for it.
#[derive(Debug, Clone)]
pub struct Oidc {
    pub issuer: Address,
    /// Where tokens are, if not where the issuer says.
    pub token_endpoint: Option<Address>,
    pub client_id: String,
    /// Read at each fetch.
    pub client_secret: Text,
    /// None are asked for if there are none.
    pub scopes: Vec<String>,
    /// Whom the token shall be for, in the parameter `audience`, for issuers that want to be told.
    pub audience: Option<String>,
    /// The same as a `resource` (RFC 8707).
    pub resource: Option<String>,
    /// The role to assume with the token.
    pub role: TokenRole,
}

/// An address that secrets may go to: `https`, or on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

/// How the client's secret is shown (RFC 6749, 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Basic,
    Post,
}

/// What is needed of the issuer's description of itself.
#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    token_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: Option<String>,
    id_token: Option<String>,
}

/// OAuth's form of an error.
#[derive(Deserialize)]
struct Refused {
    error: String,
}

/// How one request failed.
enum Miss {
    Final(String),
    Again(String),
    /// The issuer does not take the client this way.
    Client(String),
}

// === impl Address ===

impl std::str::FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let uri: Uri = text.parse().map_err(|_| "an address looks like https://host/path")?;
        match is_private(&uri) && uri.query().is_none() {
            true => Ok(Self(text.to_owned())),
            false => Err("an address begins with https:// (http:// only on this machine) and has \
                          no query"
                .to_owned()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Oidc ===

impl Oidc {
    /// Credentials of the role.
    ///
    /// # Errors
    /// The step that failed, why, and the mend.
    pub(super) async fn fetch(&self, wire: &Wire, sdk: &SdkConfig) -> Result<Credentials, String> {
        let (endpoint, methods) = self.endpoint(wire).await.map_err(at("discovery"))?;
        let token = self.token(wire, &endpoint, methods).await.map_err(at("token"))?;
        self.assume(token, sdk).await.map_err(at("AssumeRoleWithWebIdentity"))
    }

    /// Where tokens are, and how the secret may be shown there, the preferred way first.
    async fn endpoint(&self, wire: &Wire) -> Result<(Address, &'static [Method]), String> {
        if let Some(endpoint) = &self.token_endpoint {
            return Ok((endpoint.clone(), &[Method::Basic, Method::Post]));
        }
        let request = || {
            let address = format!("{}{DISCOVERY}", self.issuer.0.trim_end_matches('/'));
            Request::get(address).header(ACCEPT, "application/json").body(Full::default())
        };
        let body = insist(wire, || request().map_err(|error| error.to_string())).await;
        let body = body.map_err(Miss::reason)?;
        let Discovered { issuer, token_endpoint, token_endpoint_auth_methods_supported } =
            read(&body)?;
        if issuer != self.issuer.0 {
            return Err(
                "the issuer calls itself by another address than the one configured; the two \
                        must be equal, also in a slash at the end"
                    .to_owned(),
            );
        }
        let endpoint = token_endpoint.ok_or("the issuer names no token endpoint")?;
        let endpoint = endpoint.parse().map_err(|reason| format!("token endpoint: {reason}"))?;
        Ok((endpoint, methods(token_endpoint_auth_methods_supported.as_deref())?))
    }

    /// A token of the issuer.
    async fn token(
        &self,
        wire: &Wire,
        endpoint: &Address,
        methods: &[Method],
    ) -> Result<String, String> {
        let mut last = String::new();
        for method in methods {
            match insist(wire, || self.question(endpoint, *method)).await {
                Ok(body) => return token_of(&body),
                // Another method may be the right one.
                Err(Miss::Client(reason)) => last = reason,
                Err(Miss::Final(reason) | Miss::Again(reason)) => return Err(reason),
            }
        }
        Err(last)
    }

    fn question(&self, endpoint: &Address, method: Method) -> Result<Request<Full<Bytes>>, String> {
        let Self { client_id, client_secret, scopes, audience, resource, .. } = self;
        let secret = shown(client_secret)?;
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        let mut request = Request::post(&endpoint.0)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        match method {
            Method::Basic => request = request.header(AUTHORIZATION, basic(client_id, &secret)?),
            Method::Post => {
                form.append_pair("client_id", client_id).append_pair("client_secret", &secret);
            }
        }
        if !scopes.is_empty() {
            form.append_pair("scope", &scopes.join(" "));
        }
        for (name, value) in [("audience", audience), ("resource", resource)] {
            if let Some(value) = value {
                form.append_pair(name, value);
            }
        }
        request.body(Full::from(form.finish())).map_err(|error| error.to_string())
    }

    async fn assume(&self, token: String, sdk: &SdkConfig) -> Result<Credentials, String> {
        let assumed = self.role.assume(&token, "oidc", sdk).await;
        assumed.map_err(|error| format!("{}{}", story(&error), sts_hint(error.code())))?
    }
}

// === helpers ===

impl Miss {
    fn reason(self) -> String {
        match self {
            Self::Final(reason) | Self::Again(reason) | Self::Client(reason) => reason,
        }
    }
}

fn at(step: &'static str) -> impl Fn(String) -> String {
    move |reason| format!("{step}: {reason}")
}

/// Asks, and asks again while that may help.
async fn insist(
    wire: &Wire,
    question: impl Fn() -> Result<Request<Full<Bytes>>, String>,
) -> Result<Bytes, Miss> {
    let mut last = Miss::Final(String::new());
    for _ in 0..ATTEMPTS {
        let request = question().map_err(Miss::Final)?;
        match wire.send(request, ANSWER).await {
            Err(error) => last = Miss::Again(story(&error)),
            Ok(response) => match judged(&response) {
                Ok(()) => return Ok(response.into_body()),
                Err(miss @ Miss::Again(_)) => last = miss,
                Err(miss @ (Miss::Final(_) | Miss::Client(_))) => return Err(miss),
            },
        }
    }
    Err(last)
}

fn judged(response: &Response<Bytes>) -> Result<(), Miss> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(Miss::Again(format!("the issuer answered {status}")));
    }
    let code = serde_json::from_slice::<Refused>(response.body()).ok().map(|refused| refused.error);
    let code = code.filter(|code| {
        code.len() <= 40 && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    });
    let Some(code) = code else {
        return Err(Miss::Final(format!("the issuer answered {status}: check its address")));
    };
    let hint = match code.as_str() {
        "invalid_client" => ": check client id and secret",
        "unauthorized_client" | "unsupported_grant_type" => {
            ": allow the client the grant `client_credentials` at the issuer"
        }
        "invalid_scope" => ": check the scopes",
        "invalid_target" => ": check audience and resource",
        _ => "",
    };
    let reason = format!("the issuer answered {status} {code}{hint}");
    match status == StatusCode::UNAUTHORIZED || code == "invalid_client" {
        true => Err(Miss::Client(reason)),
        false => Err(Miss::Final(reason)),
    }
}

/// The client's secret as it is sent.
fn shown(secret: &Text) -> Result<String, String> {
    let origin = match secret {
        Text::Value(_) => "the client secret".to_owned(),
        Text::File(path) => path.display().to_string(),
    };
    let text = secret.read()?;
    let secret = text.trim();
    match secret.is_empty() || secret.chars().any(char::is_control) {
        true => Err(format!("{origin}: not a client secret, which is one line")),
        false => Ok(secret.to_owned()),
    }
}

/// What the issuer takes; `client_secret_basic` if it does not tell (OpenID Connect Discovery, 3).
fn methods(supported: Option<&[String]>) -> Result<&'static [Method], String> {
    let Some(supported) = supported else { return Ok(&[Method::Basic]) };
    let takes = |word: &str| supported.iter().any(|method| method == word);
    match (takes("client_secret_basic"), takes("client_secret_post")) {
        (true, _) => Ok(&[Method::Basic]),
        (false, true) => Ok(&[Method::Post]),
        (false, false) => Err("the issuer takes neither client_secret_basic nor \
                               client_secret_post: allow one of them for the client"
            .to_owned()),
    }
}

/// Both parts are form-encoded before they are joined.
fn basic(id: &str, secret: &str) -> Result<HeaderValue, String> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = STANDARD.encode(format!("{}:{}", encode(id), encode(secret)));
    let mut value =
        HeaderValue::try_from(format!("Basic {pair}")).map_err(|error| error.to_string())?;
    value.set_sensitive(true);
    Ok(value)
}

fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("the issuer's answer: {}", place(&error)))
}

/// The token that STS can read: the access token, or the id token where the access token is opaque.
fn token_of(body: &[u8]) -> Result<String, String> {
    let Granted { access_token, id_token } = read(body)?;
    let is_none = access_token.is_none() && id_token.is_none();
    let found = [access_token, id_token].into_iter().flatten().find(|token| is_jwt(token));
    found.ok_or_else(|| match is_none {
        true => "the issuer's answer holds no token".to_owned(),
        false => "the issuer's token is opaque, and STS reads JSON web tokens only: ask for an \
                  audience or a scope for which the issuer makes those"
            .to_owned(),
    })
}

fn is_jwt(token: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    token.split('.').count() == 3 && token.split('.').all(is_part)
}

/// What to look at, by STS's code (AWS STS API reference, checked 2026-11-26).
fn sts_hint(code: Option<&str>) -> &'static str {
    match code {
        Some("InvalidIdentityToken") => {
            ". In IAM there must be an OIDC provider of exactly the issuer's address, with the \
             token's audience among its own"
        }
        Some("AccessDenied") => {
            ". The role's trust policy must allow sts:AssumeRoleWithWebIdentity to the OIDC \
             provider, with conditions that the token meets"
        }
        Some("IDPCommunicationError") => ". AWS must be able to reach the issuer's keys",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_nowhere_in_the_open() {
        for good in ["https://id.example/realms/a", "http://127.0.0.1:1/oidc", "http://[::1]:1"] {
            assert!(good.parse::<Address>().is_ok(), "{good}");
        }
        for bad in ["http://id.example", "https://id.example/?a=b", "id.example", ""] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_token_is_one_that_sts_can_read() {
        let token = |body: &str| token_of(body.as_bytes());
        assert_eq!(token(r#"{"access_token":"a.b.c","id_token":"d.e.f"}"#).unwrap(), "a.b.c");
        assert_eq!(token(r#"{"access_token":"opaque","id_token":"d.e.f"}"#).unwrap(), "d.e.f");
        assert!(token(r#"{"access_token":"opaque"}"#).unwrap_err().contains("audience"));
        assert!(token(r#"{"token":"a.b.c"}"#).unwrap_err().contains("no token"));
        assert!(!token(r#"{"access_token":["SECRET"]}"#).unwrap_err().contains("SECRET"));
    }

    #[test]
    fn the_secret_is_shown_as_the_issuer_wants_it() {
        let words =
            |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(methods(None), Ok(&[Method::Basic][..]));
        let both = words(&["client_secret_post", "client_secret_basic"]);
        assert_eq!(methods(Some(&both)), Ok(&[Method::Basic][..]));
        assert_eq!(methods(Some(&both[..1])), Ok(&[Method::Post][..]));
        assert!(methods(Some(&words(&["private_key_jwt"]))).is_err());
        assert_eq!(basic("a b", "c:d").unwrap(), format!("Basic {}", STANDARD.encode("a+b:c%3Ad")));
    }
}
