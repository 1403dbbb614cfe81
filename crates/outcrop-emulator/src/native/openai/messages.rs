//! Chat messages as OpenAI and Mistral models read them.
//!
//! Every tool call is answered by a `tool` message right after it, and every `tool` message answers one.

use serde_json::{Map, Value};

use crate::native::media::from_data_url;
use crate::native::reader::{Node, Parsed};
use crate::words::{Part, Prompt, Role, Turn};

const ROLES: [&str; 5] = ["assistant", "developer", "system", "tool", "user"];

/// System messages at the head become the prompt's system texts; later ones stay in their place.
pub(crate) fn read(list: &Node<'_>) -> Parsed<Prompt> {
    let items = list.items()?;
    if items.is_empty() {
        return Err(list.fail("expected minimum item count: 1, found: 0"));
    }
    let mut prompt = Prompt::default();
    let mut open = OpenCalls::default();
    for item in items {
        let role = item.need("role")?.choice(&ROLES)?;
        if role == "tool" {
            open.answer(&item)?;
        } else {
            open.check_closed(&item)?;
        }
        let turn = message(&item, role)?;
        open.extend(&turn);
        match turn.role {
            Role::System if prompt.turns.is_empty() => prompt.system.extend(texts_of(turn.parts)),
            Role::System | Role::User | Role::Assistant => prompt.turns.push(turn),
        }
    }
    open.check_closed(list)?;
    Ok(prompt)
}

fn texts_of(parts: Vec<Part>) -> impl Iterator<Item = String> {
    parts.into_iter().filter_map(|part| match part {
        Part::Text(text) => Some(text),
        _ => None,
    })
}

fn message(item: &Node<'_>, role: &str) -> Parsed<Turn> {
    let content = item.get("content").map(|content| parts(&content)).transpose()?;
    let calls = item.get("tool_calls").map(|calls| tool_calls(&calls)).transpose()?;
    if content.is_none() && calls.is_none() {
        return Err(item.fail("required key [content] not found"));
    }
    let mut parts = content.unwrap_or_default();
    parts.extend(calls.unwrap_or_default());
    Ok(match role {
        "assistant" => Turn { role: Role::Assistant, parts },
        "system" | "developer" => Turn { role: Role::System, parts },
        "tool" => {
            let id = item.need("tool_call_id")?.text()?.to_owned();
            let result = Part::ToolResult { id, parts, is_error: false };
            Turn { role: Role::User, parts: vec![result] }
        }
        _ => Turn { role: Role::User, parts },
    })
}

fn parts(content: &Node<'_>) -> Parsed<Vec<Part>> {
    if let Some(text) = content.value().as_str() {
        return Ok(vec![Part::Text(text.to_owned())]);
    }
    content.items()?.iter().map(part).collect()
}

fn part(item: &Node<'_>) -> Parsed<Part> {
    let kind = item.need("type")?;
    match kind.text()? {
        "text" => Ok(Part::Text(item.need("text")?.text()?.to_owned())),
        "image_url" => image_url(&item.need("image_url")?),
        "refusal" => Ok(Part::Text(item.need("refusal")?.text()?.to_owned())),
        other @ ("file" | "input_audio") => Ok(Part::Other(other.to_owned())),
        other => Err(kind.fail(&format!("{other} is not a valid enum value"))),
    }
}

/// OpenAI wraps the URL in an object, Mistral also takes it bare.
fn image_url(image: &Node<'_>) -> Parsed<Part> {
    if image.value().is_string() {
        return from_data_url("image", image);
    }
    from_data_url("image", &image.need("url")?)
}

fn tool_calls(list: &Node<'_>) -> Parsed<Vec<Part>> {
    list.items()?.iter().map(tool_call).collect()
}

fn tool_call(item: &Node<'_>) -> Parsed<Part> {
    let function = item.need("function")?;
    let arguments = function.need("arguments")?;
    let input: Map<String, Value> = serde_json::from_str(arguments.text()?)
        .map_err(|_| arguments.fail("is not the JSON text of an object"))?;
    Ok(Part::ToolUse {
        id: item.need("id")?.text()?.to_owned(),
        name: function.need("name")?.text()?.to_owned(),
        input: Value::Object(input),
    })
}

/// Tool calls that wait for their results.
#[derive(Default)]
struct OpenCalls {
    ids: Vec<String>,
}

// === impl OpenCalls ===

impl OpenCalls {
    fn extend(&mut self, turn: &Turn) {
        let id = |part: &Part| match part {
            Part::ToolUse { id, .. } => Some(id.clone()),
            _ => None,
        };
        self.ids.extend(turn.parts.iter().filter_map(id));
    }

    fn answer(&mut self, item: &Node<'_>) -> Parsed<()> {
        let id = item.need("tool_call_id")?.text()?;
        match self.ids.iter().position(|open| open == id) {
            Some(position) => {
                self.ids.remove(position);
                Ok(())
            }
            None => Err(item.fail(
                "messages with role 'tool' must be a response to a preceding message with 'tool_calls'",
            )),
        }
    }

    fn check_closed(&self, place: &Node<'_>) -> Parsed<()> {
        if self.ids.is_empty() {
            return Ok(());
        }
        Err(place.fail(&format!(
            "an assistant message with 'tool_calls' must be followed by tool messages responding to each \
             'tool_call_id'. The following tool_call_ids did not have response messages: {}",
            self.ids.join(", ")
        )))
    }
}
