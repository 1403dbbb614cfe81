//! `.env` of mcp-cli's files, which the command line reads and a gateway does not: what it lacks for that is told.

use std::path::{Path, PathBuf};

use super::{File, Reading};
use crate::document::Node;
use crate::origin::Diagnostic;
use crate::variables::{Lookup, only_variable};

/// Folders of files that have their `.env` two above.
const FOLDERS: [&str; 2] = ["config/providers", "config/embeddings"];

/// Says which variables of the provider are set nowhere but there.
pub(super) fn tell(file: &File<'_>, reading: &mut Reading<'_>) {
    let lookup = reading.lookup();
    let members = file.config.members().iter();
    let unset: Vec<(&str, &Node)> =
        members.filter_map(|one| Some((unset(&one.value, lookup)?, &one.value))).collect();
    if unset.is_empty() {
        return;
    }
    let source = file.config.origin().source;
    let place = place(&source);
    let Some(text) = place.as_deref().and_then(|place| lookup.file(place).ok()) else { return };
    let there: Vec<_> = unset.iter().filter(|(name, _)| sets(&text, name)).collect();
    let (Some(place), Some((_, first))) = (place, there.first()) else { return };
    let names: Vec<&str> = there.iter().map(|(name, _)| *name).collect();
    let place = place.display();
    let what =
        format!("{place} is read by the command line only: not set here: {}", names.join(", "));
    let hint = "set them in the environment of the gateway";
    reading.say(Diagnostic::warning(first.origin(), what).hint(hint));
}

/// The variable that is all of the text and is not set.
fn unset<'n>(node: &'n Node, lookup: &dyn Lookup) -> Option<&'n str> {
    let name = node.raw().and_then(only_variable)?;
    lookup.variable(name).is_none_or(|value| value.trim().is_empty()).then_some(name)
}

/// Where the command line has it: beside `config.yaml`, which is above `config` for a file of its folders.
fn place(source: &str) -> Option<PathBuf> {
    let mut folders = Path::new(source).ancestors().skip(1);
    let is_deep =
        folders.clone().next().is_some_and(|own| FOLDERS.iter().any(|name| own.ends_with(name)));
    let above = if is_deep { 2 } else { 0 };
    folders.nth(above).map(|folder| folder.join(".env"))
}

/// Whether a line of a `.env` gives the variable a value.
fn sets(text: &str, name: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    lines.any(|line| {
        let line = line.strip_prefix("export ").unwrap_or(line);
        let value = line.split_once('=').filter(|(key, _)| key.trim() == name);
        value.is_some_and(|(_, value)| !value.trim().trim_matches(['"', '\'']).is_empty())
    })
}
