//! Connections to judged addresses: TCP to that very address, then TLS to the name.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::failure::Failure;
use crate::place::{Place, Transport};

/// Time for TCP to one address, and for TLS: a file server that is up answers in a fraction of it.
const CONNECT: Duration = Duration::from_secs(5);
/// Addresses of one name that are tried.
const TRIED: usize = 3;

/// A byte stream, encrypted or not.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// TLS with the platform's trust, read when it is first needed.
#[derive(Debug)]
pub(crate) struct Tls {
    extra_roots: Vec<CertificateDer<'static>>,
    config: OnceLock<Option<Arc<rustls::ClientConfig>>>,
}

// === impl Tls ===

impl Tls {
    pub fn new(extra_roots: Vec<CertificateDer<'static>>) -> Self {
        Self { extra_roots, config: OnceLock::new() }
    }

    fn config(&self) -> Result<Arc<rustls::ClientConfig>, Failure> {
        let config = self.config.get_or_init(|| configured(&self.extra_roots).ok());
        config.clone().ok_or(Failure::Tls)
    }
}

/// A connection to the first of `addresses` that takes one.
pub(crate) async fn connect(
    place: &Place,
    addresses: &[IpAddr],
    tls: &Tls,
) -> Result<Box<dyn Io>, Failure> {
    let tcp = tcp(place.port, addresses).await?;
    match place.scheme {
        Transport::Http => Ok(Box::new(tcp)),
        Transport::Https => {
            let name = ServerName::try_from(place.host.clone()).map_err(|_| Failure::Tls)?;
            let connecting = TlsConnector::from(tls.config()?).connect(name, tcp);
            match timeout(CONNECT, connecting).await {
                Ok(Ok(stream)) => Ok(Box::new(stream)),
                Ok(Err(_)) => Err(Failure::Tls),
                Err(_elapsed) => Err(Failure::TimedOut),
            }
        }
    }
}

async fn tcp(port: u16, addresses: &[IpAddr]) -> Result<TcpStream, Failure> {
    let mut failure = Failure::Unreachable;
    for ip in addresses.iter().take(TRIED) {
        match timeout(CONNECT, TcpStream::connect(SocketAddr::new(*ip, port))).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(_)) => failure = Failure::Unreachable,
            Err(_elapsed) => failure = Failure::TimedOut,
        }
    }
    Err(failure)
}

fn configured(
    extra_roots: &[CertificateDer<'static>],
) -> Result<Arc<rustls::ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(
        extra_roots.iter().cloned(),
        Arc::clone(&provider),
    )?;
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
