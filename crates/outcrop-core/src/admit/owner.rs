//! Whose a file is. One that takes another's place must be read by whoever read that one.

use std::fs::{File, Metadata};
use std::io;

/// What to do where [`give`] fails.
pub(super) const MEND: &str = "Run the command as the owner of the file, or as root";

/// Gives `file` the owner and the group of `other`, if it has others.
///
/// # Errors
/// When that is not permitted.
#[cfg(unix)]
pub(super) fn give(file: &File, other: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let now = file.metadata()?;
    match (now.uid(), now.gid()) == (other.uid(), other.gid()) {
        true => Ok(()),
        false => fchown(file, Some(other.uid()), Some(other.gid())),
    }
}

/// Here a file has the permissions of its folder.
#[cfg(not(unix))]
pub(super) fn give(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}
