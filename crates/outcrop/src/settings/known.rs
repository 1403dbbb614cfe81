//! Whose account a folder brings: told once for each folder, and again when its files have changed.
//!
//! Whoever runs a command in a folder of somebody else's may ask with somebody else's account, which then sees
//! what is asked. It goes on, as jobs in folders of one's own must.

use std::io::Write;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use outcrop_config::{IdentitySource, Secret};

use super::dotenv::{says_who, set};
use super::tree::Part;
use super::{Place, Settings};
use crate::history::keep_private;
use crate::home::Home;

/// In the user's data folder: a line for each state of a folder.
const FILE: &str = "known-folders";
/// Variables of `.env` that say who is calling.
const WHO: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_BEARER_TOKEN_BEDROCK"];

/// Tells of the account that the files of the working folder bring, if they do and it was not told before.
pub fn tell_account() {
    let Some(settings) = Settings::current().filter(|settings| settings.place == Place::Here)
    else {
        return;
    };
    let Some(file) = settings.account_file() else { return };
    let line = settings.state();
    match note_down(&line) {
        Ok(true) => {}
        // Where nothing can be kept it is told each time.
        Ok(false) | Err(_) => note!(
            "note: the AWS account is that of {}, which gets what is asked; this is told once for each folder",
            file.display()
        ),
    }
}

/// Whether the line was there already; it is now.
fn note_down(line: &str) -> anyhow::Result<bool> {
    let path = Home::find()?.data.join(FILE);
    keep_private(&path)?;
    if std::fs::read_to_string(&path)?.lines().any(|known| known == line) {
        return Ok(true);
    }
    let mut file = std::fs::File::options().append(true).open(&path)?;
    file.write_all(format!("{line}\n").as_bytes())?;
    Ok(false)
}

// === impl Settings ===

impl Settings {
    /// The file that says who is calling, if it is not the environment, nor one of the user's profiles.
    fn account_file(&self) -> Option<PathBuf> {
        let is_ours = !says_who();
        let file = self.folder().join(".env");
        if is_ours && WHO.iter().any(|name| self.is_of_file(name)) {
            return Some(file);
        }
        let mut backends = self.config.backends.values();
        let backend = backends.find(|backend| {
            let identity = &backend.identity;
            !identity.roles.is_empty() || (is_ours && self.brings(&identity.source))
        })?;
        Some(match backend.origin.source.as_str() {
            "" => self.file.clone(),
            source => PathBuf::from(source),
        })
    }

    fn brings(&self, source: &IdentitySource) -> bool {
        match source {
            IdentitySource::Chain | IdentitySource::Profile(_) => false,
            IdentitySource::Keys { access_key_id: secret, .. } | IdentitySource::ApiKey(secret) => {
                match secret {
                    Secret::Env(name) => self.is_of_file(name),
                    Secret::File(_) | Secret::Inline(_) => true,
                }
            }
            IdentitySource::CredentialsFile { .. }
            | IdentitySource::WebIdentity { .. }
            | IdentitySource::Oidc(_) => true,
        }
    }

    /// Whether the variable is `.env`'s alone.
    fn is_of_file(&self, name: &str) -> bool {
        set(name).is_none() && self.variables.get(name).is_some()
    }

    /// The folder and what its files say, as a line that tells nothing of either.
    fn state(&self) -> String {
        let mut context = Context::new(&SHA256);
        let folder = self.folder();
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        context.update(folder.as_os_str().as_encoded_bytes());
        let parts = [Part::Providers, Part::Embeddings];
        let files = parts.into_iter().flat_map(|part| self.tree.files(part));
        let files = files.map(|file| file.path.clone()).chain([folder.join(".env")]);
        for file in files {
            // What cannot be read now could not be read before.
            let bytes = std::fs::read(file).unwrap_or_default();
            context.update(&bytes.len().to_le_bytes());
            context.update(&bytes);
        }
        context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn folder(&self) -> &Path {
        self.file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }
}
