//! HTTP proxies between the gateway and AWS, as the environment names them.
//!
//! 1. To an `https` address a tunnel is asked for (`CONNECT`): the proxy sees the host and nothing else.
//!    A plain `http` request is sent to the proxy whole.
//! 2. This machine and link-local addresses, where machines and containers find their credentials, are
//!    never reached by way of a proxy.
//! 3. User and password of a proxy go to the proxy alone, and are in no message.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::uri::Scheme;
use http::{HeaderValue, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::setup::{Lookup, SetupError, read};

/// Lower case first, as in curl and botocore.
const HTTPS: [&str; 2] = ["https_proxy", "HTTPS_PROXY"];
const HTTP: [&str; 2] = ["http_proxy", "HTTP_PROXY"];
const ALL: [&str; 2] = ["all_proxy", "ALL_PROXY"];
const NOT: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// Which proxy to take to which address.
#[derive(Clone, Default)]
pub struct Proxies(Option<Arc<Matcher>>);

/// TCP, to an address or to the proxy in front of it.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(super) tcp: HttpConnector,
    pub(super) proxies: Proxies,
}

/// A TCP connection that knows whether requests on it are read by a proxy.
pub(crate) struct Line {
    io: TokioIo<TcpStream>,
    is_proxied: bool,
}

// === impl Proxies ===

impl Proxies {
    /// What `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say, in small letters too.
    ///
    /// # Errors
    /// When a proxy's address cannot be used.
    pub fn from_env(lookup: Lookup<'_>) -> Result<Self, SetupError> {
        let first = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| Some((read(lookup, name)?, name)))
        };
        let proxy = |names| match first(names) {
            Some((address, name)) => checked(address, name).map(Some),
            None => Ok(None),
        };
        let (https, http, all) = (proxy(HTTPS)?, proxy(HTTP)?, proxy(ALL)?);
        let not = first(NOT).map_or_else(String::new, |(entries, _)| hosts(&entries));
        let is_none = https.is_none() && http.is_none() && all.is_none();
        // The matcher would read the star as all names, but not as all addresses.
        if is_none || not.split(',').any(|host| host == "*") {
            return Ok(Self::default());
        }
        let matcher = Matcher::builder()
            .https(https.unwrap_or_default())
            .http(http.unwrap_or_default())
            .all(all.unwrap_or_default())
            .no(not);
        Ok(Self(Some(Arc::new(matcher.build()))))
    }

    fn on_the_way_to(&self, address: &Uri) -> Option<Intercept> {
        let matcher = self.0.as_ref().filter(|_| !is_near(address))?;
        matcher.intercept(address)
    }

    /// What a request to `address` must show the proxy that reads it.
    pub(super) fn authorization(&self, address: &Uri) -> Option<HeaderValue> {
        let is_read = address.scheme() == Some(&Scheme::HTTP);
        self.on_the_way_to(address).filter(|_| is_read)?.basic_auth().cloned()
    }
}

/// Whether there are any; where they are is not for logs.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxies").field(&self.0.is_some()).finish()
    }
}

// === impl Route ===

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Service<Uri> for Route {
    type Response = Line;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Line, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let Some(proxy) = self.proxies.on_the_way_to(&address) else {
            let connecting = self.tcp.call(address);
            return Box::pin(async { Ok(Line { io: connecting.await?, is_proxied: false }) });
        };
        if address.scheme() == Some(&Scheme::HTTPS) {
            let mut tunnel = Tunnel::new(proxy.uri().clone(), self.tcp.clone());
            if let Some(auth) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(auth.clone());
            }
            let connecting = tunnel.call(address);
            return Box::pin(async { Ok(Line { io: connecting.await?, is_proxied: false }) });
        }
        let connecting = self.tcp.call(proxy.uri().clone());
        Box::pin(async { Ok(Line { io: connecting.await?, is_proxied: true }) })
    }
}

// === impl Line ===

impl Connection for Line {
    fn connected(&self) -> Connected {
        self.io.connected().proxy(self.is_proxied)
    }
}

impl Read for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }
}

// === helpers ===

/// `address`, if it is one of a proxy that can be spoken to.
fn checked(address: String, name: &'static str) -> Result<String, SetupError> {
    let bad = |reason| SetupError::BadProxy { name, reason };
    let uri: Uri = address.parse().map_err(|_| bad("it cannot be parsed"))?;
    match uri.scheme_str() {
        None | Some("http") => {}
        Some("https") => return Err(bad("TLS to the proxy itself is not supported")),
        Some(_) => return Err(bad("only HTTP proxies are supported")),
    }
    match uri.host() {
        Some(host) if !host.is_empty() => Ok(address),
        Some(_) | None => Err(bad("it needs a host")),
    }
}

