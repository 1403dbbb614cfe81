//! One file of definitions, in any of the formats that people have.
//!
//! 1. The format is told by what the file holds, not by its name.
//! 2. A member that has no effect is noted, where it could have been meant to have one.
//! 3. What is secret is never read here: variables stay references.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::known::unused;
use super::{Definition, Trust, Way};
use crate::mcp::variables::Dollars;

/// What a file says.
#[derive(Debug, Default)]
pub struct Read {
    pub definitions: Vec<Definition>,
    /// On what is not supported.
    pub notes: Vec<String>,
    /// Names of those that are switched off.
    pub off: Vec<String>,
    /// VS Code's inputs: id and description.
    pub inputs: Vec<(String, String)>,
}

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
    let mut out = Read::default();
    if let Some(name) = value["server_name"].as_str() {
        let config = &value["config"];
        let (way, dollars) = one(config, name, Dollars::McpCli)
            .map_err(|why| format!("{}: {why}", path.display()))?;
        out.definitions.push(definition(name.to_owned(), way, (path, trust, dollars)));
        out.note_unused(name, config, (path, trust));
        return Ok(out);
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let inputs = value["inputs"].as_array().into_iter().flatten();
    out.inputs = inputs.map(|input| (text(&input["id"]), text(&input["description"]))).collect();
    // YAML with all servers in it is mcp-cli's.
    let is_yaml = path.extension().is_some_and(|ends| ends == "yaml" || ends == "yml");
    for (member, dollars) in OF_SERVERS {
        let dollars = if is_yaml { Dollars::McpCli } else { dollars };
        let folder = std::env::current_dir().unwrap_or_default();
        // Claude Code keeps a folder's own servers beside those for all.
        let of_folder = &value["projects"][folder.to_string_lossy().as_ref()][member];
        let all = [&value[member], of_folder];
        for (name, server) in all.iter().filter_map(|map| map.as_object()).flatten() {
            if is_off(server) {
                out.off.push(name.clone());
                continue;
            }
            match one(server, name, dollars) {
                Ok((way, dollars)) => {
                    out.definitions.push(definition(name.clone(), way, (path, trust, dollars)));
                    out.note_unused(name, server, (path, trust));
                }
                Err(why) => out.notes.push(format!("{}: {why}", path.display())),
            }
        }
    }
    Ok(out)
}

// === impl Read ===

impl Read {
    fn note_unused(&mut self, name: &str, server: &Value, (path, trust): (&Path, Trust)) {
        let members = server.as_object().into_iter();
        for what in members.flat_map(|members| unused(members, trust)) {
            let name = crate::mcp::printable(name);
            self.notes.push(format!("{}: server {name}: {what}", path.display()));
        }
    }
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

/// How the server is reached, and what dollars mean in that.
fn one(server: &Value, name: &str, dollars: Dollars) -> Result<(Way, Dollars), String> {
    let wrong = |what: &str| format!("server {}: {what}", crate::mcp::printable(name));
    let Some(members) = server.as_object() else {
        return Err(wrong("an object belongs here"));
    };
    let text = |member: &str| members.get(member).and_then(Value::as_str).map(str::to_owned);
    if let Some(url) = text("url").or_else(|| text("httpUrl")) {
        let transport = text("type").or_else(|| text("transport"));
        is_supported(transport.as_deref()).map_err(|why| wrong(&why))?;
        let mut headers = texts(members, "headers").map_err(|why| wrong(&why))?;
        headers.extend(texts(members, "http_headers").map_err(|why| wrong(&why))?);
        let named = texts(members, "env_http_headers").map_err(|why| wrong(&why))?;
        let bearer_variable = text("bearer_token_env_var");
        // Codex has no variables in texts: it names them instead.
        let dollars = if named.is_empty() { dollars } else { Dollars::Braced };
        if dollars != Dollars::McpCli && !named.is_empty() {
            let holds = |text: &String| text.contains("${");
            if holds(&url) || headers.values().any(holds) {
                return Err(wrong("`${` cannot stand beside `env_http_headers`"));
            }
        }
        headers.extend(named.into_iter().map(|(header, name)| (header, format!("${{{name}}}"))));
        return Ok((Way::Http { url, headers, bearer_variable }, dollars));
    }
    let command = text("command").filter(|command| !command.is_empty());
    let Some(command) = command else {
        return Err(wrong("it has neither `command` nor `url`"));
    };
    let args = match members.get("args") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(args)) => args.iter().map(plain).collect(),
        Some(_) => return Err(wrong("`args` is to be a list")),
    };
    let env = texts(members, "env").map_err(|why| wrong(&why))?;
    Ok((Way::Stdio { command, args, env, cwd: text("cwd") }, dollars))
}

/// Whether a server by address speaks what we do.
fn is_supported(transport: Option<&str>) -> Result<(), String> {
    match transport {
        None => Ok(()),
        Some(http) if http.to_lowercase().replace(['-', '_'], "").ends_with("http") => Ok(()),
        Some("sse") => Err("the transport `sse` is no longer part of MCP and not supported; ask its \
                            maker for the address of the streamable HTTP endpoint, which often ends \
                            in /mcp"
            .to_owned()),
        Some(other) => {
            let other = crate::mcp::printable(other);
            Err(format!("the transport `{other}` is not supported: stdio and http are"))
        }
    }
}

fn texts(members: &Map<String, Value>, member: &str) -> Result<BTreeMap<String, String>, String> {
    match members.get(member) {
        None | Some(Value::Null) => Ok(BTreeMap::new()),
        Some(Value::Object(map)) => {
            Ok(map.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        Some(_) => Err(format!("`{member}` is to be an object")),
    }
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
        let mut read = read(Path::new(path), text, Trust::Folder).unwrap();
        assert_eq!(read.definitions.len(), 1, "{path}");
        (read.definitions.remove(0), read.notes)
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
        let toml = "[mcp_servers.s]\nurl = \"https://h/mcp\"\nenv_http_headers = { X = \"Y\" }\n";
        let (definition, _) = read_one("c.toml", toml);
        assert_eq!(definition.dollars, Dollars::Braced);
        assert!(matches!(&definition.way, Way::Http { headers, .. } if headers["X"] == "${Y}"));
    }

    #[test]
    fn what_is_not_supported_is_noted() {
        for (text, note) in [
            (r#"{"mcpServers": {"s": {"command": "x", "args": "y"}}}"#, "`args` is to be a list"),
            (
                r#"{"mcpServers": {"s": {"type": "ws", "url": "https://h"}}}"#,
                "`ws` is not supported",
            ),
            (r#"{"mcpServers": {"s": {"type": "sse", "url": "https://h"}}}"#, "sse"),
            (r#"{"mcpServers": {"s": {}}}"#, "neither"),
        ] {
            let read = read(Path::new("f.json"), text, Trust::Folder).unwrap();
            assert!(read.definitions.is_empty() && read.notes[0].contains(note), "{read:?}");
        }
        assert!(read(Path::new("f.json"), "{", Trust::Folder).is_err());
    }
}
