//! What `-f` names: files, folders with all that is in them, patterns and addresses.
//!
//! 1. A file that is named and cannot be attached is an error. One that was found in a folder or by a
//!    pattern and is of no use to a model is left out, and a note says so.
//! 2. Addresses are fetched by the rules of [`outcrop_fetch`]: public hosts alone, with nothing sent along.
//! 3. No more is read than a request can hold.

use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use outcrop_fetch::{Failure as Unfetched, Fetched, Fetcher};
use serde_json::Value;

use super::page;
use crate::exit::{Exit, Failure};

/// No request to Bedrock is larger.
const MOST_BYTES: u64 = 25_000_000;
/// Far more than anyone means to attach, and soon reached by a folder that was not meant.
const MOST_FILES: usize = 1_000;
/// After this a note says what is being waited for.
const SILENCE: Duration = Duration::from_secs(1);

/// Parts of a message, in the order in which they were named.
///
/// # Errors
/// [`Exit::Attachment`], naming what cannot be attached.
pub async fn all(named: &[PathBuf]) -> anyhow::Result<Vec<Value>> {
    let mut gathered = Gathered { parts: Vec::new(), left: MOST_BYTES, found: 0 };
    for name in named {
        let text = name.to_string_lossy();
        match text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()).as_deref() {
            Some("http" | "https") => gathered.address(&text).await?,
            Some(_) | None if name.is_dir() => gathered.folder(name)?,
            Some(_) | None if is_pattern(&text) && !name.exists() => gathered.pattern(&text)?,
            Some(_) | None => gathered.file(name)?,
        }
    }
    Ok(gathered.parts)
}

struct Gathered {
    parts: Vec<Value>,
    /// Bytes that there is room for.
    left: u64,
    /// Files that nobody named.
    found: usize,
}

// === impl Gathered ===

impl Gathered {
    fn file(&mut self, path: &Path) -> anyhow::Result<()> {
        let bytes = self.read(path)?;
        self.parts.push(super::part(&super::name_of(path), bytes)?);
        Ok(())
    }

    fn folder(&mut self, path: &Path) -> anyhow::Result<()> {
        let mut files = Vec::new();
        walk(path, &mut files)?;
        let whose = path.display().to_string();
        self.found(&whose, files)
    }

