//! Which lines are one text.
//!
//! A line that ends in `\` goes on in the next; lines between two of `:::` are one text as they are.

/// Begins and ends a block.
const BLOCK: &str = ":::";

/// Whether a text is complete, or its next line is still to come.
pub fn is_complete(text: &str) -> bool {
    match text.trim_start().strip_prefix(BLOCK) {
        Some(rest) => rest.trim_end().ends_with(BLOCK),
        None => !ends_in_backslash(text),
    }
}

/// The text that is meant.
pub fn meant(text: &str) -> String {
    if let Some(rest) = text.trim_start().strip_prefix(BLOCK) {
        let rest = rest.trim_end();
        return rest.strip_suffix(BLOCK).unwrap_or(rest).trim_matches('\n').to_owned();
    }
    let mut said = String::new();
    for line in text.split_inclusive('\n') {
        let bare = line.strip_suffix('\n').unwrap_or(line);
        match ends_in_backslash(bare) {
            true => {
                said.push_str(&bare[..bare.len() - 1]);
                said.push_str(&line[bare.len()..]);
            }
            false => said.push_str(line),
        }
    }
    said
}

/// An even number of them is themselves.
fn ends_in_backslash(line: &str) -> bool {
    line.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_texts() {
        for (text, complete, said) in [
            ("one", true, "one"),
            ("one\\", false, "one"),
            ("one\\\ntwo", true, "one\ntwo"),
            ("C:\\\\", true, "C:\\\\"),
            (":::", false, ""),
            ("::: one", false, " one"),
            (":::\none\\\n\ntwo\n:::", true, "one\\\n\ntwo"),
            ("one\ntwo", true, "one\ntwo"),
        ] {
            assert_eq!((is_complete(text), &*meant(text)), (complete, said), "{text:?}");
        }
    }
}