/// The entries of `NO_PROXY` in the form that the matcher knows: without ports, `.x` for `*.x`.
fn hosts(entries: &str) -> String {
    let host = |entry: &str| {
        let entry = entry.trim();
        let entry = match entry.split_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            Some(_) | None => entry,
        };
        entry.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(entry).to_owned()
    };
    entries.split(',').map(host).collect::<Vec<_>>().join(",")
}

fn is_near(address: &Uri) -> bool {
    let host = address.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unicast_link_local() || is_ec2s(ip),
        Err(_) => bare.eq_ignore_ascii_case("localhost"),
    }
}

/// `fd00:ec2::/32`, where EC2 and EKS have the services of a machine.
fn is_ec2s(ip: Ipv6Addr) -> bool {
    matches!(ip.segments(), [0xfd00, 0xec2, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(pairs: &[(&str, &str)]) -> Proxies {
        let lookup = |name: &str| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        Proxies::from_env(&lookup).unwrap()
    }

    /// The proxy on the way to `address`.
    fn taken(proxies: &Proxies, address: &str) -> Option<String> {
        proxies.on_the_way_to(&address.parse().unwrap()).map(|proxy| proxy.uri().to_string())
    }

    #[test]
    fn the_scheme_and_the_letters_decide() {
        let aws = "https://bedrock-runtime.us-east-1.amazonaws.com";
        let check = |pairs: &[(&str, &str)], address: &str, expected: Option<&str>| {
            assert_eq!(taken(&proxies(pairs), address).as_deref(), expected, "{pairs:?} {address}");
        };
        check(&[("HTTPS_PROXY", "http://p:1")], aws, Some("http://p:1/"));
        check(&[("HTTPS_PROXY", "http://p:1")], "http://h", None);
        check(&[("HTTPS_PROXY", "p:1"), ("https_proxy", "q:1")], aws, Some("http://q:1/"));
        check(&[("HTTP_PROXY", "http://p:1")], aws, None);
        check(&[("http_proxy", "http://p:1")], "http://h", Some("http://p:1/"));
        check(&[("ALL_PROXY", "http://a:1"), ("http_proxy", "p:1")], aws, Some("http://a:1/"));
        check(
            &[("ALL_PROXY", "http://a:1"), ("http_proxy", "p:1")],
            "http://h",
            Some("http://p:1/"),
        );
        check(&[("HTTPS_PROXY", "")], aws, None);
    }

    #[test]
    fn what_is_near_or_named_is_reached_directly() {
        let near = proxies(&[("ALL_PROXY", "http://p:1")]);
        for address in [
            "http://127.0.0.1:1",
            "http://localhost:1",
            "https://[::1]:1",
            "http://169.254.169.254/latest",
            "http://169.254.170.23/v1",
            "http://[fd00:ec2::23]/v1",
            "http://[fe80::1]/",
        ] {
            assert_eq!(taken(&near, address), None, "{address}");
        }
        assert!(taken(&near, "https://10.0.0.1").is_some());
        let not = "vpce.amazonaws.com, 10.0.0.0/8,*.inner,named:8443";
        let named = proxies(&[("ALL_PROXY", "http://p:1"), ("NO_PROXY", not)]);
        for address in [
            "https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com",
            "https://10.1.2.3",
            "http://a.inner",
            "https://named:8443",
        ] {
            assert_eq!(taken(&named, address), None, "{address}");
        }
        let aws = "https://bedrock-runtime.us-east-1.amazonaws.com";
        assert!(taken(&named, aws).is_some());
        let all = proxies(&[("ALL_PROXY", "http://p:1"), ("no_proxy", "*")]);
        assert_eq!(taken(&all, "https://10.0.0.1"), None);
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_refused_without_its_password() {
        for address in
            ["https://u:s3cr3t@p", "socks5://u:s3cr3t@p", "http://u:s3cr3t@", "http://s3 cr3t"]
        {
            let lookup = |name: &str| (name == "HTTPS_PROXY").then(|| address.to_owned());
            let error = Proxies::from_env(&lookup).unwrap_err().to_string();
            assert!(error.contains("HTTPS_PROXY") && !error.contains("cr3t"), "{error}");
        }
        let proxies = proxies(&[("http_proxy", "http://user:s3cr3t@p:1")]);
        let shown = proxies.authorization(&"http://h".parse().unwrap()).unwrap();
        assert!(shown.is_sensitive() && !format!("{proxies:?}{shown:?}").contains("s3cr3t"));
        assert_eq!(shown, "Basic dXNlcjpzM2NyM3Q=");
    }
}
