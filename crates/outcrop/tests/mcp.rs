//! Models that use the tools of MCP servers, good ones and bad ones.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::text;
use tempfile::TempDir;

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mcp/server.py");
const CLAUDE: &str = "anthropic.claude-sonnet-4-20250514-v1:0";
const LLAMA: &str = "meta.llama3-1-70b-instruct-v1:0";

/// A home with a server `s` that behaves as `how` says.
fn home(how: &str) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("servers")).unwrap();
    add(home.path(), "s", how);
    home
}

fn add(home: &Path, name: &str, how: &str) {
    let server = json!({ "server_name": name, "config": {
        "command": "python3", "args": [SERVER, how],
        "env": { "GREETING": "${GREETING}" },
    } });
    // JSON is YAML.
    std::fs::write(home.join(format!("servers/{name}.yaml")), server.to_string()).unwrap();
}

fn outcrop(home: &TempDir, arguments: &[&str]) -> Command {
    let mut command = support::outcrop(arguments);
    command.env("PATH", std::env::var_os("PATH").unwrap());
    command.env("PIDS", home.path().join("pids"));
    command.env("OUTCROP_HOME", home.path()).env("HOME", home.path()).env("GREETING", "hello");
    command.current_dir(home.path());
    command
}

fn query(home: &TempDir, prompt: &str, more: &[&str]) -> Output {
    let all = [&["query", "--emulator", "-m", CLAUDE, prompt], more].concat();
    let output = outcrop(home, &all).output().unwrap();
    all_have_ended(home);
    output
}

/// Servers were started; none outlives the command, and none is left as a zombie.
#[track_caller]
fn all_have_ended(home: &TempDir) {
    assert_ne!(ended(home), 0, "no server was started");
}

/// How many servers were started and have ended: all of them.
#[track_caller]
fn ended(home: &TempDir) -> usize {
    let pids = std::fs::read_to_string(home.path().join("pids")).unwrap_or_default();
    for pid in pids.lines() {
        assert!(!Path::new("/proc").join(pid).exists(), "{pid} still runs");
    }
    pids.lines().count()
}

#[track_caller]
fn says(output: &Output, stdout: &str, stderr: &str) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(out.contains(stdout), "stdout: {out}\nstderr: {err}");
    assert!(err.contains(stderr), "stdout: {out}\nstderr: {err}");
}

#[test]
fn claude_and_llama_use_tools() {
    let home = home("well");
    for model in [CLAUDE, LLAMA] {
        let prompt = r#"call:s__echo {"text": "one"} call:s__env {"text": "GREETING"}"#;
        let output = outcrop(&home, &["query", "--emulator", "-m", model, prompt, "-y", "--json"])
            .output()
            .unwrap();
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        let calls = result["tool_calls"].as_array().unwrap();
        assert_eq!(calls.len(), 2, "{model}: {result}");
        assert!(calls[0]["result"].to_string().contains("echo says one"), "{model}: {result}");
        assert_eq!(calls[1]["result"], "hello", "{model}");
        assert_eq!(calls[1]["success"], true, "{model}");
        let response = result["response"].as_str().unwrap();
        assert!(response.contains("hello"), "{model}: {response}");
        let seen = if model == CLAUDE { "png" } else { "cannot be shown" };
        let output =
            outcrop(&home, &["query", "--emulator", "-m", model, "call:s__image {}", "-y"]);
        says(&{ output }.output().unwrap(), seen, "");
    }
    all_have_ended(&home);
}

