//! Keys at the door: each dialect's own refusals, what a key is for, and what needs none.

use http::{HeaderMap, Method};
use outcrop_config::{ClientKey, KeyProof, Origin, Redacted, Scopes, Secret, SurfaceWord};
use outcrop_core::{Admitter, KeyTable};
use outcrop_model::{Caller, Outcome};
use serde_json::json;

use crate::support::{Answer, CLAUDE, NOVA, Options, Stack, chat};

const TOKEN: &str = "oc_valid";
const NARROW: &str = "oc_narrow";

fn key(name: &str, token: &str, scopes: Scopes) -> ClientKey {
    ClientKey {
        name: name.to_owned(),
        proof: KeyProof::Tokens(vec![Secret::Inline(Redacted::new(token))]),
        scopes,
        expires: None,
        owner: Some("search team".to_owned()),
        tags: vec![("env".to_owned(), "test".to_owned())],
        origin: Origin::default(),
    }
}

/// One key for everything, and one for Nova's chat with OpenAI's dialect.
async fn guarded() -> Stack {
    let narrow = Scopes {
        models: vec!["amazon.nova-*".to_owned()],
        surfaces: vec![SurfaceWord::ChatCompletions, SurfaceWord::Models, SurfaceWord::Bedrock],
        ..Scopes::default()
    };
    let keys = [key("wide", TOKEN, Scopes::default()), key("narrow", NARROW, narrow)];
    let resolve = |secret: &Secret| match secret {
        Secret::Inline(text) => Ok(text.reveal().to_owned()),
        Secret::Env(_) | Secret::File(_) => Err(String::new()),
    };
    let (table, unusable) = KeyTable::of(&keys, &resolve);
    assert_eq!(unusable, []);
    Stack::with(Options { admitter: Admitter::of(table), ..Options::default() }).await
}

async fn ask(stack: &Stack, dialect: &str, model: &str, token: Option<&str>) -> Answer {
    let (path, body) = chat(dialect, model, "say:hi", false);
    let header = token.map(|token| ("x-api-key", token));
    stack.send(Method::POST, &path, header.as_slice(), body.to_string()).await
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn each_dialect_has_its_own_refusal() {
    let stack = guarded().await;
    // (dialect, status without a key, its word, status out of scope, its word)
    let cases = [
        ("openai", 401, "invalid_api_key", 403, "permission_denied"),
        ("responses", 401, "invalid_api_key", 403, "permission_denied"),
        ("anthropic", 401, "authentication_error", 403, "permission_error"),
        ("converse", 403, "UnrecognizedClientException", 403, "AccessDeniedException"),
        ("invoke", 403, "UnrecognizedClientException", 403, "AccessDeniedException"),
    ];
    for (dialect, status, word, scope_status, scope_word) in cases {
        let missing = ask(&stack, dialect, NOVA, None).await;
        let unknown = ask(&stack, dialect, NOVA, Some("oc_other")).await;
        for refused in [&missing, &unknown] {
            assert_eq!(refused.status, status, "{dialect}");
            assert_eq!(word_of(refused), word, "{dialect}");
            assert_eq!(refused.header("x-should-retry"), "false");
            let scheme = (status == 401).then_some("Bearer realm=\"outcrop\"");
            assert_eq!(header(&refused.headers, "www-authenticate"), scheme, "{dialect}");
        }
        assert_eq!(said(&missing), said(&unknown), "{dialect}");
        let beyond = ask(&stack, dialect, CLAUDE, Some(NARROW)).await;
        assert_eq!(beyond.status, scope_status, "{dialect}");
        assert_eq!(word_of(&beyond), scope_word, "{dialect}");
        assert_eq!(ask(&stack, dialect, CLAUDE, Some(TOKEN)).await.status, 200, "{dialect}");
    }
    // Nothing of all that was refused has reached Bedrock.
    assert_eq!(stack.emulator.requests().len(), cases.len());
}

/// The word that a client decides by.
fn word_of(answer: &Answer) -> String {
    let body = answer.json();
    let error = &body["error"];
    let word = error["code"].as_str().or_else(|| error["type"].as_str());
    word.unwrap_or_else(|| answer.header("x-amzn-errortype")).to_owned()
}

fn said(answer: &Answer) -> String {
    let body = answer.json();
    let text = body["error"]["message"].as_str().or_else(|| body["message"].as_str());
    text.unwrap_or_else(|| panic!("{body}")).to_owned()
}

#[tokio::test]
async fn a_key_is_for_its_models_and_surfaces() {
    let stack = guarded().await;
    for (dialect, model, status) in [
        ("openai", NOVA, 200),
        ("converse", NOVA, 200),
        ("openai", CLAUDE, 403),
        ("openai", "claude-sonnet-4-5", 403),
        ("anthropic", NOVA, 403),
        ("responses", NOVA, 403),
    ] {
        let answer = ask(&stack, dialect, model, Some(NARROW)).await;
        assert_eq!(answer.status, status, "{dialect} {model}: {}", answer.text());
    }
}

#[tokio::test]
async fn only_models_of_the_key_are_listed() {
    let stack = guarded().await;
    let list = |token| {
        let stack = &stack;
        async move { stack.send(Method::GET, "/v1/models", &[("x-api-key", token)], "").await }
    };
    let ids = |answer: &Answer| -> Vec<String> {
        let body = answer.json();
        let data = body["data"].as_array().unwrap();
        data.iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
    };
    let (all, some) = (ids(&list(TOKEN).await), ids(&list(NARROW).await));
    let expected: Vec<String> =
        all.iter().filter(|id| id.starts_with("amazon.nova-")).cloned().collect();
    assert!(!expected.is_empty() && expected.len() < all.len());
    assert_eq!(some, expected);
    let one = |id: &'static str| {
        let stack = &stack;
        async move {
            let path = format!("/v1/models/{id}");
            stack.send(Method::GET, &path, &[("x-api-key", NARROW)], "").await.status
        }
    };
    assert_eq!(one("amazon.nova-lite-v1:0").await, 200);
    assert_eq!(one("amazon.titan-embed-text-v2:0").await, 404);
    assert_eq!(stack.get("/v1/models").await.status, 401);
    assert_eq!(stack.get("/v1/responses/resp_x").await.status, 401);
}

