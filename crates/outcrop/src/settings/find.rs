//! Where a configuration may lie, in the order in which it is looked for.

use std::path::{Path, PathBuf};

use outcrop_config::document;

use crate::exit::{Exit, Failure};
use crate::home::Home;

pub const FILE: &str = "config.yaml";
/// The folder of a project's own configuration.
const PROJECT: &str = ".outcrop";
/// Sections by one of which a `config.yaml` that lies about is known to be ours.
const OURS: [&str; 2] = ["includes", "ai"];

/// How a configuration was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// By `--config` or `OUTCROP_CONFIG`.
    Named,
    /// In the working folder.
    Here,
    /// In `.outcrop`, here or in a folder above, up to the project's root.
    Project,
    /// In the user's folder for configuration.
    Home,
    /// Beside the binary.
    Binary,
}

// === impl Place ===

impl Place {
    /// Whether the user can be taken to know what is in it.
    pub fn is_trusted(self) -> bool {
        match self {
            Self::Named | Self::Home | Self::Binary => true,
            Self::Here | Self::Project => false,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::Here => "working folder",
            Self::Project => "project",
            Self::Home => "user",
            Self::Binary => "beside the binary",
        }
    }
}

/// The first that there is.
///
/// # Errors
/// When `named` is not there.
pub fn find(named: Option<&Path>) -> anyhow::Result<Option<(PathBuf, Place)>> {
    if let Some(named) = named {
        let file = match named.is_dir() {
            true => named.join(FILE),
            false => named.to_owned(),
        };
        if !file.is_file() {
            let what = format!("There is no configuration {}.", file.display());
            let mend = "`outcrop init` writes one.";
            return Err(Failure::new(Exit::ConfigMissing, what).mend(mend).into());
        }
        return Ok(Some((file, Place::Named)));
    }
    Ok(places().into_iter().find(|(file, place)| match place {
        Place::Here | Place::Binary => is_ours(file),
        Place::Named | Place::Project | Place::Home => file.is_file(),
    }))
}

/// All places but that of `--config`, in their order.
pub fn places() -> Vec<(PathBuf, Place)> {
    let mut places = vec![(PathBuf::from(FILE), Place::Here)];
    if let Ok(here) = std::env::current_dir() {
        for folder in here.ancestors() {
            places.push((folder.join(PROJECT).join(FILE), Place::Project));
            if folder.join(".git").exists() {
                break;
            }
        }
    }
    if let Ok(home) = Home::find() {
        places.push((home.config.join(FILE), Place::Home));
    }
    if let Some(folder) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
        places.push((folder.join(FILE), Place::Binary));
    }
    places
}

/// Many programs have a `config.yaml`.
fn is_ours(file: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(file) else { return false };
    let (documents, _) = document::parse(FILE, &text);
    let root = documents.first().map(|document| &document.root);
    root.is_some_and(|root| OURS.iter().any(|section| root.peek(section).is_some()))
}
