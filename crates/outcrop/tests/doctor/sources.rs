//! Credentials that do not come.

use std::time::Duration;

use outcrop_emulator::{Config, EXAMPLE_ROLE};

use crate::visit::Visit;

async fn visit() -> Visit {
    Visit::without_keys(Config::default()).await
}

#[tokio::test]
async fn nothing_is_configured() {
    let told = visit().await.told().await;
    told.fails("no-credentials", 28);
    // Every source is told, in the order of the guide.
    let checks = told.report["checks"].as_array().unwrap();
    let sources: Vec<_> = checks.iter().map(|check| check["subject"].as_str().unwrap()).collect();
    let order =
        ["API key file", "API key", "OIDC issuer", "environment", "profile", "web identity"];
    assert_eq!(sources[..6], order, "{checks:?}");
    // The way is looked at all the same.
    assert!(checks.iter().any(|check| check["check"] == "endpoints" && check["status"] == "ok"));
}

#[tokio::test]
async fn settings_that_contradict_each_other() {
    visit().await.env("AWS_ACCESS_KEY_ID", "AKID").told().await.fails("half-key-pair", 28);
    let both = visit().await.env("AWS_BEARER_TOKEN_BEDROCK", "s3cr3t").flags(&["--profile", "a"]);
    both.told().await.fails("two-identities", 28);
    let mangled = visit().await.env("AWS_BEARER_TOKEN_BEDROCK", "s3cr3t s3cr3t");
    mangled.told().await.fails("mangled-secret", 28);
}

#[tokio::test]
async fn a_profile_that_gives_nothing() {
    visit().await.flags(&["--profile", "nobody"]).told().await.fails("profile", 28);
    let signed_out = visit().await;
    signed_out.file(
        ".aws/config",
        "[default]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 123456789012\nsso_role_name = example\n",
    );
    signed_out.told().await.fails("signed-out", 28);
}

#[tokio::test]
async fn a_key_file_that_holds_no_key() {
    let visit = visit().await;
    let path = visit.file("key", "s3cr3t s3cr3t\n");
    visit.flags(&["--api-key-file", &path]).told().await.fails("key-file", 28);
}

#[tokio::test]
async fn a_role_that_does_not_trust() {
    let role = "arn:aws:iam::123456789012:role/another";
    let told = Visit::new().await.flags(&["--assume-role", role]).told().await;
    told.fails("role-trust", 21);
}

#[tokio::test]
async fn web_identity_tokens() {
    let with = |visit: Visit, token: &str| {
        let path = visit.file("token", token);
        visit.env("AWS_WEB_IDENTITY_TOKEN_FILE", path).env("AWS_ROLE_ARN", EXAMPLE_ROLE)
    };
    with(visit().await, "eyJ.not.mine").told().await.fails("web-identity-invalid", 28);
    let old = visit().await;
    let token = old.emulator.web_identity_token("a", Duration::ZERO);
    with(old, &token).told().await.fails("web-identity-expired", 28);
    for (error, problem, code) in [
        ("AccessDenied;status=403", "web-identity-trust", 21),
        ("IDPCommunicationError;status=400", "oidc-issuer-hidden", 28),
        ("RegionDisabledException;status=403", "region-disabled", 28),
    ] {
        let visit = visit().await;
        let token = visit.emulator.web_identity_token("a", Duration::from_secs(3600));
        let visit = visit.ill("AssumeRoleWithWebIdentity", &format!("error={error}"));
        with(visit, &token).told().await.fails(problem, code);
    }
}

#[tokio::test]
async fn an_issuer_that_does_not_know_the_client() {
    let visit = visit().await;
    let secret = visit.file("secret", "s3cr3t");
    let issuer = format!("{}/oidc", visit.emulator.base_url());
    let flags = ["--oidc-issuer", &issuer, "--oidc-client-id", "nobody"];
    let more = ["--oidc-client-secret-file", &secret, "--oidc-role", EXAMPLE_ROLE];
    visit.flags(&flags).flags(&more).told().await.fails("oidc-client", 28);
}

#[tokio::test]
async fn a_container_and_an_instance() {
    let container = |visit: Visit| {
        let uri = format!("{}/v1/credentials", visit.emulator.base_url());
        visit.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri)
    };
    let refused = container(visit().await);
    refused.emulator.set_container_token("another");
    refused.told().await.fails("container-refused", 28);
    let broken = container(visit().await).ill("ContainerCredentials", "html=503");
    broken.told().await.fails("container", 28);
    let instance = visit().await.ill("InstanceToken", "html=404").ill("InstanceRole", "html=404");
    let endpoint = instance.emulator.base_url();
    let instance = instance
        .env("AWS_EC2_METADATA_DISABLED", "false")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint);
    instance.told().await.fails("metadata-silent", 28);
}
