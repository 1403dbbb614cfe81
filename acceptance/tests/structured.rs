//! Answers in the form that the caller sets: from every client dialect, on every class of model.

use outcrop_model::Fidelity;
use serde_json::{Value, json};

use crate::support::{Answer, CLAUDE, NOVA, Options, Stack};

const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1:0";
const LLAMA: &str = "us.meta.llama3-3-70b-instruct-v1:0";
const MISTRAL: &str = "mistral.mistral-large-2407-v1:0";
const GPT_OSS: &str = "openai.gpt-oss-120b-1:0";
const TITAN: &str = "amazon.titan-text-express-v1";
const MODELS: [&str; 7] = [CLAUDE, HAIKU, NOVA, LLAMA, MISTRAL, GPT_OSS, TITAN];
const DIALECTS: [&str; 3] = ["chat", "responses", "anthropic"];

/// As a typed client makes it: with references, bounds and objects that are not closed.
fn schema() -> Value {
    json!({
        "$defs": {"Stop": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "minLength": 1, "maxLength": 40},
                "nights": {"type": "integer", "minimum": 2},
                "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            },
            "required": ["city", "nights", "note"],
            "additionalProperties": false,
        }},
        "type": "object",
        "properties": {"name": {"type": "string"}, "stops": {"type": "array", "items": {"$ref": "#/$defs/Stop"}, "maxItems": 3}},
        "required": ["name", "stops"],
        "additionalProperties": false,
    })
}

fn request(
    dialect: &str,
    model: &str,
    words: &str,
    schema: &Value,
    stream: bool,
) -> (&'static str, Value) {
    let messages = json!([{"role": "user", "content": words}]);
    match dialect {
        "chat" => (
            "/v1/chat/completions",
            json!({
                "model": model, "messages": messages, "stream": stream,
                "response_format": {"type": "json_schema", "json_schema": {"name": "trip", "schema": schema}},
            }),
        ),
        "responses" => (
            "/v1/responses",
            json!({
                "model": model, "input": messages, "stream": stream,
                "text": {"format": {"type": "json_schema", "name": "trip", "schema": schema}},
            }),
        ),
        _ => (
            "/v1/messages",
            json!({
                "model": model, "max_tokens": 500, "messages": messages, "stream": stream,
                "output_config": {"format": {"type": "json_schema", "schema": schema}},
            }),
        ),
    }
}

/// The text of a whole answer, and why it ended.
fn read(dialect: &str, answer: &Answer) -> (String, String) {
    let body = answer.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match dialect {
        "chat" => {
            let choice = &body["choices"][0];
            (text(&choice["message"]["content"]), text(&choice["finish_reason"]))
        }
        "responses" => {
            let items = body["output"].as_array().unwrap();
            let message = items.iter().find(|item| item["type"] == "message").unwrap();
            (text(&message["content"][0]["text"]), text(&body["status"]))
        }
        _ => {
            let blocks = body["content"].as_array().unwrap();
            let block = blocks.iter().find(|block| block["type"] == "text").unwrap();
            (text(&block["text"]), text(&body["stop_reason"]))
        }
    }
}

/// The same of a stream, and in how many pieces the text came.
fn read_stream(dialect: &str, answer: &Answer) -> (String, String, usize) {
    let (mut text, mut stop, mut pieces) = (String::new(), String::new(), 0);
    for event in answer.events() {
        let (piece, word) = match dialect {
            "chat" => ("/choices/0/delta/content", "/choices/0/finish_reason"),
            "responses" if event["type"] == "response.output_text.delta" => ("/delta", "/none"),
            "responses" => ("/none", "/response/status"),
            _ => ("/delta/text", "/delta/stop_reason"),
        };
        let at = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default();
        pieces += usize::from(!at(piece).is_empty());
        text.push_str(at(piece));
        if !at(word).is_empty() {
            stop = at(word).to_owned();
        }
    }
    (text, stop, pieces)
}

fn ended(dialect: &str) -> &'static str {
    match dialect {
        "chat" => "stop",
        "responses" => "completed",
        _ => "end_turn",
    }
}

/// Whether the trip is one of the schema's, as far as the test looks.
fn assert_trip(text: &str, what: &str) {
    let trip: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{what}: {e}: {text}"));
    assert!(trip["name"].is_string(), "{what}: {text}");
    let stop = &trip["stops"][0];
    assert!(stop["city"].is_string() && stop["nights"].is_u64(), "{what}: {text}");
    assert_eq!(trip.as_object().unwrap().len(), 2, "{what}: {text}");
}

