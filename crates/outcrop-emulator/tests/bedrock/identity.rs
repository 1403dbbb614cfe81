//! What hands out credentials, and what those are good for.

use std::time::Duration;

use outcrop_emulator::{
    Access, AccessKey, Config, EXAMPLE_API_KEY, EXAMPLE_OIDC_CLIENT, EXAMPLE_OIDC_SECRET,
    EXAMPLE_ROLE, Emulator, Fault, Injection, Role,
};
use serde_json::json;

use crate::client::{Answer, Ask, HAIKU, NOVA, emulator, encode, with};
use crate::converse::hello;

fn sts(form: &str) -> Ask {
    let mut ask = Ask::new("POST", "/");
    ask.service = "sts".into();
    ask.body = format!("Version=2011-06-15&{form}").into_bytes();
    ask.signed.push(("content-type".into(), "application/x-www-form-urlencoded".into()));
    ask
}

fn assume(role: &str, more: &str) -> Ask {
    sts(&format!("Action=AssumeRole&RoleArn={role}&RoleSessionName=test{more}"))
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// The text of one XML element.
fn element(answer: &Answer, name: &str) -> String {
    let text = text(answer);
    let (_, rest) = text.split_once(&format!("<{name}>")).unwrap();
    rest.split_once("</").unwrap().0.to_owned()
}

/// `ask` signed with the credentials in `answer`.
fn signed_with(mut ask: Ask, answer: &Answer) -> Ask {
    ask.key = (element(answer, "AccessKeyId"), element(answer, "SecretAccessKey"));
    ask.signed.push(("x-amz-security-token".into(), element(answer, "SessionToken")));
    ask
}

async fn chat(emulator: &Emulator, model: &str, session: &Answer) -> u16 {
    let ask = signed_with(Ask::post(model, "converse", &hello()), session);
    ask.send(emulator).await.status.as_u16()
}

#[tokio::test]
async fn a_session_is_good_until_it_ends() {
    let emulator = emulator().await;
    let session = assume(EXAMPLE_ROLE, "").send(&emulator).await;
    assert_eq!(session.status, 200, "{}", text(&session));
    assert_eq!(chat(&emulator, HAIKU, &session).await, 200);
    let who = signed_with(sts("Action=GetCallerIdentity"), &session).send(&emulator).await;
    assert_eq!(element(&who, "Arn"), "arn:aws:sts::123456789012:assumed-role/example/test");
    emulator.expire_sessions();
    assert_eq!(chat(&emulator, HAIKU, &session).await, 403);
    let who = signed_with(sts("Action=GetCallerIdentity"), &session).send(&emulator).await;
    assert_eq!((who.status.as_u16(), element(&who, "Code").as_str()), (403, "ExpiredToken"));
}

#[tokio::test]
async fn a_role_decides_who_gets_it_and_what_it_may() {
    let mut role = Role::new("arn:aws:iam::999999999999:role/team/narrow");
    role.external_id = Some("partner".into());
    let arn = role.arn.clone();
    let haiku = Access { models: vec!["*claude-3-haiku-*".into()], ..Access::default() };
    let access = [(arn.clone(), haiku)].into();
    let emulator = with(Config { roles: vec![role], access, ..Config::default() }).await;
    for more in ["", "&ExternalId=other"] {
        let refused = assume(&arn, more).send(&emulator).await;
        assert_eq!(
            (refused.status.as_u16(), element(&refused, "Code").as_str()),
            (403, "AccessDenied")
        );
    }
    let session = assume(&arn, "&ExternalId=partner").send(&emulator).await;
    assert_eq!(chat(&emulator, HAIKU, &session).await, 200);
    assert_eq!(chat(&emulator, NOVA, &session).await, 403);
}

#[tokio::test]
async fn sts_is_as_strict_as_bedrock() {
    let emulator = emulator().await;
    let mut wrong = assume(EXAMPLE_ROLE, "");
    wrong.key.1 = "wrong".into();
    let answer = wrong.send(&emulator).await;
    assert_eq!(element(&answer, "Code"), "SignatureDoesNotMatch");
    let mut elsewhere = assume(EXAMPLE_ROLE, "");
    elsewhere.service = "bedrock".into();
    assert_eq!(elsewhere.send(&emulator).await.status, 403);
    for (form, code) in [
        ("Action=AssumeRole&RoleSessionName=test", "ValidationError"),
        ("Action=Unknown", "InvalidAction"),
    ] {
        assert_eq!(element(&sts(form).send(&emulator).await, "Code"), code);
    }
    let short = assume(EXAMPLE_ROLE, "&DurationSeconds=899").send(&emulator).await;
    assert_eq!(element(&short, "Code"), "ValidationError");
}

#[tokio::test]
async fn web_identities_are_checked_and_never_shown() {
    let emulator = emulator().await;
    let ask = |token: &str| {
        sts(&format!(
            "Action=AssumeRoleWithWebIdentity&RoleArn={EXAMPLE_ROLE}&RoleSessionName=test&WebIdentityToken={token}"
        ))
    };
    let token = emulator.web_identity_token("someone", Duration::from_secs(60));
    let session = ask(&token).send(&emulator).await;
    assert_eq!(element(&session, "SubjectFromWebIdentityToken"), "someone");
    assert_eq!(chat(&emulator, HAIKU, &session).await, 200);
    let spoilt = token.replace('.', ".e");
    assert_eq!(element(&ask(&spoilt).send(&emulator).await, "Code"), "InvalidIdentityToken");
    let late = emulator.web_identity_token("someone", Duration::ZERO);
    assert_eq!(element(&ask(&late).send(&emulator).await, "Code"), "ExpiredTokenException");
    assert!(!format!("{:?}", emulator.requests()).contains(&token));
}

#[tokio::test]
async fn a_table_says_who_may_do_what() {
    let table = Access::parse_table(&format!(
        r#"{{
            "AKIDNARROW": {{"models": ["anthropic.*"], "actions": ["bedrock:InvokeModel"]}},
            "{EXAMPLE_API_KEY}": {{"models": ["amazon.*"]}}
        }}"#
    ));
    let access_keys = vec![AccessKey::new("AKIDNARROW", "s3cr3t")];
    let config = Config { access: table.unwrap(), access_keys, ..Config::default() };
    let emulator = with(config.clone()).await;
    let narrow = async |mut ask: Ask| {
        ask.key = ("AKIDNARROW".into(), "s3cr3t".into());
        ask.send(&emulator).await
    };
    assert_eq!(narrow(Ask::post(HAIKU, "converse", &hello())).await.status, 200);
    let (user, arn) = ("arn:aws:iam::123456789012:user/example", "arn:aws:bedrock:us-east-1");
    let refused = |action: &str, on: &str| {
        let message = format!(
            "User: {user} is not authorized to perform: {action}{on} because no identity-based policy allows the {action} action"
        );
        (403, "AccessDeniedException".to_owned(), message)
    };
    for (ask, action, resource) in [
        (
            Ask::post(NOVA, "converse", &hello()),
            "bedrock:InvokeModel",
            format!(" on resource: {arn}:123456789012:inference-profile/us.amazon.nova-lite-v1:0"),
        ),
        (
            Ask::post(HAIKU, "converse-stream", &hello()),
            "bedrock:InvokeModelWithResponseStream",
            format!(" on resource: {arn}::foundation-model/anthropic.claude-3-haiku-20240307-v1:0"),
        ),
        (Ask::get("/foundation-models", ""), "bedrock:ListFoundationModels", String::new()),
    ] {
        assert_eq!(narrow(ask).await.refusal(), refused(action, &resource));
    }
    // An API key.
    let by_key = async |model: &str| {
        let mut ask = Ask::new("POST", format!("/model/{model}/converse"));
        ask.body = hello().to_string().into_bytes();
        let key = format!("Bearer {EXAMPLE_API_KEY}").parse().unwrap();
        let answer = ask.send_spoilt(&emulator, |request| {
            request.headers_mut().insert("authorization", key);
        });
        answer.await.status.as_u16()
    };
    assert_eq!((by_key(NOVA).await, by_key(HAIKU).await), (200, 403));
    let strange = Config { access: [("AKIDNOBODY".into(), Access::default())].into(), ..config };
    let told = Emulator::bind("127.0.0.1:0", strange).await.unwrap_err().to_string();
    assert!(told.contains("no access key id"), "{told}");
}

