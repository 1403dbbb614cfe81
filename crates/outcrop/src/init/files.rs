//! The files of a configuration: made, or changed in place. What is replaced is kept beside it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use similar::TextDiff;

use crate::exit::{Exit, Failure};
use crate::settings::edit;

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
        let is_one = |line: &str, name: &str| {
            let line = line.trim_start();
            let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
            line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
        };
        let mut lines: Vec<String> =
            old.iter().flat_map(|text| text.lines()).map(str::to_owned).collect();
        for (name, value) in variables {
            let new = format!("{name}='{value}'");
            match lines.iter_mut().find(|line| is_one(line, name)) {
                Some(line) => *line = new,
                None => lines.push(new),
            }
        }
        Ok(Self { path, old, new: lines.join("\n") + "\n", is_secret: true })
    }

    /// Whether something that is there becomes something else.
    pub fn replaces(&self) -> bool {
        self.old.as_ref().is_some_and(|old| *old != self.new)
    }

    /// What changes, as `diff -u` shows it.
    pub fn diff(&self) -> String {
        let name = self.path.display().to_string();
        if self.is_secret {
            return format!("{name}: holds other keys\n");
        }
        let old = self.old.as_deref().unwrap_or_default();
        TextDiff::from_lines(old, &self.new).unified_diff().header(&name, &name).to_string()
    }

    /// # Errors
    /// When the file, its folder or the copy of what was there cannot be written.
    pub fn write(&self) -> anyhow::Result<Done> {
        let failed = |error: std::io::Error| {
            Failure::new(Exit::Init, format!("Cannot write {}: {error}.", self.path.display()))
        };
        let done = match &self.old {
            Some(old) if *old == self.new => Done::Kept,
            Some(old) => {
                let copy = free_name(&self.path);
                put(&copy, old, self.is_secret).map_err(failed)?;
                Done::Changed(copy)
            }
            None => Done::Written,
        };
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        match done {
            Done::Kept if !self.is_secret => {}
            Done::Kept | Done::Written | Done::Changed(_) => {
                put(&self.path, &self.new, self.is_secret).map_err(failed)?;
            }
        }
        Ok(done)
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
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let fresh = PathBuf::from(format!("{}.new", path.display()));
    // One that was left there may be open to others.
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let mode = fs::metadata(&path).map_or(0o644, |data| data.permissions().mode() & 0o777);
        options.mode(if is_secret { 0o600 } else { mode });
    }
    let mut file = options.open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, &path)
}