#[test]
fn bad_servers_are_left_out_and_said_so() {
    for (how, offered, said) in [
        ("crash", None, "cannot find my files"),
        ("hang", None, "does not answer within"),
        ("hang-list", None, "does not answer within"),
        ("refuse", None, "not today"),
        ("no-list", None, "list of tools"),
        ("line", None, "67108864 bytes in one message"),
        ("garbage", Some("s__echo"), ""),
        ("stubborn", Some("s__echo"), ""),
        ("duplicates", Some("s__last"), "the tool echo is there twice"),
        ("many", Some("s__tool_299"), ""),
        ("endless", Some("s__tool_150"), "has no end"),
        ("schema", Some("s__last"), "the tool array is left out"),
        ("odd", Some("#3"), ""),
    ] {
        let home = home(how);
        let slow = ["--server-timeout", if how.starts_with("hang") { "0.5" } else { "30" }];
        let prompt = match offered {
            None => "Hello".to_owned(),
            Some(name) => format!(r#"call:{name} {{"text": "x"}}"#),
        };
        let output = query(&home, &prompt, &[&["-y"], &slow[..]].concat());
        assert!(output.status.success(), "{how}: {output:?}");
        says(&output, if offered.is_some() { "says x" } else { "You said: Hello" }, said);
        assert!(!output.stderr.contains(&0x1b), "{how}: a terminal's codes");
        if offered.is_none() {
            let output = query(&home, &prompt, &[&["--server", "s"], &slow[..]].concat());
            assert_eq!(output.status.code(), Some(13), "{how}: {output:?}");
            says(&output, "", said);
        }
    }
}

#[test]
fn every_call_has_its_result() {
    let home = home("well");
    for (call, result, said) in [
        ("s__fail", "no such file", "tool s__fail {"),
        ("s__refuse", "wrong arguments", "! The server refused the call: wrong arguments"),
        ("s__odd_answer", "no result of a tool", ""),
        ("s__flood", "after the flood", ""),
        ("s__image", "png", ""),
        (r#"s__wait {"text": "3600"}"#, "no result within 1 s", "--tool-timeout"),
        (r#"s__huge {"text": "50"}"#, "The result is too long: 49900010 bytes", "--max-result"),
    ] {
        let prompt = format!("call:{call}");
        let patience = if call.contains("wait") { "1" } else { "120" };
        let output = query(&home, &prompt, &["-y", "--tool-timeout", patience]);
        assert!(output.status.success(), "{call}: {output:?}");
        says(&output, result, said);
    }
}

#[test]
fn a_server_that_dies_is_started_once_more() {
    let home = home("well");
    let prompt = r#"call:s__die {} call:s__wait {"text": "1"}"#;
    let output = query(&home, prompt, &["-y", "--output-format", "stream-json"]);
    says(&output, "failed during the call", "was started again; it said: Traceback: I am");
    let results = text(&output.stdout);
    let results = results.lines().filter(|line| line.contains("\"tool_result\""));
    assert_eq!(results.count(), 2);
}

#[test]
fn nobody_is_asked_where_nobody_is() {
    let home = home("well");
    let prompt = r#"call:s__echo {"text": "x"} call:s__fail {}"#;
    for (flags, echo, fail) in [
        (&[][..], false, false),
        (&["--allow", "s/echo"], true, false),
        (&["--allow", "*"], true, true),
        (&["--approve", "deny", "--allow", "echo"], true, false),
        (&["--approve", "auto"], true, true),
    ] {
        let output = query(&home, prompt, flags);
        let said = text(&output.stdout);
        assert_eq!(said.contains("echo says x"), echo, "{flags:?}: {output:?}");
        assert_eq!(said.contains("no such file"), fail, "{flags:?}: {output:?}");
    }
    says(&query(&home, prompt, &[]), "not there to allow", "--allow 's/echo'");
    let definition = json!(["python3", [SERVER, "well"], ["GREETING"], null]).to_string();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, definition.as_bytes());
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let always = format!("s/echo\t{}/servers/s.yaml\t{digest}\n", home.path().display());
    std::fs::write(home.path().join("allowed-tools"), always).unwrap();
    says(&query(&home, prompt, &[]), "echo says x", "--allow 's/fail'");
    // What is now behind the name was never allowed.
    add(home.path(), "s", "stubborn");
    says(&query(&home, prompt, &[]), "not there to allow", "--allow 's/echo'");
}

#[test]
fn a_model_without_tools_answers_all_the_same() {
    let home = home("well");
    let titan = ["query", "--emulator", "-m", "amazon.titan-text-express-v1", "Hello"];
    says(&outcrop(&home, &titan).output().unwrap(), "You said: Hello", "");
    let named = outcrop(&home, &[&titan[..], &["--server", "s"]].concat()).output().unwrap();
    assert_eq!(named.status.code(), Some(15));
    says(&named, "", "takes no tools");
}

#[test]
fn servers_and_tools_are_chosen() {
    let home = home("well");
    add(home.path(), "t", "well");
    let folder = json!({ "command": "python3", "args": [SERVER] });
    let other = json!({ "command": "not-the-user's\u{1b}[2J" });
    let folder = json!({ "mcpServers": { "folder": folder, "known": other } });
    let known = json!({ "mcpServers": { "known": { "command": "python3", "args": [SERVER] } } });
    std::fs::write(home.path().join(".claude.json"), known.to_string()).unwrap();
    std::fs::write(home.path().join(".mcp.json"), folder.to_string()).unwrap();
    let named = home.path().join("named.json");
    let of_file = json!({ "mcpServers": { "named": { "command": "python3", "args": [SERVER] } } });
    std::fs::write(&named, of_file.to_string()).unwrap();
    let named = named.to_str().unwrap();
    for (flags, name, is_there) in [
        (&[][..], "t__echo", true),
        (&[], "folder__echo", false),
        (&["--server", "folder"], "folder__echo", true),
        (&["--server", "known"], "known__echo", true),
        (&["--server", "s,folder"], "t__echo", false),
        (&["-T", "folder/echo"], "folder__echo", true),
        (&["-T", "s/e*"], "s__fail", false),
        (&["-T", "echo"], "t__echo", true),
        (&["--mcp-config", named], "named__echo", true),
    ] {
        let prompt = format!(r#"call:{name} {{"text": "x"}}"#);
        let output = query(&home, &prompt, &[&["-y"], flags].concat());
        assert_eq!(text(&output.stdout).contains("echo says x"), is_there, "{flags:?} {output:?}");
    }
    says(&mcp(&home, &["list"]), "", "the MCP server known of ");
    for (flags, code, mend) in [
        (&["--server", "none"][..], 13, "Known are s, t, known, folder"),
        (&["-T", "no_such_tool"], 20, "No tool is named"),
        (&["--mcp-config", "none.json"], 10, "Cannot read"),
        (&["--no-tools", "--server", "s"], 2, "cannot be used"),
    ] {
        let output = query(&home, "Hello", flags);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        says(&output, "", mend);
    }
}

#[test]
fn a_reader_who_leaves_does_not_spoil_the_conversation() {
    let home = home("well");
    let all = ["query", "--emulator", "-m", CLAUDE, "--session", "p", "-y"];
    let stream = ["--output-format", "stream-json", r#"call:s__echo {"text": "one"}"#];
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = outcrop(&home, &[&all[..], &stream[..]].concat()).stdout(writer).status().unwrap();
    assert!(status.success(), "{status}");
    let output = outcrop(&home, &[&all[..], &["Go on"]].concat()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn an_interrupt_ends_the_servers_too() {
    let home = home("stubborn");
    let prompt = r#"call:s__wait {"text": "3600"}"#;
    let arguments =
        ["query", "--emulator", "-m", CLAUDE, prompt, "-y", "--output-format", "stream-json"];
    let mut child =
        outcrop(&home, &arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut called = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut called).unwrap();
    assert!(called.contains("tool_call"), "{called}");
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    all_have_ended(&home);
}

fn mcp(home: &TempDir, arguments: &[&str]) -> Output {
    let output = outcrop(home, &[&["mcp"], arguments].concat()).output().unwrap();
    ended(home);
    output
}

#[test]
fn servers_are_defined_and_tried_by_hand() {
    let home = home("well");
    let output =
        mcp(&home, &["add", "mine", "--env", "GREETING=${GREETING:-hi}", "--", "python3", SERVER]);
    assert!(output.status.success(), "{output:?}");
    let file = home.path().join("servers/mine.json");
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert!(std::fs::read_to_string(&file).unwrap().contains("${GREETING:-hi}"));
    let output = mcp(&home, &["add", "mine", "--url", "https://h/mcp"]);
    assert_eq!(output.status.code(), Some(20));
    says(&mcp(&home, &[]), "mine", "");
    says(&mcp(&home, &["test", "mine"]), "Does echo", "10 tools");
    says(&mcp(&home, &["call", "mine", "env", r#"{"text": "GREETING"}"#]), "hello", "");
    for (arguments, code, said) in [
        (&["call", "mine", "fail"][..], 14, "The tool failed"),
        (&["call", "mine", "refuse"], 14, "wrong arguments"),
        (&["call", "mine", "die"], 14, "dying"),
        (&["call", "mine", "wait", "--tool-timeout", "0.2"], 14, "no result within 0.2 s"),
        (&["call", "mine", "echo", "[1]"], 20, "no JSON object"),
        (&["call", "none", "echo"], 13, "Known are mine, s"),
        (&["test", "none"], 13, "There is no MCP server"),
        (&["rm", "none"], 20, "No server of your own"),
        (&["add", "../up", "--", "x"], 20, "cannot be the name"),
    ] {
        let output = mcp(&home, arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        says(&output, "", said);
    }
    all_have_ended(&home);
    assert!(mcp(&home, &["rm", "mine"]).status.success());
    assert!(!file.exists());
}

#[test]
fn servers_of_other_programs_are_taken_over() {
    let home = home("well");
    let server = json!({ "command": "python3", "args": [SERVER], "env": { "TOKEN": "${TOKEN}" } });
    std::fs::write(
        home.path().join(".claude.json"),
        json!({ "mcpServers": { "of-claude": server } }).to_string(),
    )
    .unwrap();
    std::fs::create_dir(home.path().join(".codex")).unwrap();
    let toml = "[mcp_servers.of_codex]\nurl = \"https://u:pw@h/mcp?key=pw\"\nbearer_token_env_var = \"T\"\n";
    std::fs::write(home.path().join(".codex/config.toml"), toml).unwrap();
    says(&mcp(&home, &["import", "claude"]), "", "took over of-claude");
    says(&mcp(&home, &["import", "codex"]), "", "took over of_codex");
    says(&mcp(&home, &["import", "claude"]), "", "there is one already");
    assert_eq!(mcp(&home, &["import", "cursor"]).status.code(), Some(10));
    let taken = std::fs::read_to_string(home.path().join("servers/of-claude.json")).unwrap();
    assert!(taken.contains("${TOKEN}"), "{taken}");
    let listed = mcp(&home, &["list", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed[1]["name"], "of_codex", "{listed}");
    assert_eq!(listed[1]["started"], "always");
    assert_eq!(listed[1]["how"], "https://h/mcp");
    assert_eq!(listed[0]["how"], "python3 with 1 argument");
}

#[test]
fn outcrop_is_a_server_too() {
    let home = home("well");
    let serve = json!({ "mcpServers": { "us": {
        "command": env!("CARGO_BIN_EXE_outcrop"), "args": ["mcp", "serve", "--emulator", "-m", LLAMA],
    } } });
    std::fs::write(home.path().join("us.json"), serve.to_string()).unwrap();
    let call = |tool: &str, arguments: Value| {
        let arguments = arguments.to_string();
        mcp(&home, &["call", "us", tool, &arguments, "--mcp-config", "us.json"])
    };
    says(&call("query", json!({ "prompt": "Hello" })), "You said: Hello", "");
    says(
        &call("query", json!({ "prompt": "Hi", "model": "no.such" })),
        "identifier is invalid",
        "The tool failed",
    );
    says(&call("embed", json!({ "texts": ["a", "b"], "dimensions": 256 })), "\"vectors\":[[", "");
    says(&call("models", json!({ "words": "nova lite" })), "amazon.nova-lite-v1:0", "");
    says(&call("query", json!({})), "`prompt` is missing", "");
    says(&call("other", json!({})), "", "no such tool");
}

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
    server.kill().unwrap();
    server.wait().unwrap();
}
