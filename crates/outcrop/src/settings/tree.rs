//! `config.yaml` and the files that it includes, or the one that has everything in it.

use std::path::{Path, PathBuf};

use outcrop_config::document::{self, Document, Node};
use outcrop_config::variables::{Variables, interpolate};
use outcrop_config::{Diagnostic, Lookup, Origin, Source};

use super::keys;
use super::wrong;
use crate::exit::{Exit, Failure};

/// What files are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `config.yaml` itself.
    Root,
    Providers,
    Embeddings,
    Servers,
    Settings,
}

/// What is included, and from where if `config.yaml` does not say.
const PARTS: [(&str, Part, &str); 4] = [
    ("providers", Part::Providers, "config/providers/*.yaml"),
    ("embeddings", Part::Embeddings, "config/embeddings/*.yaml"),
    ("servers", Part::Servers, "config/servers/*.yaml"),
    ("settings", Part::Settings, "config/settings.yaml"),
];

/// One file.
#[derive(Debug)]
pub struct File {
    pub path: PathBuf,
    pub part: Part,
    name: String,
    text: String,
}

/// A provider that a file describes.
#[derive(Debug)]
pub struct Provider {
    pub name: String,
    pub interface: String,
    /// Settings of requests beside the model, by the name of the flag.
    pub asked: Vec<(&'static str, String, Origin)>,
    /// Where its keys are in the file.
    pub at: Vec<String>,
    file: usize,
    part: Part,
}

/// Sections of a `config.yaml` that has everything in it, with what their providers are for.
const SECTIONS: [(&str, Part); 2] = [("ai", Part::Providers), ("embeddings", Part::Embeddings)];

/// A value for a flag of a command.
#[derive(Debug, Clone)]
pub struct Preset {
    pub flag: String,
    pub values: Vec<String>,
    pub of: Of,
    /// Where it is written.
    pub origin: Origin,
}

/// Which commands a preset is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// Those of which mcp-cli's key tells something.
    Commands(&'static [&'static str]),
    /// The one after which the section is called.
    Section(String),
}

#[derive(Debug)]
pub struct Tree {
    files: Vec<File>,
    pub providers: Vec<Provider>,
    /// Of later ones for the same flag the last counts.
    pub presets: Vec<Preset>,
    default_provider: Option<String>,
    is_whole: bool,
}

// === impl Tree ===

impl Tree {
    /// # Errors
    /// When a file cannot be read, or is not YAML.
    pub fn read(
        root: &Path,
        lookup: &dyn Lookup,
        notes: &mut Vec<Diagnostic>,
    ) -> anyhow::Result<Self> {
        let first = File::read(root.to_owned(), Part::Root)?;
        let parsed = first.parse()?;
        let mut files = vec![first];
        let folder = root.parent().unwrap_or(Path::new("."));
        let includes = parsed.first().and_then(|document| document.root.peek("includes"));
        for (key, part, usual) in PARTS {
            let patterns: Vec<&str> = match includes {
                Some(includes) => {
                    let written = includes.peek(key).map(Node::one_or_many).unwrap_or_default();
                    written.iter().filter_map(Node::text).collect()
                }
                None => vec![usual],
            };
            for path in patterns.into_iter().flat_map(|pattern| included(folder, pattern)) {
                files.push(File::read(path, part)?);
            }
        }
        let is_whole = parsed.first().is_some_and(|document| keys::is_whole(&document.root));
        let mut tree = Self {
            files,
            providers: Vec::new(),
            presets: Vec::new(),
            default_provider: None,
            is_whole,
        };
        let mut settings = Vec::new();
        for (index, file) in tree.files.iter().enumerate() {
            match file.part {
                Part::Root | Part::Settings => settings.extend(file.parse()?),
                Part::Providers | Part::Embeddings => {
                    let described = file.parse()?;
                    let provider = |document: &Document| provider(document, (index, file.part));
                    tree.providers.extend(described.iter().filter_map(provider));
                }
                Part::Servers => {}
            }
        }
        // A file of its own, which `init` may have written, stands before the part of the whole.
        let of_root = settings.first().map(|document| of_sections(&document.root));
        for provider in of_root.unwrap_or_default() {
            let is_one = |own: &Provider| own.name == provider.name && own.part == provider.part;
            if !tree.providers.iter().any(is_one) {
                tree.providers.push(provider);
            }
        }
        for document in &settings {
            tree.take_settings(&document.root, lookup, notes);
        }
        Ok(tree)
    }

