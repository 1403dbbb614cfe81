//! What Tab offers: commands, models, files.

use std::path::Path;

use outcrop_model::{Catalog, alias};
use reedline::{Completer, CompletionResult, Span, Suggestion};

use super::command::COMMANDS;

/// Words that can be completed.
pub struct Words {
    models: Vec<String>,
}

impl Words {
    pub fn new() -> Self {
        let listed = Catalog::built_in().listed().iter();
        let mut models: Vec<String> = listed
            .flat_map(|model| {
                [Some(model.id.clone()), alias::name_of(&model.id).map(str::to_owned)]
            })
            .flatten()
            .collect();
        models.sort();
        models.dedup();
        Self { models }
    }

    /// What the last word of `line` may become.
    fn candidates(&self, line: &str) -> Vec<String> {
        if !line.starts_with('/') {
            return Vec::new();
        }
        let (command, word) = match line.split_once(' ') {
            None => {
                let names = COMMANDS.iter().map(|(name, ..)| (*name).to_owned());
                return names.filter(|name| name.starts_with(line)).collect();
            }
            Some((command, rest)) => (command, rest.rsplit(' ').next().unwrap_or_default()),
        };
        match command {
            "/model" => self.models.iter().filter(|name| name.contains(word)).cloned().collect(),
            "/file" | "/export" => files(word),
            _ => Vec::new(),
        }
    }
}

/// Paths that begin with `word`; folders end in a slash.
fn files(word: &str) -> Vec<String> {
    let (folder, begin) =
        word.rsplit_once('/').map_or(("", word), |(folder, begin)| (folder, begin));
    let place = match (folder, word.starts_with('/')) {
        ("", true) => Path::new("/"),
        ("", false) => Path::new("."),
        (folder, _) => Path::new(folder),
    };
    let mut found: Vec<String> = Vec::new();
    // A folder that cannot be read offers nothing.
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_hidden = name.starts_with('.') && !begin.starts_with('.');
        if name.starts_with(begin) && !is_hidden {
            let slash = if entry.path().is_dir() { "/" } else { "" };
            found.push(format!("{}{name}{slash}", &word[..word.len() - begin.len()]));
        }
    }
    found.sort();
    found
}

impl Completer for Words {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        let line = &line[..position];
        let begin = line.rfind(' ').map_or(0, |space| space + 1);
        let suggestion = |value: String| Suggestion {
            append_whitespace: !value.ends_with('/'),
            span: Span::new(begin, position),
            value,
            ..Suggestion::default()
        };
        let found: Vec<_> = self.candidates(line).into_iter().map(suggestion).collect();
        CompletionResult::fresh(found)
    }
}
