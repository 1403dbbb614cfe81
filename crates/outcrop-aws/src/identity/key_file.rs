//! A Bedrock API key in a file, as secret stores mount it.

use std::path::{Path, PathBuf};

use crate::credentials::Credentials;
use crate::identity::keeper::{Fetch, Fetched, Fetching, Miss};
use crate::identity::secret_file;

const NAME: &str = "API key file";

#[derive(Debug)]
pub(super) struct KeyFile {
    path: PathBuf,
}

// === impl KeyFile ===

impl KeyFile {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    fn read(&self) -> Result<Fetched, String> {
        let text = secret_file(&self.path)?;
        let credentials = Credentials::bearer(&text).map_err(|_unusable| {
            let line =
                text.lines().position(|line| !line.trim().is_empty()).unwrap_or_default() + 1;
            format!(
                "{}, line {line}: not a Bedrock API key, which is one word on one line",
                self.path.display()
            )
        })?;
        Ok(Fetched { credentials, expires_at: None })
    }
}

impl Fetch for KeyFile {
    fn fetch(&self) -> Fetching<'_> {
        Box::pin(async { self.read().map_err(|reason| Miss::Failed { source: NAME, reason }) })
    }
}
