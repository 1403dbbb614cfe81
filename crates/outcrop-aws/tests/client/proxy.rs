//! By way of a proxy, to a name that only the proxy can find.

use std::io::Write as _;
use std::net::SocketAddr;

use http::Version;
use outcrop_aws::{AwsClient, ClientConfig, Outbound, Proxies};
use outcrop_model::{ErrorClass, Phase};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::tls::{ELSEWHERE, serve};

const PASSWORD: &str = "s3cr3t";
/// `user:s3cr3t`
const SHOWN: &str = "Basic dXNlcjpzM2NyM3Q=";

/// A proxy that wants a password, and finds every name at `upstream`. It tells the head of each request.
async fn proxy(upstream: SocketAddr) -> (SocketAddr, UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, heads) = unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(pass_on(stream, upstream, sender.clone()));
        }
    });
    (address, heads)
}

async fn pass_on(mut stream: TcpStream, upstream: SocketAddr, heads: UnboundedSender<String>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    heads.send(head.clone()).unwrap();
    let is_known = head.contains(SHOWN);
    let answer = match (is_known, head.starts_with("CONNECT ")) {
        (false, _) => "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
        (true, true) => "HTTP/1.1 200 OK\r\n\r\n",
        (true, false) => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
    };
    stream.write_all(answer.as_bytes()).await.unwrap();
    if is_known && head.starts_with("CONNECT ") {
        let mut beyond = TcpStream::connect(upstream).await.unwrap();
        // Either side may close as it likes.
        copy_bidirectional(&mut stream, &mut beyond).await.unwrap_or_default();
    }
}

fn config(base_url: &str, proxy: SocketAddr, password: &str) -> ClientConfig {
    let mut config = super::config(base_url);
    let address = format!("http://user:{password}@{proxy}");
    config.proxies =
        Proxies::from_env(&|name| (name == "ALL_PROXY").then(|| address.clone())).unwrap();
    config
}

#[tokio::test]
async fn https_goes_through_a_tunnel_and_plain_requests_whole() {
    let (sender, mut requests) = unbounded_channel();
    let (upstream, pem) = serve(sender).await;
    let (proxy, mut heads) = proxy(upstream).await;
    let mut bundle = tempfile::NamedTempFile::new().unwrap();
    bundle.write_all(pem.as_bytes()).unwrap();
    let mut tunnelled = config(&format!("https://{ELSEWHERE}"), proxy, PASSWORD);
    tunnelled.extra_roots = Some(bundle.path().to_owned());
    let tunnelled = AwsClient::new(tunnelled).unwrap();
    let call = Outbound::post("/model/a:b%3A0/invoke", "{}");
    // The second call takes the same tunnel.
    for _ in 0..2 {
        let answer = tunnelled.send(&call).await.unwrap();
        assert_eq!(answer.body.collect(10).await.unwrap(), "{}");
        let request = requests.recv().await.unwrap();
        assert_eq!(request, (Version::HTTP_11, "/model/a:b%3A0/invoke".to_owned()));
        super::settle().await;
    }
    let head = heads.recv().await.unwrap();
    assert!(head.starts_with(&format!("CONNECT {ELSEWHERE}:443 HTTP/1.1\r\n")), "{head}");
    assert!(!head.contains("AKID") && heads.try_recv().is_err(), "{head}");

    let plain = AwsClient::new(config(&format!("http://{ELSEWHERE}:8080"), proxy, PASSWORD));
    let answer = plain.unwrap().send(&call).await.unwrap();
    assert_eq!(answer.body.collect(10).await.unwrap(), "{}");
    let head = heads.recv().await.unwrap();
    let line = format!("POST http://{ELSEWHERE}:8080/model/a:b%3A0/invoke HTTP/1.1\r\n");
    assert!(head.starts_with(&line), "{head}");
    let head = head.to_ascii_lowercase();
    assert!(head.contains(&format!("\r\nhost: {ELSEWHERE}:8080\r\n")), "{head}");
    // The proxy's password is not the service's to check.
    assert!(head.contains("signedheaders=content-type;host;x-amz-date,"), "{head}");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_unreachable_before_sending() {
    let (proxy, _heads) = proxy(([127, 0, 0, 1], 1).into()).await;
    let client = AwsClient::new(config(&format!("https://{ELSEWHERE}"), proxy, "wr0ng")).unwrap();
    let fault = super::fault(&client).await;
    assert_eq!(super::told(&fault), (ErrorClass::Unreachable, Phase::BeforeSend));
    let detail = fault.detail.unwrap();
    assert!(
        detail.contains("proxy authorization required") && !detail.contains("wr0ng"),
        "{detail}"
    );
}
