//! Which route takes a request, what its path means there, and which model is asked.

use http::Method;
use outcrop_config::{
    BodyEdit, Config, Guardrail, HeaderEdit, HeaderMatch, Match, Mode, ModelIs, ModelName, Origin,
    PathMatch, Pattern, Policy, Route, Surface, SurfaceWord, Target,
};
use outcrop_model::Carrier;
use serde_json::json;

use crate::support::{CLAUDE, NOVA, Options, Stack, chat, route};

fn exact(text: &str) -> Pattern {
    Pattern::Exact(text.to_owned())
}

fn by_model(name: &str, target: Target) -> Route {
    let matches = vec![Match { model: Some(exact(name)), ..Match::default() }];
    Route { matches, owned_by: Some("us".to_owned()), ..route(name, vec![target]) }
}

fn asking(model: &str) -> Target {
    Target { model: Some(model.to_owned()), ..Target::new("bedrock") }
}

async fn stack(config: Config) -> Stack {
    Stack::routing(Options::default(), config).await
}

#[tokio::test]
async fn a_name_leads_to_its_route_and_the_route_to_another_model() {
    let name = ModelName {
        pattern: Pattern::Prefix("my/".to_owned()),
        model: "*".to_owned(),
        listed: false,
        origin: Origin::default(),
    };
    let routes = vec![by_model("fast", asking(NOVA)), by_model("deep", asking(CLAUDE))];
    let mut stack = stack(Config { names: vec![name], routes, ..Config::default() }).await;
    for dialect in ["openai", "responses", "anthropic", "converse"] {
        for (written, target) in [("fast", NOVA), ("my%2Ffast", NOVA), ("deep", CLAUDE)] {
            let written = match dialect {
                "converse" => written.to_owned(),
                _ => written.replace("%2F", "/"),
            };
            let (path, body) = chat(dialect, &written, "hi", false);
            let answer = stack.post(&path, &body).await;
            assert_eq!(answer.status, 200, "{dialect} {written}: {}", answer.text());
            assert_eq!(answer.header("x-outcrop-model"), target, "{dialect}");
            let receipt = stack.receipt().await;
            assert_eq!(
                receipt.route.as_deref(),
                Some(if target == NOVA { "fast" } else { "deep" })
            );
        }
    }
    let listed = stack.get("/v1/models").await.json();
    assert_eq!(
        (&listed["data"][0]["id"], &listed["data"][0]["owned_by"]),
        (&json!("fast"), &json!("us"))
    );
}

#[tokio::test]
async fn an_unknown_model_is_told_in_the_callers_dialect_with_what_is_near() {
    let stack =
        stack(Config { routes: vec![by_model("fast", asking(NOVA))], ..Config::default() }).await;
    for dialect in ["openai", "responses", "anthropic", "converse"] {
        let (path, body) = chat(dialect, "fats", "hi", false);
        let answer = stack.post(&path, &body).await;
        assert_eq!(answer.status, 404, "{dialect}: {}", answer.text());
        assert!(answer.text().contains("Did you mean `fast`"), "{dialect}: {}", answer.text());
    }
    let answer = stack.post("/v1/messages", &json!({"messages": []})).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
}

#[tokio::test]
async fn what_bedrock_does_not_know_is_told_with_what_is_near() {
    let name = ModelName {
        pattern: exact("fast"),
        model: NOVA.to_owned(),
        listed: true,
        origin: Origin::default(),
    };
    let routes = vec![route("all", vec![Target::new("bedrock")])];
    let stack = stack(Config { names: vec![name], routes, ..Config::default() }).await;
    for dialect in ["openai", "responses", "anthropic"] {
        for (written, near) in [("fats", "`fast`"), ("claude-sonet-4-5", "`claude-sonnet-4-5")] {
            let (path, body) = chat(dialect, written, "hi", false);
            let answer = stack.post(&path, &body).await;
            assert_eq!(answer.status, 404, "{dialect}: {}", answer.text());
            assert!(answer.text().contains("Did you mean"), "{dialect}: {}", answer.text());
            assert!(answer.text().contains(near), "{dialect}: {}", answer.text());
        }
    }
    let (path, body) = chat("converse", "fats", "hi", false);
    let answer = stack.post(&path, &body).await;
    assert!(!answer.text().contains("Did you mean"), "Bedrock's own words: {}", answer.text());
}

