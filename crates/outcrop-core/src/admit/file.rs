//! The file of keys: small, in TOML, for its owner's eyes only.
//!
//! 1. It holds hashes of tokens. Of key pairs it holds the secrets, since signatures are verified with
//!    them: whoever reads the file can sign as these clients.
//! 2. A change is whole or not at all: the new file takes the place of the old one when it is on disk.
//! 3. Two that change it at once wait for each other, so that no key is lost.
//! 4. A message about it never holds what is in it.
//! 5. Whoever reads the file reads it on: a change keeps owner, group and mode, or comes to nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use outcrop_config::{ClientKey, KeyProof, Origin, Redacted, Scopes, Secret, SurfaceWord};
use serde::{Deserialize, Serialize};

use super::owner;

/// Stands at the head of each file that is written here: one without any key is known by it.
const HEADER: &str = "\
# Keys of this gateway's clients, written by `outcrop keys`. Keep it to yourself: it holds the secrets of
# key pairs, since signatures are verified with them. Tokens are here as their SHA-256 only.

";

/// Said of a file that has neither a key nor the head.
const EMPTIED: &str = "\
it has no key, nor the head of a file of keys: it was emptied, not by `outcrop keys`. A gateway that runs \
still has its keys. Restore the file from a backup; to begin anew, without the keys of before, remove it first";

/// A file of keys.
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
}

/// One key as the file has it. A key that was rotated stands there twice for a while.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    pub created: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<Hidden>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub surfaces: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// A text that no `Debug` shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(pub String);

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default, rename = "key")]
    keys: Vec<Record>,
}

/// Why a file of keys cannot be used, with the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFileError {
    path: PathBuf,
    /// From 1; 0 for the whole file.
    line: usize,
    what: String,
}

// === impl KeyFile ===

impl KeyFile {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The records, in order.
    ///
    /// # Errors
    /// When the file is not there, when anything in it cannot be understood, and when it has no key and
    /// was not left so by [`KeyFile::edit`]: an emptied file revokes nothing.
    pub fn read(&self) -> Result<Vec<Record>, KeyFileError> {
        let text = std::fs::read_to_string(&self.path).map_err(|error| self.wrong(error))?;
        self.parse(&text)
    }

    /// The keys of `records`.
    ///
    /// # Errors
    /// When one of them says what cannot be.
    pub fn keys(&self, records: &[Record]) -> Result<Vec<ClientKey>, KeyFileError> {
        let origin = || Origin { source: self.path.display().to_string(), ..Origin::default() };
        let key = |record: &Record| {
            let wrong = |what: String| self.wrong(format!("the key {}: {what}", record.name));
            record.key(origin()).map_err(wrong)
        };
        records.iter().map(key).collect()
    }

