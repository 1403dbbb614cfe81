//! The files of a configuration: made, or changed in place. What is replaced is kept beside it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use similar::TextDiff;

use crate::exit::{Exit, Failure};
use crate::settings::dotenv::is_open_to_others;
use crate::settings::edit;
use crate::settings::secrets::masked;

/// A file as it is and as it shall be.
#[derive(Debug)]
pub struct Change {
    pub path: PathBuf,
    old: Option<String>,
    pub new: String,
    /// Read by its owner alone, and not shown.
    is_secret: bool,
}

/// What was done to a file.
#[derive(Debug)]
pub enum Done {
    Kept,
    Written,
    /// And its former text is here.
    Changed(PathBuf),
}

// === impl Change ===

impl Change {
    /// The file with these values at these paths; made of `fresh` where it is not there.
    ///
    /// # Errors
    /// When it cannot be read, or changed without losing something.
    pub fn of_yaml(path: PathBuf, fresh: &str, values: &[(&[&str], &str)]) -> anyhow::Result<Self> {
        let old = read(&path)?;
        let mut new = old.clone().unwrap_or_else(|| fresh.to_owned());
        for (at, value) in values {
            if edit::get(&new, at).as_deref() != Some(*value) {
                new = edit::set(&new, at, value).map_err(|why| {
                    let what = format!("Cannot change {}: {why}.", path.display());
                    let mend = format!("Write `{}: {value}` there.", at.join("."));
                    Failure::new(Exit::Init, what).mend(mend)
                })?;
            }
        }
        Ok(Self { path, old, new, is_secret: false })
    }

    /// `.env` with these variables, and all others that it has.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_variables(path: PathBuf, variables: &[(String, String)]) -> anyhow::Result<Self> {
        let old = read(&path)?;
        let new = with_variables(old.as_deref().unwrap_or_default(), variables);
        Ok(Self { path, old, new, is_secret: true })
    }

    /// The file with this text.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_text(path: PathBuf, new: String) -> anyhow::Result<Self> {
        let old = read(&path)?;
        Ok(Self { path, old, new, is_secret: false })
    }

    /// The file with this text, for its owner alone.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_secrets(path: PathBuf, new: String) -> anyhow::Result<Self> {
        Ok(Self { is_secret: true, ..Self::of_text(path, new)? })
    }

    /// Whether nothing is to be done.
    pub fn is_idle(&self) -> bool {
        let is_exposed = self.is_secret && is_open_to_others(&self.path);
        self.old.as_ref() == Some(&self.new) && !is_exposed
    }

    /// Whether something that is there becomes something else.
    pub fn replaces(&self) -> bool {
        self.old.as_ref().is_some_and(|old| *old != self.new)
    }

    /// What changes, as `diff -u` shows it.
    pub fn diff(&self) -> String {
        let name = self.path.display().to_string();
        if self.is_idle() {
            return String::new();
        }
        if self.is_secret {
            return format!("{name}: holds other keys\n");
        }
        let old = masked(self.old.as_deref().unwrap_or_default());
        let new = masked(&self.new);
        TextDiff::from_lines(&old, &new).unified_diff().header(&name, &name).to_string()
    }
}

// === impl Done ===

impl Done {
    pub fn to_json(&self, path: &Path) -> Value {
        let (word, backup) = match self {
            Self::Kept => ("unchanged", None),
            Self::Written => ("written", None),
            Self::Changed(copy) => ("changed", Some(copy.display().to_string())),
        };
        json!({ "file": path.display().to_string(), "status": word, "backup": backup })
    }

    pub fn line(&self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::Kept => format!("  unchanged  {path}\n"),
            Self::Written => format!("  written    {path}\n"),
            Self::Changed(copy) => {
                format!("  changed    {path} (before: {})\n", copy.display())
            }
        }
    }
}

