//! Each source alone.

use std::time::Duration;

use outcrop_emulator::{
    AccessKey, Config, EXAMPLE_API_KEY, EXAMPLE_OIDC_CLIENT, EXAMPLE_OIDC_SECRET, EXAMPLE_ROLE,
    Emulator,
};

use crate::gateway::Setting;
use crate::{asked, emulator, signers};

const PROFILE: &str = "aws_access_key_id = AKIDFILE\naws_secret_access_key = s3cr3t\n";
const HOUR: Duration = Duration::from_secs(3600);

/// Starts, chats once, and returns the log, in which no secret may stand.
async fn works(setting: Setting<'_>) -> String {
    let gateway = setting.start().await;
    let (status, answer) = gateway.chat().await;
    let log = gateway.log().await;
    assert_eq!(status, 200, "{answer}{log}");
    for secret in ["s3cr3t", "arn:aws", "123456789012", "AKIDFILE", EXAMPLE_API_KEY] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    log
}

#[tokio::test]
async fn a_profile_of_the_shared_files() {
    let emulator = emulator(&["AKIDFILE"]).await;
    let home = tempfile::tempdir().unwrap();
    let setting = || Setting::new(&emulator, home.path());
    works(setting().file(".aws/credentials", &format!("[default]\n{PROFILE}"))).await;
    let named = setting()
        .file(".aws/credentials", "[default]\n")
        .file(".aws/config", &format!("[profile work]\n{PROFILE}"));
    works(named.flags(&["--profile", "work"])).await;
    works(setting().env("AWS_PROFILE", "work")).await;
    let elsewhere = home.path().join("elsewhere").display().to_string();
    let moved = setting().file("elsewhere", &format!("[default]\n{PROFILE}"));
    works(moved.env("AWS_SHARED_CREDENTIALS_FILE", elsewhere)).await;
    assert_eq!(signers(&emulator), ["AKIDFILE"; 4]);
}

#[tokio::test]
async fn a_profile_says_where_to_send_too() {
    let emulator = emulator(&["AKIDFILE"]).await;
    let home = tempfile::tempdir().unwrap();
    let url = emulator.base_url();
    let config = format!(
        "[default]\n{PROFILE}services = local\nendpoint_url = {url}/nowhere\n\
         [services local]\nbedrock_runtime =\n  endpoint_url = {url}\nsts =\n  endpoint_url = {url}\n"
    );
    let setting = Setting::new(&emulator, home.path()).file(".aws/config", &config);
    works(setting.env("AWS_ENDPOINT_URL", "").flags(&["--assume-role", EXAMPLE_ROLE])).await;
    assert!(signers(&emulator)[0].starts_with("ASIA"));
}

#[tokio::test]
async fn a_program_that_prints_credentials() {
    let emulator = emulator(&["AKIDFILE"]).await;
    let home = tempfile::tempdir().unwrap();
    let printed = r#"{"Version":1,"AccessKeyId":"AKIDFILE","SecretAccessKey":"s3cr3t"}"#;
    let profile = format!("[default]\ncredential_process = echo '{printed}'\n");
    works(Setting::new(&emulator, home.path()).file(".aws/config", &profile)).await;
    assert_eq!(signers(&emulator), ["AKIDFILE"]);
}

#[tokio::test]
async fn a_role_assumed_by_a_profile() {
    let emulator = emulator(&["AKIDFILE"]).await;
    let home = tempfile::tempdir().unwrap();
    let config = format!(
        "[profile base]\n{PROFILE}\n[profile work]\nrole_arn = {EXAMPLE_ROLE}\nsource_profile = base\nexternal_id = x\n"
    );
    let setting = Setting::new(&emulator, home.path()).file(".aws/config", &config);
    works(setting.env("AWS_PROFILE", "work")).await;
    assert!(signers(&emulator)[0].starts_with("ASIA"));
    assert_eq!(asked(&emulator), ["/"]);
}

