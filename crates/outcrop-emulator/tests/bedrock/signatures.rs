//! Who is let in: one valid request, spoilt in every way there is.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http_body_util::Full;
use outcrop_emulator::{AccessKey, Config, EXAMPLE_API_KEY, Emulator};

use crate::client::{Ask, HAIKU, emulator, encode, hex, mac, minutes, sha256, timestamp, with};
use crate::converse::hello;

/// Changes a request before it is signed.
type Spoil = fn(&mut Ask);

fn ask() -> Ask {
    Ask::post(HAIKU, "converse", &hello())
}

fn check(answer: &crate::client::Answer, name: &str, part: &str) {
    let (status, found, message) = answer.refusal();
    assert_eq!((status, found.as_str()), (403, name), "{message}");
    assert!(message.contains(part), "{message}");
}

const MISMATCH: &str = "The request signature we calculated does not match";

#[tokio::test]
async fn every_form_of_the_path_is_verified() {
    let emulator = emulator().await;
    let arn = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fc3d4e5f6a1b2";
    let raw = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile%2Fc3d4e5f6a1b2";
    for model in [HAIKU, "anthropic.claude-3-haiku-20240307-v1:0", arn, raw] {
        Ask::post(model, "converse", &hello()).send(&emulator).await.ok();
    }
    let mut single = ask();
    single.double_encode = false;
    check(&single.send(&emulator).await, "InvalidSignatureException", MISMATCH);
}

#[tokio::test]
async fn a_flipped_byte_anywhere_is_noticed() {
    let emulator = emulator().await;
    let mut listing = Ask::get("/inference-profiles", "maxResults=2&type=SYSTEM_DEFINED");
    listing.clone().send(&emulator).await.ok();
    let answer = listing
        .send_spoilt(&emulator, |request| {
            *request.uri_mut() =
                "/inference-profiles?maxResults=3&type=SYSTEM_DEFINED".parse().unwrap();
        })
        .await;
    check(&answer, "InvalidSignatureException", MISMATCH);
    listing.query = "type=SYSTEM_DEFINED&maxResults=2".into();
    check(&listing.send(&emulator).await, "InvalidSignatureException", MISMATCH);

    let answer = ask()
        .send_spoilt(&emulator, |request| {
            let path = request.uri().path().replace("haiku", "haikv");
            *request.uri_mut() = path.parse().unwrap();
        })
        .await;
    check(&answer, "InvalidSignatureException", MISMATCH);
    let answer = ask()
        .send_spoilt(&emulator, |request| {
            *request.body_mut() = Full::new(hello().to_string().replace("Hello", "hello").into());
        })
        .await;
    check(&answer, "InvalidSignatureException", MISMATCH);
}

#[tokio::test]
async fn every_signed_header_counts() {
    let emulator = emulator().await;
    let mut ask = ask();
    ask.signed.push(("x-amzn-bedrock-trace".into(), "ENABLED".into()));
    ask.signed.push(("accept".into(), "application/json".into()));
    ask.send(&emulator).await.ok();
    for name in ["content-type", "x-amzn-bedrock-trace", "accept", "host"] {
        let answer = ask
            .send_spoilt(&emulator, |request| {
                request.headers_mut().insert(name, HeaderValue::from_static("spoilt"));
            })
            .await;
        check(&answer, "InvalidSignatureException", MISMATCH);
    }
    let stamp = timestamp(SystemTime::now() + minutes(1));
    let answer = ask
        .send_spoilt(&emulator, |request| {
            request.headers_mut().insert("x-amz-date", stamp.parse().unwrap());
        })
        .await;
    assert_eq!(answer.status, 403);
    let answer = ask
        .send_spoilt(&emulator, |request| {
            request.headers_mut().insert("x-amz-extra", HeaderValue::from_static("unsigned"));
        })
        .await;
    check(&answer, "InvalidSignatureException", "'x-amz-extra' must be a 'SignedHeader'");
}

#[tokio::test]
async fn keys_scopes_and_dates_are_checked() {
    let emulator = emulator().await;
    let spoil = |change: Spoil| {
        let mut ask = ask();
        change(&mut ask);
        ask
    };
    let cases: [(Spoil, &str, &str); 7] = [
        (|ask| ask.key.1.push('x'), "InvalidSignatureException", MISMATCH),
        (
            |ask| ask.key.0.push('x'),
            "UnrecognizedClientException",
            "security token included in the request is invalid",
        ),
        (
            |ask| ask.service = "bedrock-mantle".into(),
            "InvalidSignatureException",
            "scoped to correct service: 'bedrock'",
        ),
        (
            |ask| ask.region = "nowhere".into(),
            "InvalidSignatureException",
            "scoped to a valid region",
        ),
        (|ask| ask.at -= minutes(6), "InvalidSignatureException", "Signature expired: "),
        (|ask| ask.at += minutes(6), "InvalidSignatureException", "Signature not yet current: "),
        (
            |ask| ask.signed.push(("x-amz-content-sha256".into(), sha256(b"other"))),
            "InvalidSignatureException",
            "x-amz-content-sha256",
        ),
    ];
    for (change, name, part) in cases {
        check(&spoil(change).send(&emulator).await, name, part);
    }
    for near in [spoil(|ask| ask.at -= minutes(4)), spoil(|ask| ask.at += minutes(4))] {
        near.send(&emulator).await.ok();
    }
    let stated = spoil(|ask| ask.signed.push(("x-amz-content-sha256".into(), sha256(&ask.body))));
    stated.send(&emulator).await.ok();
}