    fn pattern(&mut self, pattern: &str) -> anyhow::Result<()> {
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::new(Exit::Attachment, format!("-f {pattern}: {error}."))
        };
        let paths = glob::glob(pattern).map_err(|error| wrong(&error))?;
        let mut files = Vec::new();
        for path in paths {
            let path = path.map_err(|error| wrong(&error))?;
            if is_meant(&path, pattern) && path.is_file() {
                files.push(path);
            }
            if files.len() > MOST_FILES {
                break;
            }
        }
        self.found(pattern, files)
    }

    /// Attaches what a model can use of `files`.
    fn found(&mut self, whose: &str, files: Vec<PathBuf>) -> anyhow::Result<()> {
        self.found += files.len();
        if self.found > MOST_FILES {
            let what = format!("-f {whose} has more than {MOST_FILES} files.");
            let mend = "Name a smaller folder, or those that are meant, as in 'src/**/*.rs'.";
            return Err(Failure::new(Exit::Attachment, what).mend(mend).into());
        }
        let before = self.parts.len();
        for path in files {
            let bytes = self.read(&path)?;
            let size = bytes.len() as u64;
            match super::part(&path.display().to_string(), bytes) {
                Ok(part) => self.parts.push(part),
                Err(why) => {
                    self.left += size;
                    note!("note: left out: {why:#}");
                }
            }
        }
        match self.parts.len() - before {
            0 => {
                let what = format!("-f {whose} has no file that can be attached.");
                Err(Failure::new(Exit::Attachment, what).into())
            }
            1 => Ok(()),
            count => {
                note!("note: attached {count} files of {whose}");
                Ok(())
            }
        }
    }

    async fn address(&mut self, url: &str) -> anyhow::Result<()> {
        let batch = Fetcher::default().begin();
        let fetch = batch.fetch(url);
        tokio::pin!(fetch);
        let fetched = tokio::select! {
            fetched = &mut fetch => fetched,
            () = tokio::time::sleep(SILENCE) => {
                note!("note: fetching {url}");
                fetch.await
            }
        };
        let Fetched { bytes, declared } = fetched.map_err(|why| unfetched(url, &why))?;
        self.take(bytes.len() as u64, url)?;
        self.parts.push(page::part(url, declared.as_deref(), bytes.to_vec())?);
        Ok(())
    }

    /// The file's bytes, if there is room for them; of a pipe no more are taken than that.
    fn read(&mut self, path: &Path) -> anyhow::Result<Vec<u8>> {
        let shown = path.display();
        let unread = |error: std::io::Error| {
            Failure::new(Exit::Attachment, format!("Cannot read {shown}: {error}."))
        };
        let file = std::fs::File::open(path).map_err(unread)?;
        let mut bytes = Vec::new();
        file.take(self.left + 1).read_to_end(&mut bytes).map_err(unread)?;
        self.take(bytes.len() as u64, &shown.to_string())?;
        Ok(bytes)
    }

    fn take(&mut self, bytes: u64, what: &str) -> anyhow::Result<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                let what = format!(
                    "{what} makes what is attached longer than {MOST_BYTES} bytes, the most that Bedrock takes."
                );
                Err(Failure::new(Exit::Attachment, what).mend("Attach less of it.").into())
            }
        }
    }
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Whether all that is hidden on the way to the file, as secrets often are, is named with its dot. The
/// option that `glob` has for it finds nothing for `.h*`, and panics at names that are not UTF-8.
pub fn is_meant(path: &Path, pattern: &str) -> bool {
    let mut hidden = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy()).filter(|n| n.starts_with('.')),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => {
            None
        }
    });
    let dotted: Vec<_> = pattern
        .split(std::path::is_separator)
        .filter(|part| part.starts_with('.'))
        .filter_map(|part| glob::Pattern::new(part).ok())
        .collect();
    hidden.all(|name| dotted.iter().any(|part| part.matches(&name)))
}

/// Files below `folder` in the order of their names, without hidden ones and without links, which may lead
/// anywhere. Stops where there are too many.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let unread = |error: std::io::Error| {
        Failure::new(Exit::Attachment, format!("Cannot read {}: {error}.", folder.display()))
    };
    let entries = std::fs::read_dir(folder).map_err(unread)?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(unread)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type().map_err(unread)?;
        if entry.file_name().to_string_lossy().starts_with('.') || files.len() > MOST_FILES {
            continue;
        }
        if kind.is_dir() {
            walk(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// In the words of whoever sits before the machine that fetches.
fn unfetched(url: &str, why: &Unfetched) -> Failure {
    let own = match why {
        Unfetched::PlainHttp => {
            Some("begins with http:, which anyone on the way can change. Use https.")
        }
        Unfetched::NoWay => Some(
            "leads to a host that is not known or not public. Check the name, or download the file and attach that.",
        ),
        Unfetched::Off
        | Unfetched::Malformed(_)
        | Unfetched::Credentials
        | Unfetched::TooMany { .. }
        | Unfetched::TooLarge { .. }
        | Unfetched::TotalTooLarge { .. }
        | Unfetched::Busy
        | Unfetched::Status(_)
        | Unfetched::Redirects { .. }
        | Unfetched::LostRedirect
        | Unfetched::Encoded
        | Unfetched::Empty
        | Unfetched::Unreachable
        | Unfetched::Tls
        | Unfetched::Broken
        | Unfetched::TimedOut => None,
    };
    let told = own.map_or_else(|| why.to_string(), str::to_owned);
    Failure::new(Exit::Attachment, format!("{url} {told}"))
}