#[tokio::test]
async fn a_web_identity() {
    let emulator = emulator(&[]).await;
    let home = tempfile::tempdir().unwrap();
    // The newline is what most tools leave at the end of a file.
    let token = format!("{}\n", emulator.web_identity_token("system:serviceaccount:a:b", HOUR));
    let path = home.path().join("token").display().to_string();
    let setting = || Setting::new(&emulator, home.path()).file("token", &token);
    let variables = setting().env("AWS_WEB_IDENTITY_TOKEN_FILE", path.clone());
    works(variables.env("AWS_ROLE_ARN", EXAMPLE_ROLE)).await;
    let profile =
        format!("[default]\nrole_arn = {EXAMPLE_ROLE}\nweb_identity_token_file = {path}\n");
    works(setting().file(".aws/config", &profile)).await;
    assert!(signers(&emulator).iter().all(|id| id.starts_with("ASIA")));
    assert_eq!(asked(&emulator), ["/", "/"]);
}

/// What a configuration says of the role is asked for, whatever the token is of.
#[tokio::test]
async fn a_role_for_a_token_is_narrowed() {
    let emulator = emulator(&[]).await;
    let home = tempfile::tempdir().unwrap();
    let token = emulator.web_identity_token("a", HOUR);
    let at = home.path().display();
    let role = format!("{{arn: '{EXAMPLE_ROLE}', duration: 900s, policy: '{{}}'}}");
    let sources = [
        format!("web_identity: {{token_file: {at}/token, role: {role}}}"),
        format!(
            "oidc: {{issuer: '{}', client_id: {EXAMPLE_OIDC_CLIENT}, client_secret: {{inline: '{EXAMPLE_OIDC_SECRET}'}}, role: {role}}}",
            emulator.oidc_issuer()
        ),
    ];
    for source in sources {
        let file = format!("backends: {{main: {{identity: {{{source}}}}}}}\n");
        let setting = Setting::new(&emulator, home.path()).file("token", &token);
        let file_name = format!("{at}/outcrop.yaml");
        works(setting.file("outcrop.yaml", &file).flags(&["-f", &file_name])).await;
        let requests = emulator.requests();
        let asked = requests.iter().rfind(|request| request.raw_path == "/").unwrap();
        let form = String::from_utf8_lossy(&asked.body);
        assert!(form.contains("DurationSeconds=900") && form.contains("Policy=%7B%7D"), "{form}");
    }
}

#[tokio::test]
async fn a_container() {
    let emulator = emulator(&[]).await;
    emulator.set_container_token("pod-token");
    let home = tempfile::tempdir().unwrap();
    // The newline is what most tools leave at the end of a file.
    let setting = Setting::new(&emulator, home.path())
        .file("token", "pod-token\n")
        .env(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            format!("{}/v1/credentials", emulator.base_url()),
        )
        .env(
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            home.path().join("token").display().to_string(),
        );
    works(setting).await;
    assert!(signers(&emulator)[0].starts_with("ASIA"));
    assert_eq!(asked(&emulator), ["/v1/credentials"]);
}

#[tokio::test]
async fn an_instance() {
    let emulator = emulator(&[]).await;
    let home = tempfile::tempdir().unwrap();
    let setting = Setting::new(&emulator, home.path())
        .env("AWS_EC2_METADATA_DISABLED", "false")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", emulator.base_url());
    works(setting).await;
    assert!(signers(&emulator)[0].starts_with("ASIA"));
    assert_eq!(asked(&emulator)[0], "/latest/api/token");
}

