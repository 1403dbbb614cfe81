//! Fetches from servers on loopback, which stand for the open internet where a test allows them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use outcrop_fetch::{
    Blame, Failure, Fetched, Fetcher, Limits, Lookup, Reach, Resolve, Surroundings,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A server that gives every request on `ip` the answer that its path stands for.
struct Far {
    address: SocketAddr,
    /// Request heads as they came.
    heads: Arc<Mutex<Vec<String>>>,
}

impl Far {
    async fn at(ip: &str) -> Self {
        Self::serve(ip, None).await
    }

    async fn serve(ip: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (kept, tls) = (Arc::clone(&kept), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => answer(socket, &kept).await,
                        // A handshake that fails is the client's to notice.
                        Some(tls) => {
                            if let Ok(socket) = tls.accept(socket).await {
                                answer(socket, &kept).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, heads }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn answer(mut socket: impl AsyncRead + AsyncWrite + Unpin, heads: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    heads.lock().unwrap().push(head);
    let response = match path.split_once("?to=") {
        Some((_, to)) => {
            format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
        }
        None => match path.as_str() {
            "/cat" => {
                "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 3\r\n\r\ncat".into()
            }
            "/endless" => {
                let _ = socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                while socket.write_all(&[b'x'; 512]).await.is_ok() {}
                return;
            }
            "/told" => "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n".into(),
            "/short" => "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\ncat".into(),
            "/empty" => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".into(),
            "/zipped" => {
                "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\ncat".into()
            }
            "/lost" => "HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n".into(),
            "/silent" => {
                // Until the client gives up.
                let _ = socket.read_u8().await;
                return;
            }
            "/noise" => "what?\r\n\r\n".into(),
            "/loop" => "HTTP/1.1 301 Moved\r\nlocation: /loop\r\ncontent-length: 0\r\n\r\n".into(),
            other => {
                let status = other.trim_start_matches('/');
                format!("HTTP/1.1 {status} X\r\ncontent-length: 6\r\n\r\nsecret")
            }
        },
    };
    let _ = socket.write_all(response.as_bytes()).await;
}

/// Gives the answers in turn, the last one for ever.
#[derive(Debug)]
struct Fickle(Mutex<VecDeque<Vec<IpAddr>>>);

impl Fickle {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let ips = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(ips).collect())))
    }

    fn left(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Resolve for Fickle {
    fn resolve<'a>(&'a self, _host: &'a str) -> Lookup<'a> {
        let answer = self.0.lock().unwrap().pop_front();
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("not known")) })
    }
}

fn limits(allowed: &[&str]) -> Limits {
    Limits {
        allowed: allowed.iter().map(|text| text.parse().unwrap()).collect(),
        plain_http: true,
        max_item: 1000,
        max_total: 2000,
        ..Limits::default()
    }
}

async fn fetch(limits: Limits, url: &str) -> Result<Fetched, Failure> {
    Fetcher::new(limits).begin().fetch(url).await
}

async fn failure(limits: Limits, url: &str) -> Failure {
    fetch(limits, url).await.unwrap_err()
}

#[tokio::test]
async fn what_is_allowed_is_fetched_with_nothing_of_the_clients() {
    let far = Far::at("127.0.0.1").await;
    let fetched = fetch(limits(&["127.0.0.1"]), &far.url("/cat")).await.unwrap();
    assert_eq!((&fetched.bytes[..], fetched.declared.as_deref()), (&b"cat"[..], Some("image/png")));
    let heads = far.heads();
    let names: Vec<&str> =
        heads[0].lines().skip(1).filter_map(|line| Some(line.split_once(':')?.0)).collect();
    assert_eq!(names, ["host", "user-agent", "accept", "accept-encoding", "connection"]);
}

#[tokio::test]
async fn loopback_is_refused_unless_allowed() {
    let far = Far::at("127.0.0.1").await;
    let port = far.address.port();
    for host in
        ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0x7f.1"]
    {
        let url = format!("http://{host}:{port}/cat");
        assert_eq!(failure(limits(&[]), &url).await, Failure::NoWay, "{url}");
    }
    assert!(far.heads().is_empty());
    assert_eq!(failure(Limits { reach: Reach::Off, ..limits(&[]) }, "x").await, Failure::Off);
}

#[tokio::test]
async fn only_https_by_default() {
    let far = Far::at("127.0.0.1").await;
    let limits = Limits { plain_http: false, ..limits(&["127.0.0.1"]) };
    assert_eq!(failure(limits, &far.url("/cat")).await, Failure::PlainHttp);
}

#[tokio::test]
async fn the_judged_address_is_the_one_that_is_connected_to() {
    let (far, inner) = (Far::at("127.0.0.2").await, Far::at("127.0.0.1").await);
    let resolver = Fickle::new(&[&["127.0.0.1", "127.0.0.2"], &["127.0.0.1"]]);
    let surroundings = Surroundings { resolver: Some(resolver.clone()), roots: Vec::new() };
    let fetcher = Fetcher::within(limits(&["127.0.0.2"]), surroundings);
    let url = format!("http://fickle.example:{}/cat", far.address.port());
    assert_eq!(&fetcher.begin().fetch(&url).await.unwrap().bytes[..], b"cat");
    assert_eq!(resolver.left(), 1, "one look-up for one connection");
    // The name has changed its mind: the new address is judged anew.
    assert_eq!(fetcher.begin().fetch(&url).await.unwrap_err(), Failure::NoWay);
    // It has forgotten its addresses: the same words.
    assert_eq!(fetcher.begin().fetch(&url).await.unwrap_err(), Failure::NoWay);
    assert!(inner.heads().is_empty());
    assert!(far.heads()[0].contains(&format!("host: fickle.example:{}\r\n", far.address.port())));
}

