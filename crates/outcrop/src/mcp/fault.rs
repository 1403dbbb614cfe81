//! What went wrong between us and a server, or a client, in words.
//!
//! 1. Words say what happened and, where that is known, what to do; they name no types of the SDK's.
//! 2. What the other side said is in one line and short.

use std::error::Error;
use std::io::ErrorKind;
use std::process::ExitStatus;

use rmcp::service::{ClientInitializeError, ServerInitializeError, ServiceError};
use rmcp::transport::DynamicTransportError;
use rmcp::transport::streamable_http_client::StreamableHttpError;

use super::printable;

/// Most characters of what the other side said.
const SAID: usize = 300;
pub const OLD_TRANSPORT: &str = "it may speak the older transport SSE, which is not supported";

/// Why a server could not be spoken to.
pub fn of_connect(error: &ClientInitializeError) -> String {
    use ClientInitializeError as E;
    match error {
        E::ConnectionClosed(_) => "it ended before it answered".to_owned(),
        E::TransportError { error, .. } => of_transport(error),
        E::JsonRpcError(error) => format!("it refuses to begin: {}", said(&error.message)),
        E::NoCompatibleProtocolVersion { client_supported, server_supported } => format!(
            "it speaks version {} of MCP; known here are {}",
            listed(server_supported),
            listed(client_supported)
        ),
        E::LegacyFallbackFailed { fallback, .. } => of_connect(fallback),
        E::ExpectedInitResponse(_)
        | E::ExpectedInitResult(_)
        | E::ConflictInitResponseId(..)
        | E::UncorrelatedErrorResponse { .. } => {
            "it does not speak MCP: it does not answer what it was asked".to_owned()
        }
        other => said(&other.to_string()),
    }
}

/// Whether the server is gone.
pub fn is_end(error: &ClientInitializeError) -> bool {
    match error {
        ClientInitializeError::ConnectionClosed(_) => true,
        ClientInitializeError::TransportError { error, .. } => {
            let io = error.error.downcast_ref::<std::io::Error>();
            io.is_some_and(|io| io.kind() == ErrorKind::BrokenPipe)
        }
        _ => false,
    }
}

/// How a server's process ended.
pub fn of_end(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("it ended at once, with exit code {code}"),
        None => format!("it was ended ({status})"),
    }
}

/// Why a request to a server came to nothing.
pub fn of_request(error: &ServiceError) -> String {
    match error {
        ServiceError::McpError(error) => said(&error.message),
        ServiceError::TransportSend(error) => of_transport(error),
        ServiceError::TransportClosed | ServiceError::Cancelled { .. } => {
            "the connection ended".to_owned()
        }
        ServiceError::UnexpectedResponse => "its answer is to another question".to_owned(),
        ServiceError::Timeout { timeout } => {
            format!("it does not answer within {} s", timeout.as_secs_f64())
        }
        other => said(&other.to_string()),
    }
}

/// Why a client could not be spoken to.
pub fn of_client(error: &ServerInitializeError) -> String {
    use ServerInitializeError as E;
    match error {
        E::ConnectionClosed(_) => "stdin ended before anything came".to_owned(),
        E::ExpectedInitializeRequest(_) => "it does not begin with `initialize`".to_owned(),
        E::InitializeFailed(error) => said(&error.message),
        E::TransportError { error, .. } => of_transport(error),
        other => said(&other.to_string()),
    }
}

fn of_transport(error: &DynamicTransportError) -> String {
    let error = error.error.as_ref();
    if let Some(http) = error.downcast_ref::<StreamableHttpError<reqwest::Error>>() {
        return of_http(http);
    }
    match error.downcast_ref::<std::io::Error>() {
        Some(io) if io.kind() == ErrorKind::BrokenPipe => "it ended before it answered".to_owned(),
        _ => said(&error.to_string()),
    }
}

