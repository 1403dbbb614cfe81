//! Tools: whether the model has them, and whether every call has its result.

use std::collections::HashSet;

use serde_json::Value;

use super::{Asked, Mode, Placed, Verdict, from_model, unsupported};
use crate::converse::read::list;
use crate::grammar;

/// Turns of one role in a row, as one.
struct Run<'a> {
    role: &'a str,
    /// Of the last of its messages, counted from 0.
    message: usize,
    blocks: Vec<Placed<'a>>,
}

pub(super) fn check(asked: &Asked<'_>) -> Verdict {
    let config = &asked.body["toolConfig"];
    if config.is_object() {
        support(asked)?;
        names(config)?;
        choice(asked)?;
    }
    let uses_tools =
        |placed: Placed<'_>| placed.get("toolUse").or(placed.get("toolResult")).is_some();
    if !config.is_object() && asked.blocks().any(uses_tools) {
        return Err("The toolConfig field must be defined when using toolUse and toolResult content blocks.".into());
    }
    pairing(asked)
}

fn support(asked: &Asked<'_>) -> Verdict {
    if !asked.model.tools {
        return Err("This model doesn't support tool use.".into());
    }
    strict(asked)?;
    if asked.mode == Mode::Stream && !asked.model.stream_tools {
        return Err("This model doesn't support tool use in streaming mode.".into());
    }
    Ok(())
}

/// A strict tool has a schema that can be enforced.
fn strict(asked: &Asked<'_>) -> Verdict {
    let specs = list(&asked.body["toolConfig"]["tools"]).iter().map(|tool| &tool["toolSpec"]);
    for (at, spec) in specs.enumerate().filter(|(_, spec)| spec["strict"] == true) {
        if !asked.model.structured {
            return Err(unsupported(&format!("toolConfig.tools.{at}.toolSpec.strict")));
        }
        grammar::check(&spec["inputSchema"]["json"])
            .map_err(|why| from_model(&format!("tools.{at}.custom: {why}")))?;
    }
    Ok(())
}

fn names(config: &Value) -> Verdict {
    let mut seen = HashSet::new();
    let names = list(&config["tools"]).iter().filter_map(|tool| tool["toolSpec"]["name"].as_str());
    for name in names {
        if !seen.insert(name) {
            return Err(format!(
                "The toolConfig field contains more than one tool named {name}. Tool names must be unique."
            ));
        }
    }
    Ok(())
}

fn choice(asked: &Asked<'_>) -> Verdict {
    let config = &asked.body["toolConfig"];
    let choice = &config["toolChoice"];
    let forced = ["any", "tool"].into_iter().find(|kind| choice[*kind].is_object());
    if let Some(kind) = forced.filter(|_| !asked.model.tool_choice) {
        return Err(unsupported(&format!("toolConfig.toolChoice.{kind}")));
    }
    if !choice.is_null() && !asked.extra()["tool_choice"]["type"].is_null() {
        return Err(from_model(
            "tool_choice: the field is set both in toolConfig.toolChoice and in additionalModelRequestFields",
        ));
    }
    let Some(wanted) = choice["tool"]["name"].as_str() else {
        return Ok(());
    };
    let offered = list(&config["tools"]).iter().any(|tool| tool["toolSpec"]["name"] == wanted);
    if offered {
        return Ok(());
    }
    Err(format!(
        "The tool {wanted} in toolConfig.toolChoice isn't defined in toolConfig.tools. Define the tool and try again."
    ))
}

/// Every call of an assistant turn is answered in the next user turn, and nothing else is.
fn pairing(asked: &Asked<'_>) -> Verdict {
    let runs = runs(asked);
    for (at, run) in runs.iter().enumerate() {
        match run.role {
            "assistant" => unique(run, "toolUse")?,
            _ => {
                unique(run, "toolResult")?;
                let calls = at.checked_sub(1).map(|before| run_ids(&runs[before], "toolUse"));
                results(asked, run, &calls.unwrap_or_default())?;
            }
        }
    }
    match runs.last() {
        Some(last) if last.role == "assistant" => {
            missing(last.message + 1, &run_ids(last, "toolUse"), &[])
        }
        _ => Ok(()),
    }
}

fn results(asked: &Asked<'_>, run: &Run<'_>, calls: &[&str]) -> Verdict {
    let answered = run_ids(run, "toolResult");
    let at = run.message;
    if answered.len() > calls.len() {
        return Err(format!(
            "The number of toolResult blocks at messages.{at}.content exceeds the number of toolUse blocks of previous turn."
        ));
    }
    missing(at, calls, &answered)?;
    let mixed = !answered.is_empty()
        && run
            .blocks
            .iter()
            .any(|placed| placed.get("toolResult").or(placed.get("cachePoint")).is_none());
    if mixed && !asked.model.mixed_results {
        return Err(
            "Conversation blocks and tool result blocks cannot be provided in the same turn."
                .into(),
        );
    }
    Ok(())
}

