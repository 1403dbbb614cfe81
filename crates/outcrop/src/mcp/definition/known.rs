//! Members of definitions: those that we use, those that make no difference here, and those that would.

use outcrop_config::words::nearest;
use serde_json::{Map, Value};

use super::Trust;

/// Those of any program.
const USED: [&str; 16] = [
    "type",
    "transport",
    "command",
    "args",
    "env",
    "cwd",
    "url",
    "httpUrl",
    "headers",
    "http_headers",
    "env_http_headers",
    "bearer_token_env_var",
    "disabled",
    "enabled",
    // The command's environment has all of ours.
    "env_vars",
    // mcp-cli's.
    "settings",
];

/// Those that are about the other program alone (how it looks, how long it waits, what it asks), or whose
/// part other means have here. Read in the documents of Claude Code, Cursor, VS Code, Codex, Cline and
/// Gemini CLI, 2026-11-26.
const OTHERS: [&str; 24] = [
    "alwaysAllow",
    "auth",
    "autoApprove",
    "default_tools_approval_mode",
    "description",
    "dev",
    "displayName",
    "experimental_environment",
    "gallery",
    "icon",
    "name",
    "oauth",
    "oauth_resource",
    "required",
    "scopes",
    "startup_timeout_ms",
    "startup_timeout_sec",
    "timeout",
    "tool_timeout_sec",
    "tools",
    "trust",
    "trusted",
    "sandboxEnabled",
    "version",
];

/// Those that make a difference which we don't make, and what does here.
const UNUSED: [(&str, &str); 8] = [
    ("envFile", "set its variables before"),
    ("headersHelper", "write the headers, or log in with `outcrop mcp login`"),
    ("enabled_tools", "-T chooses tools"),
    ("disabled_tools", "-T chooses tools"),
    ("includeTools", "-T chooses tools"),
    ("excludeTools", "-T chooses tools"),
    ("sandbox", "the command is run as it is"),
    ("system_prompt", "say it with --system"),
];

/// What is to be said of members that are not used. Of files of other programs, which may know more than
/// is known here, only what looks like a slip is.
pub fn unused(server: &Map<String, Value>, trust: Trust) -> Vec<String> {
    let mut notes = Vec::new();
    for member in server.keys().map(String::as_str) {
        if let Some((_, instead)) = UNUSED.iter().find(|(name, _)| *name == member) {
            notes.push(format!("`{member}` is not used: {instead}"));
        } else if !USED.contains(&member) && !OTHERS.contains(&member) {
            let is_ours = matches!(trust, Trust::Named | Trust::Own);
            match nearest(member, USED) {
                Some(meant) => {
                    notes.push(format!("`{member}` is not known; did you mean `{meant}`?"));
                }
                None if is_ours => notes.push(format!("`{member}` is not known and has no effect")),
                None => {}
            }
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_effect_is_told() {
        let server = serde_json::json!({
            "comand": "x", "zzz": 1, "args": [], "timeout": 5, "envFile": ".env",
        });
        let server = server.as_object().unwrap();
        let notes = unused(server, Trust::Own).join("\n");
        assert!(notes.contains("did you mean `command`?"), "{notes}");
        assert!(notes.contains("`zzz` is not known") && notes.contains("`envFile` is not used"));
        assert!(!notes.contains("timeout"), "{notes}");
        let notes = unused(server, Trust::OtherProgram).join("\n");
        assert!(notes.contains("`command`?") && !notes.contains("zzz"), "{notes}");
    }
}