#[tokio::test]
async fn a_role_assumed_with_whatever_was_found() {
    let emulator = emulator(&["AKIDENV"]).await;
    let home = tempfile::tempdir().unwrap();
    let setting = || {
        let flags = ["--assume-role", EXAMPLE_ROLE, "--assume-role-session-name", "gateway"];
        Setting::new(&emulator, home.path()).flags(&flags)
    };
    let keys = setting().env("AWS_ACCESS_KEY_ID", "AKIDENV").env("AWS_SECRET_ACCESS_KEY", "s3cr3t");
    works(keys).await;
    let uri = format!("{}/v1/credentials", emulator.base_url());
    let container = setting().env("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri).flags(&[
        "--assume-role-tag",
        "team=a b",
        "--assume-role-duration",
        "900",
    ]);
    works(container).await;
    assert_eq!(asked(&emulator), ["/", "/v1/credentials", "/"]);
    assert!(signers(&emulator).iter().all(|id| id.starts_with("ASIA")));
    let forms: Vec<String> = emulator
        .requests()
        .iter()
        .filter(|request| request.raw_path == "/")
        .map(|request| String::from_utf8_lossy(&request.body).into_owned())
        .collect();
    assert!(forms[0].contains("RoleSessionName=gateway"), "{forms:?}");
    assert!(forms[1].contains("DurationSeconds=900") && forms[1].contains("team"), "{forms:?}");
}

#[tokio::test]
async fn an_api_key_of_a_file_and_one_made_here() {
    let emulator = emulator(&["AKIDENV"]).await;
    let home = tempfile::tempdir().unwrap();
    let setting = || Setting::new(&emulator, home.path());
    let file = home.path().join("key").display().to_string();
    works(setting().file("key", &format!("{EXAMPLE_API_KEY}\n")).flags(&["--api-key-file", &file]))
        .await;
    let keys = setting().env("AWS_ACCESS_KEY_ID", "AKIDENV").env("AWS_SECRET_ACCESS_KEY", "s3cr3t");
    works(keys.flags(&["--mint-api-keys"])).await;
    assert_eq!(signers(&emulator), ["Bearer ***"; 2]);
}

#[tokio::test]
async fn a_person_who_signed_in() {
    let emulator = emulator(&[]).await;
    emulator.set_sso_token("s3cr3t");
    let home = tempfile::tempdir().unwrap();
    let start = "https://example.awsapps.com/start";
    let config = format!(
        "[default]\nsso_start_url = {start}\nsso_region = us-east-1\nsso_account_id = 123456789012\nsso_role_name = example\n"
    );
    // What `aws sso login` leaves behind: a file named by the SHA-1 of the address.
    let token = format!(
        r#"{{"accessToken":"s3cr3t","expiresAt":"2999-01-01T00:00:00Z","region":"us-east-1","startUrl":"{start}"}}"#
    );
    let setting = Setting::new(&emulator, home.path())
        .file(".aws/config", &config)
        .file(".aws/sso/cache/e8be5486177c5b5392bd9aa76563515b29358e6e.json", &token);
    works(setting).await;
    assert!(signers(&emulator)[0].starts_with("ASIA"));
    assert_eq!(asked(&emulator), ["/federation/credentials"]);
}

#[tokio::test]
async fn a_session_of_aws_login() {
    let key = AccessKey::new("ASIALOGIN", "s3cr3t").with_session_token("s3cr3t-token");
    let config = Config { access_keys: vec![key], ..Config::default() };
    let emulator = Emulator::bind("127.0.0.1:0", config).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    // What `aws login` leaves behind: a file named by the SHA-256 of the session.
    let session = "arn:aws:iam::123456789012:user/example";
    let name = "9bb204a438cc20be99d2d29d20b0e03df71ad02dd9a3d26f545325e5731681a5";
    let cached = r#"{"accessToken":{"accessKeyId":"ASIALOGIN","secretAccessKey":"s3cr3t","sessionToken":"s3cr3t-token","accountId":"123456789012","expiresAt":"2999-01-01T00:00:00Z"},"tokenType":"aws_sigv4","refreshToken":"s3cr3t","clientId":"arn:aws:signin:::devtools/same-device","dpopKey":"s3cr3t"}"#;
    let setting = Setting::new(&emulator, home.path())
        .file(".aws/config", &format!("[default]\nlogin_session = {session}\n"))
        .file(&format!(".aws/login/cache/{name}.json"), cached);
    works(setting).await;
    assert_eq!(signers(&emulator), ["ASIALOGIN"]);
    assert!(asked(&emulator).is_empty());
}
