//! A clock that is wrong, on the way to STS and with what it gave.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use outcrop_aws::{AwsClient, ClientConfig, Clock, EndpointWish, IdentityWish, Outbound, Role};
use outcrop_config::{self as config, AssumeRole, Target};
use outcrop_emulator::{
    Config, EXAMPLE_ACCESS_KEY_ID, EXAMPLE_ROLE, EXAMPLE_SECRET_ACCESS_KEY, Emulator,
};
use outcrop_model::ErrorClass;

use crate::support::{NOVA, Options, Stack, backend, chat, route};

/// AWS allows five minutes.
const OFF: Duration = Duration::from_secs(600);

#[tokio::test]
async fn a_role_is_assumed_by_a_clock_that_is_ten_minutes_off() {
    let clocks = [Clock::new(|| SystemTime::now() + OFF), Clock::new(|| SystemTime::now() - OFF)];
    for clock in clocks {
        let emulator = Emulator::bind("127.0.0.1:0", Config::default()).await.unwrap();
        let url = emulator.base_url();
        let lookup = |name: &str| match name {
            "AWS_REGION" => Some("us-east-1".to_owned()),
            "AWS_ENDPOINT_URL" => Some(url.clone()),
            "AWS_ACCESS_KEY_ID" => Some(EXAMPLE_ACCESS_KEY_ID.to_owned()),
            "AWS_SECRET_ACCESS_KEY" => Some(EXAMPLE_SECRET_ACCESS_KEY.to_owned()),
            _ => None,
        };
        let role = Some(Role::new(EXAMPLE_ROLE).unwrap());
        let identity = IdentityWish { role, ..IdentityWish::default() };
        let wish = EndpointWish::default();
        let config = ClientConfig::from_env_at(clock, wish, &identity, &lookup).await.unwrap();
        config.credentials.begin().await.unwrap();
        // STS refused the wrong time, and took the right one.
        assert_eq!((emulator.requests().len(), emulator.sessions()), (2, 1));

        let client = AwsClient::new(config).unwrap();
        let body = r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#;
        let call = Outbound::post(format!("/model/{NOVA}/converse"), body);
        let fault = client.send(&call).await.unwrap_err();
        assert_eq!(fault.class, ErrorClass::BadSignature);
        client.send(&call).await.unwrap();
        assert_eq!(emulator.sessions(), 1);
    }
}

/// A clock that jumps past the end of a session: what signs and what judges the session go by the same one.
#[tokio::test]
async fn a_backend_has_one_clock() {
    let ahead = Arc::new(AtomicU64::new(0));
    let clock = Clock::new({
        let ahead = Arc::clone(&ahead);
        move || SystemTime::now() + Duration::from_secs(ahead.load(Ordering::Relaxed))
    });
    let stack = Stack::with(Options { clock, attempts: 2, ..Options::default() }).await;
    let mut own = backend(&stack.emulator, EXAMPLE_SECRET_ACCESS_KEY);
    own.identity.roles = vec![AssumeRole {
        arn: EXAMPLE_ROLE.to_owned(),
        external_id: None,
        session_name: None,
        duration: None,
        tags: Vec::new(),
        policy: None,
    }];
    stack
        .reload(config::Config {
            backends: [("own".to_owned(), own)].into(),
            routes: vec![route("all", vec![Target::new("own")])],
            ..config::Config::default()
        })
        .await;
    let (path, body) = chat("converse", NOVA, "hi", false);
    for (seconds, sessions) in [(0, 1), (2 * 60 * 60, 2)] {
        ahead.store(seconds, Ordering::Relaxed);
        let answer = stack.post(&path, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(stack.emulator.sessions(), sessions);
    }
}
