//! Configuration as it lies in files, and what it may ask of the machine.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use outcrop_config::{Lookup, Source};

/// A text of configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    /// Its file, as it was named.
    pub name: String,
    pub text: String,
}

/// The names of files that are read in a folder.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Where configuration lies: files, folders (their files in the order of their names, without hidden ones
/// and further folders), and `-` for stdin, which is read once.
#[derive(Debug)]
pub struct Files {
    paths: Vec<PathBuf>,
    stdin: String,
}

impl Files {
    pub fn new(paths: Vec<PathBuf>) -> anyhow::Result<Self> {
        let mut stdin = String::new();
        if paths.iter().any(|path| is_stdin(path)) {
            io::stdin().read_to_string(&mut stdin).context("cannot read stdin")?;
        }
        Ok(Self { paths, stdin })
    }

    /// The paths, as they were given.
    pub fn names(&self) -> Vec<String> {
        self.paths.iter().map(|path| path.display().to_string()).collect()
    }

    /// The texts, in the order of the paths.
    pub fn read(&self) -> anyhow::Result<Vec<Text>> {
        let mut texts = Vec::new();
        for path in &self.paths {
            if is_stdin(path) {
                texts.push(Text { name: "stdin".to_owned(), text: self.stdin.clone() });
            } else if path.is_dir() {
                for file in files_of(path)? {
                    texts.push(read_one(&file)?);
                }
            } else {
                texts.push(read_one(path)?);
            }
        }
        Ok(texts)
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The texts as the front ends take them.
pub fn as_sources(texts: &[Text]) -> Vec<Source<'_>> {
    texts.iter().map(|Text { name, text }| Source { name, text }).collect()
}

fn read_one(path: &Path) -> anyhow::Result<Text> {
    let name = path.display().to_string();
    let bytes = fs::read(path).with_context(|| format!("cannot read {name}"))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        anyhow!("{name}:{line}: this is no text (UTF-8), so no configuration")
    })?;
    Ok(Text { name, text })
}

fn files_of(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let unreadable = || format!("cannot read the folder {}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let ending = path.extension().and_then(|ending| ending.to_str());
        if !hidden && path.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
            files.push(path);
        }
    }
    if files.is_empty() {
        bail!("the folder {} has no file that ends in .yaml, .yml or .json", folder.display());
    }
    files.sort();
    Ok(files)
}

/// The environment and the files of this process.
pub struct Machine;

impl Lookup for Machine {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &Path) -> Result<String, String> {
        fs::read_to_string(path).map_err(|error| error.to_string())
    }
}
