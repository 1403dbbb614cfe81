//! A role for a token of an OIDC issuer.

use std::time::Duration;

use outcrop_emulator::{
    ClientAuth, Config, EXAMPLE_OIDC_CLIENT, EXAMPLE_OIDC_SECRET, EXAMPLE_ROLE, Emulator, Fault,
    Injection, OidcIssuer,
};

use crate::gateway::Setting;
use crate::{asked, signers};

const DISCOVERY: &str = "/oidc/.well-known/openid-configuration";

async fn with(oidc: OidcIssuer) -> Emulator {
    Emulator::bind("127.0.0.1:0", Config { oidc, ..Config::default() }).await.unwrap()
}

/// The gateway as the example client of the emulator's issuer.
fn setting<'a>(emulator: &'a Emulator, home: &'a std::path::Path) -> Setting<'a> {
    let secret = home.join("secret").display().to_string();
    Setting::new(emulator, home).file("secret", &format!("{EXAMPLE_OIDC_SECRET}\n")).flags(&[
        "--oidc-issuer",
        emulator.oidc_issuer(),
        "--oidc-client-id",
        EXAMPLE_OIDC_CLIENT,
        "--oidc-client-secret-file",
        &secret,
        "--oidc-role",
        EXAMPLE_ROLE,
    ])
}

async fn refused(setting: Setting<'_>, words: &[&str]) {
    let told = setting.refused().await;
    for word in words {
        assert!(told.contains(word), "{word} not in {told}");
    }
    for secret in [EXAMPLE_OIDC_SECRET, "client+secret", "arn:aws", "123456789012", "eyJ"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

#[tokio::test]
async fn a_token_becomes_a_session_by_either_method() {
    for method in [ClientAuth::Basic, ClientAuth::Post] {
        let emulator = with(OidcIssuer { methods: vec![method], ..OidcIssuer::default() }).await;
        let home = tempfile::tempdir().unwrap();
        let gateway =
            setting(&emulator, home.path()).flags(&["--oidc-scope", "bedrock"]).start().await;
        assert_eq!(gateway.chat().await.0, 200, "{method:?}");
        assert!(signers(&emulator)[0].starts_with("ASIA"));
        assert_eq!(asked(&emulator), [DISCOVERY, "/oidc/token", "/"]);
        let log = gateway.log().await;
        assert!(!log.contains("client+secret") && !log.contains("eyJ"), "{log}");
    }
}

#[tokio::test]
async fn a_token_endpoint_of_its_own_needs_no_discovery() {
    let methods = vec![ClientAuth::Post];
    let emulator = with(OidcIssuer { methods, ..OidcIssuer::default() }).await;
    let home = tempfile::tempdir().unwrap();
    let endpoint = format!("{}/token", emulator.oidc_issuer());
    let setting = setting(&emulator, home.path());
    let gateway = setting.flags(&["--oidc-token-endpoint", &endpoint]).start().await;
    assert_eq!(gateway.chat().await.0, 200);
    // How the secret is to be shown is not known here, so both ways are tried.
    assert_eq!(asked(&emulator), ["/oidc/token", "/oidc/token", "/"]);
}

#[tokio::test]
async fn another_role_stands_on_top() {
    let emulator = with(OidcIssuer::default()).await;
    let home = tempfile::tempdir().unwrap();
    let setting = setting(&emulator, home.path()).flags(&["--assume-role", EXAMPLE_ROLE]);
    assert_eq!(setting.start().await.chat().await.0, 200);
    assert_eq!(asked(&emulator), [DISCOVERY, "/oidc/token", "/", "/"]);
    assert_eq!(emulator.sessions(), 2);
}

#[tokio::test]
async fn each_renewal_asks_for_a_new_token() {
    let emulator = with(OidcIssuer::default()).await;
    emulator.set_session_lifetime(Duration::from_secs(2));
    emulator.set_oidc_lifetime(Duration::from_secs(1));
    let home = tempfile::tempdir().unwrap();
    let gateway = setting(&emulator, home.path()).start().await;
    for begun in 1..4 {
        // The token of the session before is signed by no key that is published any more.
        emulator.rotate_oidc_key();
        emulator.rotate_oidc_key();
        while emulator.sessions() == begun {
            assert_eq!(gateway.chat().await.0, 200);
        }
    }
}

#[tokio::test]
async fn what_the_issuer_refuses_is_told_with_the_mend() {
    let emulator = with(OidcIssuer::default()).await;
    let home = tempfile::tempdir().unwrap();
    let setting = || setting(&emulator, home.path());
    refused(setting().file("secret", "another"), &["token", "invalid_client", "secret"]).await;
    refused(setting().file("secret", "\n"), &["/secret", "one line"]).await;
    refused(setting().flags(&["--oidc-scope", "admin"]), &["invalid_scope", "scopes"]).await;
    let elsewhere = setting().flags(&["--oidc-audience", "another"]);
    refused(elsewhere, &["AssumeRoleWithWebIdentity", "audience", "IAM"]).await;
}

#[tokio::test]
async fn what_the_issuer_cannot_give_is_told_by_step() {
    let home = tempfile::tempdir().unwrap();
    let name = Some("https://id.example".to_owned());
    let emulator = with(OidcIssuer { name, ..OidcIssuer::default() }).await;
    refused(setting(&emulator, home.path()), &["discovery", "equal"]).await;
    let endpoint = format!("{}/token", emulator.oidc_issuer());
    let unknown = setting(&emulator, home.path()).flags(&["--oidc-token-endpoint", &endpoint]);
    refused(unknown, &["InvalidIdentityToken", "IAM"]).await;

    let emulator = with(OidcIssuer { token_member: "ticket", ..OidcIssuer::default() }).await;
    refused(setting(&emulator, home.path()), &["token", "no token"]).await;
    let faults = [
        ("OidcDiscovery", "html=503", "discovery: the issuer answered 503"),
        ("OidcDiscovery", "html=404", "check its address"),
        ("OidcDiscovery", "empty", "discovery: the issuer's answer: no JSON"),
        ("OidcToken", "html=502", "token: the issuer answered 502"),
        ("OidcToken", "html=200", "token: the issuer's answer: no JSON"),
    ];
    for (operation, fault, words) in faults {
        emulator.inject_where(Injection {
            faults: Fault::parse_list(fault).unwrap(),
            times: 3,
            operation: Some(operation.to_owned()),
            model: None,
        });
        refused(setting(&emulator, home.path()), &["OIDC issuer", words]).await;
        emulator.clear_faults();
    }
}

#[tokio::test]
async fn a_hiccup_of_the_issuer_is_passed_over() {
    let emulator = with(OidcIssuer::default()).await;
    let home = tempfile::tempdir().unwrap();
    for (operation, fault) in [("OidcDiscovery", "html=503"), ("OidcToken", "slow=50 | html=500")] {
        emulator.inject_where(Injection {
            faults: Fault::parse_list(fault).unwrap(),
            times: 2,
            operation: Some(operation.to_owned()),
            model: None,
        });
    }
    assert_eq!(setting(&emulator, home.path()).start().await.chat().await.0, 200);
}
