//! The servers of another program are taken over.
//!
//! 1. What is secret stays where it is as long as it can: references are written as references.
//! 2. What is not taken over is told, with the reason.

use std::path::PathBuf;

use super::define::{path_of, tell_of_secrets, write};
use crate::cli::{McpImportArgs, Program};
use crate::exit::{Exit, Failure};
use crate::mcp::definition::{Definition, Found, Trust};
use crate::mcp::variables::Dollars;
use crate::mcp::{note, printable};

/// # Errors
/// [`Exit::ConfigMissing`] where none is taken over.
pub fn import(args: &McpImportArgs) -> anyhow::Result<()> {
    let places = places(args.program)?;
    let mut found = Found::default();
    for path in &places {
        found.look_at(path, Trust::OtherProgram);
    }
    for what in &found.notes {
        note(what);
    }
    let is_wanted = |name: &String| args.names.is_empty() || args.names.contains(name);
    for name in found.off.iter().filter(|name| is_wanted(name)) {
        note(&format!("{} is left out: it is switched off there", printable(name)));
    }
    for name in args.names.iter().filter(|name| !found.off.contains(name)) {
        found.named(name)?;
    }
    let mut taken = 0;
    for mut definition in found.definitions {
        if is_wanted(&definition.name) && take(&mut definition, &found.inputs, args.force)? {
            taken += 1;
        }
    }
    if taken > 0 {
        return Ok(());
    }
    let what = "No server was taken over";
    if places.iter().any(|path| path.exists()) {
        let what = format!("{what}: the files define none that is not left out.");
        return Err(Failure::new(Exit::ConfigMissing, what).into());
    }
    let places: Vec<_> = places.iter().map(|path| path.display().to_string()).collect();
    Err(Failure::new(Exit::ConfigMissing, format!("{what}: there is no {}.", places.join(", no ")))
        .mend("Run this where the program's file is, or define one with `outcrop mcp add`.")
        .into())
}

/// Whether it is taken over; says so, or why not.
fn take(
    definition: &mut Definition,
    inputs: &[(String, String)],
    force: bool,
) -> anyhow::Result<bool> {
    let name = printable(&definition.name);
    let left_out = |why: &str| {
        note(&format!("{name} is left out: {why}"));
        Ok(false)
    };
    let path = match path_of(&definition.name) {
        Ok(path) => path,
        Err(error) => return left_out(&error.to_string()),
    };
    if path.exists() && !force {
        return left_out("there is one already (--force takes its place)");
    }
    let mut texts = definition.way.texts();
    if definition.dollars == Dollars::Plain && texts.iter().any(|text| text.contains("${")) {
        return left_out("`${` in it would be a variable here");
    }
    for (id, about) in inputs {
        let (asked, variable) = (format!("${{input:{id}}}"), variable(id));
        let mut is_asked = false;
        for text in texts.iter_mut().filter(|text| text.contains(&asked)) {
            **text = text.replace(&asked, &format!("${{{variable}}}"));
            is_asked = true;
        }
        if is_asked {
            let about = if about.is_empty() { String::new() } else { format!(" ({about})") };
            note(&format!("{name} asks for the input {id}{about}: set the variable {variable}"));
        }
    }
    write(&path, &definition.name, &definition.way)?;
    tell_of_secrets(&definition.name, &definition.way);
    note!("took over {name} from {}", definition.source.display());
    Ok(true)
}

/// The name of a variable for an input: GITHUB_TOKEN for github-token.
fn variable(id: &str) -> String {
    let one = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = id.chars().map(one).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
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
