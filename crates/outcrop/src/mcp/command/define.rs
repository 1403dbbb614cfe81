//! Definitions of the user's own: a file each, in the folder of Outcrop's configuration.
//!
//! References to variables are written as they are; what they stand for is never.

use std::net::IpAddr;
use std::path::PathBuf;

use http::Uri;
use serde_json::{Map, Value, json};

use crate::cli::McpAddArgs;
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::mcp::definition::{Way, secrets};
use crate::mcp::{note, printable, store};

pub fn add(args: McpAddArgs) -> anyhow::Result<()> {
    let McpAddArgs { name, url, header, bearer_env, env, cwd, force, command } = args;
    let mut words = command.into_iter();
    let way = match (url, words.next()) {
        (Some(url), _) => {
            is_address(&url)?;
            Way::Http { url, headers: header.into_iter().collect(), bearer_variable: bearer_env }
        }
        (None, Some(command)) => {
            Way::Stdio { command, args: words.collect(), env: env.into_iter().collect(), cwd }
        }
        (None, None) => {
            return Err(Failure::new(Exit::Usage, "There is neither a command nor an address.")
                .mend("As in: outcrop mcp add files -- npx -y @modelcontextprotocol/server-filesystem .")
                .into());
        }
    };
    let path = path_of(&name)?;
    if path.exists() && !force {
        let what = format!("There is a server {} already.", printable(&name));
        return Err(Failure::new(Exit::InvalidArgument, what)
            .mend("--force takes its place.")
            .into());
    }
    write(&path, &name, &way)?;
    tell_of_secrets(&name, &way);
    note!("defined {} in {}; try: outcrop mcp test {}", name, path.display(), name);
    Ok(())
}

/// # Errors
/// [`Exit::InvalidArgument`] for what no client of HTTP can ask. What variables stand for is seen later.
fn is_address(url: &str) -> anyhow::Result<()> {
    if url.starts_with("${") {
        return Ok(());
    }
    let authority = match url.split_once("://") {
        Some(("http" | "https", rest)) => rest.split(['/', '?', '#']).next().unwrap_or_default(),
        Some(_) | None => "",
    };
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.is_empty() || (!url.contains("${") && url.parse::<Uri>().is_err()) {
        let what = format!("`{}` is no address of a server.", printable(url));
        return Err(Failure::new(Exit::InvalidArgument, what)
            .mend("It looks like https://mcp.example.com/mcp.")
            .into());
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    let is_here = name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if url.starts_with("http://") && !is_here {
        note(
            "http:// is not encrypted: whoever is on the way can read and change it; is there an https://?",
        );
    }
    Ok(())
}

/// Says where a secret stands as it is, and what to do about it.
pub fn tell_of_secrets(name: &str, way: &Way) {
    let secrets = secrets(way);
    if !secrets.is_empty() {
        let (name, what) = (printable(name), secrets.join(", "));
        note(&format!(
            "{what} of {name} seems to hold a secret, which is now in a file that only you can read; \
             write '${{NAME}}' in its place, and the secret into the variable NAME"
        ));
    }
}

pub fn remove(name: &str) -> anyhow::Result<()> {
    let path = path_of(name)?;
    match std::fs::remove_file(&path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let what = format!("No server of your own is named {}.", printable(name));
            Err(Failure::new(Exit::InvalidArgument, what)
                .mend("`outcrop mcp` shows where each is defined.")
                .into())
        }
        Err(error) => {
            let what = format!("Cannot remove {}: {error}.", path.display());
            Err(Failure::new(Exit::OutputWrite, what).into())
        }
    }
}

pub fn path_of(name: &str) -> anyhow::Result<PathBuf> {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ' | '@');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(is_plain) {
        let what = format!("`{}` cannot be the name of a server.", printable(name));
        return Err(Failure::new(Exit::InvalidArgument, what)
            .mend("It is letters, digits, - and _.")
            .into());
    }
    Ok(Home::find()?.config.join("servers").join(format!("{name}.json")))
}

pub fn write(path: &std::path::Path, name: &str, way: &Way) -> anyhow::Result<()> {
    let mut server = Map::new();
    let mut put = |member: &str, value: Value| {
        let is_empty = value.is_null()
            || value.as_object().is_some_and(Map::is_empty)
            || value.as_array().is_some_and(Vec::is_empty);
        if !is_empty {
            server.insert(member.to_owned(), value);
        }
    };
    match way {
        Way::Stdio { command, args, env, cwd } => {
            put("command", json!(command));
            put("args", json!(args));
            put("env", json!(env));
            put("cwd", json!(cwd));
        }
        Way::Http { url, headers, bearer_variable } => {
            put("type", json!("http"));
            put("url", json!(url));
            put("headers", json!(headers));
            put("bearer_token_env_var", json!(bearer_variable));
        }
    }
    store::write(path, &format!("{:#}\n", json!({ "mcpServers": { name: server } })))
}
