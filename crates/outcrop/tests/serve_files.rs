//! `outcrop serve -f` as an operator meets it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

const GOOD: &str = "backends: {main: us-east-1}\nmodels: {fast: amazon.nova-lite-v1:0}\n";

fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("serve").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    for (file, text) in files {
        std::fs::write(folder.join(file), text).unwrap();
    }
    folder
}

fn serve(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = support::outcrop(&["serve"]);
    command.args(arguments).current_dir(folder);
    command
}

fn refused(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = serve(folder, arguments).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A running gateway; it ends with the test.
struct Running {
    process: Child,
    out: Lines<BufReader<ChildStdout>>,
    log: Lines<BufReader<ChildStderr>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Running {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::of(&mut serve(folder, arguments))
    }

    fn of(command: &mut Command) -> Self {
        let mut process = command.spawn().unwrap();
        let out = BufReader::new(process.stdout.take().unwrap()).lines();
        let log = BufReader::new(process.stderr.take().unwrap()).lines();
        Self { process, out, log }
    }

    /// The next line that tells an address, and the address.
    fn address(&mut self) -> String {
        let line = self.out.next().unwrap().unwrap();
        line.strip_prefix("listening on http://").unwrap_or_else(|| panic!("{line}")).to_owned()
    }

    /// The next line of the log with these words.
    fn logged(&mut self, words: &str) -> String {
        let mut lines = self.log.by_ref().map(Result::unwrap);
        lines.find(|line| line.contains(words)).unwrap_or_else(|| panic!("not logged: {words}"))
    }

    fn admin(&mut self) -> String {
        let line = self.logged("the operator may ask http://");
        let (_, address) = line.split_once("http://").unwrap();
        address.strip_suffix("/admin/config").unwrap().to_owned()
    }
}

/// Status and body.
fn ask(address: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    ask_with(address, (method, path), &format!("host: {address}"), body)
}

fn ask_with(address: &str, (method, path): (&str, &str), head: &str, body: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        socket,
        "{method} {path} HTTP/1.1\r\n{head}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

fn chat(address: &str) -> u16 {
    let body =
        r#"{"model": "amazon.nova-lite-v1:0", "messages": [{"role": "user", "content": "hi"}]}"#;
    ask(address, "POST", "/v1/chat/completions", body).0
}

#[test]
fn what_cannot_be_served_is_told_at_once() {
    let wrong = "backends: {us: {regoin: us-east-1}}\nroutes: [{name: r, targets: [eu]}]\n";
    let open = "listeners: 0.0.0.0:0\n";
    let twice = "listeners: [{name: a, address: '127.0.0.1:0'}]\n";
    let files = [("wrong.yaml", wrong), ("open.yaml", open), ("twice.yaml", twice)];
    let folder = folder("refused", &files);
    let (code, told) = refused(&folder, &["-f", "wrong.yaml"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("did you mean `region`?"), "{told}");
    assert!(told.contains("there is no backend `eu`"), "{told}");
    let (code, told) = refused(&folder, &["-f", "wrong.yaml", "--region", "us-east-1"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("--config") && told.contains("--region"), "{told}");
    let (code, told) = refused(&folder, &["-f", "open.yaml", "--emulator"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("not listening on 0.0.0.0:0"), "{told}");
    let (_, told) = refused(&folder, &["-f", "twice.yaml", "--emulator", "--tls-self-signed"]);
    assert!(told.contains("--listen"), "{told}");
    let (_, told) = refused(&folder, &["-f", "absent.yaml"]);
    assert!(told.contains("cannot read absent.yaml"), "{told}");
}

#[test]
fn what_may_be_why_is_told_with_it() {
    let file = "interface_type: aws_bedrock\nprovider_name: p\nconfig: {aws_region: $AWS_REGION}\n";
    let folder = folder("env", &[("aws.yaml", file), (".env", "AWS_REGION=us-canary-1\n")]);
    let (_, told) = refused(&folder, &["-f", "aws.yaml"]);
    let found = ["1 error, 1 warning", "no AWS region", ".env is read by the command line only"];
    assert!(found.iter().all(|one| told.contains(one)) && !told.contains("canary"), "{told}");
}

#[test]
fn all_listeners_are_opened() {
    let file = "listeners: [{name: a, address: '127.0.0.1:0'}, {name: b, address: '127.0.0.1:0'}]\nroutes: [{name: r, listeners: b}]\n";
    let folder = folder("listeners", &[("outcrop.yaml", file)]);
    let mut running = Running::start(&folder, &["-f", ".", "--emulator"]);
    let (first, second) = (running.address(), running.address());
    assert_ne!(first, second);
    running.logged("there are no keys: whoever is on this machine is served, and nobody else");
    assert_eq!((chat(&first), chat(&second)), (404, 200));
}

/// What is for a listener whose certificate is in a cluster comes to no other, but to whoever takes its place.
#[test]
fn notes_are_a_record_each_and_none_is_of_what_is_not_opened() {
    let gateway = "\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g}
spec: {gatewayClassName: agentgateway, listeners: [{name: a, port: 8081, protocol: HTTP}]}
";
    let main = "backends: {main: us-esat-1, late: us-esat-2}\nroutes: [{name: r, targets: [main, late]}]\n";
    let folder = folder("notes", &[("gateway.yaml", gateway), ("outcrop.yaml", main)]);
    let arguments = ["-f", ".", "--emulator", "--listen", "127.0.0.1:0", "--log-format", "json"];
    let mut running = Running::start(&folder, &arguments);
    running.address();
    let mut records = Vec::new();
    let notes =
        running.log.by_ref().map(Result::unwrap).take_while(|line| !line.contains("serving"));
    records.extend(notes);
    assert_eq!(records.iter().filter(|line| line.contains("us-esat-")).count(), 2, "{records:?}");
    assert!(records.iter().all(|line| !line.contains("loopback only")), "{records:?}");
}

#[test]
fn a_listener_that_is_elsewhere_keeps_its_routes() {
    let file = "listeners: [{name: a, address: '127.0.0.1:0'}, {name: b, address: '127.0.0.1:443', tls: elsewhere}]\nroutes: [{name: r, listeners: b}]\n";
    let folder = folder("elsewhere", &[("outcrop.yaml", file)]);
    let mut running = Running::start(&folder, &["-f", ".", "--emulator"]);
    assert_eq!(chat(&running.address()), 404);
    let mut running =
        Running::start(&folder, &["-f", ".", "--emulator", "--listen", "127.0.0.1:0"]);
    assert_eq!(chat(&running.address()), 200);
}

/// A connection over TLS of a client that trusts `authority`, if it trusts the server.
fn connect_secretly(
    address: &str,
    authority: &str,
) -> std::io::Result<rustls::StreamOwned<rustls::ClientConnection, TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, TcpStream::connect(address).unwrap());
    stream.conn.complete_io(&mut stream.sock)?;
    Ok(stream)
}

/// Status of one answer on it.
fn ask_on(mut stream: impl Read + Write) -> u16 {
    write!(stream, "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer[9..12].parse().unwrap()
}

#[test]
fn certificates_of_the_configuration_are_served() {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
    let file = "listeners: {address: '127.0.0.1:0', tls: {certificates: {certificate: {env: CRT}, key: {file: tls.key}}}}\n";
    let folder = folder("certificates", &[("outcrop.yaml", file), ("tls.key", &key)]);
    let (code, told) = refused(&folder, &["-f", "outcrop.yaml", "--emulator"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("its certificate: CRT is not set"), "{told}");
    let mut command = serve(&folder, &["-f", "outcrop.yaml", "--emulator"]);
    let mut running = Running::of(command.env("CRT", &certificate));
    let line = running.out.next().unwrap().unwrap();
    let address = line.strip_prefix("listening on https://").unwrap_or_else(|| panic!("{line}"));
    assert_eq!(ask_on(connect_secretly(address, &certificate).unwrap()), 200);
}

/// Who connects is shown the certificates of the configuration at work, whether they stand in it or in files,
/// and who is connected already stays so.
#[test]
fn renewed_certificates_need_no_restart() {
    let made = || {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (own.cert.pem(), own.signing_key.serialize_pem())
    };
    let (first, second, third) = (made(), made(), made());
    let file = |certificate: &str, key: &str| {
        let pair = serde_json::json!({"certificate": certificate, "key": {"inline": key}});
        let files = "{files: {certificate: tls.crt, key: tls.key}}";
        format!(
            "listeners:\n- {{name: a, address: '127.0.0.1:0', tls: {{certificates: {pair}}}}}\n- {{name: b, address: '127.0.0.1:0', tls: {files}}}\n"
        )
    };
    let config = file(&first.0, &first.1);
    let files = [("outcrop.yaml", &*config), ("tls.crt", &first.0), ("tls.key", &first.1)];
    let folder = folder("renewed", &files);
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let arguments = ["-f", "outcrop.yaml", "--emulator", "--admin", "127.0.0.1:0"];
    let mut running = Running::start(&folder, &arguments);
    let admin = running.admin();
    let mut opened = || {
        let line = running.out.next().unwrap().unwrap();
        line.strip_prefix("listening on https://").unwrap_or_else(|| panic!("{line}")).to_owned()
    };
    let (in_place, in_files) = (opened(), opened());
    let shows = |address: &str, (certificate, _): &(String, String)| {
        connect_secretly(address, certificate).is_ok_and(|stream| ask_on(stream) == 200)
    };
    let connected = connect_secretly(&in_place, &first.0).unwrap();

    write("outcrop.yaml", &file(&second.0, &second.1));
    let mut lines = running.log.by_ref().map(Result::unwrap);
    let before: Vec<_> = lines.by_ref().take_while(|line| !line.contains("was loaded")).collect();
    assert!(before.iter().all(|line| !line.contains("restart")), "{before:?}");
    assert!(shows(&in_place, &second) && !shows(&in_place, &first));
    assert_eq!(ask_on(connected), 200);

    write("outcrop.yaml", &file(&third.0, &second.1));
    let line = running.logged("was not loaded");
    assert!(line.contains("the listener `a`") && line.contains("belong together"), "{line}");
    let (status, told) = ask(&admin, "POST", "/admin/reload", "");
    assert_eq!(status, 422, "{told}");
    assert!(told.contains("belong together") && !told.contains("BEGIN"), "{told}");
    assert!(shows(&in_place, &second));
    write("outcrop.yaml", &file(&third.0, &third.1));
    running.logged("the configuration was loaded");
    assert!(shows(&in_place, &third));

    write("tls.crt", &third.0);
    let line = running.logged("was not loaded");
    assert!(line.contains("the listener `b`") && line.contains("tls.key"), "{line}");
    assert!(shows(&in_files, &first));
    write("tls.key", &third.1);
    running.logged("the configuration was loaded");
    assert!(shows(&in_files, &third) && shows(&in_place, &third));

    // What a configuration refers to may come after it.
    drop(std::fs::remove_file(folder.join("late.crt")));
    write("outcrop.yaml", &file(&third.0, &third.1).replace("tls.crt", "late.crt"));
    let line = running.logged("was not loaded");
    assert!(line.contains("the listener `b`") && line.contains("late.crt"), "{line}");
    write("late.crt", &third.0);
    running.logged("the configuration was loaded");
}

/// A token that is taken away while a new configuration waits for credentials lets nobody in after it.
#[test]
fn what_changes_while_a_configuration_is_loaded_is_loaded_next() {
    let bedrock = bedrock(channel().0);
    let lender = TcpListener::bind("127.0.0.1:0").unwrap();
    let lends = format!("http://{}/credentials", lender.local_addr().unwrap());
    let file = |backends: &str| {
        format!(
            "backends: {{{backends}}}\nroutes: [{{name: r, targets: main}}]\nkeys: [{{name: k, token: {{file: key}}}}]\n"
        )
    };
    let backend = |name: &str, identity: &str| {
        format!(
            "{name}: {{region: us-east-1, endpoint: 'http://{bedrock}', endpoints: {{bedrock: 'http://{bedrock}'}}{identity}}}"
        )
    };
    let first =
        backend("main", ", identity: {keys: {access_key_id: AKIDEXAMPLE, secret_access_key: x}}");
    let folder = folder("meanwhile", &[("outcrop.yaml", &file(&first)), ("key", "let-me-in")]);
    let mut command = serve(&folder, &["-f", "outcrop.yaml", "--listen", "127.0.0.1:0"]);
    let mut running = Running::of(command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", lends));
    let address = running.address();
    let models = |token: &str| {
        let head = format!("host: here\r\nauthorization: Bearer {token}");
        ask_with(&address, ("GET", "/v1/models"), &head, "").0
    };
    assert_eq!(models("let-me-in"), 200);
    let both = file(&format!("{first}, {}", backend("more", "")));
    std::fs::write(folder.join("outcrop.yaml"), both).unwrap();
    let (mut socket, _) = lender.accept().unwrap();
    std::fs::write(folder.join("key"), "another").unwrap();
    let mut asked = BufReader::new(&mut socket);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && asked.read_line(&mut head).unwrap() > 0 {}
    let lent = r#"{"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"x","Token":"x","Expiration":"2099-01-01T00:00:00Z"}"#;
    let length = lent.len();
    write!(
        socket,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{lent}"
    )
    .unwrap();
    running.logged("the configuration was loaded");
    running.logged("the configuration was loaded");
    assert_eq!((models("let-me-in"), models("another")), (401, 200));
}

#[test]
fn keys_of_a_file_are_asked_for() {
    let file = format!("{GOOD}keys: [{{name: k, token: {{file: key}}}}]\n");
    let folder = folder("keys", &[("outcrop.yaml", &file), ("key", "let-me-in\n")]);
    let mut running =
        Running::start(&folder, &["-f", "outcrop.yaml", "--emulator", "--listen", "127.0.0.1:0"]);
    let address = running.address();
    let models = |head: &str| ask_with(&address, ("GET", "/v1/models"), head, "").0;
    assert_eq!(models("host: here"), 401);
    assert_eq!(models("host: here\r\nauthorization: Bearer let-me-in"), 200);
    std::fs::write(folder.join("key"), "another").unwrap();
    running.logged("the configuration was loaded");
    assert_eq!(models("host: here\r\nauthorization: Bearer let-me-in"), 401);
    let another = "host: here\r\nauthorization: Bearer another";
    assert_eq!(models(another), 200);
    // So it is while the configuration is broken.
    std::fs::write(folder.join("outcrop.yaml"), format!("{file}nothing: 1\n")).unwrap();
    running.logged("was not loaded");
    std::fs::write(folder.join("key"), "a-third").unwrap();
    running.logged("was not loaded");
    assert_eq!(models(another), 401);
    let third = "host: here\r\nauthorization: Bearer a-third";
    assert_eq!(models(third), 200);
    std::fs::write(folder.join("outcrop.yaml"), &file).unwrap();
    running.logged("the configuration was loaded");
    let another = third;
    // What becomes of the file takes no key away, only what becomes of its entry.
    std::fs::write(folder.join("key"), "\n").unwrap();
    running.logged("of the key k: key is empty. What was read there last counts on");
    running.logged("the configuration was loaded");
    assert_eq!(models(another), 200);
    std::fs::write(folder.join("key"), "two\nlines\n").unwrap();
    running.logged("or several lines. What was read there last counts on");
    running.logged("the configuration was loaded");
    assert_eq!(models(another), 200);
    std::fs::remove_file(folder.join("key")).unwrap();
    running.logged("No such file or directory (os error 2). What was read there last counts on");
    running.logged("the configuration was loaded");
    assert_eq!(models(another), 200);
    // Another entry is another key, with the same file too.
    let file = format!("{GOOD}keys: [{{name: l, token: {{file: key}}}}]\n");
    std::fs::write(folder.join("outcrop.yaml"), &file).unwrap();
    running.logged("the configuration was loaded");
    assert_eq!(models(another), 401);
}

/// Also once there are none.
#[test]
fn kongs_keys_are_asked_for() {
    let file = |consumers: &str| {
        format!(
            "_format_version: '3.0'\nservices: [{{name: s, routes: [{{name: r, paths: [/chat]}}]}}]\nplugins: [{{name: key-auth}}, {{name: bedrock-proxy, config: {{region: us-east-1}}}}]\nconsumers: [{consumers}]\n"
        )
    };
    let alice = file("{username: alice, keyauth_credentials: [{key: let-me-in}]}");
    let folder = folder("kongs-keys", &[("kong.yaml", &alice)]);
    let mut running =
        Running::start(&folder, &["-f", "kong.yaml", "--emulator", "--listen", "127.0.0.1:0"]);
    let address = running.address();
    let models = |head: &str| ask_with(&address, ("GET", "/v1/models"), head, "").0;
    assert_eq!(models("host: here\r\napikey: let-me-in"), 200);
    std::fs::write(folder.join("kong.yaml"), file("{username: alice}")).unwrap();
    running.logged("the configuration was loaded");
    assert_eq!(models("host: here\r\napikey: let-me-in"), 401);
    assert_eq!(models("host: 127.0.0.1"), 401);
}

#[test]
fn a_configuration_is_loaded_anew_and_a_bad_one_is_not() {
    let folder = folder("anew", &[("outcrop.yaml", GOOD)]);
    let path = folder.join("outcrop.yaml");
    let listen = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let mut running =
        Running::start(&folder, &[&["-f", "outcrop.yaml", "--emulator"][..], &listen].concat());
    let admin = running.admin();
    let address = running.address();
    let config = || -> serde_json::Value {
        let (status, body) = ask(&admin, "GET", "/admin/config", "");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    };
    let counted = |line: &str| {
        let (status, text) = ask(&admin, "GET", "/metrics", "");
        assert!(status == 200 && text.ends_with("# EOF\n"), "{text}");
        assert!(text.contains(&format!("\n{line}\n")), "{line}: {text}");
    };
    counted("outcrop_config_is_current 1");
    counted("outcrop_config_last_failure_timestamp_seconds 0.0");
    assert_eq!(config()["generation"], 1);
    assert!(config()["config"].as_str().unwrap().contains("fast"));
    let known = |model: &str| ask(&address, "GET", &format!("/v1/models/{model}"), "").0 == 200;
    assert_eq!((known("fast"), known("quick")), (true, false));

    // Renamed into place, as editors and Kubernetes do it.
    std::fs::write(folder.join("next"), GOOD.replace("fast", "quick")).unwrap();
    std::fs::rename(folder.join("next"), &path).unwrap();
    let line = running.logged("the configuration was loaded");
    assert!(line.contains("a file has changed"), "{line}");
    assert_eq!(config()["generation"], 2);
    assert!(config()["config"].as_str().unwrap().contains("quick"));
    assert_eq!((known("fast"), known("quick")), (false, true));

    std::fs::write(&path, "backends: {us: {regoin: s3cr3t}}\n").unwrap();
    let line = running.logged("was not loaded");
    assert!(!line.contains("s3cr3t"), "{line}");
    counted("outcrop_config_is_current 0");
    counted("outcrop_config_generation 2");
    counted("outcrop_config_loads_total{outcome=\"ok\"} 2");
    counted("outcrop_config_loads_total{outcome=\"failed\"} 1");
    let told = config();
    assert_eq!(told["generation"], 2);
    assert!(told["last_error"]["what"].as_str().unwrap().contains("regoin"), "{told}");
    assert!(!told.to_string().contains("s3cr3t"), "{told}");
    assert_eq!(chat(&address), 200);
    let (status, body) = ask(&admin, "POST", "/admin/reload", "");
    assert_eq!(status, 422, "{body}");
    assert!(body.contains("did you mean"), "{body}");
    running.logged("was not loaded");

    std::fs::write(&path, GOOD).unwrap();
    running.logged("the configuration was loaded");
    let pid = running.process.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    let line = running.logged("the configuration was loaded");
    assert!(line.contains("SIGHUP"), "{line}");
    assert_eq!(ask(&admin, "POST", "/admin/reload", "").0, 200);
    assert_eq!(config()["last_error"], serde_json::Value::Null);
    counted("outcrop_config_is_current 1");
    counted("outcrop_config_loads_total{outcome=\"failed\"} 2");
    let requests = "outcrop_requests_total{dialect=\"openai_chat\",operation=\"chat_completions\",outcome=\"completed\",status=\"2xx\"";
    assert!(ask(&admin, "GET", "/metrics", "").1.contains(requests));

    let reload = |head: &str| ask_with(&admin, ("POST", "/admin/reload"), head, "").0;
    assert_eq!(reload("host: gateway.example"), 403);
    assert_eq!(reload(&format!("host: {admin}\r\norigin: http://localhost")), 403);
    assert_eq!(ask(&admin, "GET", "/admin/reload", "").0, 405);
    assert_eq!(ask(&address, "GET", "/admin/config", "").0, 404);
    assert_eq!(ask(&address, "GET", "/metrics", "").0, 404);
}

/// What is counted may be read from elsewhere; what is shown and done to the configuration may not.
#[test]
fn at_other_addresses_than_loopback_there_are_metrics_only() {
    let folder = folder("metrics", &[("outcrop.yaml", GOOD)]);
    let open = ["--admin", "127.0.0.1:0", "--admin", "0.0.0.0:0", "--listen", "127.0.0.1:0"];
    let arguments = [&["-f", "outcrop.yaml", "--emulator"][..], &open].concat();
    let mut running = Running::start(&folder, &arguments);
    let admin = running.admin();
    let line = running.logged("anyone who can reach it may ask http://0.0.0.0:");
    let (_, port) = line.split_once("http://0.0.0.0:").unwrap();
    let address = format!("127.0.0.1:{}", port.split_once('/').unwrap().0);
    let by_name = "host: outcrop.monitoring.svc:9901";
    let (status, text) = ask_with(&address, ("GET", "/metrics"), by_name, "");
    assert!(status == 200 && text.ends_with("# EOF\n"), "{text}");
    for (method, path) in [
        ("GET", "/admin/config"),
        ("POST", "/admin/reload"),
        ("POST", "//admin/reload"),
        ("POST", "/%61dmin/reload"),
        ("GET", "/metrics/../admin/config"),
        ("POST", "/metrics"),
    ] {
        let (status, told) = ask(&address, method, path, "");
        assert!(matches!(status, 403..=405), "{method} {path}: {status}");
        assert!(!told.contains("fast") && !told.contains("generation"), "{told}");
    }
    let from_a_page = ask_with(&address, ("GET", "/metrics"), "host: a\r\norigin: http://a", "").0;
    assert_eq!(from_a_page, 403);
    let (status, told) = ask(&admin, "GET", "/admin/config", "");
    assert!(status == 200 && told.contains("\"generation\": 1"), "nothing was loaded anew: {told}");
}

/// A Bedrock that answers chats with seven tokens, but for those that may have a hundred: these it only
/// tells of. Returns its address.
fn bedrock(under_way: Sender<()>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for socket in listener.incoming() {
            let mut socket = BufReader::new(socket.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && socket.read_line(&mut head).unwrap() > 0 {}
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
            socket.read_exact(&mut body).unwrap();
            if String::from_utf8(body).unwrap().contains("\"maxTokens\":100}") {
                held.push(socket);
                under_way.send(()).unwrap();
                continue;
            }
            let (status, answer) = match head.contains("/converse ") {
                true => (
                    "200 OK",
                    r#"{"output":{"message":{"role":"assistant","content":[{"text":"hi"}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":7,"totalTokens":8},"metrics":{"latencyMs":1}}"#,
                ),
                false => ("404 Not Found", "{}"),
            };
            let length = answer.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{answer}"
            );
            // The gateway may have been killed.
            drop(socket.get_mut().write_all(answer.as_bytes()));
        }
    });
    address
}

fn chat_of(tokens: u32) -> String {
    format!(
        r#"{{"model": "amazon.nova-lite-v1:0", "max_tokens": {tokens}, "messages": [{{"role": "user", "content": "hi"}}]}}"#
    )
}

/// What was under way counts as reserved, once; what was settled as it was settled.
#[test]
fn a_killed_gateway_loses_no_reservation_and_doubles_none() {
    let (tell, under_way) = channel();
    let address = bedrock(tell);
    let config = format!(
        "listeners: 127.0.0.1:0
backends:
  b:
    region: us-east-1
    endpoint: http://{address}
    endpoints: {{bedrock: 'http://{address}'}}
    identity: {{keys: {{access_key_id: AKIDEXAMPLE, secret_access_key: x}}}}
limits:
  - {{name: tokens, output_tokens: 1000, window: 24h}}
  - {{name: few, requests: 5, window: 24h}}
  - {{name: one, concurrent: 1}}
store: {{file: counters}}
"
    );
    let folder = folder("killed", &[("outcrop.yaml", &config)]);
    drop(std::fs::remove_file(folder.join("counters")));
    let start = || {
        let mut running = Running::start(&folder, &["-f", "outcrop.yaml"]);
        let address = running.address();
        (running, address)
    };
    let chat =
        |address: &str, tokens| ask(address, "POST", "/v1/chat/completions", &chat_of(tokens));
    let (mut running, mut address) = start();
    assert_eq!(chat(&address, 500).0, 200);
    // Seven tokens were used, and then some more, and each time a hundred are under way.
    for left in [1000 - 7 - 100, 1000 - 7 - 100 - 7 - 100] {
        let mut socket = TcpStream::connect(&address).unwrap();
        let body = chat_of(100);
        write!(
            socket,
            "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        under_way.recv().unwrap();
        // SIGKILL.
        drop(running);
        (running, address) = start();
        let (status, told) = chat(&address, left + 1);
        assert!(status == 429 && told.contains("`tokens`"), "{left}: {status} {told}");
        let (status, told) = chat(&address, left);
        assert_eq!(status, 200, "{left}: {told}");
    }
    let (status, told) = chat(&address, 1);
    assert!(status == 429 && told.contains("`few`"), "{status} {told}");
}

#[cfg(target_os = "linux")]
#[test]
fn as_many_files_may_be_open_as_the_system_allows() {
    let mut limited = Command::new("/bin/sh");
    limited.args(["-c", "ulimit -S -n 300; ulimit -H -n 400; exec \"$@\"", "sh"]);
    limited.args([env!("CARGO_BIN_EXE_outcrop"), "serve", "--emulator", "--listen", "127.0.0.1:0"]);
    limited.env_clear().env("OUTCROP_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/nobody"));
    limited.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running::of(&mut limited);
    assert!(running.logged("can be in flight").contains("200 requests"));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.process.id())).unwrap();
    let open = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(open.split_whitespace().nth(3), Some("400"), "{open}");
}
