//! Servers are defined, taken over and tried by hand.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use serde_json::{Value, json};

use crate::desk::{SERVER, all_have_ended, home, mcp, outcrop, says};
use crate::support::text;

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
    says(&mcp(&home, &["test", "mine"]), "Does echo", "13 tools");
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
        (&["add", "ftp", "--url", "ftp://h/mcp"], 20, "It looks like https://"),
        (&["add", "ftp", "--url", "https:///mcp"], 20, "It looks like https://"),
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

/// Where every address is that of nothing.
fn page_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _head = stream.read(&mut [0; 4096]).unwrap();
            // Who spoke TLS has gone.
            let _gone = write!(stream, "HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnone");
        }
    });
    address
}

#[test]
fn what_is_wrong_with_a_server_is_said_in_words() {
    let home = home("well");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let page = page_server();
    let reached = format!("http://{page}/mcp");
    let unreached = format!("http://{nobody}/mcp");
    for (how, said) in [
        (
            &["--", "sh", "-c", "echo my files are gone >&2; exit 3"][..],
            "with exit code 3; it said: my files",
        ),
        (&["--", "sh", "-c", "exit 0"], "with exit code 0"),
        (&["--", "no-such-command"], "there is no command `no-such-command`"),
        (&["--", "python3", SERVER, "refuse"], "it refuses to begin: not today"),
        (&["--url", &unreached], "it cannot be reached: Connection refused"),
        (
            &["--url", &reached],
            "nothing at its address; check the path, which often is /mcp (HTTP 404",
        ),
        (&["--url", &format!("https://{page}/mcp")], "does not speak TLS: is its address http://?"),
    ] {
        assert!(mcp(&home, &[&["add", "bad", "--force"], how].concat()).status.success());
        let output = mcp(&home, &["test", "bad"]);
        assert_eq!(output.status.code(), Some(13), "{output:?}");
        says(&output, "", said);
        assert!(!text(&output.stderr).contains("::"), "{output:?}");
    }
}

#[test]
fn secrets_and_slips_are_told() {
    let home = home("well");
    for (how, said) in [
        (
            &["--url", "https://h/mcp", "--header", "Authorization: Bearer x"][..],
            "the header Authorization",
        ),
        (&["--env", "API_KEY=x", "--", "x"], "the variable API_KEY of a seems to hold a secret"),
        (&["--url", "http://h/mcp"], "is not encrypted"),
        (&["--url", "http://127.0.0.1/mcp", "--header", "X-Key: ${KEY}"], ""),
    ] {
        let output = mcp(&home, &[&["add", "a", "--force"], how].concat());
        says(&output, "", said);
        assert_eq!(text(&output.stderr).contains("note:"), !said.is_empty(), "{output:?}");
    }
    let slip = json!({ "mcpServers": { "slip": { "command": "x", "agrs": [] } } });
    std::fs::write(home.path().join("slip.json"), slip.to_string()).unwrap();
    let list = ["list", "--mcp-config", "slip.json"];
    assert!(mcp(&home, &list).status.success());
    let output = mcp(&home, &[&list[..], &["--strict"]].concat());
    assert_eq!(output.status.code(), Some(20), "{output:?}");
    says(&output, "slip", "`agrs` is not known; did you mean `args`?");
}

#[test]
fn what_cannot_be_taken_over_as_it_is_is_told() {
    let home = home("well");
    let output = mcp(&home, &["import", "vscode"]);
    assert_eq!(output.status.code(), Some(10), "{output:?}");
    says(&output, "", "there is no .vscode/mcp.json");
    std::fs::create_dir(home.path().join(".vscode")).unwrap();
    let text = r#"{
        // As VS Code writes it.
        "inputs": [{ "type": "promptString", "id": "github-token", "description": "A token", "password": true }],
        "servers": {
            "github": { "type": "http", "url": "https://h/mcp", "headers": { "Authorization": "Bearer ${input:github-token}" } },
            "old": { "type": "sse", "url": "https://h/sse" },
            "files": { "command": "npx", "args": ["-y", "files", "${workspaceFolder}"], "env": { "A": "${env:A}" }, "envFile": "${workspaceFolder}/.env" },
            "off": { "command": "x", "disabled": true },
        },
    }"#;
    std::fs::write(home.path().join(".vscode/mcp.json"), text).unwrap();
    let output = mcp(&home, &["import", "vscode"]);
    assert!(output.status.success(), "{output:?}");
    for said in [
        "github asks for the input github-token (A token): set the variable GITHUB_TOKEN",
        "the transport `sse` is no longer part of MCP",
        "`envFile` is not used",
        "off is left out: it is switched off there",
        "took over files",
    ] {
        says(&output, "", said);
    }
    let written = |name: &str| std::fs::read_to_string(home.path().join(name)).unwrap();
    assert!(written("servers/github.json").contains("Bearer ${GITHUB_TOKEN}"));
    assert!(written("servers/files.json").contains("${env:A}"));
    std::fs::create_dir(home.path().join(".codex")).unwrap();
    let toml = "[mcp_servers.c]\nurl = \"https://h/mcp\"\nenv_http_headers = { X-Key = \"KEY\" }\n";
    std::fs::write(home.path().join(".codex/config.toml"), toml).unwrap();
    let output = outcrop(&home, &["mcp", "import", "codex"]).env("KEY", "sesame").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(written("servers/c.json").contains("${KEY}"), "{}", written("servers/c.json"));
}
