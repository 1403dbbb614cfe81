//! Echo: says what it was told, what tools said, and which media it saw.

use std::collections::BTreeMap;

use super::{last_user_parts, last_user_text};
use crate::words::{AnswerPart, Part, Prompt};

/// One text part that repeats the last user turn.
pub(super) fn part(prompt: &Prompt) -> AnswerPart {
    let parts = last_user_parts(prompt);
    let mut sentences = Vec::new();
    for part in parts {
        if let Part::ToolResult { id, parts, is_error } = part {
            let verb = if *is_error { "failed" } else { "said" };
            let name = tool_name(prompt, id).unwrap_or("unknown");
            sentences.push(format!("The tool {name} {verb}: {}", plain(parts)));
        }
    }
    let text = last_user_text(prompt);
    if !text.is_empty() {
        sentences.push(format!("You said: {text}"));
    }
    let mut seen = BTreeMap::new();
    count_media(parts, &mut seen);
    sentences.extend(seen.iter().map(|(kind, formats)| sight(kind, formats)));
    if sentences.is_empty() {
        sentences.push("You said nothing.".to_owned());
    }
    AnswerPart::Text(sentences.join("\n"))
}

/// `I see 2 images (jpeg, png).`
fn sight(kind: &str, formats: &[String]) -> String {
    let plural = if formats.len() == 1 { "" } else { "s" };
    format!("I see {} {kind}{plural} ({}).", formats.len(), formats.join(", "))
}

fn count_media(parts: &[Part], seen: &mut BTreeMap<&'static str, Vec<String>>) {
    for part in parts {
        match part {
            Part::Media { kind, format, bytes, .. } => {
                let shown = format!("{format} of {bytes} bytes");
                seen.entry(kind).or_default().push(shown);
            }
            Part::ToolResult { parts, .. } => count_media(parts, seen),
            _ => {}
        }
    }
}

fn plain(parts: &[Part]) -> String {
    let texts: Vec<&str> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    texts.join(" ")
}

/// The name of the call a result answers.
fn tool_name<'a>(prompt: &'a Prompt, wanted: &str) -> Option<&'a str> {
    let parts = prompt.turns.iter().rev().flat_map(|turn| &turn.parts);
    parts
        .filter_map(|part| match part {
            Part::ToolUse { id, name, .. } if id == wanted => Some(name.as_str()),
            _ => None,
        })
        .next()
}
