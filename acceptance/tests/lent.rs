//! Callers that bring their own AWS credentials.

use std::time::{Duration, SystemTime};

use http::Method;
use outcrop_aws::Clock;
use outcrop_config::{CredentialHeaders, Policy, Without};
use outcrop_core::lent::DEFAULT_PREFIX;
use outcrop_emulator::{Access, AccessKey, Config, EXAMPLE_ACCESS_KEY_ID, Emulator};
use serde_json::json;

use crate::failover::pair_with;
use crate::support::{Answer, CLAUDE, NOVA, Options, ROUTES, Stack, chat};

/// The headers of a pair of which the emulator knows the secret `s3cr3t`.
const ALICE: [(&str, &str); 2] =
    [("x-aigw-aws-access-key-id", "AKIDALICE"), ("x-aigw-aws-secret-access-key", "s3cr3t")];
const BOB: [(&str, &str); 3] = [
    ("x-aigw-aws-access-key-id", "AKIDBOB"),
    ("x-aigw-aws-secret-access-key", "s3cr3t"),
    ("x-aigw-aws-session-token", "t0k3n"),
];

/// Alice may call Claude, Bob may call Amazon's; the gateway's own identity may call both.
fn options(without: Without) -> Options {
    let only = |pattern: &str| Access { models: vec![pattern.to_owned()], ..Access::default() };
    let mut emulator = Config::default();
    emulator.access_keys.push(AccessKey::new("AKIDALICE", "s3cr3t"));
    emulator.access_keys.push(AccessKey::new("AKIDBOB", "s3cr3t").with_session_token("t0k3n"));
    emulator.access =
        [("AKIDALICE".to_owned(), only("anthropic.*")), ("AKIDBOB".to_owned(), only("amazon.*"))]
            .into();
    let headers = CredentialHeaders { prefix: DEFAULT_PREFIX.to_owned(), without };
    Options { emulator, credential_headers: Some(headers), ..Options::default() }
}

async fn ask(stack: &Stack, route: (&str, &str), stream: bool, headers: &[(&str, &str)]) -> Answer {
    let (path, body) = chat(route.0, route.1, "hi", stream);
    stack.send(Method::POST, &path, headers, body.to_string()).await
}

/// Whose signature the emulator saw last; it must have seen nothing else of the credentials.
fn signer(stack: &Stack) -> String {
    signer_at(&stack.emulator)
}

fn signer_at(emulator: &Emulator) -> String {
    let requests = emulator.requests();
    let last = requests.last().unwrap();
    assert!(last.headers.keys().all(|name| !name.as_str().starts_with("x-aigw")), "{last:?}");
    let authorization = last.header("authorization").unwrap();
    let (_, rest) = authorization.split_once("Credential=").unwrap();
    rest.split_once('/').unwrap().0.to_owned()
}

#[tokio::test]
async fn each_caller_is_who_it_says() {
    let stack = Stack::with(options(Without::UseConfigured)).await;
    for route in ROUTES {
        for stream in [false, true] {
            let may = |pattern: &str| if route.1.contains(pattern) { 200 } else { 403 };
            let answer = ask(&stack, route, stream, &ALICE).await;
            assert_eq!(answer.status.as_u16(), may("anthropic"), "{route:?} {}", answer.text());
            assert_eq!(signer(&stack), "AKIDALICE");
            assert!(!answer.text().contains("123456789012"), "{}", answer.text());
            let answer = ask(&stack, route, stream, &BOB).await;
            assert_eq!(answer.status.as_u16(), may("amazon"), "{route:?} {}", answer.text());
            assert_eq!(signer(&stack), "AKIDBOB");
            assert_eq!(ask(&stack, route, stream, &[]).await.status, 200, "{route:?}");
            assert_eq!(signer(&stack), EXAMPLE_ACCESS_KEY_ID);
        }
    }
}

#[tokio::test]
async fn so_are_callers_of_everything_else() {
    let stack = Stack::with(options(Without::UseConfigured)).await;
    let text = json!([{"role": "user", "content": "hi"}]);
    for (method, path, body) in [
        (Method::GET, "/foundation-models", json!(null)),
        (Method::POST, "/v1/messages/count_tokens", json!({"model": NOVA, "messages": text})),
        (
            Method::POST,
            "/v1/embeddings",
            json!({"model": "amazon.titan-embed-text-v2:0", "input": ["a", "b"]}),
        ),
    ] {
        let answer = stack.send(method, path, &BOB, body.to_string()).await;
        assert_eq!(answer.status, 200, "{path} {}", answer.text());
        assert_eq!(signer(&stack), "AKIDBOB", "{path}");
    }
}

#[tokio::test]
async fn half_a_set_is_nobody() {
    let stack = Stack::with(options(Without::UseConfigured)).await;
    for route in ROUTES {
        for half in [&ALICE[..1], &ALICE[1..], &BOB[2..], &BOB[1..]] {
            let answer = ask(&stack, route, false, half).await;
            let told = answer.text();
            assert_eq!(answer.status, 400, "{told}");
            assert!(told.contains("x-aigw-aws-") && !told.contains("s3cr3t"), "{told}");
        }
    }
    assert!(stack.emulator.requests().is_empty());
}