    /// Changes the records, alone among all that do. A file that is not there is made.
    ///
    /// # Errors
    /// When `change` finds one, or the file cannot be read or written; it is then as it was. An emptied
    /// file is not begun anew: its keys may count yet, and only a backup has them.
    pub fn edit<T>(
        &self,
        change: impl FnOnce(&mut Vec<Record>) -> Result<T, String>,
    ) -> Result<T, KeyFileError> {
        let lock = self.lock().map_err(|error| self.no_lock(&error))?;
        lock.lock().map_err(|error| self.wrong(error))?;
        let mut records = match std::fs::read_to_string(&self.path) {
            Ok(text) => self.parse(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(self.wrong(error)),
        };
        let outcome = change(&mut records).map_err(|what| self.wrong(what))?;
        self.keys(&records)?;
        self.write(records).map_err(|error| self.wrong(format!("cannot be written: {error}")))?;
        Ok(outcome)
    }

    fn parse(&self, text: &str) -> Result<Vec<Record>, KeyFileError> {
        let document: Document = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
            // The whole of the error would show the line, and perhaps a secret.
            KeyFileError { line, ..self.wrong(error.message()) }
        })?;
        self.keys(&document.keys)?;
        match document.keys.is_empty() && !text.starts_with(HEADER) {
            true => Err(self.wrong(EMPTIED)),
            false => Ok(document.keys),
        }
    }

    /// What one holds who changes the file: whoever owns that can open this.
    fn lock(&self) -> io::Result<File> {
        let path = self.beside("lock");
        let open = || File::options().append(true).open(&path);
        let old = there(&self.path)?;
        match (open(), old) {
            (Ok(lock), Some(old)) => {
                // It was another's that could open it, and that is enough.
                let _as_it_was = owner::give(&lock, &old);
                Ok(lock)
            }
            (Err(error), old) if error.kind() == io::ErrorKind::NotFound => {
                // It is given away before it has its name, so that none is left that shuts out the owner.
                let lock =
                    tempfile::Builder::new().prefix(".outcrop-keys").tempfile_in(folder(&path))?;
                if let Some(old) = old {
                    owner::give(lock.as_file(), &old)?;
                }
                match lock.persist_noclobber(&path) {
                    Ok(lock) => Ok(lock),
                    Err(lost) if lost.error.kind() == io::ErrorKind::AlreadyExists => open(),
                    Err(lost) => Err(lost.error),
                }
            }
            (outcome, _) => outcome,
        }
    }

    /// The new file is complete on disk before it has the name.
    fn write(&self, keys: Vec<Record>) -> io::Result<()> {
        let body = toml::to_string(&Document { keys }).map_err(io::Error::other)?;
        // A link is to lead to the new file too.
        let path = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let folder = folder(&path);
        // Readable by its owner only, from the beginning.
        let mut file = tempfile::Builder::new().prefix(".outcrop-keys").tempfile_in(folder)?;
        if let Some(old) = there(&path)? {
            owner::give(file.as_file(), &old).map_err(|error| {
                let what =
                    "its owner and group cannot be kept, and whoever reads it could not any more";
                io::Error::new(error.kind(), format!("{what} ({error}). {}", owner::MEND))
            })?;
            // Last, as a change of owner takes some of it away.
            file.as_file().set_permissions(old.permissions())?;
        }
        file.write_all(HEADER.as_bytes())?;
        file.write_all(body.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".");
        name.push(ending);
        name.into()
    }

    fn no_lock(&self, error: &io::Error) -> KeyFileError {
        let mend = match error.kind() {
            io::ErrorKind::PermissionDenied => format!(". {}", owner::MEND),
            _ => String::new(),
        };
        self.wrong(format!("no lock beside it: {error}{mend}"))
    }

    fn wrong(&self, what: impl fmt::Display) -> KeyFileError {
        KeyFileError { path: self.path.clone(), line: 0, what: what.to_string() }
    }
}

/// What is known of a file, if there is one.
fn there(path: &Path) -> io::Result<Option<Metadata>> {
    match std::fs::metadata(path) {
        Ok(data) => Ok(Some(data)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

// === impl Record ===

impl Record {
    fn key(&self, origin: Origin) -> Result<ClientKey, String> {
        let proof = match (&self.token_hash, &self.access_key_id, &self.secret_access_key) {
            (Some(hash), None, None) => match super::crypto::unhex(hash) {
                Some(_) => KeyProof::TokenHash(hash.clone()),
                None => return Err("`token_hash` is no SHA-256 in hex".to_owned()),
            },
            (None, Some(id), Some(Hidden(secret))) => KeyProof::Pair {
                access_key_id: id.clone(),
                secret_access_key: Secret::Inline(Redacted::new(secret)),
            },
            (Some(_) | None, Some(_) | None, Some(_) | None) => {
                return Err("has either `token_hash`, or `access_key_id` and `secret_access_key`"
                    .to_owned());
            }
        };
        let surface =
            |word: &String| word.parse::<SurfaceWord>().map_err(|e| format!("`{word}`: {e}"));
        let scopes = Scopes {
            models: self.models.clone(),
            routes: self.routes.clone(),
            surfaces: self.surfaces.iter().map(surface).collect::<Result<_, _>>()?,
        };
        Ok(ClientKey {
            name: self.name.clone(),
            proof,
            scopes,
            expires: self.expires_at()?,
            owner: self.owner.clone(),
            tags: self.tags.clone().into_iter().collect(),
            origin,
        })
    }

    /// # Errors
    /// When what stands there is no time.
    pub fn expires_at(&self) -> Result<Option<SystemTime>, String> {
        let Some(text) = &self.expires else { return Ok(None) };
        let at: Timestamp = text.parse().map_err(|_| format!("`expires` is no time: {text}"))?;
        Ok(Some(at.into()))
    }

    /// What sort of key it is.
    pub fn kind(&self) -> super::Kind {
        match self.token_hash {
            Some(_) => super::Kind::Token,
            None => super::Kind::Pair,
        }
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

// === impl KeyFileError ===

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, what } = self;
        match line {
            0 => write!(f, "{}: {what}", path.display()),
            line => write!(f, "{}:{line}: {what}", path.display()),
        }
    }
}

impl std::error::Error for KeyFileError {}
