//! The way to STS and the other issuers of credentials: proxies, and roots of the operator's own.

use outcrop_emulator::{AccessKey, Config, EXAMPLE_ROLE, Emulator, Tls};

use crate::gateway::Setting;
use crate::{asked, emulator, signers};

const PROFILE: &str = "aws_access_key_id = AKIDFILE\naws_secret_access_key = s3cr3t\n";

#[tokio::test]
async fn sts_and_bedrock_are_reached_by_way_of_a_proxy_and_a_container_is_not() {
    // The emulator answers whatever host it is asked for, as a proxy would.
    let emulator = emulator(&[]).await;
    let container = crate::emulator(&[]).await;
    let home = tempfile::tempdir().unwrap();
    let proxy = emulator.base_url().replace("://", "://user:pr0xy@");
    let uri = format!("{}/v1/credentials", container.base_url());
    let token = emulator.web_identity_token("a", std::time::Duration::from_secs(3600));
    let setting = || {
        Setting::new(&emulator, home.path())
            .env("AWS_ENDPOINT_URL", "http://aws.outcrop.invalid")
            .env("HTTP_PROXY", proxy.clone())
            .file("token", &token)
    };
    let web = setting()
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", home.path().join("token").display().to_string())
        .env("AWS_ROLE_ARN", EXAMPLE_ROLE);
    let gateway = web.start().await;
    let (status, answer) = gateway.chat().await;
    assert_eq!(status, 200, "{answer}");
    let log = gateway.log().await;
    assert!(!log.contains("pr0xy"), "{log}");
    assert_eq!(asked(&emulator), ["/"]);
    let requests = emulator.requests();
    assert!(requests.iter().all(|request| request.headers["host"] == "aws.outcrop.invalid"));
    assert!(requests.iter().all(|request| request.headers.contains_key("proxy-authorization")));

    setting().env("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri).start().await;
    assert_eq!(asked(&container), ["/v1/credentials"]);
    assert_eq!(asked(&emulator), ["/"]);
}

#[tokio::test]
async fn roots_of_a_variable_or_a_profile_are_good_for_sts_too() {
    let home = tempfile::tempdir().unwrap();
    let ca_file = home.path().join("ca.pem");
    let config = Config {
        access_keys: vec![AccessKey::new("AKIDFILE", "s3cr3t")],
        tls: Some(Tls { ca_file: ca_file.clone() }),
        ..Config::default()
    };
    let emulator = Emulator::bind("127.0.0.1:0", config).await.unwrap();
    let ca_file = ca_file.display();
    let setting = |more: &str| {
        let config = format!("[default]\n{PROFILE}{more}");
        let setting = Setting::new(&emulator, home.path()).file(".aws/config", &config);
        setting.flags(&["--assume-role", EXAMPLE_ROLE])
    };
    let told = setting("").refused().await;
    assert!(told.contains("assumed role"), "{told}");
    let bundle = format!("ca_bundle = {ca_file}\n");
    for setting in [setting("").env("AWS_CA_BUNDLE", ca_file.to_string()), setting(&bundle)] {
        let gateway = setting.start().await;
        assert_eq!(gateway.chat().await.0, 200);
    }
    assert!(signers(&emulator).iter().all(|id| id.starts_with("ASIA")));
    let missing = setting("ca_bundle = /nowhere/ca.pem\n").refused().await;
    assert!(missing.contains("/nowhere/ca.pem"), "{missing}");
}
