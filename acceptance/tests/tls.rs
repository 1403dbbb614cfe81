//! Clients that insist on TLS.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use outcrop_server::{Authority, Certificates, Pair, Patience, Pem, ServerConfig, Tls};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::io::AsyncReadExt;

use crate::support::{CLAUDE, NOVA, Options, Stack, chat};

async fn stack(tls: Tls) -> Stack {
    let server = ServerConfig { tls: Some(tls), ..ServerConfig::default() };
    Stack::with(Options { server, ..Options::default() }).await
}

/// Answer and version of one chat on a connection of its own, for a client that trusts `authority`.
async fn ask(
    stack: &Stack,
    authority: &[u8],
    version: Version,
    host: &str,
) -> Result<String, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_only();
    let connector = match version {
        Version::HTTP_2 => builder.enable_http2().build(),
        _ => builder.enable_http1().build(),
    };
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let (path, body) = chat("anthropic", CLAUDE, "hi", true);
    let request = Request::post(format!("https://{host}:{}{path}", stack.address.port()))
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    let response = client.request(request).await.map_err(|error| format!("{error:?}"))?;
    assert_eq!((response.status().as_u16(), response.version()), (200, version));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Ok(String::from_utf8_lossy(&body).into_owned())
}

fn made(names: &[&str]) -> (String, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let own = rcgen::generate_simple_self_signed(names).unwrap();
    (own.cert.pem(), own.signing_key.serialize_pem())
}

#[tokio::test]
async fn a_certificate_of_its_own_serves_both_versions_of_http() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let fresh = Authority::Fresh(file.clone());
    let stack = stack(Tls::self_signed(&["gateway.internal".to_owned()], &fresh).unwrap()).await;
    let authority = std::fs::read(&file).unwrap();
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for host in ["localhost", "127.0.0.1"] {
            let answer = ask(&stack, &authority, version, host).await.unwrap();
            assert!(answer.contains("message_stop"), "{answer}");
        }
    }
    let (another, _) = made(&["localhost"]);
    let refused = ask(&stack, another.as_bytes(), Version::HTTP_11, "localhost").await;
    assert!(refused.unwrap_err().contains("UnknownIssuer"));
    assert!(
        !folder.path().join("ca.pem.key").exists(),
        "the key of a fresh authority is forgotten"
    );
    // Another start, in a container with the same process id.
    Tls::self_signed(&[], &fresh).unwrap();
    assert_ne!(std::fs::read(&file).unwrap(), authority);
    assert!(
        Tls::self_signed(&["not a name".to_owned()], &fresh).unwrap_err().contains("not a name")
    );
}

#[tokio::test]
async fn a_kept_authority_is_trusted_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let kept = || Tls::self_signed(&[], &Authority::Kept(file.clone()));
    kept().unwrap();
    let authority = std::fs::read(&file).unwrap();
    let stack = stack(kept().unwrap()).await;
    ask(&stack, &authority, Version::HTTP_2, "localhost").await.unwrap();

    let key = folder.path().join("ca.pem.key");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    }
    std::fs::write(&key, made(&["localhost"]).1).unwrap();
    assert!(kept().unwrap_err().contains("do not belong together"));
    std::fs::remove_file(&key).unwrap();
    let told = kept().unwrap_err();
    assert!(told.contains("ca.pem.key") && told.contains("missing"), "{told}");
    assert_eq!(std::fs::read(&file).unwrap(), authority, "what is there is not written over");
}

#[tokio::test]
async fn a_changed_certificate_is_used_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    let (one, other) = (made(&["localhost"]), made(&["localhost", "another.internal"]));
    let write = |path: &Path, text: &str| std::fs::write(path, text).unwrap();
    assert!(Tls::files(&certificate, &key).unwrap_err().contains("tls.crt"));
    write(&certificate, &one.0);
    write(&key, &one.1);
    let stack = stack(Tls::files(&certificate, &key).unwrap()).await;
    let works = async |authority: &str| {
        ask(&stack, authority.as_bytes(), Version::HTTP_11, "localhost").await.is_ok()
    };
    assert!(works(&one.0).await && !works(&other.0).await);
    // In the middle of a change, and after a bad one.
    write(&certificate, &other.0);
    assert!(works(&one.0).await && !works(&other.0).await);
    write(&key, "no key at all");
    assert!(works(&one.0).await);
    write(&key, &other.1);
    assert!(works(&other.0).await && !works(&one.0).await);
    std::fs::remove_file(&certificate).unwrap();
    assert!(works(&other.0).await);
    assert!(Tls::files(&key, &key).unwrap_err().contains("no PEM certificate"));
}

#[tokio::test]
async fn a_client_gets_the_certificate_of_the_name_that_it_asks_for() {
    let (first, own) = (made(&["first.internal", "127.0.0.1"]), made(&["localhost"]));
    let pair = |(certificate, key): &(String, String)| Pair {
        certificate: Pem::Text(certificate.clone()),
        key: Pem::Text(key.clone()),
    };
    let certificates = Certificates::open(vec![pair(&first), pair(&own)]).unwrap();
    let stack = stack(Tls::certificates(certificates).unwrap()).await;
    let works = async |authority: &str, host: &str| {
        ask(&stack, authority.as_bytes(), Version::HTTP_11, host).await.is_ok()
    };
    assert!(works(&own.0, "localhost").await);
    assert!(!works(&first.0, "localhost").await);
    // An address is no name to ask for.
    assert!(works(&first.0, "127.0.0.1").await);
    let mixed = Pair { key: Pem::Text(own.1.clone()), ..pair(&first) };
    let told = Certificates::open(vec![pair(&own), mixed]).unwrap_err();
    assert!(told.contains("do not belong together") && !told.contains("BEGIN"), "{told}");
}

#[tokio::test]
async fn who_never_greets_is_given_up_and_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls::self_signed(&[], &Authority::Fresh(folder.path().join("ca.pem"))).unwrap();
    let patience = Patience { first_head: Duration::from_millis(20), ..Patience::default() };
    let server = ServerConfig { tls: Some(tls.clone()), patience, ..ServerConfig::default() };
    let impatient = Stack::with(Options { server, ..Options::default() }).await;
    let mut silent = impatient.say(b"").await;
    assert_eq!(silent.read(&mut [0; 8]).await.unwrap_or_default(), 0);

    let mut patient = stack(tls).await;
    let _silent = patient.say(b"\x16\x03\x01").await;
    assert!(patient.stop().await.unwrap(), "there was nothing to finish");
}

#[tokio::test]
async fn plain_http_at_a_port_of_tls_gets_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls::self_signed(&[], &Authority::Fresh(folder.path().join("ca.pem"))).unwrap();
    let stack = stack(tls).await;
    let (path, body) = chat("openai", NOVA, "hi", false);
    let mut socket =
        stack.say(format!("POST {path} HTTP/1.1\r\nhost: x\r\n\r\n{body}").as_bytes()).await;
    let mut answer = Vec::new();
    // A reset is an end, too.
    socket.read_to_end(&mut answer).await.unwrap_or_default();
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert!(stack.emulator.requests().is_empty());
}
