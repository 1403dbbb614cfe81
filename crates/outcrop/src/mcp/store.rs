//! Files of the user's that may hold secrets: nobody else can read them.

use std::io::Write;
use std::path::Path;

use crate::exit::{Exit, Failure};

/// Writes all of `text`, or leaves what was there.
///
/// # Errors
/// [`Exit::OutputWrite`].
pub fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let written = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let fresh = path.with_extension(format!("new-{}", std::process::id()));
        let mut options = std::fs::OpenOptions::new();
        options.create(true).truncate(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)
    };
    written().map_err(|error| {
        Failure::new(Exit::OutputWrite, format!("Cannot write {}: {error}.", path.display())).into()
    })
}