#[tokio::test]
async fn redirects_are_judged_like_the_first_address() {
    let (far, inner) = (Far::at("127.0.0.2").await, Far::at("127.0.0.1").await);
    let allowed = || limits(&["127.0.0.2"]);
    let fetched = fetch(allowed(), &far.url(&format!("/?to={}", far.url("/cat")))).await.unwrap();
    assert_eq!(&fetched.bytes[..], b"cat");
    assert_eq!(&fetch(allowed(), &far.url("/?to=/cat")).await.unwrap().bytes[..], b"cat");
    for (to, expected) in [
        (inner.url("/cat"), Failure::NoWay),
        ("http://169.254.169.254/latest/meta-data/".to_owned(), Failure::NoWay),
        ("http://user:word@127.0.0.2/".to_owned(), Failure::Credentials),
        ("ftp://127.0.0.2/".to_owned(), Failure::LostRedirect),
    ] {
        assert_eq!(failure(allowed(), &far.url(&format!("/?to={to}"))).await, expected, "{to}");
    }
    assert_eq!(failure(allowed(), &far.url("/lost")).await, Failure::LostRedirect);
    assert_eq!(failure(allowed(), &far.url("/loop")).await, Failure::Redirects { most: 5 });
    assert!(inner.heads().is_empty());
}

#[tokio::test]
async fn failures_say_whose_they_are_and_nothing_of_the_answer() {
    let far = Far::at("127.0.0.1").await;
    for (path, expected, blame) in [
        ("/404", Failure::Status(404), Blame::Caller),
        ("/403", Failure::Status(403), Blame::Caller),
        ("/204", Failure::Status(204), Blame::Caller),
        ("/429", Failure::Status(429), Blame::FarServer),
        ("/503", Failure::Status(503), Blame::FarServer),
        ("/endless", Failure::TooLarge { most: 1000 }, Blame::Size),
        ("/told", Failure::TooLarge { most: 1000 }, Blame::Size),
        ("/short", Failure::Broken, Blame::FarServer),
        ("/noise", Failure::Broken, Blame::FarServer),
        ("/empty", Failure::Empty, Blame::Caller),
        ("/zipped", Failure::Encoded, Blame::Caller),
    ] {
        let failure = failure(limits(&["127.0.0.1"]), &far.url(path)).await;
        assert_eq!((&failure, failure.blame()), (&expected, blame), "{path}");
        let said = failure.to_string();
        assert!(!said.contains("127.") && !said.contains("secret"), "{said}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let failure = failure(limits(&["127.0.0.1"]), &format!("http://{closed}/")).await;
    assert_eq!(failure, Failure::Unreachable);
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let far = Far::at("127.0.0.1").await;
    let limits = Limits { timeout: Duration::from_millis(50), ..limits(&["127.0.0.1"]) };
    assert_eq!(failure(limits, &far.url("/silent")).await, Failure::TimedOut);
}

#[tokio::test]
async fn the_sum_of_a_request_is_bounded() {
    let far = Far::at("127.0.0.1").await;
    let fetcher = Fetcher::new(Limits { max_total: 5, ..limits(&["127.0.0.1"]) });
    let batch = fetcher.begin();
    assert!(batch.fetch(&far.url("/cat")).await.is_ok());
    let second = batch.fetch(&far.url("/cat")).await;
    assert_eq!(second.unwrap_err(), Failure::TotalTooLarge { most: 5 });
    assert!(fetcher.begin().fetch(&far.url("/cat")).await.is_ok(), "a new request, a new sum");
}

#[tokio::test]
async fn the_process_holds_so_much_and_gets_it_back() {
    let far = Far::at("127.0.0.1").await;
    let fetcher = Fetcher::new(Limits { max_held: 5, ..limits(&["127.0.0.1"]) });
    let batch = fetcher.begin();
    assert!(batch.fetch(&far.url("/cat")).await.is_ok());
    let held = batch.into_held();
    assert_eq!(fetcher.begin().fetch(&far.url("/cat")).await.unwrap_err(), Failure::Busy);
    drop(held);
    assert!(fetcher.begin().fetch(&far.url("/cat")).await.is_ok());
}

#[tokio::test]
async fn certificates_are_checked_against_the_name() {
    let made = rcgen::generate_simple_self_signed(["far.example".to_owned()]).unwrap();
    let root = CertificateDer::from(made.cert.der().to_vec());
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![root.clone()], key)
    .unwrap();
    let far = Far::serve("127.0.0.1", Some(TlsAcceptor::from(Arc::new(config)))).await;
    let port = far.address.port();
    let fetcher = |roots: &[CertificateDer<'static>]| {
        let resolver = Fickle::new(&[&["127.0.0.1"]]);
        let surroundings = Surroundings { resolver: Some(resolver), roots: roots.to_vec() };
        Fetcher::within(Limits { plain_http: false, ..limits(&["127.0.0.1"]) }, surroundings)
    };
    let good = format!("https://far.example:{port}/cat");
    let trusting = fetcher(std::slice::from_ref(&root));
    assert_eq!(&trusting.begin().fetch(&good).await.unwrap().bytes[..], b"cat");
    for (roots, url) in [(vec![], good), (vec![root], format!("https://other.example:{port}/cat"))]
    {
        let outcome = fetcher(&roots).begin().fetch(&url).await;
        assert_eq!(outcome.unwrap_err(), Failure::Tls, "{url}");
    }
}