#[tokio::test]
async fn what_aws_says_against_them_is_the_callers() {
    let stack = Stack::with(options(Without::UseConfigured)).await;
    let with =
        |id, secret| [("x-aigw-aws-access-key-id", id), ("x-aigw-aws-secret-access-key", secret)];
    let unknown = with("AKIDNOBODY", "s3cr3t");
    let wrong = with("AKIDALICE", "another");
    let incomplete = with("AKIDBOB", "s3cr3t");
    for (headers, words) in
        [(unknown, "does not know"), (wrong, "does not belong"), (incomplete, "session token")]
    {
        let answer = ask(&stack, ("openai", CLAUDE), false, &headers).await;
        let told = answer.json();
        assert_eq!(
            (answer.status.as_u16(), &told["error"]["code"]),
            (401, &json!("invalid_api_key"))
        );
        assert!(told["error"]["message"].as_str().unwrap().contains(words), "{told}");
        let answer = ask(&stack, ("anthropic", CLAUDE), true, &headers).await;
        let told = answer.json();
        assert_eq!(
            (answer.status.as_u16(), &told["error"]["type"]),
            (401, &json!("authentication_error"))
        );
        let answer = ask(&stack, ("converse", CLAUDE), false, &headers).await;
        assert_eq!(answer.status, 403);
        assert_eq!(answer.header("x-amzn-errortype"), "UnrecognizedClientException");
    }
    stack.fault("error=ExpiredTokenException;status=403", 1);
    let answer = ask(&stack, ("openai", CLAUDE), false, &ALICE).await;
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert!(answer.text().contains("expired"), "{}", answer.text());
    let health = stack.get("/health").await.json();
    assert_eq!(health["upstream"], "ok", "the gateway's own way is open");
}

#[tokio::test]
async fn a_wrong_clock_is_not_the_callers() {
    let clock = Clock::new(|| SystemTime::now() - Duration::from_secs(600));
    let stack = Stack::with(Options { clock, ..options(Without::UseConfigured) }).await;
    assert_eq!(ask(&stack, ("openai", CLAUDE), false, &ALICE).await.status, 200);
}

#[tokio::test]
async fn a_gateway_without_an_identity_insists_on_them() {
    // Its own secret is wrong, so whatever succeeds was not signed with it.
    let stack = Stack::with(Options { secret: "none", ..options(Without::Refuse) }).await;
    assert_eq!(ask(&stack, ("openai", CLAUDE), false, &ALICE).await.status, 200);
    for (dialect, model) in ROUTES {
        let answer = ask(&stack, (dialect, model), false, &[]).await;
        let status = if matches!(dialect, "converse" | "invoke") { 403 } else { 401 };
        assert_eq!(answer.status.as_u16(), status, "{dialect} {}", answer.text());
        assert!(answer.text().contains("x-aigw-aws-secret-access-key"), "{}", answer.text());
    }
    assert_eq!(stack.emulator.requests().len(), 1);
}

#[tokio::test]
async fn where_nobody_may_lend_the_headers_mean_nothing() {
    let options = Options { credential_headers: None, ..options(Without::UseConfigured) };
    let stack = Stack::with(options).await;
    assert_eq!(ask(&stack, ("converse", NOVA), false, &ALICE).await.status, 200);
    assert_eq!(signer(&stack), EXAMPLE_ACCESS_KEY_ID);
}

/// What Alice's account is refused tells nothing of Carol's, and nothing of the gateway's own.
#[tokio::test]
async fn what_a_lender_learns_is_its_own() {
    const BARE: (&str, &str) = ("openai", "anthropic.claude-sonnet-4-5-20250929-v1:0");
    const CAROL: [(&str, &str); 2] =
        [("x-aigw-aws-access-key-id", "AKIDCAROL"), ("x-aigw-aws-secret-access-key", "s3cr3t")];
    let mut options = options(Without::UseConfigured);
    options.emulator.access_keys.push(AccessKey::new("AKIDCAROL", "s3cr3t"));
    let mut stack = Stack::with(options).await;
    let own: &[(&str, &str)] = &[];
    for (headers, attempts) in
        [(&ALICE[..], 2), (&ALICE, 1), (&CAROL, 2), (own, 2), (own, 1), (&CAROL, 1), (&ALICE, 1)]
    {
        let answer = ask(&stack, BARE, false, headers).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(stack.receipt().await.attempts, attempts, "{headers:?}");
    }
}

/// The second knows nothing of Alice: what she lends is for the backend that takes it.
#[tokio::test]
async fn another_backend_signs_as_itself() {
    let (stack, second, _) = pair_with(options(Without::Refuse), Policy::default()).await;
    stack.fault("error=ThrottlingException", 1);
    let answer = ask(&stack, ("openai", CLAUDE), false, &ALICE).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(signer(&stack), "AKIDALICE");
    assert_eq!(signer_at(&second), EXAMPLE_ACCESS_KEY_ID);
}
