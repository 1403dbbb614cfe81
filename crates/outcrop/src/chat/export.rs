//! `/export`: the conversation as a file.

use serde_json::Value;

use super::talking::{Talking, note};
use crate::exit::{Exit, Failure};
use crate::sessions::transcript::Transcript;

/// Writes the conversation as it is now; without a path it is shown.
pub fn export(talking: &Talking, path: &str) -> anyhow::Result<()> {
    let name = talking.recorder.session().unwrap_or("chat");
    let messages = &talking.talk.messages;
    let transcript = Transcript::of_messages(name, messages);
    let text = match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("json") => format!("{:#}\n", Value::Array(messages.clone())),
        Some("html") => transcript.html(),
        Some(_) | None => transcript.markdown(),
    };
    if path.is_empty() {
        return crate::print::print_said(&text);
    }
    let made = std::fs::File::options().write(true).create_new(true).open(path);
    let written = made.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
    written.map_err(|error| {
        let failure = Failure::new(Exit::OutputWrite, format!("Cannot write {path}: {error}."));
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => failure.mend("Choose a new name."),
            _ => failure,
        }
    })?;
    note(&format!("Written to {path}."));
    Ok(())
}
