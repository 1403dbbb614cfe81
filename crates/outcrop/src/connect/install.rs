//! A client's file changed, and changed back.
//!
//! What was done is remembered: what the file had, and what was put into it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::merge::Format;
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::init::files::{free_name, put};
use crate::print::{print_text, tell};

/// What was done to a client's file.
#[derive(Debug, Serialize, Deserialize)]
struct Deed {
    file: PathBuf,
    /// `None` where there was no file.
    before: Option<String>,
    merged: String,
    after: String,
}

pub fn install(client: &str, file: &Path, merge: &str) -> anyhow::Result<()> {
    let now = read(file)?;
    // Of a second time the first state is remembered.
    let former = remembered(client)?.filter(|deed| deed.file == file);
    let format = Format::of(&file.display().to_string());
    let text = now.clone().unwrap_or_default();
    let (base, before) = match former {
        Some(deed) => {
            let without = taken(&deed, &text, format).map_err(|why| by_hand(client, file, &why))?;
            (without.unwrap_or_default(), deed.before)
        }
        None => (text, now.clone()),
    };
    let after = format.put(&base, merge).map_err(|why| by_hand(client, file, &why))?;
    if now.as_deref() == Some(after.as_str()) {
        return print_text(&format!("unchanged  {}\n", file.display()));
    }
    let mut said = format!("written    {}\n", file.display());
    if let Some(now) = &now {
        let copy = free_name(file);
        write(&copy, now, true)?;
        said = format!("changed    {} (before: {})\n", file.display(), copy.display());
        let diff = similar::TextDiff::from_lines(now, &after);
        let name = file.display().to_string();
        // A client's settings may hold keys; what is ours does not.
        tell(&diff.unified_diff().context_radius(0).header(&name, &name).to_string());
    }
    let deed =
        Deed { file: file.to_owned(), before, merged: merge.to_owned(), after: after.clone() };
    write(&memory(client)?, &serde_json::to_string(&deed)?, true)?;
    write(file, &after, false)?;
    print_text(&said)
}

/// A file beside the client's own that is ours alone. Another of its name is kept.
pub fn place(client: &str, file: &Path, text: &str) -> anyhow::Result<()> {
    let part = part(client);
    let now = read(file)?;
    let former = remembered(&part)?.filter(|deed| deed.file == file);
    let is_own = former.as_ref().is_some_and(|deed| now.as_ref() == Some(&deed.after));
    let mut said = format!("written    {}\n", file.display());
    if let Some(now) = now.as_ref().filter(|now| *now != text && !is_own) {
        let copy = free_name(file);
        write(&copy, now, true)?;
        said = format!("changed    {} (before: {})\n", file.display(), copy.display());
    }
    let before = former.map_or(now, |deed| deed.before);
    // Of one that was changed since, nothing is taken away.
    let merged = "{}".to_owned();
    let deed = Deed { file: file.to_owned(), before, merged, after: text.to_owned() };
    write(&memory(&part)?, &serde_json::to_string(&deed)?, true)?;
    write(file, text, false)?;
    print_text(&said)
}

/// What a client's second file is remembered as.
fn part(client: &str) -> String {
    format!("{client}.models")
}

pub fn uninstall(client: &str) -> anyhow::Result<()> {
    take_back(client)?;
    match remembered(&part(client))? {
        Some(_) => take_back(&part(client)),
        None => Ok(()),
    }
}

fn take_back(client: &str) -> anyhow::Result<()> {
    let Some(deed) = remembered(client)? else {
        let what = format!("Nothing was set for {client} by `outcrop connect --write`.");
        return Err(Failure::new(Exit::Other, what).into());
    };
    let file = &deed.file;
    let said = match read(file)? {
        None => format!("{} is gone already\n", file.display()),
        Some(now) => {
            let format = Format::of(&file.display().to_string());
            match taken(&deed, &now, format).map_err(|why| by_hand(client, file, &why))? {
                None => {
                    fs::remove_file(file).map_err(|error| failed(file, &error))?;
                    format!("removed    {}\n", file.display())
                }
                Some(text) => {
                    write(file, &text, false)?;
                    format!("restored   {}\n", file.display())
                }
            }
        }
    };
    let memory = memory(client)?;
    fs::remove_file(&memory).map_err(|error| failed(&memory, &error))?;
    print_text(&said)
}

/// The file without what was put into it; `None` where nothing is left of it.
fn taken(deed: &Deed, now: &str, format: Format) -> Result<Option<String>, String> {
    if now == deed.after {
        return Ok(deed.before.clone());
    }
    let before = deed.before.as_deref().unwrap_or_default();
    format.take(now, &deed.merged, before).map(Some)
}

fn by_hand(client: &str, file: &Path, why: &str) -> Failure {
    let what = format!("Cannot change {}: {why}.", file.display());
    let mend = format!("`outcrop connect {client}` shows what to write there.");
    Failure::new(Exit::OutputWrite, what).mend(mend)
}

fn memory(client: &str) -> anyhow::Result<PathBuf> {
    Ok(Home::find()?.data.join("connect").join(format!("{client}.json")))
}

fn remembered(client: &str) -> anyhow::Result<Option<Deed>> {
    match read(&memory(client)?)? {
        Some(text) => Ok(Some(serde_json::from_str(&text)?)),
        None => Ok(None),
    }
}

fn read(file: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(file, &error).into()),
    }
}

fn write(file: &Path, text: &str, is_secret: bool) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(|error| failed(file, &error))?;
    }
    put(file, text, is_secret).map_err(|error| failed(file, &error).into())
}

fn failed(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::OutputWrite, format!("{}: {error}.", file.display()))
}
