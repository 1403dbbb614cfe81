//! Secrets that the gateway itself needs, from behind their references.

use outcrop_config::Secret;

/// The text behind a reference, without white space around it.
///
/// # Errors
/// Says which reference leads nowhere, or to nothing.
pub fn reveal(secret: &Secret) -> Result<String, String> {
    let text = match secret {
        Secret::Env(name) => std::env::var(name).map_err(|_| format!("{name} is not set"))?,
        Secret::File(path) => {
            let read = std::fs::read_to_string(path);
            read.map_err(|error| format!("cannot read {}: {error}", path.display()))?
        }
        Secret::Inline(text) => text.reveal().to_owned(),
    };
    let text = text.trim();
    if !text.is_empty() {
        return Ok(text.to_owned());
    }
    Err(match secret {
        Secret::File(path) => format!("{} is empty", path.display()),
        Secret::Env(_) | Secret::Inline(_) => "it is empty".to_owned(),
    })
}
