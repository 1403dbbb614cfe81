//! One file of definitions, in any of the formats that people have.
//!
//! 1. The format is told by what the file holds, not by its name.
//! 2. A member that is not known is passed over; one that would change what the server does is noted.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::{Definition, Trust, Way};
use crate::mcp::variables::Dollars;

/// Definitions, and notes on what is not supported.
type Read = (Vec<Definition>, Vec<String>);

/// Members that hold definitions by name.
const OF_SERVERS: [(&str, Dollars); 3] = [
    ("mcpServers", Dollars::Braced),
    ("servers", Dollars::Braced),
    ("mcp_servers", Dollars::Plain),
];

/// What `text`, the file at `path`, defines.
///
/// # Errors
/// What is wrong with the file.
pub fn read(path: &Path, text: &str, trust: Trust) -> Result<Read, String> {
    let value = parse(path, text)?;
    let mut out = (Vec::new(), Vec::new());
    if let Some(name) = value["server_name"].as_str() {
        let dollars = Dollars::McpCli;
        let way = one(&value["config"], name, dollars)
            .map_err(|why| format!("{}: {why}", path.display()))?;
        out.0.push(definition(name.to_owned(), way, (path, trust, dollars)));
        if value["config"]["system_prompt"].is_string() {
            out.1.push(format!(
                "{}: config.system_prompt is not used: say it with --system",
                path.display()
            ));
        }
        return Ok(out);
    }
    if value["inputs"].as_array().is_some_and(|inputs| !inputs.is_empty()) {
        out.1.push(format!("{}: inputs are not supported", path.display()));
    }
    for (member, dollars) in OF_SERVERS {
        let folder = std::env::current_dir().unwrap_or_default();
        // Claude Code keeps a folder's own servers beside those for all.
        let of_folder = &value["projects"][folder.to_string_lossy().as_ref()][member];
        let all = [&value[member], of_folder];
        for (name, server) in all.iter().filter_map(|map| map.as_object()).flatten() {
            match one(server, name, dollars) {
                Ok(_) if is_off(server) => {}
                Ok(way) => out.0.push(definition(name.clone(), way, (path, trust, dollars))),
                Err(why) => out.1.push(format!("{}: {why}", path.display())),
            }
        }
    }
    Ok(out)
}

fn definition(
    name: String,
    way: Way,
    (path, trust, dollars): (&Path, Trust, Dollars),
) -> Definition {
    Definition { name, way, dollars, source: path.to_owned(), trust }
}

/// Whether its user has switched the server off.
fn is_off(server: &Value) -> bool {
    server["disabled"] == true || server["enabled"] == false
}

fn one(server: &Value, name: &str, dollars: Dollars) -> Result<Way, String> {
    let wrong = |what: &str| format!("server {}: {what}", crate::mcp::printable(name));
    let Some(members) = server.as_object() else {
        return Err(wrong("an object belongs here"));
    };
    let text = |member: &str| members.get(member).and_then(Value::as_str).map(str::to_owned);
    if let Some(url) = text("url").or_else(|| text("httpUrl")) {
        if text("type").as_deref() == Some("sse") {
            return Err(wrong(
                "the transport `sse` is no longer part of MCP; ask its maker for the address of \
                 the streamable HTTP endpoint",
            ));
        }
        let mut headers = texts(members, "headers");
        headers.extend(texts(members, "http_headers"));
        for (header, variable) in texts(members, "env_http_headers") {
            // Codex has no variables in texts: it names them instead.
            match std::env::var(&variable) {
                Ok(value) => headers.insert(header, value),
                Err(_) => return Err(wrong(&format!("the variable {variable} is not set"))),
            };
        }
        return Ok(Way::Http { url, headers, bearer_variable: text("bearer_token_env_var") });
    }
    let command = text("command").filter(|command| !command.is_empty());
    let Some(command) = command else {
        return Err(wrong("it has neither `command` nor `url`"));
    };
    let args = members.get("args").and_then(Value::as_array);
    let args = args.into_iter().flatten().map(plain).collect();
    let mut env = texts(members, "env");
    if dollars == Dollars::Plain {
        let passed = members.get("env_vars").and_then(Value::as_array).into_iter().flatten();
        let set = passed.filter_map(|name| {
            let name = name.as_str()?;
            Some((name.to_owned(), std::env::var(name).ok()?))
        });
        env.extend(set);
    }
    Ok(Way::Stdio { command, args, env, cwd: text("cwd") })
}

fn texts(members: &Map<String, Value>, member: &str) -> BTreeMap<String, String> {
    let map = members.get(member).and_then(Value::as_object).into_iter().flatten();
    map.map(|(name, value)| (name.clone(), plain(value))).collect()
}

