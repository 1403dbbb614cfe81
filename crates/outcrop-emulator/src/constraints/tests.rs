//! Every constraint of the table is broken once, and found where it was broken.

mod samples;

use serde_json::{Value, json};

use super::table::{UNCHECKED_PATTERNS, from_java, get};
use super::*;

fn paths(violations: &[Violation]) -> Vec<&str> {
    violations.iter().map(|violation| violation.path.as_str()).collect()
}

fn converse(body: Value) -> Vec<Violation> {
    check("Converse", &[("modelId", "us.anthropic.claude-sonnet-4-5-20250929-v1:0")], &body)
}

#[test]
fn the_table_is_there_and_says_where_it_comes_from() {
    assert!(get().source.starts_with("botocore "), "{}", get().source);
    assert_eq!(get().operations.len(), 28);
    for shape in get().shapes.values() {
        let inner = [&shape.member, &shape.key, &shape.value].into_iter().flatten();
        for target in shape.members.values().chain(inner) {
            assert!(get().shapes.contains_key(target), "no shape {target}");
        }
    }
    for operation in get().operations.values() {
        assert!(get().shapes.contains_key(&operation.input));
    }
}

#[test]
fn every_pattern_compiles_or_is_a_listed_exception() {
    let patterns = get().shapes.values().filter_map(|shape| shape.pattern.as_ref());
    for pattern in patterns {
        let listed = UNCHECKED_PATTERNS.contains(&pattern.source.as_str());
        assert_ne!(pattern.regex().is_some(), listed, "{}", pattern.source);
    }
}

#[test]
fn java_classes_are_ascii() {
    let spaced = regex::Regex::new(&format!("^(?:{})$", from_java(r"[a-z\s]+\S\d"))).unwrap();
    assert!(spaced.is_match("a \t\u{0b}bx7"));
    assert!(!spaced.is_match("a\u{a0}bx7"));
    assert!(!spaced.is_match("abx\u{0667}"));
}

#[test]
fn samples_of_every_operation_pass() {
    for (name, operation) in &get().operations {
        for (members, body) in samples::valid(operation) {
            let uri: Vec<(&str, &str)> = members.iter().map(|(k, v)| (*k, v.as_str())).collect();
            assert_eq!(check(name, &uri, &body), [], "{name} {uri:?} {body}");
        }
    }
}

#[test]
fn every_constraint_is_found_where_it_is_broken() {
    let mut tried = 0;
    for (name, operation) in &get().operations {
        for case in samples::violating(operation) {
            let uri: Vec<(&str, &str)> = case.uri.iter().map(|(k, v)| (*k, v.as_str())).collect();
            let found = check(name, &uri, &case.body);
            let told = || format!("{name} {case:?} gave {found:?}");
            assert!(!found.is_empty(), "{}", told());
            assert!(found.iter().all(|violation| violation.path == case.path), "{}", told());
            let rules = found.iter().filter(|violation| violation.message.contains(&case.rule));
            assert_eq!(rules.count(), 1, "{}", told());
            tried += 1;
        }
    }
    assert!(tried > 1500, "only {tried} cases");
}

#[test]
fn no_rule_of_the_table_is_left_untried() {
    let cases = get().operations.values().flat_map(samples::violating);
    let tried: std::collections::HashSet<String> = cases.map(|case| case.rule).collect();
    for (name, shape) in &get().shapes {
        if shape.max.is_some_and(|max| max > samples::LARGEST_TRIED) {
            continue;
        }
        for rule in text::rules(shape).iter().filter(|rule| !rule.ends_with("equal to 0")) {
            assert!(tried.contains(rule), "{name}: {rule}");
        }
        assert!(!shape.union || tried.contains(&text::one_of(shape)), "{name}");
    }
}

#[test]
fn a_rich_request_passes() {
    let found = converse(json!({
        "system": [{"text": "Be brief"}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        "messages": [
            {"role": "user", "content": [
                {"text": "What?", "unknown": null},
                {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}},
                {"document": {"name": "Spec", "format": "pdf", "source": {"bytes": "JVBERi0="}}}]},
            {"role": "assistant", "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
                {"toolUse": {"toolUseId": "tooluse_1", "name": "now", "input": {"any": [1, null]}}}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "tooluse_1", "status": "success",
                "content": [{"json": {"t": 1}}, {"text": "noon"}]}}]}],
        "inferenceConfig": {"maxTokens": 5, "temperature": 1, "topP": 0.5, "stopSequences": ["END"]},
        "toolConfig": {"tools": [{"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object"}}}}],
            "toolChoice": {"auto": {}}},
        "additionalModelRequestFields": {"top_k": 5},
        "requestMetadata": {"team": "a b"},
        "somethingNew": {"ignored": true},
    }));
    assert_eq!(found, []);
}