    pub fn all(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    pub fn files(&self, part: Part) -> impl Iterator<Item = &File> {
        self.files.iter().filter(move |file| file.part == part)
    }

    /// Whether everything is in `config.yaml`.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The files that define MCP servers.
    pub fn servers(&self) -> impl Iterator<Item = &File> {
        let part = if self.is_whole { Part::Root } else { Part::Servers };
        self.files.iter().filter(move |file| file.part == Part::Servers || file.part == part)
    }

    pub fn path(&self, provider: &Provider) -> PathBuf {
        self.files[provider.file].path.clone()
    }

    /// The provider that is named, else the one of the settings, if it is Bedrock, else the first that is.
    pub fn chosen(&self, named: Option<&str>) -> String {
        if let Some(named) = named {
            return named.to_owned();
        }
        let bedrocks = || self.providers.iter().filter(|provider| provider.is_bedrock());
        let wanted = self.default_provider.as_deref();
        bedrocks()
            .find(|provider| wanted == Some(&provider.name))
            .or_else(|| bedrocks().find(|provider| provider.part == Part::Providers))
            .map_or_else(|| super::account::BEDROCK.to_owned(), |provider| provider.name.clone())
    }

    /// Whether the provider of the settings is in any of the files.
    pub fn knows_default(&self) -> bool {
        let wanted = self.default_provider.as_deref();
        self.providers.iter().any(|provider| wanted == Some(&provider.name))
    }

    /// The files that describe the provider, for the front end that reads them.
    pub fn sources(&self, provider: &str) -> Vec<Source<'_>> {
        let mut indexes: Vec<usize> =
            self.providers.iter().filter(|one| one.name == provider).map(|one| one.file).collect();
        indexes.dedup();
        let files = indexes.into_iter().map(|index| &self.files[index]);
        files.map(|File { name, text, .. }| Source { name, text }).collect()
    }

    fn take_settings(&mut self, root: &Node, lookup: &dyn Lookup, notes: &mut Vec<Diagnostic>) {
        let mut text = |node: &Node| {
            let text = node.text()?;
            match interpolate(text, Variables::Optional, lookup) {
                Ok(text) => Some(text.into_owned()),
                Err(unresolved) => {
                    notes.push(Diagnostic {
                        hint: unresolved.hint,
                        ..Diagnostic::warning(node.origin(), unresolved.what)
                    });
                    None
                }
            }
        };
        if let Some(provider) = root.peek("ai").and_then(|ai| ai.peek("default_provider")) {
            self.default_provider = text(provider);
        }
        for (node, of, flag) in keys::presets(root) {
            let values: Vec<String> = node.one_or_many().iter().filter_map(&mut text).collect();
            if !values.is_empty() {
                let origin = node.origin();
                self.presets.push(Preset { flag, values, of, origin });
            }
        }
        notes.extend(keys::strange(root));
    }
}

// === impl File ===

impl File {
    pub fn text(&self) -> &str {
        &self.text
    }

    fn read(path: PathBuf, part: Part) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Failure::new(Exit::Other, format!("Cannot read {name}: {error}.")))?;
        Ok(Self { path, part, name, text })
    }

    fn parse(&self) -> anyhow::Result<Vec<Document>> {
        let (documents, notes) = document::parse(&self.name, &self.text);
        match outcrop_config::has_errors(&notes) {
            true => Err(wrong(&notes)),
            false => Ok(documents),
        }
    }
}

// === impl Provider ===

impl Provider {
    pub fn is_bedrock(&self) -> bool {
        self.interface == "aws_bedrock"
    }

    pub fn is_of(&self, part: Part) -> bool {
        self.part == part
    }

    /// Whether the file is one of `config/providers`.
    pub fn is_for_chats(&self) -> bool {
        self.part == Part::Providers
    }
}

fn provider(document: &Document, (file, part): (usize, Part)) -> Option<Provider> {
    let name = document.root.peek("provider_name")?.text()?.to_owned();
    let interface = document.root.peek("interface_type")?.text()?.to_owned();
    let config = document.root.peek("config");
    let asked = config.map(asked).unwrap_or_default();
    Some(Provider { name, interface, asked, at: vec!["config".to_owned()], file, part })
}

/// The settings of requests among a provider's keys.
fn asked(config: &Node) -> Vec<(&'static str, String, Origin)> {
    let asked = keys::ASKED.iter().filter_map(|flag| {
        let node = config.peek(flag)?;
        Some((*flag, node.text()?.to_owned(), node.origin()))
    });
    asked.collect()
}

/// The providers of a `config.yaml` that has everything in it.
fn of_sections(root: &Node) -> Vec<Provider> {
    let mut providers = Vec::new();
    for (section, part) in SECTIONS.iter().filter(|_| keys::is_whole(root)) {
        for (path, entry) in keys::providers_of(root, section) {
            let [.., interface, _, name] = path.as_slice() else { continue };
            let (interface, name) = (interface.clone(), name.clone());
            providers.push(Provider {
                name,
                interface,
                asked: asked(&entry.value),
                at: path,
                file: 0,
                part: *part,
            });
        }
    }
    providers
}

/// The files that a pattern of `includes` means, in the order of their names.
fn included(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let whole = match Path::new(pattern).is_absolute() {
        true => pattern.to_owned(),
        false => {
            let folder = glob::Pattern::escape(&folder.display().to_string());
            Path::new(&folder).join(pattern).display().to_string()
        }
    };
    let found = glob::glob(&whole).into_iter().flatten().flatten();
    found.filter(|path| path.is_file()).collect()
}
