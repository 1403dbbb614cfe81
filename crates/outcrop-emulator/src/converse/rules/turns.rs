//! Who speaks when: first, in turns, last.

use serde_json::Value;

use super::{Asked, Verdict, from_model};
use crate::converse::read::list;

pub(super) fn check(asked: &Asked<'_>) -> Verdict {
    let messages = asked.messages();
    let Some(first) = messages.first() else {
        return Err("A conversation must have at least one message. Try again with a conversation that starts with a user message.".into());
    };
    system_turns(asked)?;
    if first["role"] != "user" {
        return Err("A conversation must start with a user message. Try again with a conversation that starts with a user message.".into());
    }
    if !asked.model.merge_same_role {
        alternation(messages)?;
    }
    not_empty(messages)?;
    ending(asked)
}

/// Turns of role `system` only where the model takes them, each after a user turn.
fn system_turns(asked: &Asked<'_>) -> Verdict {
    for (at, message) in asked.messages().iter().enumerate() {
        if message["role"] != "system" {
            continue;
        }
        if !asked.model.system_turns {
            return Err("role 'system' is not supported on this model".into());
        }
        let before = at.checked_sub(1).map(|before| &asked.messages()[before]["role"]);
        if before.is_none_or(|role| role != "user") {
            return Err(from_model(&format!(
                "messages.{at}: a system message must directly follow a user message"
            )));
        }
    }
    Ok(())
}

fn alternation(messages: &[Value]) -> Verdict {
    let spoken: Vec<&Value> =
        messages.iter().map(|message| &message["role"]).filter(|role| *role != "system").collect();
    if spoken.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err("A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.".into());
    }
    Ok(())
}

fn not_empty(messages: &[Value]) -> Verdict {
    match messages.iter().position(|message| list(&message["content"]).is_empty()) {
        None => Ok(()),
        Some(at) => Err(format!(
            "The content field in the Message object at messages.{at} is empty. Add a ContentBlock object to the content field and try again."
        )),
    }
}

/// A conversation that ends with the assistant asks the model to go on from there.
fn ending(asked: &Asked<'_>) -> Verdict {
    let Some(last) = asked.messages().last().filter(|last| last["role"] == "assistant") else {
        return Ok(());
    };
    if !asked.model.prefill {
        return Err(from_model(
            "This model does not support assistant message prefill. The conversation must end with a user message.",
        ));
    }
    let text = list(&last["content"]).last().and_then(|block| block["text"].as_str());
    if asked.is_claude() && text.is_some_and(|text| text.ends_with(char::is_whitespace)) {
        return Err(from_model(
            "messages: final assistant content cannot end with trailing whitespace",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{HAIKU, NOVA, OPUS, accepted, refused};
    use serde_json::{Value, json};

    fn turns(roles: &[(&str, &str)]) -> Value {
        let turn = |(role, text): &(&str, &str)| json!({"role": role, "content": [{"text": text}]});
        json!({"messages": roles.iter().map(turn).collect::<Vec<_>>()})
    }

    #[test]
    fn the_user_begins_and_roles_alternate() {
        refused(HAIKU, &json!({}), "at least one message");
        refused(HAIKU, &turns(&[("assistant", "a")]), "must start with a user message");
        let same = turns(&[("user", "a"), ("user", "b")]);
        refused(HAIKU, &same, "must alternate");
        accepted(OPUS, &same);
        let empty = json!({"messages": [{"role": "user", "content": []}]});
        refused(HAIKU, &empty, "messages.0 is empty");
    }

    #[test]
    fn system_turns_follow_a_user_turn_where_allowed() {
        let good = turns(&[("user", "a"), ("system", "b")]);
        refused(HAIKU, &good, "role 'system' is not supported on this model");
        accepted(OPUS, &good);
        refused(OPUS, &turns(&[("system", "b"), ("user", "a")]), "must directly follow");
    }

    #[test]
    fn prefill_is_for_models_that_take_it() {
        let prefill = turns(&[("user", "a"), ("assistant", "so")]);
        accepted(HAIKU, &prefill);
        refused(OPUS, &prefill, "does not support assistant message prefill");
        let space = turns(&[("user", "a"), ("assistant", "so ")]);
        refused(HAIKU, &space, "trailing whitespace");
        accepted(NOVA, &space);
    }
}
