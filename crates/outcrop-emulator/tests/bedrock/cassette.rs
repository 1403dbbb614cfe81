//! Replay of what was recorded.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outcrop_emulator::{Cassette, Config, Exchange};

use crate::client::{Ask, HAIKU, with};
use crate::converse::hello;

#[tokio::test]
async fn recorded_answers_are_replayed_and_others_refused() {
    let exchange = Exchange {
        operation: "Converse".into(),
        path: format!("/model/{HAIKU}/converse"),
        request: hello(),
        status: 200,
        headers: vec![
            ("content-type".into(), "application/json".into()),
            ("content-length".into(), "999".into()),
            ("x-amzn-requestid".into(), "recorded".into()),
        ],
        body: STANDARD.encode("{\"recorded\":true}"),
    };
    let cassette = Cassette::parse(&exchange.to_line().unwrap()).unwrap();
    let config = Config { cassette: Some(Arc::new(cassette)), ..Config::default() };
    let emulator = with(config).await;
    let answer = Ask::post(HAIKU, "converse", &hello()).send(&emulator).await.ok();
    assert_eq!(answer.body, "{\"recorded\":true}");
    assert_eq!(answer.headers["x-amzn-requestid"], "recorded");
    let other = Ask::post(HAIKU, "converse-stream", &hello()).send(&emulator).await;
    let (status, name, message) = other.refusal();
    assert_eq!((status, name.as_str()), (501, "CassetteException"));
    assert!(message.contains("ConverseStream /model/"), "{message}");
    let mut unsigned = Ask::post(HAIKU, "converse", &hello());
    unsigned.key.1 = "wrong".into();
    assert_eq!(unsigned.send(&emulator).await.status, 403);
}
