//! Servers are defined, taken over and tried by hand.

use serde_json::{Value, json};

use crate::desk::{SERVER, all_have_ended, home, mcp, says};

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
