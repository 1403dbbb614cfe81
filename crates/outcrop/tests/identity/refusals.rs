//! What is wrong with a setup is said at the start, with file and line, and without a secret.

use std::time::Duration;

use outcrop_emulator::{EXAMPLE_ROLE, Emulator, Fault, Injection};

use crate::emulator;
use crate::gateway::Setting;

async fn refused(setting: Setting<'_>, words: &[&str]) {
    let told = setting.refused().await;
    for word in words {
        assert!(told.contains(word), "{word} not in {told}");
    }
    for secret in ["s3cr3t", "arn:aws", "123456789012", "eyJ"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

async fn fixture() -> (Emulator, tempfile::TempDir) {
    (emulator(&["AKIDFILE"]).await, tempfile::tempdir().unwrap())
}

#[tokio::test]
async fn malformed_files_are_named_with_their_line() {
    let (emulator, home) = fixture().await;
    let setting = || Setting::new(&emulator, home.path());
    let broken = "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key s3cr3t\n";
    let at_line_3 = setting().file(".aws/credentials", broken);
    refused(at_line_3, &[".aws/credentials", "line 3"]).await;
    // It may say where to send, too, so it is not passed over where the keys come from elsewhere.
    let keys =
        setting().env("AWS_ACCESS_KEY_ID", "AKIDFILE").env("AWS_SECRET_ACCESS_KEY", "s3cr3t");
    refused(keys, &[".aws/credentials", "line 3"]).await;

    let setting = || Setting::new(&emulator, home.path()).file(".aws/credentials", "");
    let blank = setting().file("key", "\ns3cr3t s3cr3t\n");
    let file = home.path().join("key").display().to_string();
    refused(blank.flags(&["--api-key-file", &file]), &["/key", "line 2"]).await;

    let policy = setting().file("policy", "{\n  s3cr3t\n}");
    let file = home.path().join("policy").display().to_string();
    let flags = ["--assume-role", EXAMPLE_ROLE, "--assume-role-policy", &file];
    refused(policy.flags(&flags), &["/policy", "line 2"]).await;
}

#[tokio::test]
async fn without_credentials_only_lent_ones_serve() {
    let (emulator, home) = fixture().await;
    let setting = || Setting::new(&emulator, home.path());
    refused(setting().flags(&["--credential-headers"]), &["no AWS credentials"]).await;
    let prefix = setting().flags(&["--credential-headers", "no header"]);
    refused(prefix, &["--credential-headers", "x-aigw-aws-"]).await;
    let lent = setting().flags(&["--credential-headers", "x-my-", "--credential-headers-only"]);
    let (status, told) = lent.start().await.chat().await;
    assert_eq!(status, 401);
    assert!(told.contains("x-my-access-key-id"), "{told}");
}

#[tokio::test]
async fn a_token_file_that_is_none_is_named() {
    let (emulator, home) = fixture().await;
    let path = home.path().join("token").display().to_string();
    let container = || {
        Setting::new(&emulator, home.path())
            .env(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                format!("{}/v1/credentials", emulator.base_url()),
            )
            .env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path.clone())
    };
    refused(container(), &["container", "/token"]).await;
    refused(container().file("token", "\n\n"), &["container", "/token, line 1"]).await;
    refused(container().file("token", "s3cr3t\ns3cr3t"), &["/token, line 1"]).await;
    emulator.set_container_token("another");
    refused(container().file("token", "s3cr3t"), &["container", "401"]).await;

    let web = Setting::new(&emulator, home.path())
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", path.clone())
        .env("AWS_ROLE_ARN", EXAMPLE_ROLE);
    refused(web.file("token", "eyJ.not.mine"), &["web identity", "InvalidIdentityToken"]).await;
    let token = emulator.web_identity_token("a", Duration::ZERO);
    let web = Setting::new(&emulator, home.path())
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", path)
        .env("AWS_ROLE_ARN", EXAMPLE_ROLE);
    refused(web.file("token", &token), &["web identity", "Expired"]).await;
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed() {
    let (emulator, home) = fixture().await;
    let profile = "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s3cr3t\n";
    let setting = Setting::new(&emulator, home.path()).file(".aws/credentials", profile);
    let flags = ["--assume-role", "arn:aws:iam::123456789012:role/another"];
    refused(setting.flags(&flags), &["assumed role", "AccessDenied"]).await;
}

#[tokio::test]
async fn a_profile_that_was_named_must_be_there() {
    let (emulator, home) = fixture().await;
    let setting = || Setting::new(&emulator, home.path()).file(".aws/config", "[profile b]\n");
    refused(setting().flags(&["--profile", "a"]), &["profile", "a"]).await;
    refused(setting().env("AWS_PROFILE", "a"), &["profile", "a"]).await;
    // One that is merely not there is passed over.
    refused(setting(), &["Tried", "profile (", "container credentials (not set)"]).await;
}

#[tokio::test]
async fn a_source_that_is_configured_is_never_passed_over() {
    let (emulator, home) = fixture().await;
    let uri = format!("{}/v1/credentials", emulator.base_url());
    let setting = || {
        Setting::new(&emulator, home.path())
            .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.clone())
            .env("AWS_EC2_METADATA_DISABLED", "false")
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", emulator.base_url())
    };
    for (fault, word) in [("html=503", "503"), ("empty", "no JSON"), ("html=200", "no JSON")] {
        emulator.inject_where(Injection {
            faults: Fault::parse_list(fault).unwrap(),
            times: 3,
            operation: Some("ContainerCredentials".to_owned()),
            model: None,
        });
        refused(setting(), &["container", word]).await;
        emulator.clear_faults();
    }
    assert!(!crate::asked(&emulator).iter().any(|path| path.starts_with("/latest")));
}
