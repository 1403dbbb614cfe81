//! The same over TLS: extra roots, HTTP/2 by ALPN, and the limit on connecting.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use outcrop_aws::{AwsClient, Outbound, Protocols};
use outcrop_model::{ErrorClass, Phase};
use rustls::pki_types::PrivateKeyDer;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;

type Heads = UnboundedSender<(Version, String)>;

/// A name that no resolver knows.
pub const ELSEWHERE: &str = "bedrock.outcrop.invalid";

/// Serves TLS with a certificate of its own making; its PEM is the second value.
pub async fn serve(heads: Heads) -> (SocketAddr, String) {
    let own =
        rcgen::generate_simple_self_signed(["localhost", ELSEWHERE].map(str::to_owned)).unwrap();
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(converse(acceptor.clone(), stream, heads.clone()));
        }
    });
    (address, own.cert.pem())
}

async fn converse(acceptor: TlsAcceptor, stream: tokio::net::TcpStream, heads: Heads) {
    // A client that does not trust the certificate leaves here.
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let answer = service_fn(move |request: Request<Incoming>| {
        let target = request.uri().path_and_query().unwrap().to_string();
        heads.send((request.version(), target)).unwrap();
        async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"{}")))) }
    });
    auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), answer)
        .await
        .unwrap_or_default();
}

#[tokio::test]
async fn extra_roots_are_trusted_and_http_2_is_used_where_offered() {
    let (sender, mut heads) = unbounded_channel();
    let (address, pem) = serve(sender).await;
    let mut bundle = tempfile::NamedTempFile::new().unwrap();
    bundle.write_all(pem.as_bytes()).unwrap();
    for (protocols, version) in
        [(Protocols::Http1AndHttp2, Version::HTTP_2), (Protocols::Http1, Version::HTTP_11)]
    {
        let mut config = super::config(&format!("https://localhost:{}", address.port()));
        config.extra_roots = Some(bundle.path().to_owned());
        config.protocols = protocols;
        let answer = AwsClient::new(config)
            .unwrap()
            .send(&Outbound::post("/model/a:b%3A0%2F/invoke?x", "{}"))
            .await
            .unwrap();
        assert_eq!(answer.body.collect(10).await.unwrap(), "{}");
        assert_eq!(heads.recv().await.unwrap(), (version, "/model/a:b%3A0%2F/invoke?x".to_owned()));
    }
}

#[tokio::test]
async fn a_certificate_from_nowhere_is_unreachable_before_sending() {
    let (sender, _heads) = unbounded_channel();
    let (address, _) = serve(sender).await;
    let (other_sender, _heads) = unbounded_channel();
    let (_, other_pem) = serve(other_sender).await;
    let mut bundle = tempfile::NamedTempFile::new().unwrap();
    bundle.write_all(other_pem.as_bytes()).unwrap();
    let mut config = super::config(&format!("https://localhost:{}", address.port()));
    config.extra_roots = Some(bundle.path().to_owned());
    let fault = super::fault(&AwsClient::new(config).unwrap()).await;
    assert_eq!(super::told(&fault), (ErrorClass::Unreachable, Phase::BeforeSend));
}

#[tokio::test]
async fn a_bundle_without_certificates_is_refused_at_start() {
    let bundle = tempfile::NamedTempFile::new().unwrap();
    let mut config = super::config("https://localhost");
    for path in [bundle.path().to_owned(), bundle.path().join("absent")] {
        config.extra_roots = Some(path);
        assert!(matches!(
            AwsClient::new(config.clone()),
            Err(outcrop_aws::SetupError::BadCaBundle { .. })
        ));
    }
}

#[tokio::test]
async fn a_handshake_that_stalls_is_unreachable_before_sending() {
    let (_, pem) = serve(unbounded_channel().0).await;
    let mut bundle = tempfile::NamedTempFile::new().unwrap();
    bundle.write_all(pem.as_bytes()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config =
        super::config(&format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port()));
    config.extra_roots = Some(bundle.path().to_owned());
    config.timeouts.connect = Duration::from_secs(5);
    let client = AwsClient::new(config).unwrap();
    let pending = tokio::spawn(async move { super::fault(&client).await });
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.read_u8().await.unwrap();
    tokio::time::pause();
    let fault = pending.await.unwrap();
    assert_eq!(super::told(&fault), (ErrorClass::Unreachable, Phase::BeforeSend));
    assert!(
        fault.detail.as_deref().is_some_and(|detail| detail.contains("no connection within")),
        "{:?}",
        fault.detail
    );
}