#[tokio::test]
async fn a_configured_region_is_the_only_one() {
    let config = Config { region: Some("eu-west-1".into()), ..Config::default() };
    let emulator = with(config).await;
    check(&ask().send(&emulator).await, "InvalidSignatureException", "scoped to a valid region");
    let mut there = ask();
    there.region = "eu-west-1".into();
    there.send(&emulator).await.ok();
}

#[tokio::test]
async fn session_tokens_belong_to_their_key() {
    let temporary = AccessKey::new("ASIAEXAMPLE", "secret").with_session_token("token");
    let stale = AccessKey::new("ASIASTALE", "secret")
        .with_session_token("token")
        .expiring_at(SystemTime::now() - minutes(1));
    let config = Config { access_keys: vec![temporary, stale], ..Config::default() };
    let emulator = with(config).await;
    let mut ask = ask();
    ask.key = ("ASIAEXAMPLE".into(), "secret".into());
    check(&ask.send(&emulator).await, "UnrecognizedClientException", "is invalid");
    ask.signed.push(("x-amz-security-token".into(), "token".into()));
    ask.send(&emulator).await.ok();
    let answer = ask
        .send_spoilt(&emulator, |request| {
            request.headers_mut().remove("x-amz-security-token");
        })
        .await;
    assert_eq!(answer.status, 403);
    ask.key.0 = "ASIASTALE".into();
    check(&ask.send(&emulator).await, "ExpiredTokenException", "is expired");
}

#[tokio::test]
async fn missing_and_malformed_authorization() {
    let emulator = emulator().await;
    let with_header = async |value: Option<&'static str>| {
        let spoil = |request: &mut http::Request<_>| {
            request.headers_mut().remove("authorization");
            let value = value.map(HeaderValue::from_static);
            request.headers_mut().extend(value.map(|value| (http::header::AUTHORIZATION, value)));
        };
        let answer = ask().send_spoilt(&emulator, spoil).await;
        answer.refusal()
    };
    assert_eq!(with_header(None).await.1, "MissingAuthenticationTokenException");
    assert_eq!(with_header(Some("Basic abc")).await.1, "IncompleteSignatureException");
    let (status, name, message) = with_header(Some("AWS4-HMAC-SHA256 Credential=a/b")).await;
    assert_eq!((status, name.as_str()), (400, "IncompleteSignatureException"), "{message}");
}

/// A short-term key: a presigned call of `CallWithBearerToken`.
fn short_term(at: SystemTime, secret: &str) -> String {
    let stamp = timestamp(at);
    let scope = format!("{}/us-east-1/bedrock/aws4_request", &stamp[..8]);
    let credential = encode(&format!("AKIDEXAMPLE/{scope}")).replace('/', "%2F");
    let query = format!(
        "Action=CallWithBearerToken&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={stamp}&X-Amz-Expires=43200&X-Amz-SignedHeaders=host"
    );
    let canonical =
        format!("POST\n/\n{query}\nhost:bedrock.amazonaws.com\n\nhost\n{}", sha256(b""));
    let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", sha256(canonical.as_bytes()));
    let mut key = mac(format!("AWS4{secret}").as_bytes(), &stamp[..8]);
    for part in ["us-east-1", "bedrock", "aws4_request"] {
        key = mac(&key, part);
    }
    let url = format!(
        "bedrock.amazonaws.com/?{query}&X-Amz-Signature={}&Version=1",
        hex(&mac(&key, &to_sign))
    );
    format!("bedrock-api-key-{}", STANDARD.encode(url))
}

async fn bearer(emulator: &Emulator, key: &str) -> crate::client::Answer {
    let value = format!("Bearer {key}").parse::<HeaderValue>().unwrap();
    let spoil = |request: &mut http::Request<_>| {
        request.headers_mut().insert("authorization", value);
    };
    ask().send_spoilt(emulator, spoil).await
}

#[tokio::test]
async fn api_keys_are_known_or_computed_again() {
    let emulator = emulator().await;
    bearer(&emulator, EXAMPLE_API_KEY).await.ok();
    let invalid = "Please make sure your API Key is valid.";
    check(&bearer(&emulator, "ABSKnothing").await, "AccessDeniedException", invalid);
    let secret = outcrop_emulator::EXAMPLE_SECRET_ACCESS_KEY;
    let now = SystemTime::now();
    bearer(&emulator, &short_term(now, secret)).await.ok();
    check(&bearer(&emulator, &short_term(now, "other")).await, "AccessDeniedException", invalid);
    let old = short_term(now - minutes(12 * 60 + 1), secret);
    check(&bearer(&emulator, &old).await, "ExpiredTokenException", "is expired");
}
