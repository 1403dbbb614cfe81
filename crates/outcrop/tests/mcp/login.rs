//! Servers that want to know who asks.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use crate::desk::{CLAUDE, home, mcp, outcrop, query, says};

/// What is behind a redirect, as a browser follows it.
fn browse(url: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let location = answer.lines().find_map(|line| line.strip_prefix("location: "));
    location.map_or(answer.clone(), browse)
}

#[test]
fn a_server_behind_oauth_wants_a_login() {
    let home = home("well");
    let web = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mcp/web.py");
    let mut server = Command::new("python3").arg(web).stdout(Stdio::piped()).spawn().unwrap();
    let mut base = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut base).unwrap();
    let output = mcp(&home, &["add", "web", "--url", &format!("{}/mcp", base.trim())]);
    assert!(output.status.success(), "{output:?}");
    let output = outcrop(&home, &["query", "--emulator", "-m", CLAUDE, "Hello", "--server", "web"]);
    let output = { output }.output().unwrap();
    assert_eq!(output.status.code(), Some(13), "{output:?}");
    says(&output, "", "outcrop mcp login web");

    for (code, told, succeeds) in
        [(Some("bad"), "You are not logged in", false), (None, "You are logged in", true)]
    {
        let mut login =
            outcrop(&home, &["mcp", "login", "web"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(login.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
        let page = said.trim().strip_prefix("log in here: ").unwrap();
        let (_, query) = page.split_once('?').unwrap();
        let query: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
        let back = |code: &str, state: &str| {
            browse(&format!("{}?code={code}&state={state}", query["redirect_uri"]))
        };
        let stray = back("stray", "other");
        assert!(stray.starts_with("HTTP/1.1 404"), "{stray}");
        let page = code.map_or_else(|| browse(page), |code| back(code, &query["state"]));
        assert!(page.contains(told), "{page}");
        assert_eq!(login.wait().unwrap().success(), succeeds);
    }

    // The other server is there too, so that one is seen to end.
    let output = query(&home, "call:web__whoami {}", &["--server", "s,web", "-y"]);
    says(&output, "you hold token-1", "");
    let output = query(&home, "call:web__expire {}", &["--server", "web", "-y"]);
    says(&output, "Make the call again", "");
    let tokens = std::fs::read_dir(home.path().join("mcp-tokens")).unwrap();
    for file in tokens.map(|entry| entry.unwrap()) {
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    says(&mcp(&home, &["logout", "web"]), "", "forgotten");
    assert_eq!(mcp(&home, &["test", "web"]).status.code(), Some(13));
    let add = ["add", "web", "--force", "--bearer-env", "T", "--url", base.trim()];
    assert!(mcp(&home, &add).status.success());
    says(&mcp(&home, &["login", "web"]), "", "no login would count");
    server.kill().unwrap();
    server.wait().unwrap();
}
