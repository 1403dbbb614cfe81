//! Blocks in the wrong place or without content.

use super::{Asked, Placed, Verdict};

pub(super) fn check(asked: &Asked<'_>) -> Verdict {
    for placed in asked.blocks() {
        blank(&placed)?;
        place(&placed)?;
    }
    Ok(())
}

fn blank(placed: &Placed<'_>) -> Verdict {
    match placed.get("text").and_then(|text| text.as_str()) {
        Some(text) if text.trim().is_empty() => Err(format!(
            "The text field in the ContentBlock object at {} is blank. Add text to the text field, and try again.",
            placed.path()
        )),
        _ => Ok(()),
    }
}

fn place(placed: &Placed<'_>) -> Verdict {
    if placed.role != "assistant" && placed.get("toolUse").is_some() {
        return Err(
            "User messages cannot contain tool uses. Please remove the tool uses and try again."
                .into(),
        );
    }
    if placed.role == "user" {
        return match placed.get("reasoningContent") {
            Some(_) => Err("User messages cannot contain reasoning content. Please remove the reasoning content and try again.".into()),
            None => Ok(()),
        };
    }
    if placed.get("toolResult").is_some() {
        return Err("Assistant messages cannot contain tool results. Please remove the tool results and try again.".into());
    }
    let misplaced =
        ["image", "document", "video", "audio"].into_iter().find(|kind| placed.get(kind).is_some());
    match misplaced {
        None => Ok(()),
        Some(kind) => Err(format!(
            "The {kind} block at {} is not in a user message. Only user messages can contain {kind} blocks.",
            placed.path()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{HAIKU, refused};
    use serde_json::{Value, json};

    fn assistant(block: Value) -> Value {
        json!({"messages": [
            {"role": "user", "content": [{"text": "hi"}]},
            {"role": "assistant", "content": [block]},
        ]})
    }

    #[test]
    fn blocks_stand_where_they_belong() {
        let user = |block: Value| json!({"messages": [{"role": "user", "content": [block]}]});
        refused(HAIKU, &user(json!({"text": "\n"})), "messages.0.content.0 is blank");
        let call = json!({"toolUse": {"toolUseId": "a", "name": "n", "input": {}}});
        refused(HAIKU, &user(call), "User messages cannot contain tool uses");
        let result = json!({"toolResult": {"toolUseId": "a", "content": []}});
        refused(HAIKU, &assistant(result), "Assistant messages cannot contain tool results");
        let image = json!({"image": {"format": "png", "source": {"bytes": "AAAA"}}});
        refused(HAIKU, &assistant(image), "Only user messages can contain image blocks");
    }
}
