//! A.2 and the schemas of A.3: the form of the answer.

use serde_json::{Value, json};

use crate::sent::*;

const TEXT_FORMAT: &str = "/outputConfig/textFormat/structure/jsonSchema/schema";

fn form(schema: Value) -> Value {
    json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}})
}

fn closed(properties: Value) -> Value {
    let required: Vec<&String> = properties.as_object().unwrap().keys().collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn tool(parameters: Value) -> Value {
    json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": parameters}}]})
}

#[test]
fn quirk_19_an_enforced_schema_is_json_in_a_string() {
    let schema = closed(json!({"a": {"type": "string"}}));
    let sent = openai(GPT_OSS, form(schema.clone()));
    let Value::String(text) = sent.at(TEXT_FORMAT) else { panic!("no string") };
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), schema);
    assert_eq!(openai(SONNET_4_5, form(schema.clone())).at("/output_config/format/schema"), schema);
}

#[test]
fn quirk_20_a_model_that_thinks_is_not_forced_to_a_tool() {
    let mut body = form(closed(json!({"a": {"type": "string"}})));
    body["reasoning_effort"] = json!("high");
    assert!(openai(SONNET_4_5, body.clone()).has("/output_config/format"));
    let sent = openai(SONNET_3_7, body);
    assert!(sent.has("/thinking") && !sent.has("/tools") && sent.has("/system"));
    assert!(sent.losses.contains("said in words"), "{}", sent.losses);
}

#[test]
fn quirk_21_what_the_grammar_refuses_goes_into_the_description() {
    let sent = openai(
        SONNET_4_5,
        form(json!({"type": "object", "properties": {
            "n": {"type": "integer", "minimum": 1, "description": "How many"},
            "k": {"oneOf": [{"type": "string"}, {"type": "null"}]},
        }, "required": ["n", "k"]})),
    );
    let schema = sent.at("/output_config/format/schema");
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(
        schema["properties"]["n"],
        json!({"type": "integer", "description": "How many (minimum: 1)"})
    );
    assert!(schema["properties"]["k"]["anyOf"].is_array());
    assert_eq!(sent.losses.matches("approximated").count(), 3, "{}", sent.losses);
    let wide = |n: usize| {
        let properties: Value =
            (0..n).map(|i| (format!("p{i}"), json!({"type": ["string", "null"]}))).collect();
        openai(SONNET_4_5, form(closed(properties)))
    };
    assert!(wide(16).has("/output_config/format"));
    assert!(!wide(17).has("/output_config/format") && wide(17).has("/tool_choice"));
}

#[test]
fn quirk_23_and_25_a_forced_tool_stands_for_the_answer() {
    let body = form(closed(json!({"a": {"type": "string"}})));
    let nova = openai(NOVA, body.clone());
    assert_eq!(nova.at("/toolConfig/toolChoice/tool/name"), "answer_in_json");
    let claude = openai(HAIKU_3, body.clone());
    assert_eq!(claude.at("/tool_choice/name"), "answer_in_json");
    for model in [LLAMA, MISTRAL_7B, DEEPSEEK_R1] {
        let sent = openai(model, body.clone());
        assert!(!sent.has("/toolConfig") && sent.losses.contains("not enforced"), "{model}");
    }
}

#[test]
fn quirk_26_json_without_a_schema_is_asked_for_in_words() {
    for model in [SONNET_4_5, NOVA, LLAMA, GPT_OSS] {
        let sent = openai(model, json!({"response_format": {"type": "json_object"}}));
        let words = sent.at("/system/0/text");
        assert!(words.as_str().is_some_and(|w| w.contains("one JSON object")), "{model}");
        assert!(sent.losses.contains("approximated response_format"), "{model}");
    }
}

#[test]
fn quirk_32_the_root_of_a_tools_schema_is_an_object() {
    let at = "/toolConfig/tools/0/toolSpec/inputSchema/json";
    for parameters in
        [json!({"type": "custom"}), json!({"type": ["object", "null"]}), json!({"title": "F"})]
    {
        assert_eq!(openai(NOVA, tool(parameters)).at(at)["type"], "object");
    }
    let union = openai(NOVA, tool(json!({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]})));
    assert!(union.at(at).get("anyOf").is_none() && union.losses.contains("anyOf"));
}

#[test]
fn quirk_33_references_are_put_in_place() {
    let parameters = json!({
        "type": "object", "$defs": {"T": {"type": "object", "properties": {"t": {"$ref": "#/$defs/T"}}}},
        "properties": {"t": {"$ref": "#/$defs/T"}},
    });
    let sent = openai(NOVA, tool(parameters.clone()));
    let schema = sent.at("/toolConfig/tools/0/toolSpec/inputSchema/json");
    assert!(!schema.to_string().contains("$ref") && sent.losses.contains("refers to itself"));
    assert_eq!(
        openai(SONNET_4_5, tool(parameters.clone())).at("/tools/0/input_schema"),
        parameters
    );
}

#[test]
fn quirk_35_patterns_that_look_around_become_words() {
    let parameters =
        json!({"type": "object", "properties": {"p": {"type": "string", "pattern": "^(?=.*1)"}}});
    let at = "/toolConfig/tools/0/toolSpec/inputSchema/json/properties/p";
    let sent = openai(GPT_OSS, tool(parameters.clone()));
    assert_eq!(sent.at(at), json!({"type": "string", "description": "pattern: \"^(?=.*1)\""}));
    assert!(sent.losses.contains("looks around"));
    assert!(openai(NOVA, tool(parameters)).at(at).get("pattern").is_some());
}