#[tokio::test]
async fn an_issuer_gives_tokens_that_sts_takes() {
    let emulator = emulator().await;
    let address = emulator.oidc_issuer().to_owned();
    assert_eq!(address, format!("{}/oidc", emulator.base_url()));
    let get = |path: &str| Ask::get(&format!("/oidc/{path}"), "");
    let found = get(".well-known/openid-configuration").send(&emulator).await.json();
    assert_eq!(found["issuer"], address.as_str());
    assert_eq!(found["token_endpoint"], format!("{address}/token"));
    let keys = get("jwks").send(&emulator).await.json();
    assert_eq!((&keys["keys"][0]["kty"], &keys["keys"][0]["crv"]), (&json!("EC"), &json!("P-256")));
    emulator.rotate_oidc_key();
    let rotated = get("jwks").send(&emulator).await.json();
    assert_eq!(
        (rotated["keys"].as_array().unwrap().len(), &rotated["keys"][0]),
        (2, &keys["keys"][0])
    );

    let secret = encode(EXAMPLE_OIDC_SECRET).replace('/', "%2F");
    let token = |more: &str| {
        let mut ask = Ask::new("POST", "/oidc/token");
        ask.body = format!(
            "grant_type=client_credentials&client_id={EXAMPLE_OIDC_CLIENT}&client_secret={secret}{more}"
        )
        .into_bytes();
        ask
    };
    // What these are asked with is no signature, but not Basic either: the form counts.
    let given = token("&scope=bedrock").send(&emulator).await.json();
    let web = |token: &str| {
        sts(&format!(
            "Action=AssumeRoleWithWebIdentity&RoleArn={EXAMPLE_ROLE}&RoleSessionName=test&WebIdentityToken={token}"
        ))
    };
    let session = web(given["access_token"].as_str().unwrap()).send(&emulator).await;
    assert_eq!(element(&session, "SubjectFromWebIdentityToken"), EXAMPLE_OIDC_CLIENT);
    assert_eq!(chat(&emulator, HAIKU, &session).await, 200);
    let elsewhere = token("&audience=another").send(&emulator).await.json();
    let refused = web(elsewhere["access_token"].as_str().unwrap()).send(&emulator).await;
    assert_eq!(element(&refused, "Message"), "Incorrect token audience");
    for (more, status, error) in
        [("&scope=admin", 400, "invalid_scope"), ("x", 401, "invalid_client")]
    {
        let refused = token(more).send(&emulator).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (status, &json!(error)));
    }
    assert!(!format!("{:?}", emulator.requests()).contains(&secret));
}

#[tokio::test]
async fn calls_for_credentials_fail_on_demand() {
    let emulator = emulator().await;
    for (fault, status) in [("error=Throttling;status=400", 400), ("html=503", 503), ("empty", 200)]
    {
        emulator.inject_where(Injection {
            faults: Fault::parse_list(fault).unwrap(),
            times: 1,
            operation: Some("AssumeRole".into()),
            model: None,
        });
        let answer = assume(EXAMPLE_ROLE, "").send(&emulator).await;
        assert_eq!(answer.status.as_u16(), status);
        assert!(!text(&answer).contains("SecretAccessKey"));
    }
    assert_eq!(assume(EXAMPLE_ROLE, "").send(&emulator).await.status, 200);
}
