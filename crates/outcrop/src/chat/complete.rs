//! What Tab offers: commands, models, files.

use std::path::Path;

use reedline::{Completer, CompletionResult, Span, Suggestion};

use super::command::COMMANDS;
use crate::engine::names;

/// Words that can be completed.
pub struct Words {
    models: Vec<&'static str>,
}

impl Words {
    pub fn new() -> Self {
        Self { models: names() }
    }

    /// What may stand from a place in `line` on.
    fn candidates(&self, line: &str) -> (usize, Vec<String>) {
        if !line.starts_with('/') {
            return (line.len(), Vec::new());
        }
        let Some((command, _)) = line.split_once(' ') else {
            let names = COMMANDS.iter().map(|(name, ..)| (*name).to_owned());
            return (0, names.filter(|name| name.starts_with(line)).collect());
        };
        let (begin, word) = last_word(line);
        let found = match command {
            "/model" => {
                let fit = self.models.iter().filter(|name| name.contains(&word));
                fit.map(|name| (*name).to_owned()).collect()
            }
            "/file" | "/export" => files(&word).iter().map(|path| escaped(path)).collect(),
            _ => Vec::new(),
        };
        (begin, found)
    }
}

/// Where the last word of `line` begins, and what a shell would read there.
fn last_word(line: &str) -> (usize, String) {
    let (mut begin, mut word) = (0, String::new());
    let mut quote = None;
    let mut signs = line.char_indices();
    while let Some((at, sign)) = signs.next() {
        match (sign, quote) {
            ('\\', None | Some('"')) => word.extend(signs.next().map(|(_, next)| next)),
            ('"' | '\'', None) => quote = Some(sign),
            (sign, Some(open)) if sign == open => quote = None,
            (' ', None) => {
                begin = at + 1;
                word.clear();
            }
            (sign, None | Some(_)) => word.push(sign),
        }
    }
    (begin, word)
}

/// The path as a shell reads it, open at its end so that it can go on.
fn escaped(path: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:,@%=~".contains(c);
    let escape = |c: char| if is_plain(c) { c.to_string() } else { format!("\\{c}") };
    path.chars().map(escape).collect()
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
        let (begin, found) = self.candidates(line);
        let suggestion = |value: String| Suggestion {
            append_whitespace: !value.ends_with('/'),
            span: Span::new(begin, position),
            value,
            ..Suggestion::default()
        };
        CompletionResult::fresh(found.into_iter().map(suggestion).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_spaces_are_completed() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("my notes");
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(inner.join("it's (1).txt"), "").unwrap();
        let root = folder.path().display().to_string();
        let words = Words::new();
        let offered = |typed: &str| {
            let line = format!("/file a.txt {root}/{typed}");
            let (begin, found) = words.candidates(&line);
            assert_eq!(begin, "/file a.txt ".len(), "{line}");
            found.concat()
        };
        assert_eq!(offered("my"), format!("{root}/my\\ notes/"));
        let whole = format!("{root}/my\\ notes/it\\'s\\ \\(1\\).txt");
        for typed in ["my\\ notes/", "my\\ notes/it\\'s\\ ", "my' notes'/", "\"my notes/it's"] {
            assert_eq!(offered(typed), whole, "{typed}");
        }
        assert_eq!(shlex::split(&whole), Some(vec![format!("{root}/my notes/it's (1).txt")]));
        assert_eq!(words.candidates("/mod"), (0, vec!["/model".to_owned()]));
        assert!(words.candidates("/model haiku-4").1.iter().any(|name| name == "claude-haiku-4-5"));
        assert!(words.candidates("a question").1.is_empty());
    }
}
