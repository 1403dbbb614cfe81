//! The Responses API through to Bedrock and back: tools, thinking, kept answers, what is not there.

use http::Method;
use outcrop_config::{ClientKey, KeyProof, Origin, Redacted, Scopes, Secret};
use outcrop_core::{Admitter, KeyTable};
use serde_json::{Value, json};

use crate::support::{CLAUDE, NOVA, Options, Stack};

const PATH: &str = "/v1/responses";

fn look() -> Value {
    json!({"type": "function", "name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}, "strict": false})
}

fn text_of(answer: &Value) -> String {
    let items = answer["output"].as_array().unwrap_or_else(|| panic!("{answer}")).iter();
    let parts = items.filter_map(|item| item["content"].as_array()).flatten();
    parts.map(|part| part["text"].as_str().unwrap()).collect()
}

/// The last event's answer, which must be complete.
fn completed(answer: &crate::support::Answer) -> Value {
    let last = answer.events().pop().unwrap();
    assert_eq!(last["type"], "response.completed", "{}", answer.text());
    last["response"].clone()
}

#[tokio::test]
async fn tools_of_every_form_are_called_and_answered() {
    let stack = Stack::start().await;
    let tools = json!([look(), {"type": "custom", "name": "run", "description": "d"},
        {"type": "namespace", "name": "files", "description": "d", "tools": [look()]}, {"type": "web_search"}]);
    for (model, stream) in [(NOVA, false), (NOVA, true), (CLAUDE, false), (CLAUDE, true)] {
        let ask = json!({"role": "user", "content": "call:look {\"at\": \"sky\"} call:run {\"input\": \"ls -l\"} call:files__look {\"at\": \"x\"}"});
        let body = json!({"model": model, "stream": stream, "store": false, "tools": tools, "input": [ask]});
        let answer = stack.post(PATH, &body).await;
        assert!(answer.header("x-outcrop-loss").contains("tools[3]"), "{}", answer.text());
        let whole = if stream { completed(&answer) } else { answer.json() };
        assert_eq!(whole["tools"], tools, "echoed as sent");
        let calls = whole["output"].as_array().unwrap();
        let found: Vec<_> =
            calls.iter().map(|c| (&c["type"], &c["name"], &c["namespace"])).collect();
        let (call, custom) = (json!("function_call"), json!("custom_tool_call"));
        let (look, run, files) = (json!("look"), json!("run"), json!("files"));
        let null = Value::Null;
        let expected = [(&call, &look, &null), (&custom, &run, &null), (&call, &look, &files)];
        assert_eq!(found, expected, "{whole}");
        assert_eq!(calls[1]["input"], "ls -l");

        let mut input = vec![ask];
        input.extend(calls.iter().cloned());
        for (i, call) in calls.iter().enumerate() {
            let kind = format!("{}_output", call["type"].as_str().unwrap());
            input
                .push(json!({"type": kind, "call_id": call["call_id"], "output": format!("r{i}")}));
        }
        let body = json!({"model": model, "tools": tools, "input": input});
        let answer = stack.post(PATH, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let text = text_of(&answer.json());
        assert!(["r0", "r1", "r2"].iter().all(|r| text.contains(r)), "{text}");
    }
}

#[tokio::test]
async fn thinking_survives_a_turn_with_its_signature() {
    let stack = Stack::start().await;
    for stream in [false, true] {
        let ask = json!({"role": "user", "content": "think:Well. call:look {\"at\": \"sky\"}"});
        let body = json!({"model": CLAUDE, "stream": stream, "store": false, "max_output_tokens": 4000,
            "reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"],
            "tools": [look()], "input": [ask]});
        let answer = stack.post(PATH, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let whole = if stream { completed(&answer) } else { answer.json() };
        let output = whole["output"].as_array().unwrap();
        assert_eq!(
            (&output[0]["type"], &output[1]["type"]),
            (&json!("reasoning"), &json!("function_call"))
        );
        assert!(output[0]["summary"][0]["text"].as_str().unwrap().contains("Well"), "{whole}");

        let mut again = body.clone();
        let input = again["input"].as_array_mut().unwrap();
        input.extend(output.iter().cloned());
        input.push(json!({"type": "function_call_output", "call_id": output[1]["call_id"], "output": "blue"}));
        let answer = stack.post(PATH, &again).await;
        assert_eq!(answer.status, 200, "the emulator checks its signature: {}", answer.text());
        let sent = stack.upstream_body();
        let turn = &sent["messages"][1]["content"];
        assert_eq!(
            (&turn[0]["type"], &turn[1]["type"]),
            (&json!("thinking"), &json!("tool_use")),
            "{sent}"
        );
    }
}

#[tokio::test]
async fn a_kept_answer_is_read_gone_on_from_and_deleted() {
    let stack = Stack::start().await;
    for (model, stream) in [(NOVA, false), (NOVA, true), (CLAUDE, false), (CLAUDE, true)] {
        let body = json!({"model": model, "stream": stream, "input": "first words"});
        let answer = stack.post(PATH, &body).await;
        let whole = if stream { completed(&answer) } else { answer.json() };
        let path = format!("{PATH}/{}", whole["id"].as_str().unwrap());
        assert_eq!(stack.get(&path).await.json(), whole);

        let body =
            json!({"model": model, "previous_response_id": whole["id"], "input": "second words"});
        let second = stack.post(PATH, &body).await.json();
        assert_eq!(second["previous_response_id"], whole["id"]);
        assert_eq!(text_of(&second), "You said: second words");
        let sent = stack.upstream_body()["messages"].to_string();
        assert!(sent.contains("first words") && sent.contains("You said: first words"), "{sent}");

        let reference = json!({"type": "item_reference", "id": second["output"][0]["id"]});
        let input = json!([{"role": "user", "content": "x"}, reference, {"role": "user", "content": "third"}]);
        let answer = stack.post(PATH, &json!({"model": model, "input": input})).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(stack.upstream_body()["messages"].to_string().contains("You said: second words"));

        let deleted = stack.send(Method::DELETE, &path, &[], "").await.json();
        assert_eq!((&deleted["id"], &deleted["deleted"]), (&whole["id"], &json!(true)));
        let gone = stack.get(&path).await;
        assert_eq!((gone.status.as_u16(), gone.header("x-should-retry")), (404, "false"));
        let body = json!({"model": model, "previous_response_id": whole["id"], "input": "x"});
        let answer = stack.post(PATH, &body).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.json()["error"]["code"], "previous_response_not_found");
        assert_eq!(answer.json()["error"]["param"], "previous_response_id");
    }
}

#[tokio::test]
async fn what_failed_or_is_not_to_be_kept_is_not_kept() {
    let stack = Stack::start().await;
    let body = json!({"model": NOVA, "store": false, "input": "x"});
    let id = stack.post(PATH, &body).await.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(stack.get(&format!("{PATH}/{id}")).await.status, 404);
    stack.fault("stream-error=throttlingException;after=4", 1);
    let body = json!({"model": NOVA, "stream": true, "input": "one two three four five six"});
    let last = stack.post(PATH, &body).await.events().pop().unwrap();
    assert_eq!(last["type"], "response.failed", "{last}");
    assert_eq!(last["response"]["error"]["code"], "rate_limit_exceeded");
    let id = last["response"]["id"].as_str().unwrap();
    assert_eq!(stack.get(&format!("{PATH}/{id}")).await.status, 404);
}

#[tokio::test]
async fn a_cut_answer_is_incomplete() {
    let stack = Stack::start().await;
    for (model, stream) in [(NOVA, false), (NOVA, true), (CLAUDE, false), (CLAUDE, true)] {
        let body = json!({"model": model, "stream": stream, "max_output_tokens": 3, "input": "one two three four"});
        let answer = stack.post(PATH, &body).await;
        let whole = match stream {
            true => answer.events().pop().unwrap()["response"].clone(),
            false => answer.json(),
        };
        assert_eq!(whole["status"], "incomplete", "{}", answer.text());
        assert_eq!(whole["incomplete_details"]["reason"], "max_output_tokens");
    }
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let stack = Stack::with(Options::default()).await;
    for path in ["/v1/responses/resp_1/cancel", "/openai/v1/responses/compact"] {
        let answer = stack.post(path, &json!({})).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("x-should-retry")),
            (501, "false"),
            "{path}"
        );
        assert_eq!(answer.json()["error"]["code"], "not_supported");
    }
    let answer = stack.post(PATH, &json!({"model": NOVA, "input": "x", "background": true})).await;
    assert_eq!(answer.json()["error"]["param"], "background");
    assert!(stack.emulator.requests().is_empty());
}