/// A text as it is, anything else as JSON: people write ports as numbers.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn parse(path: &Path, text: &str) -> Result<Value, String> {
    let source = path.display().to_string();
    let wrong = |what: &str| format!("{source}: {what}");
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => toml::from_str(text).map_err(|error| wrong(error.message())),
        Some("yaml" | "yml") => {
            let (documents, diagnostics) = outcrop_config::document::parse(&source, text);
            match diagnostics.into_iter().next() {
                Some(diagnostic) => Err(format!("{}: {}", diagnostic.origin, diagnostic.what)),
                None => Ok(documents.first().map_or(Value::Null, |d| d.root.value())),
            }
        }
        _ => {
            serde_json::from_str(&without_comments(text)).map_err(|error| wrong(&error.to_string()))
        }
    }
}

/// VS Code's JSON has comments, and commas at the end.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '"' => string_length(rest),
            '/' if rest.starts_with("//") => {
                rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
                continue;
            }
            '/' if rest.starts_with("/*") => {
                rest = &rest[rest.find("*/").map_or(rest.len(), |end| end + 2)..];
                continue;
            }
            '}' | ']' => {
                let kept = out.trim_end().trim_end_matches(',').len();
                if out.trim_end().ends_with(',') {
                    out.truncate(kept);
                }
                1
            }
            c => c.len_utf8(),
        };
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out
}

/// Bytes of the string that `text` begins with, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(path: &str, text: &str) -> (Definition, Vec<String>) {
        let (mut definitions, notes) = read(Path::new(path), text, Trust::Folder).unwrap();
        assert_eq!(definitions.len(), 1, "{path}");
        (definitions.remove(0), notes)
    }

    #[test]
    fn every_format_says_the_same() {
        let json = r#"{"command": "npx", "args": ["-y", "x", 5], "env": {"K": "${K}"}}"#;
        let yaml = "server_name: files\nconfig:\n  command: npx\n  args: ['-y', x, 5]\n  env: {K: '${K}'}\n  settings: {strict_mode: true}\n";
        let toml = "[mcp_servers.files]\ncommand = \"npx\"\nargs = [\"-y\", \"x\", \"5\"]\n[mcp_servers.files.env]\nK = \"${K}\"\n";
        for (path, text) in [
            (".mcp.json", format!(r#"{{"mcpServers": {{"files": {json}}}}}"#)),
            (
                "mcp.json",
                format!("{{// a comment\n\"servers\": {{\"files\": {json}, /* , */ }},}}"),
            ),
            ("files.yaml", yaml.to_owned()),
            ("config.toml", toml.to_owned()),
        ] {
            let (definition, notes) = read_one(path, &text);
            assert_eq!(definition.name, "files", "{path}");
            assert!(notes.is_empty(), "{notes:?}");
            let Way::Stdio { command, args, env, cwd: None } = definition.way else {
                panic!("{path}: no command");
            };
            assert_eq!((command.as_str(), args.join(" ")), ("npx", "-y x 5".to_owned()));
            assert_eq!(env["K"], "${K}");
        }
    }

    #[test]
    fn servers_by_address_keep_headers_and_bearer() {
        let json = r#"{"mcpServers": {"s": {"type": "http", "url": "https://h/mcp", "headers": {"X": "${Y}"}}}}"#;
        let (definition, _) = read_one("a.json", json);
        assert!(matches!(&definition.way, Way::Http { headers, .. } if headers["X"] == "${Y}"));
        let toml = "[mcp_servers.s]\nurl = \"https://h/mcp\"\nbearer_token_env_var = \"T\"\n";
        let (definition, _) = read_one("c.toml", toml);
        let Way::Http { bearer_variable, .. } = definition.way else { panic!("no address") };
        assert_eq!(bearer_variable.as_deref(), Some("T"));
    }

    #[test]
    fn what_is_not_supported_is_noted() {
        for (text, note) in [
            (r#"{"inputs": [{"id": "k"}], "servers": {}}"#, "inputs are not supported"),
            (r#"{"mcpServers": {"s": {"type": "sse", "url": "https://h"}}}"#, "sse"),
            (r#"{"mcpServers": {"s": {}}}"#, "neither"),
        ] {
            let (definitions, notes) = read(Path::new("f.json"), text, Trust::Folder).unwrap();
            assert!(definitions.is_empty() && notes[0].contains(note), "{notes:?}");
        }
        assert!(read(Path::new("f.json"), "{", Trust::Folder).is_err());
    }
}
