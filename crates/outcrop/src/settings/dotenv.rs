//! `.env`: variables that the environment does not set.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use outcrop_config::{Diagnostic, Lookup, Origin};

use super::find::Place;
use crate::exit::{Exit, Failure};

/// Variables that say who is calling. Of these either all are the environment's or all are `.env`'s: a key
/// of the one and a session token of the other fit nowhere.
const ACCOUNT: [&str; 5] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_PROFILE",
];
/// Variables that can be taken from a file that the user need not know.
const HARMLESS: [&str; 4] = ["AWS_REGION", "AWS_DEFAULT_REGION", "OUTCROP_MODEL", "OUTCROP_PRICES"];

/// The environment, and behind it the file.
#[derive(Clone, Default)]
pub struct DotEnv {
    variables: Arc<BTreeMap<String, String>>,
    /// Whose files ask.
    place: Option<Place>,
}

// === impl DotEnv ===

impl DotEnv {
    /// Of `file`, if it is there.
    ///
    /// # Errors
    /// When it cannot be read or understood. No line of it is told: it holds secrets.
    pub fn read(file: &Path, place: Place, notes: &mut Vec<Diagnostic>) -> anyhow::Result<Self> {
        let open = match File::open(file) {
            Ok(open) => open,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self { place: Some(place), ..Self::default() });
            }
            Err(error) => {
                let what = format!("Cannot read {}: {error}.", file.display());
                return Err(Failure::new(Exit::Other, what).into());
            }
        };
        let origin = || Origin { source: file.display().to_string(), ..Origin::default() };
        if is_open_to_others(file) {
            let what = "others can read this file, which may hold keys";
            let hint = format!("run: chmod 600 {}", file.display());
            notes.push(Diagnostic::warning(origin(), what).hint(hint));
        }
        let mut variables = BTreeMap::new();
        for line in dotenvy::from_read_iter(open) {
            let (name, value) = line.map_err(|_holds_the_line| {
                let what = format!("A line of {} is not NAME=value.", file.display());
                let mend = "Put values with spaces or special characters into single quotes.";
                Failure::new(Exit::Other, what).mend(mend)
            })?;
            if !is_taken(&name, place) {
                let what = format!("`{name}` is not taken from a file that was not named");
                notes.push(Diagnostic::warning(origin(), what).hint("name it with --config"));
            } else if !value.is_empty() {
                variables.insert(name, value);
            }
        }
        Ok(Self { variables: Arc::new(variables), place: Some(place) })
    }

    /// The variable's value, which is not empty.
    pub fn get(&self, name: &str) -> Option<String> {
        let own = || self.variables.get(name).cloned();
        match set(name) {
            Some(value) => Some(value),
            None if ACCOUNT.contains(&name) && says_who() => None,
            None => own(),
        }
    }
}

/// What `${NAME}` stands for in the files. To those of a folder that may be somebody else's the environment is
/// closed but for what names the account: what they say is sent to a model.
impl Lookup for DotEnv {
    fn variable(&self, name: &str) -> Option<String> {
        let is_open = self.place.is_none_or(Place::is_trusted)
            || ACCOUNT.contains(&name)
            || HARMLESS.contains(&name);
        match is_open {
            true => self.get(name).or_else(|| std::env::var(name).ok()),
            false => self.variables.get(name).cloned(),
        }
    }
}

/// The same for what becomes part of a question: an account's secrets are none of it.
pub struct Asked<'a>(pub &'a DotEnv);

impl Lookup for Asked<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        let is_secret = ACCOUNT.contains(&name) && !self.0.place.is_none_or(Place::is_trusted);
        if is_secret { None } else { self.0.variable(name) }
    }
}

/// Names, without what they stand for.
impl std::fmt::Debug for DotEnv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

/// Whether the environment says who is calling.
pub fn says_who() -> bool {
    ["AWS_ACCESS_KEY_ID", "AWS_BEARER_TOKEN_BEDROCK", "AWS_PROFILE"]
        .iter()
        .any(|name| set(name).is_some())
}

/// The environment's own value, which is not empty.
pub fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether `name` is taken from the `.env` of a place. Elsewhere than where the user is bound to know the file, what
/// sends requests elsewhere is not; and in a project's folder, which need not even be seen, neither is an account.
fn is_taken(name: &str, place: Place) -> bool {
    if place.is_trusted() {
        return true;
    }
    let is_systems = name.starts_with("AWS_") || name.starts_with("OUTCROP_") || {
        let name = name.to_ascii_uppercase();
        name.ends_with("_PROXY") || name.starts_with("SSL_CERT_")
    };
    let is_account = place == Place::Here && ACCOUNT.contains(&name);
    !is_systems || is_account || HARMLESS.contains(&name)
}

/// Whether group or others can read `file`.
#[cfg(unix)]
pub fn is_open_to_others(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|data| data.permissions().mode() & 0o044 != 0)
}

#[cfg(not(unix))]
pub fn is_open_to_others(_file: &Path) -> bool {
    false
}
