//! Where definitions are looked for.

use std::path::{Path, PathBuf};

use super::read::{Read, read};
use super::{Definition, Trust};
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::mcp::printable;
use crate::settings::Settings;

/// Definitions by name, the first of each name counting, those of the user before those of the folder, and what could not be read.
#[derive(Debug, Default)]
pub struct Found {
    pub definitions: Vec<Definition>,
    pub notes: Vec<String>,
    /// Names of those that are switched off.
    pub off: Vec<String>,
    /// VS Code's inputs: id and description.
    pub inputs: Vec<(String, String)>,
    /// Files that were read: who works at home has some of them twice.
    read: Vec<PathBuf>,
}

/// How far is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breadth {
    /// Files that are meant for Outcrop.
    Ours,
    /// Those of other programs too.
    All,
}

/// The definitions that there are: of the files that are `named`, of the user's, of the folder.
///
/// # Errors
/// A file that is named and cannot be read. Others are noted.
pub fn find(named: &[PathBuf], breadth: Breadth) -> anyhow::Result<Found> {
    let mut found = Found::default();
    for path in named {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let what = format!("Cannot read {}: {error}.", path.display());
            Failure::new(Exit::ConfigMissing, what)
        })?;
        let read = read(path, &text, Trust::Named)
            .map_err(|why| Failure::new(Exit::InvalidArgument, printable(&why)))?;
        if read.definitions.is_empty() && read.notes.is_empty() && read.off.is_empty() {
            found.notes.push(format!(
                "{} defines no servers: they belong into `mcpServers`, `servers` or `mcp_servers`",
                path.display()
            ));
        }
        found.add(read);
    }
    for (path, trust) in places(breadth)? {
        found.look_at(&path, trust);
    }
    Ok(found)
}

/// The user's own first, then those of other programs, then the folder's: whoever wrote its files must not
/// put another server in the place of one that the user knows.
fn places(breadth: Breadth) -> anyhow::Result<Vec<(PathBuf, Trust)>> {
    let home = Home::find()?;
    let mut places = files_of(&home.config.join("servers"), Trust::Own);
    match Settings::current() {
        Some(settings) => {
            let trust = if settings.place.is_trusted() { Trust::Own } else { Trust::Folder };
            places.extend(settings.servers().into_iter().map(|path| (path, trust)));
        }
        None => places.extend(files_of(Path::new("config/servers"), Trust::Folder)),
    }
    if breadth == Breadth::Ours {
        return Ok(places);
    }
    if let Ok(home) = etcetera::home_dir() {
        for file in [".claude.json", ".cursor/mcp.json", ".codex/config.toml"] {
            places.push((home.join(file), Trust::OtherProgram));
        }
    }
    for file in [".mcp.json", ".cursor/mcp.json", ".vscode/mcp.json", ".codex/config.toml"] {
        places.push((file.into(), Trust::Folder));
    }
    places.sort_by_key(|(_, trust)| *trust == Trust::Folder);
    Ok(places)
}

/// The YAML and JSON files of a folder, in the order of their names.
fn files_of(folder: &Path, trust: Trust) -> Vec<(PathBuf, Trust)> {
    // A folder that is not there, or cannot be read, defines nothing.
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_ours = |path: &PathBuf| {
        path.extension().is_some_and(|ends| ["yaml", "yml", "json"].iter().any(|e| ends == *e))
    };
    let mut paths: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_ours).collect();
    paths.sort();
    paths.into_iter().map(|path| (path, trust)).collect()
}

// === impl Found ===

impl Found {
    /// The definition of this name.
    ///
    /// # Errors
    /// Where there is none; names those that there are.
    pub fn named(&self, name: &str) -> anyhow::Result<&Definition> {
        if let Some(definition) = self.definitions.iter().find(|known| known.name == name) {
            return Ok(definition);
        }
        let what = format!("There is no MCP server `{}`.", printable(name));
        let known: Vec<_> = self.definitions.iter().map(|known| printable(&known.name)).collect();
        let mend = match known.as_slice() {
            [] => "None is defined: `outcrop mcp add` adds one.".to_owned(),
            known => format!("Known are {}.", known.join(", ")),
        };
        Err(Failure::new(Exit::ServerConnect, what).mend(mend).into())
    }

    /// Reads a file, if it is there.
    pub fn look_at(&mut self, path: &Path, trust: Trust) {
        if let Ok(file) = path.canonicalize() {
            if self.read.contains(&file) {
                return;
            }
            self.read.push(file);
        }
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => {
                self.notes.push(format!("cannot read {}: {error}", path.display()));
                return;
            }
        };
        match read(path, &text, trust) {
            Ok(read) => self.add(read),
            Err(why) => self.notes.push(why),
        }
    }

    fn add(&mut self, read: Read) {
        let Read { definitions, notes, off, inputs } = read;
        self.notes.extend(notes);
        self.off.extend(off);
        self.inputs.extend(inputs);
        for definition in definitions {
            match self.definitions.iter().find(|known| known.name == definition.name) {
                None => self.definitions.push(definition),
                Some(known) if definition.trust == Trust::Folder && known.way != definition.way => {
                    self.notes.push(format!(
                        "the MCP server {} of {} counts, not that of {}",
                        known.name,
                        known.source.display(),
                        definition.source.display()
                    ));
                }
                Some(_) => {}
            }
        }
    }
}