#[tokio::test]
async fn every_class_of_model_answers_in_form() {
    let stack = Stack::start().await;
    for dialect in DIALECTS {
        for model in MODELS {
            let what = format!("{dialect} {model}");
            // What is relayed is Bedrock's to judge: a schema of the part that it enforces.
            let schema = match (dialect, model) {
                ("anthropic", CLAUDE) => enforceable(),
                _ => schema(),
            };
            let (path, body) = request(dialect, model, "Plan a trip", &schema, false);
            let answer = stack.post(path, &body).await;
            assert_eq!(answer.status, 200, "{what}: {}", answer.text());
            let (text, stop) = read(dialect, &answer);
            assert_trip(&text, &what);
            assert_eq!(stop, ended(dialect), "{what}");
            assert!(!answer.text().contains("answer_in_json"), "{what}: {}", answer.text());

            let (path, body) = request(dialect, model, "Plan a trip", &schema, true);
            let answer = stack.post(path, &body).await;
            assert_eq!(answer.status, 200, "{what}: {}", answer.text());
            let (streamed, stop, pieces) = read_stream(dialect, &answer);
            assert_trip(&streamed, &what);
            assert_eq!((stop.as_str(), pieces > 3), (ended(dialect), true), "{what}: {pieces}");
        }
    }
}

#[tokio::test]
async fn an_answer_may_be_a_plain_value() {
    let stack = Stack::start().await;
    for schema in [
        json!({"type": "string"}),
        json!({"type": "number"}),
        json!({"type": "boolean"}),
        json!({"type": "null"}),
        json!({"type": ["string", "null"]}),
    ] {
        for dialect in DIALECTS {
            for model in [HAIKU, NOVA] {
                let what = format!("{dialect} {model} {schema}");
                let (path, body) = request(dialect, model, "Name a stone", &schema, false);
                let whole = read(dialect, &stack.post(path, &body).await).0;
                let (path, body) = request(dialect, model, "Name a stone", &schema, true);
                let streamed = read_stream(dialect, &stack.post(path, &body).await).0;
                for text in [&whole, &streamed] {
                    let value: Value = serde_json::from_str(text).unwrap();
                    assert!(!value.is_object() && !value.is_array(), "{what}: {text}");
                }
                assert_eq!(whole, streamed, "{what}");
            }
        }
    }
}

fn enforceable() -> Value {
    let stop = json!({
        "type": "object",
        "properties": {"city": {"type": "string"}, "nights": {"type": "integer"}},
        "required": ["city", "nights"],
        "additionalProperties": false,
    });
    json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "stops": {"type": "array", "items": stop}},
        "required": ["name", "stops"],
        "additionalProperties": false,
    })
}

#[tokio::test]
async fn the_schema_is_enforced_where_it_can_be() {
    let stack = Stack::start().await;
    for (dialect, model, place) in [
        ("chat", CLAUDE, "/output_config/format/schema"),
        ("anthropic", GPT_OSS, "/outputConfig/textFormat/structure/jsonSchema/schema"),
        ("chat", HAIKU, "/tools/0/input_schema"),
        ("chat", NOVA, "/toolConfig/tools/0/toolSpec/inputSchema/json"),
        ("chat", LLAMA, "/system/0/text"),
        ("chat", TITAN, "/messages/0/content/1/text"),
    ] {
        let (path, body) = request(dialect, model, "Plan a trip", &schema(), false);
        let answer = stack.post(path, &body).await;
        let sent = stack.emulator.requests().pop().unwrap();
        let sent: Value = serde_json::from_slice(&sent.body).unwrap();
        assert!(sent.pointer(place).is_some(), "{model}: {sent}");
        assert!(answer.header("x-outcrop-loss").contains("format"), "{model}");
    }
}

