//! Outcrop as an MCP server, on stdio and by HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::desk::{CLAUDE, LLAMA, home, mcp, outcrop, says};

const NOVA: &str = "amazon.nova-lite-v1:0";
const SERVE: &[&str] = &["mcp", "serve", "--listen", "127.0.0.1:0"];

/// A server by HTTP, and its address.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, url }
    }

    fn interrupt(&self) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
    }

    /// The head of the answer to a request of a client that begins.
    fn asked(&self, path: &str, headers: &str) -> String {
        let address = self.url.strip_prefix("http://").unwrap().strip_suffix("/mcp").unwrap();
        let host = if headers.lines().any(|line| line.starts_with("host:")) {
            ""
        } else {
            "host: localhost\r\n"
        };
        let info = json!({ "name": "test", "version": "1" });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info } });
        let body = body.to_string();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\n{host}{headers}accept: application/json, text/event-stream\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut status = String::new();
        BufReader::new(stream).read_line(&mut status).unwrap();
        status.split(' ').nth(1).unwrap().to_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended.
        let _ended = self.child.kill();
        self.child.wait().unwrap();
    }
}

fn define(home: &TempDir, served: &Served, more: &[&str]) {
    let output = mcp(home, &[&["add", "us", "--force", "--url", &served.url], more].concat());
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn its_tools_answer_on_stdio_and_by_http() {
    let home = home("well");
    let serve = json!({ "mcpServers": { "us": {
        "command": env!("CARGO_BIN_EXE_outcrop"), "args": ["mcp", "serve", "--emulator", "-m", LLAMA],
    } } });
    std::fs::write(home.path().join("us.json"), serve.to_string()).unwrap();
    let served =
        Served::start(&mut outcrop(&home, &[SERVE, &["--emulator", "-m", LLAMA]].concat()));
    define(&home, &served, &[]);
    for from in [&["--mcp-config", "us.json"][..], &[]] {
        let call = |tool: &str, arguments: Value| {
            mcp(&home, &[&["call", "us", tool, &arguments.to_string()], from].concat())
        };
        says(&call("query", json!({ "prompt": "Hello" })), "You said: Hello", "");
        let cut = json!({ "prompt": "lorem:200", "max_tokens": 5, "model": CLAUDE });
        says(&call("query", cut), "was cut off", "");
        let vectors = json!({ "texts": ["a", "b"], "dimensions": 256 });
        says(&call("embed", vectors), "\"vectors\":[[", "");
        says(&call("models", json!({ "words": "nova lite" })), "amazon.nova-lite-v1:0", "");
        for (arguments, said) in [
            (json!({ "prompt": "Hi", "model": "no.such" }), "identifier is invalid"),
            (json!({}), "\"prompt\" is a required property"),
            (json!({ "prompt": 5 }), "wrong at `prompt`"),
            (json!({ "prompt": "Hi", "tokens": 5 }), "It takes prompt, model"),
        ] {
            says(&call("query", arguments), said, "The tool failed");
        }
        says(&call("other", json!({})), "", "no such tool");
    }
}

#[test]
fn only_those_who_may_are_let_in_by_http() {
    let home = home("well");
    let open = Served::start(&mut outcrop(&home, &[SERVE, &["--emulator"]].concat()));
    let all = [SERVE, &["--emulator", "--token-env", "TOKEN"]].concat();
    let closed = Served::start(outcrop(&home, &all).env("TOKEN", "open sesame"));
    let token = "authorization: Bearer open sesame\r\n";
    for (served, path, headers, status) in [
        (&open, "/mcp", "", "200"),
        (&open, "/", "", "404"),
        (&open, "/mcp", "host: made.to.lead.here\r\n", "403"),
        (&open, "/mcp", "origin: http://localhost:3000\r\n", "403"),
        (&closed, "/mcp", "", "401"),
        (&closed, "/mcp", "authorization: Bearer open\r\n", "401"),
        (&closed, "/mcp", token, "200"),
        (&closed, "/mcp", &format!("{token}host: our.name\r\n"), "200"),
        (&closed, "/mcp", &format!("{token}origin: https://our.name\r\n"), "403"),
    ] {
        assert_eq!(served.asked(path, headers), status, "{path} {headers}");
    }
    define(&home, &closed, &["--bearer-env", "TOKEN"]);
    let hello = ["mcp", "call", "us", "query", r#"{"prompt": "Hello"}"#];
    says(&outcrop(&home, &hello).env("TOKEN", "open sesame").output().unwrap(), "Hello", "");
    for (flags, code, said) in [
        (&["--listen", "0.0.0.0:0"][..], 20, "nobody would be asked for a token"),
        (&["--listen", "127.0.0.1:0", "--token-env", "NO_TOKEN"], 10, "NO_TOKEN is not set"),
        (&["--listen", "127.0.0.1:0", "--token-file", "none"], 10, "Cannot read none"),
        (&["--token-env", "TOKEN"], 2, "--listen"),
    ] {
        let output = mcp(&home, &[&["serve", "--emulator"], flags].concat());
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        says(&output, "", said);
    }
}

#[test]
fn a_budget_ends_the_calls() {
    let home = home("well");
    let all = [SERVE, &["--emulator", "-m", NOVA, "--max-budget-usd", "0.00002"]].concat();
    let served = Served::start(&mut outcrop(&home, &all));
    define(&home, &served, &[]);
    let ask = ["call", "us", "query", r#"{"prompt": "lorem:50", "max_tokens": 50}"#];
    says(&mcp(&home, &ask), "lorem ipsum", "");
    says(&mcp(&home, &ask), "The request may cost $0.0000", "The tool failed");
    let embed = ["call", "us", "embed", r#"{"texts": ["a"]}"#];
    says(&mcp(&home, &embed), "vectors", "");
}

#[test]
fn a_call_that_is_given_up_costs_no_more() {
    let home = home("well");
    let gateway = TcpListener::bind("127.0.0.1:0").unwrap();
    let via = format!("http://{}", gateway.local_addr().unwrap());
    let served = Served::start(&mut outcrop(&home, &[SERVE, &["--via", &via]].concat()));
    define(&home, &served, &[]);
    let stdio = json!({ "mcpServers": { "us": {
        "command": env!("CARGO_BIN_EXE_outcrop"), "args": ["mcp", "serve", "--via", &via],
    } } });
    std::fs::write(home.path().join("us.json"), stdio.to_string()).unwrap();
    for from in [&["--mcp-config", "us.json"][..], &[]] {
        let hello = ["mcp", "call", "us", "query", r#"{"prompt": "Hello"}"#, "--tool-timeout", "1"];
        let calling = outcrop(&home, &[&hello, from].concat()).spawn().unwrap();
        let (mut asked, _) = gateway.accept().unwrap();
        // Ends when the request to the gateway is let go, while the server goes on.
        let mut request = String::new();
        asked.read_to_string(&mut request).unwrap();
        assert!(request.contains("Hello"), "{request}");
        says(&calling.wait_with_output().unwrap(), "", "no result within 1 s");
    }
}

#[test]
fn who_stops_it_waits_for_its_calls() {
    let home = home("well");
    let gateway = TcpListener::bind("127.0.0.1:0").unwrap();
    let via = format!("http://{}", gateway.local_addr().unwrap());
    let mut served = Served::start(&mut outcrop(&home, &[SERVE, &["--via", &via]].concat()));
    define(&home, &served, &[]);
    let hello = ["mcp", "call", "us", "query", r#"{"prompt": "Hello"}"#];
    let calling = outcrop(&home, &hello).stdout(Stdio::piped()).spawn().unwrap();
    let (mut asked, _) = gateway.accept().unwrap();
    let mut some = [0; 1];
    asked.read_exact(&mut some).unwrap();
    served.interrupt();
    let body = json!({ "choices": [{ "message": { "content": "At last" } }] }).to_string();
    write!(asked, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    says(&calling.wait_with_output().unwrap(), "At last", "");
    assert!(served.child.wait().unwrap().success());
}
