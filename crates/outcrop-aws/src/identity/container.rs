//! Credentials of a container: EKS Pod Identity, ECS tasks, and everything that speaks like them.
//!
//! 1. The token file is read at each fetch; white space around the token is no error, unlike in the
//!    AWS SDKs, where a newline at the end of the file makes it useless.
//! 2. A token or credentials go over plain `http` only to this machine and to the addresses that AWS
//!    reserves for them; names are judged by nothing but `localhost`.
//! 3. The relative address wins over the full one, as in the AWS SDKs.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_smithy_types::date_time::{DateTime, Format};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Request, Uri};
use http_body_util::Full;
use outcrop_model::scrub::scrub;
use serde::Deserialize;

use crate::identity::http::{Wire, is_private};
use crate::identity::secret_file;
use crate::setup::{Lookup, read};

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
/// Where ECS serves credentials (ECS developer guide, checked 2026-11-21).
const ECS: &str = "http://169.254.170.2";
/// ECS, and Pod Identity over IPv4 and IPv6.
const RESERVED: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];
/// As in the AWS SDKs.
const ANSWER: Duration = Duration::from_secs(5);
const ATTEMPTS: u32 = 3;

/// A configured container.
#[derive(Debug, Clone)]
pub(super) struct Container {
    uri: Uri,
    token: Token,
}

#[derive(Clone)]
enum Token {
    None,
    File(PathBuf),
    Value(String),
}

/// The body, in the words of the ECS agent.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: Option<String>,
}

// === impl Container ===

impl Container {
    /// What the environment says, if it says anything.
    pub(super) fn from_env(lookup: Lookup<'_>) -> Result<Option<Self>, String> {
        let (origin, address) = match (read(lookup, RELATIVE), read(lookup, FULL)) {
            (Some(relative), _) if relative.starts_with('/') => {
                (RELATIVE, format!("{ECS}{relative}"))
            }
            (Some(_), _) => return Err(format!("{RELATIVE} does not begin with /")),
            (None, Some(full)) => (FULL, full),
            (None, None) => return Ok(None),
        };
        let uri: Uri = address.parse().map_err(|_| format!("{origin} is not an address"))?;
        if !may_go_to(&uri) {
            return Err(format!(
                "{origin} is neither https nor an address of this machine or of ECS or EKS"
            ));
        }
        let token = match (read(lookup, TOKEN_FILE), read(lookup, TOKEN)) {
            (Some(path), _) => Token::File(path.into()),
            (None, Some(value)) => Token::Value(value),
            (None, None) => Token::None,
        };
        Ok(Some(Self { uri, token }))
    }

    pub(super) async fn fetch(&self, wire: &Wire) -> Result<Credentials, String> {
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            match self.attempt(wire).await {
                Ok(credentials) => return Ok(credentials),
                Err(Attempt::Final(reason)) => return Err(reason),
                Err(Attempt::Again(reason)) => last = reason,
            }
        }
        Err(last)
    }

    async fn attempt(&self, wire: &Wire) -> Result<Credentials, Attempt> {
        let mut request = Request::get(self.uri.clone()).header(ACCEPT, "application/json");
        if let Some(token) = self.token.read()? {
            request = request.header(AUTHORIZATION, token);
        }
        let request = request
            .body(Full::new(Bytes::new()))
            .map_err(|error| Attempt::Final(error.to_string()))?;
        let response = wire
            .send(request, ANSWER)
            .await
            .map_err(|error| Attempt::Again(super::chain::story(&error)))?;
        let status = response.status();
        if status.is_server_error() || status.as_u16() == 429 {
            return Err(Attempt::Again(format!("the container's endpoint answered {status}")));
        }
        if !status.is_success() {
            let hint = "its answer is about the token or the pod's role association";
            return Err(Attempt::Final(format!(
                "the container's endpoint answered {status}: {hint}"
            )));
        }
        credentials(response.body()).map_err(Attempt::Final)
    }
}

/// How one attempt failed.
enum Attempt {
    Final(String),
    Again(String),
}

// === impl Token ===

impl Token {
    fn read(&self) -> Result<Option<HeaderValue>, Attempt> {
        let (text, origin) = match self {
            Self::None => return Ok(None),
            Self::Value(value) => (value.clone(), TOKEN.to_owned()),
            Self::File(path) => {
                (secret_file(path).map_err(Attempt::Final)?, path.display().to_string())
            }
        };
        let first = text.lines().position(|line| !line.trim().is_empty()).unwrap_or_default() + 1;
        let token = text.trim();
        let mut value = HeaderValue::from_str(token)
            .ok()
            .filter(|_| !token.is_empty())
            .ok_or_else(|| Attempt::Final(format!("{origin}, line {first}: not a token")))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Value(_) => f.write_str("Value"),
        }
    }
}

// === helpers ===

fn may_go_to(uri: &Uri) -> bool {
    let Some(host) = uri.host() else { return false };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    is_private(uri) || (uri.scheme_str() == Some("http") && RESERVED.contains(&bare))
}

/// Errors of the parser name a place, never a value.
fn credentials(body: &[u8]) -> Result<Credentials, String> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| {
        format!("the container's endpoint did not give credentials: {}", place(&error))
    })?;
    let Answer { access_key_id, secret_access_key, token, expiration } = answer;
    let end = expiration
        .map(|text| {
            DateTime::from_str(&text, Format::DateTimeWithOffset)
                .ok()
                .and_then(|time| SystemTime::try_from(time).ok())
                .ok_or("the container's endpoint gave an expiry that is no time")
        })
        .transpose()?;
    Ok(Credentials::new(access_key_id, secret_access_key, token, end, "container"))
}

/// What is wrong with a foreign JSON body, without its values.
pub(super) fn place(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => scrub(&error.to_string()),
        serde_json::error::Category::Io
        | serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof => {
            format!("no JSON at line {}, column {}", error.line(), error.column())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_goes_to_reserved_addresses_only() {
        for good in [
            "http://169.254.170.2/v2/x",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1/credentials",
            "http://127.0.0.1:1/x",
            "http://[::1]:1/",
            "http://localhost/x",
            "https://anything.example/x",
        ] {
            assert!(may_go_to(&good.parse().unwrap()), "{good}");
        }
        for bad in ["http://10.0.0.1/", "http://example.com/", "ftp://127.0.0.1/", "/x"] {
            assert!(!may_go_to(&bad.parse().unwrap()), "{bad}");
        }
    }

    #[test]
    fn an_answer_without_a_member_is_told_without_its_values() {
        let error = credentials(br#"{"AccessKeyId":"AKIDSECRET","Code":"x"}"#).unwrap_err();
        assert!(error.contains("SecretAccessKey") && !error.contains("AKIDSECRET"), "{error}");
        let error = credentials(b"<html>SECRET").unwrap_err();
        assert!(error.contains("line 1") && !error.contains("SECRET"), "{error}");
    }
}
