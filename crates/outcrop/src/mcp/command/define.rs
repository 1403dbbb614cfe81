//! Definitions of the user's own: a file each, in the folder of Outcrop's configuration.
//!
//! References to variables are written as they are; what they stand for is never.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::cli::{McpAddArgs, McpImportArgs, Program};
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::mcp::definition::{Definition, Found, Trust, Way};
use crate::mcp::variables::Dollars;
use crate::mcp::{note, printable, store};

pub fn add(args: McpAddArgs) -> anyhow::Result<()> {
    let McpAddArgs { name, url, header, bearer_env, env, cwd, force, command } = args;
    let mut words = command.into_iter();
    let way = match (url, words.next()) {
        (Some(url), _) => {
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
    note!("defined {} in {}; try: outcrop mcp test {}", name, path.display(), name);
    Ok(())
}

pub fn import(args: &McpImportArgs) -> anyhow::Result<()> {
    let mut found = Found::default();
    for path in places(args.program)? {
        found.look_at(&path, Trust::OtherProgram);
    }
    for what in &found.notes {
        note(what);
    }
    for name in &args.names {
        found.named(name)?;
    }
    let is_wanted =
        |definition: &&Definition| args.names.is_empty() || args.names.contains(&definition.name);
    let mut taken = 0;
    for definition in found.definitions.iter().filter(is_wanted) {
        let name = printable(&definition.name);
        let path = match path_of(&definition.name) {
            Ok(path) => path,
            Err(error) => {
                note(&format!("{name} is left out: {error}"));
                continue;
            }
        };
        if path.exists() && !args.force {
            note(&format!("{name} is left out: there is one already (--force takes its place)"));
            continue;
        }
        if definition.dollars == Dollars::Plain && definition.way.holds("${") {
            note(&format!("{name} is left out: `${{` in it would be a variable here"));
            continue;
        }
        write(&path, &definition.name, &definition.way)?;
        note!("took over {name} from {}", definition.source.display());
        taken += 1;
    }
    if taken == 0 {
        let what = "No server was taken over.";
        return Err(Failure::new(Exit::ConfigMissing, what).into());
    }
    Ok(())
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

/// Where the program keeps its servers: here, then at home.
fn places(program: Program) -> anyhow::Result<Vec<PathBuf>> {
    let home = etcetera::home_dir().map_err(|_| {
        Failure::new(Exit::ConfigMissing, "There is no home folder.").mend("Set HOME.")
    })?;
    let (here, at_home): (&[&str], &[&str]) = match program {
        Program::Claude => (
            &[".mcp.json"],
            &[
                ".claude.json",
                ".config/Claude/claude_desktop_config.json",
                "Library/Application Support/Claude/claude_desktop_config.json",
            ],
        ),
        Program::Cursor => (&[".cursor/mcp.json"], &[".cursor/mcp.json"]),
        Program::Vscode => (
            &[".vscode/mcp.json"],
            &[".config/Code/User/mcp.json", "Library/Application Support/Code/User/mcp.json"],
        ),
        Program::Codex => (&[".codex/config.toml"], &[".codex/config.toml"]),
    };
    let here = here.iter().map(PathBuf::from);
    Ok(here.chain(at_home.iter().map(|path| home.join(path))).collect())
}

fn path_of(name: &str) -> anyhow::Result<PathBuf> {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ' | '@');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(is_plain) {
        let what = format!("`{}` cannot be the name of a server.", printable(name));
        return Err(Failure::new(Exit::InvalidArgument, what)
            .mend("It is letters, digits, - and _.")
            .into());
    }
    Ok(Home::find()?.config.join("servers").join(format!("{name}.json")))
}

fn write(path: &std::path::Path, name: &str, way: &Way) -> anyhow::Result<()> {
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