fn missing(at: usize, calls: &[&str], answered: &[&str]) -> Verdict {
    let open: Vec<&str> = calls.iter().copied().filter(|id| !answered.contains(id)).collect();
    if open.is_empty() {
        return Ok(());
    }
    Err(format!(
        "Expected toolResult blocks at messages.{at}.content for the following Ids: {}",
        open.join(", ")
    ))
}

fn unique(run: &Run<'_>, kind: &str) -> Verdict {
    let mut seen = HashSet::new();
    match run_ids(run, kind).into_iter().find(|id| !seen.insert(*id)) {
        None => Ok(()),
        Some(id) => Err(format!(
            "The {kind} blocks at messages.{}.content contain duplicate Ids: {id}",
            run.message
        )),
    }
}

fn runs<'a>(asked: &Asked<'a>) -> Vec<Run<'a>> {
    let mut runs: Vec<Run<'a>> = Vec::new();
    for placed in asked.blocks().filter(|placed| placed.role != "system") {
        match runs.last_mut().filter(|run| run.role == placed.role) {
            Some(run) => {
                run.message = placed.message;
                run.blocks.push(placed);
            }
            None => {
                runs.push(Run { role: placed.role, message: placed.message, blocks: vec![placed] })
            }
        }
    }
    runs
}

fn run_ids<'a>(run: &Run<'a>, kind: &str) -> Vec<&'a str> {
    run.blocks.iter().filter_map(|placed| placed.get(kind)?["toolUseId"].as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{HAIKU, TITAN, accepted, refused, verdict};
    use super::Mode;
    use serde_json::{Value, json};

    const LLAMA: &str = "meta.llama3-1-70b-instruct-v1:0";

    fn config() -> Value {
        json!({"tools": [{"toolSpec": {"name": "now", "inputSchema": {"json": {}}}}]})
    }

    fn call(id: &str) -> Value {
        json!({"toolUse": {"toolUseId": id, "name": "now", "input": {}}})
    }

    fn result(id: &str) -> Value {
        json!({"toolResult": {"toolUseId": id, "content": [{"text": "noon"}]}})
    }

    fn talk(calls: &[Value], results: &[Value]) -> Value {
        json!({"toolConfig": config(), "messages": [
            {"role": "user", "content": [{"text": "when?"}]},
            {"role": "assistant", "content": calls},
            {"role": "user", "content": results},
        ]})
    }

    #[test]
    fn calls_and_results_are_paired() {
        accepted(HAIKU, &talk(&[call("a"), call("b")], &[result("b"), result("a")]));
        let open = talk(&[call("a"), call("b")], &[result("b")]);
        refused(
            HAIKU,
            &open,
            "Expected toolResult blocks at messages.2.content for the following Ids: a",
        );
        let extra = talk(&[call("a")], &[result("a"), result("b")]);
        refused(HAIKU, &extra, "The number of toolResult blocks at messages.2.content exceeds");
        let twice = talk(&[call("a"), call("a")], &[result("a")]);
        refused(HAIKU, &twice, "duplicate Ids: a");
    }

    #[test]
    fn results_and_talk_mix_only_where_allowed() {
        let mixed = talk(&[call("a")], &[result("a"), json!({"text": "and?"})]);
        accepted(HAIKU, &mixed);
        refused(LLAMA, &mixed, "cannot be provided in the same turn");
    }

    #[test]
    fn tools_need_a_model_and_a_configuration() {
        let mut body = json!({"toolConfig": config(), "messages": [{"role": "user", "content": [{"text": "x"}]}]});
        accepted(HAIKU, &body);
        refused(TITAN, &body, "doesn't support tool use.");
        let streamed = verdict(LLAMA, Mode::Stream, &body).unwrap_err();
        assert!(streamed.contains("tool use in streaming mode"), "{streamed}");
        body["toolConfig"]["toolChoice"] = json!({"tool": {"name": "later"}});
        refused(HAIKU, &body, "isn't defined in toolConfig.tools");
        body["toolConfig"]["toolChoice"] = json!({"any": {}});
        refused(LLAMA, &body, "doesn't support the toolConfig.toolChoice.any field");
        let mut bare = talk(&[call("a")], &[result("a")]);
        bare["toolConfig"] = Value::Null;
        refused(HAIKU, &bare, "toolConfig field must be defined");
    }
}
