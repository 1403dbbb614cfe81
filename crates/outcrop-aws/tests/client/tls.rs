//! The same over TLS: extra roots, a connection for each request, and the limit on connecting.

use std::convert::Infallible;
use std::future::{Future, ready};
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
use outcrop_aws::{AwsClient, Outbound, Timeouts};
use outcrop_model::{ErrorClass, Phase};
use rustls::pki_types::PrivateKeyDer;
use tempfile::NamedTempFile;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

type Heads = UnboundedSender<(Version, String)>;

/// A name that no resolver knows.
pub const ELSEWHERE: &str = "bedrock.outcrop.invalid";

/// Streams that the server allows on a connection of HTTP/2.
const STREAMS: usize = 4;
/// An answer of which three fill the windows of a connection of HTTP/2, as hyper opens them.
const LARGE: usize = 3 * 1024 * 1024;
/// For what comes at once, unless something is in its way.
const ENOUGH: Duration = Duration::from_secs(60);

/// Tells what was asked, and answers `{}`.
pub async fn serve(heads: Heads) -> (SocketAddr, String) {
    serve_by(move |request| {
        let target = request.uri().path_and_query().unwrap().to_string();
        heads.send((request.version(), target)).unwrap();
        ready(Bytes::from_static(b"{}"))
    })
    .await
}

/// Serves TLS, HTTP/2 and HTTP/1.1, with a certificate of its own making; its PEM is the second value.
async fn serve_by<A, F>(answer: A) -> (SocketAddr, String)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Bytes> + Send + 'static,
{
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
            tokio::spawn(converse(acceptor.clone(), stream, answer.clone()));
        }
    });
    (address, own.cert.pem())
}

async fn converse<A, F>(acceptor: TlsAcceptor, stream: tokio::net::TcpStream, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Bytes> + Send + 'static,
{
    // A client that does not trust the certificate leaves here.
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let answer = service_fn(move |request: Request<Incoming>| {
        let body = answer(request);
        async { Ok::<_, Infallible>(Response::new(Full::new(body.await))) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(u32::try_from(STREAMS).unwrap());
    builder.serve_connection(TokioIo::new(stream), answer).await.unwrap_or_default();
}

fn bundle(pem: &str) -> NamedTempFile {
    let mut bundle = NamedTempFile::new().unwrap();
    bundle.write_all(pem.as_bytes()).unwrap();
    bundle
}

/// A client of the server at `address`.
fn client(address: SocketAddr, pem: &str) -> AwsClient {
    let bundle = bundle(pem);
    let mut config = super::config(&format!("https://localhost:{}", address.port()));
    config.extra_roots = Some(bundle.path().to_owned());
    config.timeouts = Timeouts { first_byte: ENOUGH, idle: ENOUGH, ..config.timeouts };
    AwsClient::new(config).unwrap()
}

#[tokio::test]
async fn extra_roots_are_trusted_and_a_connection_carries_one_request() {
    let (sender, mut heads) = unbounded_channel();
    let (address, pem) = serve(sender).await;
    let call = Outbound::post("/model/a:b%3A0%2F/invoke?x", "{}");
    let answer = client(address, &pem).send(&call).await.unwrap();
    assert_eq!(answer.body.collect(10).await.unwrap(), "{}");
    let seen = (Version::HTTP_11, "/model/a:b%3A0%2F/invoke?x".to_owned());
    assert_eq!(heads.recv().await.unwrap(), seen);
}

#[tokio::test]
async fn readers_that_stop_keep_no_other_from_reading() {
    let (address, pem) = serve_by(|_| ready(Bytes::from(vec![b'x'; LARGE]))).await;
    let client = client(address, &pem);
    let mut stopped = Vec::new();
    for _ in 1..STREAMS {
        let mut answer = client.send(&super::call()).await.unwrap();
        let read = answer.body.chunk().await.unwrap().unwrap().len();
        stopped.push((answer.body, read));
    }
    let answer = client.send(&super::call()).await.unwrap();
    assert_eq!(answer.body.collect(LARGE).await.unwrap().len(), LARGE);
    for (body, read) in stopped {
        assert_eq!(body.collect(LARGE).await.unwrap().len(), LARGE - read);
    }
}

#[tokio::test]
async fn no_request_waits_for_the_end_of_another() {
    // Nobody is answered before all have asked.
    let all = Arc::new(Barrier::new(2 * STREAMS));
    let (address, pem) = serve_by(move |_| {
        let all = Arc::clone(&all);
        async move {
            all.wait().await;
            Bytes::from_static(b"{}")
        }
    })
    .await;
    let client = Arc::new(client(address, &pem));
    let mut asking = JoinSet::new();
    for _ in 0..2 * STREAMS {
        let client = Arc::clone(&client);
        asking.spawn(async move { client.send(&super::call()).await.map(drop) });
    }
    for outcome in asking.join_all().await {
        outcome.unwrap();
    }
}

#[tokio::test]
async fn a_certificate_from_nowhere_is_unreachable_before_sending() {
    let (sender, _heads) = unbounded_channel();
    let (address, _) = serve(sender).await;
    let (other_sender, _heads) = unbounded_channel();
    let (_, other_pem) = serve(other_sender).await;
    let bundle = bundle(&other_pem);
    let mut config = super::config(&format!("https://localhost:{}", address.port()));
    config.extra_roots = Some(bundle.path().to_owned());
    let fault = super::fault(&AwsClient::new(config).unwrap()).await;
    assert_eq!(super::told(&fault), (ErrorClass::Unreachable, Phase::BeforeSend));
}

#[tokio::test]
async fn a_bundle_without_certificates_is_refused_at_start() {
    let bundle = NamedTempFile::new().unwrap();
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
    let bundle = bundle(&pem);
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