fn of_http(error: &StreamableHttpError<reqwest::Error>) -> String {
    use StreamableHttpError as E;
    match error {
        E::Client(error) => unreached(error),
        E::HttpStatus(error) => of_status(error.status, ""),
        E::UnexpectedServerResponse(text) => match status(text) {
            Some((status, body)) => of_status(status, body),
            None => format!("it does not speak MCP: {}", said(text)),
        },
        E::UnexpectedContentType(kind) => {
            let kind = kind.as_deref().map_or_else(|| "nothing of any type".to_owned(), said);
            format!("it does not speak MCP: it answers with {kind}; check the address")
        }
        E::ResponseBodyTooLarge { max_size } => {
            format!("it sent more than {max_size} bytes in one message")
        }
        E::SessionExpired => "it has forgotten the session".to_owned(),
        E::InsufficientScope(_) => {
            "the login does not allow this (403): log in anew with `outcrop mcp login`".to_owned()
        }
        E::ReinitializationFailed(error) => {
            format!("it refuses to begin anew: {}", said(&error.message))
        }
        E::TransportChannelClosed | E::UnexpectedEndOfStream => "the connection ended".to_owned(),
        other => said(&other.to_string()),
    }
}

/// The status and the body in the text of an answer that is none.
fn status(text: &str) -> Option<(u16, &str)> {
    let (status, body) = text.strip_prefix("HTTP ")?.split_once(':')?;
    Some((status.split(' ').next()?.parse().ok()?, body.trim()))
}

fn of_status(status: u16, body: &str) -> String {
    let what = match status {
        401 => "it wants to know who asks, and does not say how: give it --bearer-env or a header"
            .to_owned(),
        403 => "it forbids this".to_owned(),
        404 => "there is nothing at its address; check the path, which often is /mcp".to_owned(),
        405 | 501 => {
            format!("nobody can be spoken to at its address; check the path, or {OLD_TRANSPORT}")
        }
        406 | 415 => format!("it does not take what MCP sends; {OLD_TRANSPORT}"),
        429 => "it has too much to do; try again later".to_owned(),
        500.. => "it failed; its own log says why".to_owned(),
        _ => "it refuses the request".to_owned(),
    };
    match body {
        // Pages are for browsers.
        page if page.is_empty() || page.starts_with('<') => format!("{what} (HTTP {status})"),
        body => format!("{what} (HTTP {status}: {})", said(body)),
    }
}

/// Why nothing is heard from an address.
fn unreached(error: &reqwest::Error) -> String {
    let mut root: &(dyn Error + 'static) = error;
    while let Some(inner) = within(root) {
        root = inner;
    }
    if let Some(tls) = root.downcast_ref::<rustls::Error>() {
        return of_tls(tls);
    }
    let root = root.to_string();
    match error {
        error if error.is_timeout() => format!("it cannot be reached in time: {}", said(&root)),
        error if error.is_redirect() => {
            "it is elsewhere now: write the address that it redirects to".to_owned()
        }
        error if error.is_builder() => format!("its address cannot be used: {}", said(&root)),
        error if error.is_connect() => format!("it cannot be reached: {}", said(&root)),
        error if error.is_status() => match error.status() {
            Some(status) => of_status(status.as_u16(), ""),
            None => said(&root),
        },
        _ => format!("the connection broke off: {}", said(&root)),
    }
}

/// The cause of an error. That of one of input and output is the error inside it, which it hides.
fn within<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<std::io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    }
}

fn of_tls(error: &rustls::Error) -> String {
    use rustls::{CertificateError, Error as E};
    let what = said(&error.to_string());
    match error {
        E::InvalidCertificate(CertificateError::UnknownIssuer) => format!(
            "nobody that this system trusts vouches for it: SSL_CERT_FILE names whom to trust ({what})"
        ),
        E::InvalidMessage(_) => format!("it does not speak TLS: is its address http://? ({what})"),
        _ => format!("there is no safe connection: {what}"),
    }
}

fn listed(versions: &[rmcp::model::ProtocolVersion]) -> String {
    let words: Vec<_> = versions.iter().map(|version| said(version.as_str())).collect();
    words.join(", ")
}

fn said(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    let short: String = text.chars().take(SAID).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{}{more}", printable(&short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_from_an_answer_that_is_none() {
        assert_eq!(status("HTTP 404 Not Found: gone"), Some((404, "gone")));
        assert_eq!(status("could not parse: x"), None);
    }
}