/// The lines of a `.env` with these variables.
pub fn with_variables(text: &str, variables: &[(String, String)]) -> String {
    let is_one = |line: &str, name: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (name, value) in variables {
        let new = format!("{name}='{value}'");
        match lines.iter_mut().find(|line| is_one(line, name)) {
            Some(line) => *line = new,
            None => lines.push(new),
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Writes all of them, or none: each is whole beside its place before the first is moved there.
///
/// # Errors
/// [`Exit::Init`] when a file, its folder or the copy of what was there cannot be written.
pub fn write_all(changes: &[Change]) -> anyhow::Result<Vec<Done>> {
    let mut staged = Staged::default();
    staged.is_secret = changes.iter().any(|change| change.is_secret);
    for change in changes {
        staged.add(change).map_err(|error| {
            let what = format!("Cannot write {}: {error}.", change.path.display());
            Failure::new(Exit::Init, what).mend("Nothing was changed.")
        })?;
    }
    staged.commit()
}

/// Files beside their places; what was not moved there goes with this value.
#[derive(Default)]
struct Staged {
    fresh: Vec<Fresh>,
    /// Folders and copies that were made on the way, in this order.
    made: Vec<PathBuf>,
    done: Vec<Done>,
    /// Whether folders are for their owner alone.
    is_secret: bool,
}

/// A file whose name is still another.
struct Fresh {
    path: PathBuf,
    place: PathBuf,
}

// === impl Staged ===

impl Staged {
    fn add(&mut self, change: &Change) -> std::io::Result<()> {
        let done = match &change.old {
            Some(old) if *old == change.new => Done::Kept,
            Some(old) => {
                let copy = free_name(&change.path);
                put(&copy, old, true)?;
                self.made.push(copy.clone());
                Done::Changed(copy)
            }
            None => Done::Written,
        };
        let is_there = matches!(done, Done::Kept) && !change.is_secret;
        self.done.push(done);
        if !is_there {
            self.make_folder(change.path.parent())?;
            self.fresh.push(Fresh::write(&change.path, &change.new, change.is_secret)?);
        }
        Ok(())
    }

    fn make_folder(&mut self, folder: Option<&Path>) -> std::io::Result<()> {
        let Some(folder) = folder.filter(|folder| !folder.as_os_str().is_empty()) else {
            return Ok(());
        };
        let missing: Vec<&Path> =
            folder.ancestors().take_while(|folder| !folder.exists()).collect();
        for folder in missing.into_iter().rev().filter(|folder| !folder.as_os_str().is_empty()) {
            let mut builder = fs::DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(
                &mut builder,
                if self.is_secret { 0o700 } else { 0o777 },
            );
            builder.create(folder)?;
            self.made.push(folder.to_owned());
        }
        Ok(())
    }

    fn commit(mut self) -> anyhow::Result<Vec<Done>> {
        while let Some(fresh) = self.fresh.first() {
            let place = fresh.place.display().to_string();
            fs::rename(&fresh.path, &fresh.place).map_err(|error| {
                Failure::new(Exit::Init, format!("Cannot write {place}: {error}."))
            })?;
            self.fresh.remove(0);
            // From the first on what was made is needed.
            self.made.clear();
        }
        self.made.clear();
        Ok(std::mem::take(&mut self.done))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        for fresh in &self.fresh {
            // Of what cannot be removed there is nothing to say beside why all this failed.
            let _ = fs::remove_file(&fresh.path);
        }
        for made in self.made.iter().rev() {
            let _ = if made.is_dir() { fs::remove_dir(made) } else { fs::remove_file(made) };
        }
    }
}

// === impl Fresh ===

impl Fresh {
    fn write(place: &Path, text: &str, is_secret: bool) -> std::io::Result<Self> {
        let place = fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
        let path = PathBuf::from(format!("{}.new", place.display()));
        // One that was left there may be open to others.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
            let mode = fs::metadata(&place).map_or(0o644, |data| data.permissions().mode() & 0o777);
            options.mode(if is_secret { 0o600 } else { mode });
        }
        let mut file = options.open(&path)?;
        if let Err(error) = file.write_all(text.as_bytes()).and_then(|()| file.sync_all()) {
            // It is half there, and of no use.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(Self { path, place })
    }
}

fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let what = format!("Cannot read {}: {error}.", path.display());
            Err(Failure::new(Exit::Init, what).into())
        }
    }
}

/// A name beside `path` that is not taken.
pub fn free_name(path: &Path) -> PathBuf {
    let name = |n: u32| match n {
        0 => format!("{}.backup", path.display()),
        n => format!("{}.backup{n}", path.display()),
    };
    (0..).map(name).map(PathBuf::from).find(|path| !path.exists()).unwrap_or_default()
}

/// Writes beside the file and renames: it is never half there.
pub fn put(path: &Path, text: &str, is_secret: bool) -> std::io::Result<()> {
    let fresh = Fresh::write(path, text, is_secret)?;
    fs::rename(&fresh.path, &fresh.place).inspect_err(|_| {
        // The place is as it was.
        let _ = fs::remove_file(&fresh.path);
    })
}
