//! A role's file: what it says, and how one is written.

use outcrop_config::document::{Node, parse as parse_yaml};
use serde_json::{Map, Value, json};

use super::{Role, has_input};
use crate::exit::{Exit, Failure};

/// Begins and ends the settings.
const FENCE: &str = "---";

/// Reads a role.
///
/// # Errors
/// Names the place of what is wrong.
pub fn parse(source: &str, text: &str) -> anyhow::Result<Role> {
    let (front, body) = split(source, text)?;
    let mut role = Role::default();
    if let Some(front) = front {
        let (documents, problems) = parse_yaml(source, &front);
        if let Some(problem) = problems.first() {
            return Err(wrong(&problem.origin.to_string(), &problem.what));
        }
        for document in &documents {
            read(&document.root, &mut role)?;
        }
    }
    let body = body.trim();
    match (has_input(body), &role.system, body) {
        (_, _, "") => {}
        (true, _, body) => role.template = Some(body.to_owned()),
        (false, None, body) => role.system = Some(body.to_owned()),
        (false, Some(_), _) => {
            let what = "it has a system prompt twice, in `system` and in its text";
            return Err(Failure::new(Exit::InvalidArgument, format!("{source}: {what}."))
                .mend("Write {{input}} into the text where the question goes.")
                .into());
        }
    }
    Ok(role)
}

/// Settings, with the lines before them so that places in them are those of the file; and the text.
fn split<'t>(source: &str, text: &'t str) -> anyhow::Result<(Option<String>, &'t str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().next().unwrap_or_default();
    if first.trim_end() != FENCE {
        return Ok((None, text));
    }
    let mut at = text.find('\n').map_or(text.len(), |end| end + 1);
    let begin = at;
    for line in text[begin..].split_inclusive('\n') {
        if line.trim_end() == FENCE {
            return Ok((Some(format!("\n{}", &text[begin..at])), &text[at + line.len()..]));
        }
        at += line.len();
    }
    Err(wrong(source, "its settings have no end: a line of --- is missing"))
}

fn read(root: &Node, role: &mut Role) -> anyhow::Result<()> {
    if root.is_null() {
        return Ok(());
    }
    if !root.is_map() {
        return Err(wrong(&root.origin().to_string(), "settings are lines of `name: value`"));
    }
    for entry in root.entries() {
        let (node, value) = (&entry.value, entry.value.value());
        let fits = |is: bool, what: &str| match is {
            true => Ok(()),
            false => Err(wrong(&node.origin().to_string(), what)),
        };
        let member = match entry.key.as_str() {
            "model" | "system" | "effort" => {
                fits(value.is_string(), "this is a text")?;
                match entry.key.as_str() {
                    "system" => {
                        role.system = value.as_str().map(str::to_owned);
                        continue;
                    }
                    "effort" => "reasoning_effort",
                    _ => "model",
                }
            }
            name @ ("temperature" | "top_p") => {
                fits(value.is_number(), "this is a number")?;
                name
            }
            "max_tokens" => {
                fits(value.as_u64().is_some_and(|n| n > 0), "this is a number of tokens")?;
                "max_completion_tokens"
            }
            "stop" => {
                fits(value.is_string() || value.is_array(), "this is a text, or a list of texts")?;
                "stop"
            }
            "thinking" => {
                let off = value == "off" || value == false;
                fits(off || value.is_u64(), "this is a number of tokens, or off")?;
                let thinking = match off {
                    true => json!({ "type": "disabled" }),
                    false => json!({ "type": "enabled", "budget_tokens": value }),
                };
                role.settings.insert("thinking".to_owned(), thinking);
                continue;
            }
            "options" => {
                let Value::Object(options) = value else {
                    return fits(false, "options are lines of `name: value`");
                };
                role.settings.extend(options);
                continue;
            }
            "params" => {
                let Value::Object(params) = value else {
                    return fits(false, "params are lines of `name: value`");
                };
                for (name, value) in params {
                    let text = match value {
                        Value::String(text) => text,
                        value @ (Value::Number(_) | Value::Bool(_)) => value.to_string(),
                        Value::Null | Value::Array(_) | Value::Object(_) => {
                            return fits(false, "a param is a text");
                        }
                    };
                    role.params.insert(name, text);
                }
                continue;
            }
            // What it is for: for people alone.
            "description" => continue,
            name => {
                note!("warning: {}: `{name}` means nothing here", node.origin());
                continue;
            }
        };
        role.settings.insert(member.to_owned(), value);
    }
    Ok(())
}

fn wrong(place: &str, what: &str) -> anyhow::Error {
    Failure::new(Exit::InvalidArgument, format!("{place}: {what}.")).into()
}

/// A role as a file. Settings are members of the request's body, and `system`; as JSON they are YAML too.
pub fn written(settings: &Map<String, Value>, text: &str) -> String {
    let mut front = String::new();
    let mut options = Map::new();
    for (name, value) in settings {
        match name.as_str() {
            "model" | "system" | "temperature" | "top_p" | "stop" => {
                front.push_str(&format!("{name}: {value}\n"));
            }
            "max_completion_tokens" => front.push_str(&format!("max_tokens: {value}\n")),
            "reasoning_effort" => front.push_str(&format!("effort: {value}\n")),
            "thinking" => match value["budget_tokens"].as_u64() {
                Some(tokens) => front.push_str(&format!("thinking: {tokens}\n")),
                None => front.push_str("thinking: \"off\"\n"),
            },
            _ => {
                options.insert(name.clone(), value.clone());
            }
        }
    }
    if !options.is_empty() {
        front.push_str(&format!("options: {}\n", Value::Object(options)));
    }
    match front.is_empty() {
        true => format!("{}\n", text.trim_end()),
        false => format!("{FENCE}\n{front}{FENCE}\n{}\n", text.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let settings = json!({
            "model": "a.b", "temperature": 0.2, "max_completion_tokens": 5, "stop": ["x: \"y\""],
            "thinking": { "type": "disabled" }, "top_k": 3,
        });
        let settings = settings.as_object().unwrap();
        let role = parse("r.md", &written(settings, "Say {{input}}")).unwrap();
        assert_eq!(role.settings, *settings);
        assert_eq!(role.template.unwrap(), "Say {{input}}");
        let role = parse("r.md", &written(&Map::new(), "Be brief.\n---\n")).unwrap();
        assert_eq!(role.system.unwrap(), "Be brief.\n---");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, told) in [
            (
                "---\nmodel: a\ntemperature: warm\n---\n",
                "r.md:3:14 (temperature): this is a number.",
            ),
            ("---\nmodel: a\n", "r.md: its settings have no end"),
            ("---\nmodel: [\n---\n", "not YAML"),
            ("---\nsystem: a\n---\nb", "a system prompt twice"),
            ("---\n- a\n---\nb", "name: value"),
            ("---\nmax_tokens: 0\n---\nb", "a number of tokens"),
        ] {
            let said = parse("r.md", text).unwrap_err().to_string();
            assert!(said.contains(told), "{text:?}: {said}");
        }
    }
}