#[tokio::test]
async fn health_needs_no_key() {
    let stack = guarded().await;
    for path in ["/health", "/ready", "/"] {
        assert_eq!(stack.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_body_without_a_key_is_not_read() {
    use tokio::io::AsyncReadExt;
    let stack = guarded().await;
    // The body never comes: who must not send it is told at once.
    let head = "POST /v1/messages HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 1000000\r\n\r\n";
    let mut socket = stack.say(head.as_bytes()).await;
    let mut answer = vec![0; 12];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 401");
}

#[tokio::test]
async fn the_receipt_names_the_caller() {
    let mut stack = guarded().await;
    ask(&stack, "openai", NOVA, Some(TOKEN)).await;
    let receipt = stack.receipt().await;
    let caller = Caller {
        name: "wide".to_owned(),
        owner: Some("search team".to_owned()),
        tags: vec![("env".to_owned(), "test".to_owned())],
    };
    assert_eq!(receipt.caller.as_deref(), Some(&caller));
    ask(&stack, "openai", NOVA, Some("oc_other")).await;
    let receipt = stack.receipt().await;
    assert_eq!(receipt.caller, None);
    assert_eq!((receipt.status, receipt.outcome.as_str()), (401, "unauthenticated"));
    assert_eq!(receipt.detail.as_deref(), Some("a token that is not known"));
    ask(&stack, "openai", CLAUDE, Some(NARROW)).await;
    let receipt = stack.receipt().await;
    assert_eq!(receipt.caller.as_ref().map(|caller| caller.name.as_str()), Some("narrow"));
    assert!(matches!(receipt.outcome, Outcome::Failed(_)));
}

/// Also where nothing is done for the caller, or the caller leaves.
#[tokio::test]
async fn the_receipt_of_an_early_refusal_names_the_caller() {
    use tokio::io::AsyncWriteExt;
    let mut stack = guarded().await;
    let (path, body) = chat("anthropic", NOVA, "say:hi", false);
    let too_much = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nx-api-key: {TOKEN}\r\ncontent-length: 99999999999\r\n\r\n"
    );
    let broken_off = too_much.replace("99999999999", "9");
    stack.send(Method::POST, &path, &[("x-api-key", NARROW)], body.to_string()).await;
    let mut receipts = vec![stack.receipt().await];
    for sent in [too_much, broken_off] {
        let mut socket = stack.say(sent.as_bytes()).await;
        socket.shutdown().await.unwrap();
        receipts.push(stack.receipt().await);
    }
    let told = receipts.iter().map(|receipt| {
        let caller = receipt.caller.as_ref().map(|caller| caller.name.as_str());
        (receipt.outcome.as_str(), caller)
    });
    let expected = [
        ("out_of_scope", Some("narrow")),
        ("too_large", Some("wide")),
        ("client_left", Some("wide")),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn calls_beside_inference_keep_to_the_models_of_the_key() {
    let stack = guarded().await;
    let body = |model: &str| {
        json!({
            "queries": [{"type": "TEXT", "textQuery": {"text": "q"}}],
            "sources": [],
            "rerankingConfiguration": {"type": "BEDROCK_RERANKING_MODEL", "bedrockRerankingConfiguration": {"modelConfiguration": {"modelArn": format!("arn:aws:bedrock:us-east-1::foundation-model/{model}")}}},
        })
    };
    let headers = [("x-api-key", NARROW)];
    let body = body("cohere.rerank-v3-5:0").to_string();
    let answer = stack.send(Method::POST, "/rerank", &headers, body).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    let answer = stack.send(Method::GET, "/foundation-models", &headers, "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Only whoever comes in without a key is asked where from.
#[tokio::test]
async fn a_key_lets_in_from_any_page() {
    let stack = guarded().await;
    let (path, body) = chat("openai", NOVA, "say:hi", false);
    let headers =
        [("origin", "https://other.example"), ("host", "gateway.example"), ("x-api-key", TOKEN)];
    let answer = stack.send(Method::POST, &path, &headers, body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = stack.send(Method::POST, &path, &headers[..2], body.to_string()).await;
    assert_eq!(answer.status, 401, "{}", answer.text());
}
