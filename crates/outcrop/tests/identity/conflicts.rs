//! Two sources at once: the order of docs/guide/aws-identity.md.

use std::time::Duration;

use outcrop_emulator::{EXAMPLE_API_KEY, EXAMPLE_ROLE, Emulator};

use crate::gateway::Setting;
use crate::{asked, emulator, signers};

/// What can be set, in the documented order: each wins over all after it.
const ORDER: [&str; 5] = ["api key", "environment", "profile", "web identity", "container"];

fn with<'a>(setting: Setting<'a>, emulator: &Emulator, source: &str) -> Setting<'a> {
    let home = setting.home.to_owned();
    match source {
        "api key" => setting.env("AWS_BEARER_TOKEN_BEDROCK", EXAMPLE_API_KEY),
        "environment" => {
            setting.env("AWS_ACCESS_KEY_ID", "AKIDENV").env("AWS_SECRET_ACCESS_KEY", "s3cr3t")
        }
        "profile" => setting.file(
            ".aws/credentials",
            "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s3cr3t\n",
        ),
        "web identity" => {
            let token = emulator.web_identity_token("a", Duration::from_secs(3600));
            setting
                .file("token", &token)
                .env("AWS_WEB_IDENTITY_TOKEN_FILE", home.join("token").display().to_string())
                .env("AWS_ROLE_ARN", EXAMPLE_ROLE)
        }
        "container" => {
            let uri = format!("{}/v1/credentials", emulator.base_url());
            setting.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri)
        }
        other => panic!("{other}"),
    }
}

/// Which source a chat was signed by.
fn used(emulator: &Emulator) -> &'static str {
    match (signers(emulator).last().unwrap().as_str(), asked(emulator).last()) {
        ("Bearer ***", _) => "api key",
        ("AKIDENV", _) => "environment",
        ("AKIDFILE", _) => "profile",
        (_, Some(path)) if path == "/" => "web identity",
        (_, Some(_)) => "container",
        (other, None) => panic!("{other}"),
    }
}

#[tokio::test]
async fn every_pair_is_decided_as_documented() {
    let emulator = emulator(&["AKIDENV", "AKIDFILE"]).await;
    for (at, first) in ORDER.iter().enumerate() {
        for second in &ORDER[at..] {
            let home = tempfile::tempdir().unwrap();
            let setting = with(Setting::new(&emulator, home.path()), &emulator, first);
            let gateway = with(setting, &emulator, second).start().await;
            assert_eq!(gateway.chat().await.0, 200, "{first} and {second}");
            assert_eq!(used(&emulator), *first, "{first} and {second}");
        }
    }
}

#[tokio::test]
async fn a_profile_named_by_flag_wins_over_keys_of_the_environment() {
    let emulator = emulator(&["AKIDENV", "AKIDFILE"]).await;
    let home = tempfile::tempdir().unwrap();
    let both = |setting| with(with(setting, &emulator, "environment"), &emulator, "profile");
    let setting = || both(Setting::new(&emulator, home.path()));
    setting().env("AWS_PROFILE", "default").start().await.chat().await;
    assert_eq!(used(&emulator), "environment");
    setting().flags(&["--profile", "default"]).start().await.chat().await;
    assert_eq!(used(&emulator), "profile");
}

#[tokio::test]
async fn contradictions_are_refused() {
    let emulator = emulator(&["AKIDENV"]).await;
    let home = tempfile::tempdir().unwrap();
    let oidc: &[&str] = &[
        "--oidc-issuer",
        "https://id.example",
        "--oidc-client-id",
        "a",
        "--oidc-client-secret-file",
        "b",
        "--oidc-role",
        EXAMPLE_ROLE,
    ];
    let flags: [&[&str]; 4] =
        [&["--profile", "a"], &["--assume-role", EXAMPLE_ROLE], oidc, &["--mint-api-keys"]];
    for flags in flags {
        let setting = with(Setting::new(&emulator, home.path()), &emulator, "api key");
        let told = setting.flags(flags).refused().await;
        assert!(told.contains(flags[0]) && told.contains("AWS_BEARER_TOKEN_BEDROCK"), "{told}");
        assert!(!told.contains(EXAMPLE_API_KEY), "{told}");
    }
}
