//! `/export`: the conversation as a file.

use serde_json::Value;

use super::command::names;
use super::talking::{Talking, note};
use crate::exit::{Exit, Failure};
use crate::print::{print_said, write_new};
use crate::sessions::transcript::Transcript;

/// Writes the conversation as it is now; without a path it is shown.
pub fn export(talking: &Talking, rest: &str) -> anyhow::Result<()> {
    let names = names(rest)?;
    if names.len() > 1 {
        return Err(Failure::new(Exit::Usage, "One file is written.")
            .mend("Put a name with a space between quotes.")
            .into());
    }
    let path = names.first().map(String::as_str).unwrap_or_default();
    let name = talking.recorder.session().unwrap_or("chat");
    let messages = &talking.talk.messages;
    let transcript = Transcript::of_messages(name, messages);
    let text = match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("json") => format!("{:#}\n", Value::Array(messages.clone())),
        Some("html") => transcript.html(),
        Some(_) | None => transcript.markdown(),
    };
    if path.is_empty() {
        return print_said(&text);
    }
    write_new(path.as_ref(), &text, "Choose a new name.")?;
    note(&format!("Written to {path}."));
    Ok(())
}
