//! Where definitions are looked for.

use std::path::{Path, PathBuf};

use super::{Definition, Trust, read};
use crate::exit::{Exit, Failure};
use crate::home::Home;

/// Definitions by name, the first of each name counting, and what could not be read.
#[derive(Debug, Default)]
pub struct Found {
    pub definitions: Vec<Definition>,
    pub notes: Vec<String>,
}

/// All definitions that there are: of the files that are `named`, of the user's, of the folder.
///
/// # Errors
/// A file that is named and cannot be read. Others are noted.
pub fn find(named: &[PathBuf]) -> anyhow::Result<Found> {
    let mut found = Found::default();
    for path in named {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let what = format!("Cannot read {}: {error}.", path.display());
            Failure::new(Exit::ConfigMissing, what)
        })?;
        let (definitions, notes) = read(path, &text, Trust::Named)
            .map_err(|why| Failure::new(Exit::InvalidArgument, why))?;
        found.add(definitions, notes);
    }
    for (path, trust) in places()? {
        found.look_at(&path, trust);
    }
    Ok(found)
}

/// The user's own first, then the folder's, then those of other programs.
fn places() -> anyhow::Result<Vec<(PathBuf, Trust)>> {
    let home = Home::find()?;
    let mut places = yaml_of(&home.config.join("servers"), Trust::Own);
    places.extend(yaml_of(Path::new("config/servers"), Trust::Folder));
    for file in [".mcp.json", ".cursor/mcp.json", ".vscode/mcp.json", ".codex/config.toml"] {
        places.push((file.into(), Trust::Folder));
    }
    if let Ok(home) = etcetera::home_dir() {
        for file in [".claude.json", ".cursor/mcp.json", ".codex/config.toml"] {
            places.push((home.join(file), Trust::OtherProgram));
        }
    }
    Ok(places)
}

/// The YAML files of a folder, in the order of their names.
fn yaml_of(folder: &Path, trust: Trust) -> Vec<(PathBuf, Trust)> {
    // A folder that is not there, or cannot be read, defines nothing.
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_yaml = |path: &PathBuf| path.extension().is_some_and(|e| e == "yaml" || e == "yml");
    let mut paths: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_yaml).collect();
    paths.sort();
    paths.into_iter().map(|path| (path, trust)).collect()
}

// === impl Found ===

impl Found {
    fn look_at(&mut self, path: &Path, trust: Trust) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => {
                self.notes.push(format!("cannot read {}: {error}", path.display()));
                return;
            }
        };
        match read(path, &text, trust) {
            Ok((definitions, notes)) => self.add(definitions, notes),
            Err(why) => self.notes.push(why),
        }
    }

    fn add(&mut self, definitions: Vec<Definition>, notes: Vec<String>) {
        self.notes.extend(notes);
        for definition in definitions {
            if !self.definitions.iter().any(|known| known.name == definition.name) {
                self.definitions.push(definition);
            }
        }
    }
}