#[tokio::test]
async fn a_responses_body_at_the_wrong_door_is_answered_in_chunks() {
    let stack = Stack::start().await;
    let body = json!({"model": NOVA, "stream": true, "stream_options": {"include_usage": true}, "tools": [look()],
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "hello there"}]}]});
    let answer = stack.post("/v1/chat/completions", &body).await;
    assert!(answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
    let events = answer.events();
    assert!(events.iter().all(|e| e["object"] == "chat.completion.chunk"));
    assert!(events.last().unwrap()["usage"]["total_tokens"].is_u64(), "{}", answer.text());
}

/// To another key, an answer is one that is not there.
#[tokio::test]
async fn a_kept_answer_is_its_callers_alone() {
    let key = |name: &str| ClientKey {
        name: name.to_owned(),
        proof: KeyProof::Tokens(vec![Secret::Inline(Redacted::new(name))]),
        scopes: Scopes::default(),
        expires: None,
        owner: None,
        tags: Vec::new(),
        origin: Origin::default(),
    };
    let reveal = |secret: &Secret| match secret {
        Secret::Inline(text) => Ok(text.reveal().to_owned()),
        Secret::Env(_) | Secret::File(_) => Err(String::new()),
    };
    let (table, _) = KeyTable::of(&[key("own"), key("other")], &reveal);
    let stack = Stack::with(Options { admitter: Admitter::of(table), ..Options::default() }).await;
    let as_other = async |method, path: &str, token: &str, body: &Value| {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        stack.send(method, path, &[("x-api-key", token)], text).await
    };
    let body = json!({"model": NOVA, "input": "a secret"});
    let whole = as_other(Method::POST, PATH, "own", &body).await.json();
    let (id, unknown) = (whole["id"].as_str().unwrap(), "resp_0123456789abcdef");
    let on = |id: &str| json!({"model": NOVA, "input": "x", "previous_response_id": id});
    let to =
        |item: &Value| json!({"model": NOVA, "input": [{"type": "item_reference", "id": item}]});
    let item = &whole["output"][0]["id"];
    let none = Value::Null;
    for (method, path, body, same) in [
        (Method::GET, format!("{PATH}/{id}"), &none, (format!("{PATH}/{unknown}"), &none)),
        (Method::DELETE, format!("{PATH}/{id}"), &none, (format!("{PATH}/{unknown}"), &none)),
        (Method::POST, PATH.to_owned(), &on(id), (PATH.to_owned(), &on(unknown))),
        (Method::POST, PATH.to_owned(), &to(item), (PATH.to_owned(), &to(&json!("msg_unknown_0")))),
        (
            Method::POST,
            format!("{PATH}/input_tokens"),
            &on(id),
            (format!("{PATH}/input_tokens"), &on(unknown)),
        ),
    ] {
        let got = as_other(method.clone(), &path, "other", body).await;
        let expected = as_other(method, &same.0, "other", same.1).await;
        assert!(got.status.is_client_error(), "{path}: {}", got.text());
        let as_if =
            got.text().replace(id, unknown).replace(item.as_str().unwrap(), "msg_unknown_0");
        assert_eq!((got.status, as_if), (expected.status, expected.text()), "{path}");
    }
    assert_eq!(as_other(Method::GET, &format!("{PATH}/{id}"), "own", &none).await.json(), whole);
    assert_eq!(as_other(Method::POST, PATH, "own", &on(id)).await.status, 200);
}
