//! The block of code in an answer.

use crate::render::fence;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    First,
    Last,
}

/// What stands in the fence; of one that is not closed, all that follows. `None` where there is none.
pub fn code(text: &str, which: Which) -> Option<String> {
    let mut found = None;
    let mut open: Option<(char, usize, Vec<&str>)> = None;
    for line in text.lines() {
        let begins = fence(line.trim());
        match (&mut open, begins) {
            (None, None) => {}
            (None, Some((mark, length))) => open = Some((mark, length, Vec::new())),
            (Some((mark, length, lines)), begins) => {
                let ends = begins.is_some_and(|(same, long)| same == *mark && long >= *length)
                    && line.trim().chars().all(|c| c == *mark);
                match ends {
                    false => lines.push(line),
                    true => {
                        found = Some(joined(lines));
                        open = None;
                        if which == Which::First {
                            return found;
                        }
                    }
                }
            }
        }
    }
    open.map(|(_, _, lines)| joined(&lines)).or(found)
}

fn joined(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_or_the_last_block_is_found() {
        let text = "a\n```sh\none\n```\nb\n````\n```\n````\n";
        assert_eq!(code(text, Which::First).unwrap(), "one\n");
        assert_eq!(code(text, Which::Last).unwrap(), "```\n");
        assert_eq!(code("~~~\nx", Which::First).unwrap(), "x\n");
        assert_eq!(code("none", Which::Last), None);
    }
}
