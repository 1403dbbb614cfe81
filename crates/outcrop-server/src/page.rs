//! What a browser sends for a web page that has no business with a gateway of this machine.
//!
//! At a loopback address whoever shows no key is served if no key is asked for: they are on this machine. So
//! is the browser, but not the pages in it. Refused there, unless the operator named their origin:
//!
//! 1. What a page of elsewhere sends. Browsers tell of it in `origin`, in whatever costs money.
//! 2. What is for a name that somebody else can make lead here (DNS rebinding).
//!
//! Served as ever: programs, which send no origin; extensions and desktop programs, whose origins no page can
//! have; pages of this machine itself; and the names by which containers call their host.

use std::net::IpAddr;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Uri, header};
use outcrop_model::{ErrorClass, Fault, Phase};

use crate::cors::Cors;

/// Endings of names that nobody can have in public: RFC 6761, RFC 6762 and ICANN's resolution of 2024-07-29.
const OWN_ENDINGS: [&str; 4] = [".localhost", ".internal", ".local", ".test"];

/// From where a listener can be reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It is at a loopback address.
    Machine,
    #[default]
    Anywhere,
}

/// Whether somebody without a key, at a loopback address, may ask this.
///
/// # Errors
/// `OutOfScope`, with how to allow it.
pub(crate) fn check(head: &Parts, cors: &Cors) -> Result<(), Fault> {
    if let Some(origin) = head.headers.get(header::ORIGIN)
        && !is_own_origin(origin)
        && !cors.allows(origin)
    {
        let origin = origin.to_str().unwrap_or("?");
        let what = match origin {
            "null" => "a web page that does not tell where it is from".to_owned(),
            origin => format!("a web page of {}", shortened(origin)),
        };
        return Err(refusal(&what, &format!("--cors-origin {}", mend(origin))));
    }
    match host(&head.headers).or_else(|| head.uri.host()) {
        Some(host) if !is_own_name(host) && !cors.allows_host(host) => {
            let host = shortened(host);
            Err(refusal(&format!("for the name {host}"), &format!("--cors-origin https://{host}")))
        }
        Some(_) | None => Ok(()),
    }
}

/// The host that the header names, without a port.
pub(crate) fn host(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::HOST)?.to_str().ok()?;
    let host = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => text.split(':').next(),
    };
    host.filter(|host| !host.is_empty())
}

/// Whether it is an address or `localhost`: no other name leads here for sure.
pub(crate) fn is_address(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
}

/// Whether nobody else can make the name lead here. A name without a dot is one of a network that the
/// machine is in, such as a container's.
fn is_own_name(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    // `127.1` is an address to programs, and no top-level domain is a number.
    let is_number = host.rsplit('.').next().is_some_and(|last| last.parse::<u32>().is_ok());
    let is_ours = !host.contains('.') || OWN_ENDINGS.iter().any(|end| host.ends_with(end));
    is_address(&host) || is_number || is_ours
}

/// Whether it is of a program or a page of this machine: pages of elsewhere have http or https, or `null`.
fn is_own_origin(origin: &HeaderValue) -> bool {
    let Some((scheme, rest)) = origin.to_str().ok().and_then(|origin| origin.split_once("://"))
    else {
        return false;
    };
    if !matches!(scheme, "http" | "https") {
        return true;
    }
    let host = rest.parse::<Uri>().ok();
    host.as_ref().and_then(Uri::host).is_some_and(|host| {
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        host == "localhost"
            || host.ends_with(".localhost")
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

fn refusal(what: &str, flag: &str) -> Fault {
    let message = format!(
        "This is {what}, and this gateway asks nobody for a key: it serves programs of its own machine. Its operator can allow it (outcrop serve {flag}), or ask for keys."
    );
    Fault::new(ErrorClass::OutOfScope, Phase::BeforeSend, message).with_param("origin")
}

/// What is to be said for it.
fn mend(origin: &str) -> String {
    match origin {
        "null" => "'*'".to_owned(),
        origin => shortened(origin),
    }
}

/// As much of it as an error message may repeat.
fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_names_and_origins_are_told_from_others() {
        for (host, own) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("::1", true),
            ("192.168.1.5", true),
            ("127.1", true),
            ("app.localhost", true),
            ("host.docker.internal", true),
            ("gateway", true),
            ("mac.local", true),
            ("rebound.example.com", false),
            ("localhost.example.com", false),
            ("127.0.0.1.nip.io", false),
            ("notlocalhost.com.", false),
        ] {
            assert_eq!(is_own_name(host), own, "{host}");
        }
        for (origin, own) in [
            ("http://localhost:3000", true),
            ("http://127.0.0.1:5173", true),
            ("http://[::1]:5173", true),
            ("chrome-extension://abcdef", true),
            ("vscode-webview://abcdef", true),
            ("app://obsidian.md", true),
            ("file://", true),
            ("null", false),
            ("https://example.com", false),
            ("http://192.168.1.5", false),
            ("http://localhost.example.com", false),
        ] {
            assert_eq!(is_own_origin(&HeaderValue::from_static(origin)), own, "{origin}");
        }
    }
}
