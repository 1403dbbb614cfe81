//! The listener itself: TLS, HTTP/2, stopping, the environment it prints.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use outcrop_emulator::{Config, EXAMPLE_API_KEY, Emulator, Tls};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::client::{Ask, HAIKU, emulator, with};
use crate::converse::hello;

async fn secured() -> (Emulator, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    let emulator = with(Config { tls: Some(Tls { ca_file }), ..Config::default() }).await;
    (emulator, folder)
}

#[tokio::test]
async fn tls_serves_http2_to_who_trusts_the_written_authority() {
    let (emulator, folder) = secured().await;
    let mut roots = rustls::RootCertStore::empty();
    let pem = std::fs::read(folder.path().join("ca.pem")).unwrap();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(emulator.local_addr()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::builder()
        .method("POST")
        .uri(format!("{}/model/{HAIKU}/converse-stream", emulator.base_url()))
        .header("authorization", format!("Bearer {EXAMPLE_API_KEY}"))
        .body(Full::new(Bytes::from(hello().to_string())))
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(body.len() > 500);
}

#[tokio::test]
async fn the_environment_points_an_sdk_here() {
    let emulator_plain = emulator().await;
    let lines = emulator_plain.env_lines();
    let url = emulator_plain.base_url();
    assert!(lines.contains(&format!("export AWS_ENDPOINT_URL_BEDROCK_RUNTIME='{url}'\n")));
    assert!(
        lines.contains("export AWS_SECRET_ACCESS_KEY='wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'\n")
    );
    assert!(lines.contains("export AWS_DEFAULT_REGION='us-east-1'\n"));
    assert!(!lines.contains("AWS_CA_BUNDLE"));
    let (emulator, folder) = secured().await;
    let ca_file = folder.path().join("ca.pem");
    assert!(
        emulator.env_lines().contains(&format!("export AWS_CA_BUNDLE='{}'\n", ca_file.display()))
    );
    assert!(emulator.base_url().starts_with("https://localhost:"));
}

#[tokio::test]
async fn cleartext_http2_is_served_too() {
    let emulator = emulator().await;
    let stream = TcpStream::connect(emulator.local_addr()).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = |fault: &str| {
        Request::builder()
            .method("POST")
            .uri(format!("{}/model/{HAIKU}/converse-stream", emulator.base_url()))
            .header("authorization", format!("Bearer {EXAMPLE_API_KEY}"))
            .header("x-outcrop-emulator-fault", fault)
            .body(Full::new(Bytes::from(hello().to_string())))
            .unwrap()
    };
    let whole = sender.send_request(request("padding=on")).await.unwrap();
    assert!(whole.into_body().collect().await.is_ok());
    let broken = sender.send_request(request("drop;after=2")).await.unwrap();
    assert!(broken.into_body().collect().await.is_err());
}

#[tokio::test]
async fn it_stops_when_told() {
    let emulator = emulator().await;
    let address = emulator.local_addr();
    Ask::post(HAIKU, "converse", &hello()).send(&emulator).await.ok();
    emulator.serve(std::future::ready(())).await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn dropping_it_ends_open_connections() {
    let emulator = emulator().await;
    let mut stream = TcpStream::connect(emulator.local_addr()).await.unwrap();
    stream.write_all(b"GET /_emulator/health HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    drop(emulator);
    let mut rest = Vec::new();
    // Ends with an end of file or a reset, but it ends.
    let _either = stream.read_to_end(&mut rest).await;
}
