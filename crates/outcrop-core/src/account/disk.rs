//! The last lists on disk, so that the next start need not wait for the control plane.
//!
//! 1. A file is read only for the region, endpoint and identity that it was written for.
//! 2. It holds names and ARNs of the account, so it is its owner's alone (0600).
//! 3. It is replaced whole, and a file that cannot be read or written is no reason to fail.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::lists::Lists;

/// The form of the file; another is not read.
const FORM: u32 = 1;
/// Older lists are not worth having.
const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Characters of the key in a file's name, enough to tell the accounts of one user apart.
const KEY_IN_NAME: usize = 16;

/// Where lists are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cache {
    /// In this file.
    File(PathBuf),
    /// In this folder, in a file for each account and region.
    Folder(PathBuf),
}

/// A file for one account and region.
#[derive(Debug)]
pub struct Keyed {
    path: PathBuf,
    key: String,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    form: u32,
    key: String,
    lists: Lists,
}

impl Cache {
    pub(super) fn keyed(&self, key: &str) -> Keyed {
        let path = match self {
            Cache::File(path) => path.clone(),
            Cache::Folder(folder) => {
                let short: String = key.chars().take(KEY_IN_NAME).collect();
                folder.join(format!("models-{short}.json"))
            }
        };
        Keyed { path, key: key.to_owned() }
    }
}

impl Keyed {
    /// What was kept for this account, if anything is of use.
    pub(super) fn read(&self) -> Option<Lists> {
        let written = fs::metadata(&self.path).and_then(|about| about.modified()).ok()?;
        if SystemTime::now().duration_since(written).is_ok_and(|age| age > MAX_AGE) {
            return None;
        }
        let kept: Kept = serde_json::from_slice(&fs::read(&self.path).ok()?).ok()?;
        let Kept { form, key, lists } = kept;
        (form == FORM && key == self.key).then_some(lists)
    }

    pub(super) fn write(&self, lists: &Lists) {
        let kept = Kept { form: FORM, key: self.key.clone(), lists: lists.clone() };
        if let Err(error) = self.replace(&kept) {
            tracing::debug!(%error, "the list of models is not kept on disk");
        }
    }

    fn replace(&self, kept: &Kept) -> std::io::Result<()> {
        let folder = self.path.parent().filter(|path| !path.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let fresh = folder.join(format!(".models-{}.tmp", std::process::id()));
        let written = write_private(&fresh, &serde_json::to_vec(kept)?)
            .and_then(|()| fs::rename(&fresh, &self.path));
        if written.is_err() {
            // What is left over is of no use; that it cannot be removed changes nothing.
            let _gone = fs::remove_file(&fresh);
        }
        written
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // A file left over by a crash may have other rights.
    if let Err(error) = fs::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists() -> Lists {
        serde_json::from_str(
            r#"{"foundation":[{"modelId":"a.b"}],"profiles":[],"deployments":[],"imported":[],"provisioned":[]}"#,
        )
        .unwrap()
    }

    #[test]
    fn what_one_account_keeps_no_other_reads() {
        let folder = tempfile::tempdir().unwrap();
        let file = Cache::File(folder.path().join("deep/models.json"));
        assert_eq!(file.keyed("one").read(), None);
        file.keyed("one").write(&lists());
        assert_eq!(file.keyed("one").read(), Some(lists()));
        assert_eq!(file.keyed("other").read(), None);
        let shared = Cache::Folder(folder.path().to_owned());
        shared.keyed("one").write(&lists());
        assert_eq!(shared.keyed("one").read(), Some(lists()));
        assert_eq!(shared.keyed("other").read(), None);
    }

    #[test]
    #[cfg(unix)]
    fn the_file_is_its_owners_alone_and_a_broken_one_is_none() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models.json");
        fs::write(&path, "{").unwrap();
        let file = Cache::File(path.clone()).keyed("one");
        assert_eq!(file.read(), None);
        file.write(&lists());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
