//! Cache points: supported at all, how many, in which order of lifetimes.

use serde_json::Value;

use super::{Asked, Verdict, from_model, unsupported};
use crate::converse::read::list;

/// Points of one request.
const MOST: usize = 4;

pub(super) fn check(asked: &Asked<'_>) -> Verdict {
    let points = points(asked);
    if points.is_empty() {
        return Ok(());
    }
    if !asked.model.cache_points {
        return Err(unsupported("cachePoint"));
    }
    if points.len() > MOST {
        return Err(from_model(&format!(
            "A maximum of {MOST} blocks with cache_control may be provided. Found {}.",
            points.len()
        )));
    }
    let is_long = |point: &Value| point["ttl"] == "1h";
    let first_short = points.iter().position(|point| !is_long(point)).unwrap_or(points.len());
    if points[first_short..].iter().any(|point| is_long(point)) {
        return Err(from_model(
            "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Note that blocks are processed in the following order: `tools`, `system`, `messages`.",
        ));
    }
    Ok(())
}

/// In the order tools, system, messages.
fn points<'a>(asked: &Asked<'a>) -> Vec<&'a Value> {
    let tools = list(&asked.body["toolConfig"]["tools"]).iter();
    let system = list(&asked.body["system"]).iter();
    let messages = asked.blocks().map(|placed| placed.value);
    tools
        .chain(system)
        .chain(messages)
        .map(|block| &block["cachePoint"])
        .filter(|point| point.is_object())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{HAIKU, SONNET, accepted, refused};
    use serde_json::{Value, json};

    fn body(system: &str, message: &str, more: usize) -> Value {
        let point = |ttl: &str| json!({"cachePoint": {"type": "default", "ttl": ttl}});
        let mut content = vec![json!({"text": "hi"}), point(message)];
        content.extend(vec![point("5m"); more]);
        json!({
            "system": [{"text": "be brief"}, point(system)],
            "messages": [{"role": "user", "content": content}],
        })
    }

    #[test]
    fn lifetimes_never_grow_and_points_are_few() {
        accepted(SONNET, &body("1h", "5m", 2));
        refused(SONNET, &body("5m", "1h", 0), "must not come after");
        refused(SONNET, &body("5m", "5m", 3), "A maximum of 4 blocks");
        refused(HAIKU, &body("5m", "5m", 0), "doesn't support the cachePoint field");
    }
}