#[test]
fn violations_are_told_in_amazon_words() {
    let found = converse(json!({"messages": [{"role": "99", "content": [{"text": "a"}]}],
        "inferenceConfig": {"temperature": 5.0}}));
    assert_eq!(paths(&found), ["inferenceConfig.temperature", "messages.1.member.role"]);
    assert_eq!(
        coral_message(&found),
        "2 validation errors detected: Value '5.0' at 'inferenceConfig.temperature' failed to satisfy \
         constraint: Member must have value less than or equal to 1; Value '99' at \
         'messages.1.member.role' failed to satisfy constraint: Member must satisfy enum value set: \
         [user, assistant, system]"
    );
}

#[test]
fn missing_members_are_null() {
    let found = check("Converse", &[], &json!({"messages": [{"content": []}]}));
    assert_eq!(paths(&found), ["modelId", "messages.1.member.role"]);
    assert_eq!(
        found[0].message,
        "Value null at 'modelId' failed to satisfy constraint: Member must not be null"
    );
}

#[test]
fn wrong_types_stop_the_reader() {
    let found = converse(json!({"messages": [{"role": 5, "content": {}}]}));
    assert!(found.iter().all(|violation| violation.kind == ViolationKind::Serialization));
    assert_eq!(coral_message(&found[..1]), "Start of structure or map found where not expected.");
    assert_eq!(found[1].message, "NUMBER_VALUE can not be converted to a String");
    let body = check("Converse", &[("modelId", "a.b")], &json!([]));
    assert_eq!(body[0].kind, ViolationKind::Serialization);
    let image = json!({"image": {"format": "png", "source": {"bytes": "not base64!"}}});
    let found = converse(json!({"messages": [{"role": "user", "content": [image]}]}));
    assert_eq!(paths(&found), ["messages.1.member.content.1.member.image.source.bytes"]);
    assert_eq!(found[0].kind, ViolationKind::Serialization);
}

#[test]
fn a_union_has_exactly_one_member() {
    let block =
        |block: Value| converse(json!({"messages": [{"role": "user", "content": [block]}]}));
    let path = "messages.1.member.content.1.member";
    assert_eq!(paths(&block(json!({}))), [path]);
    assert_eq!(paths(&block(json!({"hologram": {}}))), [path]);
    assert_eq!(paths(&block(json!({"text": "a", "cachePoint": {"type": "default"}}))), [path]);
    assert_eq!(block(json!({"text": "a", "image": null, "hologram": 1})), []);
}

#[test]
fn scalars_of_maps_and_lists_are_told_at_the_container() {
    let found = converse(json!({"requestMetadata": {"a|b": "ok"}}));
    assert_eq!(paths(&found), ["requestMetadata"]);
    assert!(
        found[0].message.contains("Map keys must satisfy constraint: [Member must"),
        "{found:?}"
    );
    let found = converse(json!({"inferenceConfig": {"stopSequences": ["a", ""]}}));
    assert_eq!(paths(&found), ["inferenceConfig.stopSequences"]);
}

#[test]
fn long_values_are_cut_and_secrets_not_shown() {
    let found = check("Converse", &[("modelId", &"!".repeat(500))], &json!({}));
    assert!(found[0].message.starts_with(&format!("Value '{}...' at 'modelId'", "!".repeat(100))));
    let sensitive = get().shapes.iter().find(|(_, shape)| shape.sensitive).unwrap().1;
    let violation = text::constraint("a", &json!("secret"), sensitive, "rule");
    assert_eq!(violation.message, "Value at 'a' failed to satisfy constraint: rule");
}

#[test]
fn numbers_in_the_query_are_read_as_numbers() {
    let list = |max: &str| check("ListInferenceProfiles", &[("maxResults", max)], &Value::Null);
    assert_eq!(list("10"), []);
    assert_eq!(paths(&list("0")), ["maxResults"]);
    assert_eq!(list("many")[0].kind, ViolationKind::Serialization);
}

#[test]
fn bindings_tell_where_members_travel() {
    let invoke = operation("InvokeModelWithResponseStream").unwrap();
    let accept = invoke.bindings().into_iter().find(|binding| binding.member == "accept").unwrap();
    assert_eq!((accept.location, accept.name), (Location::Header, "X-Amzn-Bedrock-Accept"));
    assert_eq!(invoke.payload.as_deref(), Some("body"));
    assert!(!check("Teleport", &[], &Value::Null).is_empty());
}