#[tokio::test]
async fn a_prefix_of_the_operators_means_what_its_surface_says() {
    let at = |prefix: &str, surface| Route {
        matches: vec![Match {
            path: Some(PathMatch::Prefix(prefix.to_owned())),
            ..Match::default()
        }],
        surface,
        ..route(prefix, vec![Target { model_is: ModelIs::Default, ..asking(NOVA) }])
    };
    let suffixes = vec![("/v1/messages".to_owned(), SurfaceWord::Messages)];
    let otherwise = SurfaceWord::ChatCompletions;
    let routes = vec![
        at("/bedrock", Surface::Fixed(SurfaceWord::ChatCompletions)),
        at("/mixed", Surface::BySuffix { suffixes, otherwise }),
        at("/under", Surface::Under("/under".to_owned())),
    ];
    let stack = stack(Config { routes, ..Config::default() }).await;
    let (_, openai) = chat("openai", "", "hi", false);
    let (_, anthropic) = chat("anthropic", "", "hi", false);
    for (path, body, member) in [
        ("/bedrock", &openai, "choices"),
        ("/mixed/v1/chat/completions", &openai, "choices"),
        ("/mixed/v1/messages", &anthropic, "content"),
        ("/under/anthropic/v1/messages", &anthropic, "content"),
    ] {
        let answer = stack.post(path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(!answer.json()[member].is_null(), "{path}: {}", answer.text());
    }
    assert_eq!(stack.post("/v1/chat/completions", &openai).await.status, 404);
    assert_eq!(stack.get("/health").await.status, 200);
}

#[tokio::test]
async fn headers_choose_and_the_operator_changes_headers_and_body() {
    let gold = Match {
        headers: vec![HeaderMatch { name: "x-tier".to_owned(), value: exact("gold") }],
        ..Match::default()
    };
    let policy = Policy {
        body: vec![BodyEdit::Set {
            path: "max_tokens".to_owned(),
            value: "7".to_owned(),
            mode: Mode::Override,
        }],
        headers: vec![HeaderEdit::Set { name: "x-team".to_owned(), value: "one".to_owned() }],
        route_header: Some(true),
        ..Policy::default()
    };
    let routes =
        vec![Route { matches: vec![gold], policy, ..route("gold", vec![Target::new("bedrock")]) }];
    let stack = stack(Config { routes, ..Config::default() }).await;
    let (path, body) = chat("anthropic", CLAUDE, "hi", false);
    assert_eq!(stack.post(&path, &body).await.status, 404);
    let headers = [("x-tier", "gold")];
    let answer = stack.send(Method::POST, &path, &headers, body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-outcrop-route"), "gold; backend=bedrock");
    assert_eq!(stack.upstream_body()["max_tokens"], 7);
    let requests = stack.emulator.requests();
    assert_eq!(requests.last().unwrap().headers.get("x-team").unwrap(), "one");
}

#[tokio::test]
async fn a_routes_guardrail_is_in_every_chat_and_no_caller_can_change_it() {
    let guardrail =
        Guardrail { id: "abcdefghij12".to_owned(), version: "1".to_owned(), trace: true };
    let policy = Policy { guardrail: Some(guardrail), ..Policy::default() };
    let routes = vec![Route { policy, ..route("all", vec![Target::new("bedrock")]) }];
    let stack = stack(Config { routes, ..Config::default() }).await;
    for dialect in ["openai", "anthropic", "responses"] {
        let (path, body) = chat(dialect, NOVA, "hi", false);
        let answer = stack.post(&path, &body).await;
        assert_eq!(answer.status, 200, "{dialect}: {}", answer.text());
        let sent = &stack.upstream_body()["guardrailConfig"];
        assert_eq!(sent["guardrailIdentifier"], "abcdefghij12", "{dialect}");
        let (path, body) = chat(dialect, CLAUDE, "hi", false);
        assert_eq!(stack.post(&path, &body).await.status, 200, "{dialect}");
        let requests = stack.emulator.requests();
        let headers = &requests.last().unwrap().headers;
        assert_eq!(headers["x-amzn-bedrock-guardrailidentifier"], "abcdefghij12", "{dialect}");
        assert_eq!(headers["x-amzn-bedrock-guardrailversion"], "1", "{dialect}");
    }
    let (path, mut body) = chat("converse", NOVA, "hi", false);
    body["guardrailConfig"] =
        json!({"guardrailIdentifier": "zzzzzzzzzz99", "guardrailVersion": "2"});
    let answer = stack.post(&path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(stack.upstream_body()["guardrailConfig"]["guardrailIdentifier"], "abcdefghij12");
    assert!(answer.header("x-outcrop-loss").contains("guardrailConfig"));
}

/// Neither by marks, nor by tags, nor by streams that are judged when they have passed.
#[tokio::test]
async fn no_caller_can_have_a_guardrail_judge_a_part_alone() {
    let guardrail =
        Guardrail { id: "abcdefghij12".to_owned(), version: "1".to_owned(), trace: false };
    let policy = Policy { guardrail: Some(guardrail), ..Policy::default() };
    let routes = vec![Route { policy, ..route("all", vec![Target::new("bedrock")]) }];
    let stack = stack(Config { routes, ..Config::default() }).await;
    let (path, _) = chat("converse", NOVA, "hi", false);
    // A name may be written in another way.
    let body = r#"{"system": [{"guardContent": {"text": {"text": "be good"}}}],
        "messages": [{"role": "user", "content": [{"text": "bad"},
        {"guard\u0043ontent": {"text": {"text": "go\u006fd", "qualifiers": ["query"]}}}]}]}"#;
    let answer = stack.send(Method::POST, &path, &[], body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = stack.upstream_body();
    assert_eq!(sent["system"], json!([{"text": "be good"}]));
    assert_eq!(sent["messages"][0]["content"], json!([{"text": "bad"}, {"text": "good"}]));
    let told = answer.header("x-outcrop-loss");
    for place in ["system.0.guardContent", "messages.0.content.1.guardContent"] {
        assert!(told.contains(place), "{told}");
    }
    let (path, mut body) = chat("invoke", CLAUDE, "hi", false);
    let own = "amazon-bedrock-guardrailConfig";
    body[own] = json!({"tagSuffix": "xyz", "streamProcessingMode": "ASYNCHRONOUS"});
    let answer = stack.post(&path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(stack.upstream_body().get(own).is_none());
    assert!(answer.header("x-outcrop-loss").contains(own));
}

#[tokio::test]
async fn a_chat_that_no_guardrail_reaches_is_refused() {
    let guardrail =
        Guardrail { id: "abcdefghij12".to_owned(), version: "1".to_owned(), trace: false };
    let carrier = Some(Carrier::Mantle);
    let policy = Policy { guardrail: Some(guardrail), carrier, ..Policy::default() };
    let routes = vec![Route { policy, ..route("all", vec![Target::new("bedrock")]) }];
    let stack = stack(Config { routes, ..Config::default() }).await;
    let (path, body) = chat("anthropic", CLAUDE, "hi", false);
    let answer = stack.post(&path, &body).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("guardrail"), "{}", answer.text());
    assert!(stack.emulator.requests().is_empty());
}