/// Nothing tells what is behind an application profile; Bedrock's refusal does.
#[tokio::test]
async fn a_model_that_turns_out_to_enforce_nothing_answers_in_form() {
    const NOVA_PROFILE: &str =
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/b2c3d4e5f6a1";
    let stack = Stack::start().await;
    for _ in 0..2 {
        let (path, body) = request("chat", NOVA_PROFILE, "Plan a trip", &schema(), false);
        let answer = stack.post(path, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_trip(&read("chat", &answer).0, NOVA_PROFILE);
    }
    assert_eq!(stack.emulator.requests().len(), 3, "one refusal, then it is known");
}

#[tokio::test]
async fn any_object_will_do_where_no_schema_is_given() {
    let stack = Stack::start().await;
    for model in MODELS {
        let body = json!({
            "model": model, "response_format": {"type": "json_object"},
            "messages": [{"role": "user", "content": "Say hi as a JSON object"}],
        });
        let answer = stack.post("/v1/chat/completions", &body).await;
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        let (text, stop) = read("chat", &answer);
        let object: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((object.is_object(), stop.as_str()), (true, "stop"), "{model}: {text}");
        // It is relayed to the one that has a word of its own for it.
        let told = answer.header("x-outcrop-loss").contains("response_format");
        assert_eq!(told, model != GPT_OSS, "{model}");
    }
}

#[tokio::test]
async fn own_tools_are_called_or_the_answer_is_given() {
    let stack = Stack::start().await;
    for model in [CLAUDE, HAIKU, NOVA, MISTRAL] {
        for (words, called) in
            [("call:get_weather {\"city\": \"Oslo\"}", true), ("say:not this", false)]
        {
            let (path, mut body) = request("chat", model, words, &enforceable(), false);
            body["tools"] = json!([{"type": "function", "function": {"name": "get_weather", "parameters": {
                "type": "object", "properties": {"city": {"type": "string"}}}}}]);
            if !called {
                body["messages"][0]["content"] = json!("Plan a trip");
                body["tool_choice"] = json!("none");
            }
            let answer = stack.post(path, &body).await;
            assert_eq!(answer.status, 200, "{model}: {}", answer.text());
            let choice = &answer.json()["choices"][0];
            if called {
                assert_eq!(choice["finish_reason"], "tool_calls", "{model}: {choice}");
                assert_eq!(choice["message"]["tool_calls"][0]["function"]["name"], "get_weather");
            } else {
                assert_eq!(choice["finish_reason"], "stop", "{model}: {choice}");
                assert_trip(choice["message"]["content"].as_str().unwrap(), model);
            }
        }
    }
}

#[tokio::test]
async fn thinking_and_form_go_together() {
    let stack = Stack::start().await;
    for model in
        [CLAUDE, "us.anthropic.claude-3-7-sonnet-20250219-v1:0", "us.amazon.nova-2-lite-v1:0"]
    {
        let (path, mut body) = request("chat", model, "Plan a trip", &enforceable(), false);
        body["reasoning_effort"] = json!("low");
        let answer = stack.post(path, &body).await;
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        let message = &answer.json()["choices"][0]["message"];
        assert_trip(message["content"].as_str().unwrap(), model);
        assert!(message["reasoning_content"].is_string(), "{model}: {message}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_told() {
    let wrong =
        r#"call:#1 {"name": "x", "stops": [{"city": "secret place", "nights": 1, "note": null}]}"#;
    let (path, body) = request("chat", NOVA, wrong, &schema(), false);
    let stack = Stack::start().await;
    let answer = stack.post(path, &body).await;
    assert_eq!(answer.status, 200);
    let losses = answer.header("x-outcrop-loss");
    assert!(
        losses.contains("the answer at /stops/0/nights does not fit the schema (minimum)"),
        "{losses}"
    );
    assert!(!losses.contains("secret"), "{losses}");

    let (path, body) = request("chat", CLAUDE, "say:No.", &enforceable(), false);
    let strict =
        Stack::with(Options { fidelity: Fidelity::Strict, attempts: 3, ..Options::default() })
            .await;
    let answer = strict.post(path, &body).await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("`response_format`") && message.contains("not JSON"), "{message}");
    assert_eq!(strict.emulator.requests().len(), 1, "it has been paid for");
}

#[tokio::test]
async fn anthropics_older_place_and_older_models_work() {
    let stack = Stack::start().await;
    for model in [CLAUDE, HAIKU, NOVA] {
        let (path, mut body) = request("anthropic", model, "Plan a trip", &enforceable(), false);
        let format = body["output_config"]["format"].take();
        body.as_object_mut().unwrap().remove("output_config");
        body["output_format"] = format;
        let answer = stack.post(path, &body).await;
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        assert_trip(&read("anthropic", &answer).0, model);
    }
}

#[tokio::test]
async fn schemas_that_bedrock_would_refuse_are_not_sent() {
    let stack = Stack::start().await;
    let recursive = json!({
        "$ref": "#/$defs/Trip",
        "$defs": {"Trip": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "stops": {"type": "array", "items": {"type": "object", "properties": {
                "city": {"type": "string"}, "nights": {"type": "integer"}, "then": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/Trip"}]}}}}},
            "required": ["name", "stops"],
        }},
    });
    let mut wide = enforceable();
    for i in 0..30 {
        wide["properties"]["stops"]["items"]["properties"][format!("p{i}")] =
            json!({"type": ["string", "null"]});
    }
    for (what, schema) in [("recursive", recursive), ("wide", wide)] {
        for model in [CLAUDE, GPT_OSS, NOVA] {
            let (path, body) = request("chat", model, "Plan a trip", &schema, false);
            let answer = stack.post(path, &body).await;
            assert_eq!(answer.status, 200, "{what} {model}: {}", answer.text());
            assert_trip(&read("chat", &answer).0, model);
        }
    }
    // Where the schema is relayed, Bedrock's own words reach the caller.
    let (path, body) = request("anthropic", CLAUDE, "Plan a trip", &schema(), false);
    let answer = stack.post(path, &body).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("not supported"), "{}", answer.text());
}
