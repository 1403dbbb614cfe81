//! TLS for clients: 1.2 and 1.3, HTTP/2 and HTTP/1.1 by ALPN.
//!
//! 1. The handshake is the first read of a connection, so the limits of a connection hold for it: who
//!    never greets is given up, and holds up nobody who leaves.
//! 2. A certificate that changes on disk is used from the next handshake on; one that cannot be used
//!    leaves the last good one in place. So it is with [`Certificates`] that give way to others.
//!
//! Does not do: certificates of clients.

mod certificates;
mod self_signed;

use std::future::Future as _;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::crypto::CryptoProvider;
use rustls::server::ResolvesServerCert;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

pub use self::certificates::{Certificates, Pair, Pem};
pub use self::self_signed::Authority;

/// HTTP/2 first, as clients that know both want it.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// How connections are secured. Cheap to clone.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

/// A connection, in the open or not.
pub(crate) enum Socket<S> {
    Open(S),
    Greeting(Box<Accept<S>>),
    Secure(Box<TlsStream<S>>),
    /// The handshake failed.
    Broken,
}

// === impl Tls ===

impl Tls {
    /// With the certificate chain and the key of two PEM files, read again when they change.
    ///
    /// # Errors
    /// Names the file that cannot be used, and why.
    pub fn files(certificate: &Path, key: &Path) -> Result<Self, String> {
        let pair = Pair { certificate: certificate.into(), key: key.into() };
        Self::certificates(Certificates::open(vec![pair])?)
    }

    /// With one or more certificates: a client gets the first that is for the name that it asks for, else
    /// the first.
    ///
    /// # Errors
    /// When TLS cannot be set up at all.
    pub fn certificates(certificates: Certificates) -> Result<Self, String> {
        Self::new(Arc::new(certificates), provider())
    }

    /// With a certificate made now, for this machine by its usual names and for `names`, signed by
    /// `authority`.
    ///
    /// # Errors
    /// When a name is none, or the authority's files cannot be read or written.
    pub fn self_signed(names: &[String], authority: &Authority) -> Result<Self, String> {
        let provider = provider();
        let certified = self_signed::make(names, authority, &provider)?;
        Self::new(Arc::new(rustls::sign::SingleCertAndKey::from(certified)), provider)
    }

    fn new(
        certificate: Arc<dyn ResolvesServerCert>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("cannot set up TLS: {error}"))?
            .with_no_client_auth()
            .with_cert_resolver(certificate);
        config.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

// === impl Socket ===

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    pub(crate) fn new(socket: S, tls: Option<&Tls>) -> Self {
        match tls {
            None => Self::Open(socket),
            Some(Tls(acceptor)) => Self::Greeting(Box::new(acceptor.accept(socket))),
        }
    }

    /// Ready once bytes can be exchanged.
    fn greet(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Self::Greeting(handshake) = self {
            let outcome = ready!(Pin::new(handshake.as_mut()).poll(cx));
            // A handshake that ended must not be polled again.
            *self = Self::Broken;
            *self = Self::Secure(Box::new(outcome?));
        }
        Poll::Ready(Ok(()))
    }

    fn stream(&mut self) -> io::Result<Pin<&mut (dyn Stream + '_)>> {
        match self {
            Self::Open(socket) => Ok(Pin::new(socket)),
            Self::Secure(stream) => Ok(Pin::new(stream.as_mut())),
            Self::Greeting(_) | Self::Broken => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

/// What both kinds of connection are.
trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.greet(cx))?;
        self.stream()?.poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.greet(cx))?;
        self.stream()?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.greet(cx))?;
        self.stream()?.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Open(socket) => socket.is_write_vectored(),
            Self::Secure(stream) => stream.is_write_vectored(),
            // Both kinds of stream can, and the question is asked before the handshake.
            Self::Greeting(_) => true,
            Self::Broken => false,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.greet(cx))?;
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Before and without a greeting there is nothing to say goodbye to.
        match self.stream() {
            Ok(stream) => stream.poll_shutdown(cx),
            Err(_) => Poll::Ready(Ok(())),
        }
    }
}
