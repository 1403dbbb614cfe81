//! `--curl`: the line as a shell runs it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use outcrop_emulator::{Config, EXAMPLE_ACCESS_KEY_ID, EXAMPLE_SECRET_ACCESS_KEY, Emulator};

use crate::support::{outcrop, text};

mod support;

const NOVA: [&str; 2] = ["-m", "amazon.nova-lite-v1:0"];
/// Says each of its arguments in a line, and what it reads.
const SAYS: &str =
    "#!/bin/sh\nfor word; do printf '%s\\n' \"$word\"; [ \"$word\" = '@-' ] && cat; done; exit 0\n";

fn line(question: &str, more: &[&str], env: &[(&str, &str)]) -> Output {
    let arguments = [&["query", question, "--curl"], more].concat();
    outcrop(&arguments).envs(env.iter().copied()).output().unwrap()
}

/// What a shell makes of the line: the words that curl gets.
fn words(output: &Output, env: &[(&str, &str)]) -> Vec<String> {
    assert!(output.status.success(), "{output:?}");
    let folder = tempfile::tempdir().unwrap();
    let curl = folder.path().join("curl");
    std::fs::write(&curl, SAYS).unwrap();
    std::fs::set_permissions(&curl, PermissionsExt::from_mode(0o755)).unwrap();
    let said =
        run(&text(&output.stdout), &format!("{}:/usr/bin:/bin", folder.path().display()), env);
    assert!(said.status.success(), "{said:?}");
    text(&said.stdout).lines().map(str::to_owned).collect()
}

/// From a file, as an argument would be too long for some.
fn run(line: &str, path: &str, env: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("line.sh");
    std::fs::write(&file, line).unwrap();
    let mut shell = Command::new("sh");
    shell.arg(&file).env_clear().env("PATH", path).envs(env.iter().copied()).output().unwrap()
}

#[test]
fn it_goes_where_the_request_would_go_and_shows_no_secret() {
    let keys = [("AWS_ACCESS_KEY_ID", "AKIDX"), ("AWS_SECRET_ACCESS_KEY", "hidden")];
    let region = |region: &'static str| [("AWS_REGION", region), keys[0], keys[1]];
    let token = [keys[0], keys[1], ("AWS_SESSION_TOKEN", "the token")];
    for (name, host) in [
        ("eu-west-1", "bedrock-runtime.eu-west-1.amazonaws.com"),
        ("us-gov-west-1", "bedrock-runtime.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "bedrock-runtime.cn-north-1.amazonaws.com.cn"),
    ] {
        let output = line("it's $HOME `here` \"!\"", &NOVA, &region(name));
        assert!(
            !text(&output.stdout).contains("hidden") && !text(&output.stdout).contains("AKIDX")
        );
        let said = words(&output, &token);
        let path = "/model/amazon.nova-lite-v1%3A0/converse";
        let signed = path.replace('%', "%25");
        for word in [
            &*format!("https://{host}{signed}"),
            path,
            &format!("aws:amz:{name}:bedrock"),
            "AKIDX:hidden",
            "-Hx-amz-security-token: the token",
        ] {
            assert!(said.iter().any(|said| said == word), "no {word} in {said:#?}");
        }
        let body = said.last().unwrap();
        assert!(body.contains(r#"{"text":"it's $HOME `here` \"!\""}"#), "{body}");
        let plain = words(&output, &keys);
        assert!(!plain.iter().any(|word| word.contains("token")), "{plain:#?}");
    }
    let endpoint = [&NOVA[..], &["--endpoint-url", "http://vpce.example:8443/base"]].concat();
    let said = words(&line("Hi", &endpoint, &region("eu-west-1")), &keys);
    assert!(said.iter().any(|word| word.starts_with("http://vpce.example:8443/base/model/")));
    assert!(said.iter().any(|word| word == "/base/model/amazon.nova-lite-v1%3A0/converse"));
}

#[test]
fn each_way_to_ask_has_its_key() {
    let region = ("AWS_REGION", "eu-west-1");
    let output = line("Hi", &NOVA, &[region, ("AWS_BEARER_TOKEN_BEDROCK", "hidden")]);
    let said = words(&output, &[("AWS_BEARER_TOKEN_BEDROCK", "the key")]);
    assert!(said.iter().any(|word| word == "authorization: Bearer the key"), "{said:#?}");
    assert!(!text(&output.stdout).contains("hidden"), "{output:?}");

    // It is not in Europe.
    let region = ("AWS_REGION", "us-west-2");
    let output = line("Hi", &["-m", "openai.gpt-5.6-sol", "--profile", "me"], &[region]);
    let said = words(&output, &[]);
    let url = "https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1/chat/completions";
    assert_eq!((&*said[1], &*said[3]), (url, "aws:amz:us-west-2:bedrock"), "{said:#?}");
    let told = text(&output.stderr);
    assert!(told.contains("aws configure export-credentials --profile me --format env"), "{told}");

    let via = ["--via", "http://127.0.0.1:1/v1/", "--via-key", "hidden"];
    let output = line("Hi", &via, &[]);
    let said = words(&output, &[("OUTCROP_VIA_KEY", "the key")]);
    assert_eq!(said[1], "http://127.0.0.1:1/v1/chat/completions");
    assert!(said.iter().any(|word| word == "authorization: Bearer the key"), "{said:#?}");
    assert!(!text(&output.stdout).contains("hidden"), "{output:?}");

    let said = words(&line("Hi", &[&NOVA[..], &["--emulator"]].concat(), &[]), &[]);
    assert!(said[1].starts_with("http://127.0.0.1:4566/model/"), "{said:#?}");

    let nowhere = line("Hi", &NOVA, &[]);
    assert_eq!(nowhere.status.code(), Some(20), "{nowhere:?}");
    assert!(text(&nowhere.stderr).contains("--region"), "{nowhere:?}");
}

#[test]
fn a_long_body_is_read_from_the_lines_below() {
    let question = "long ".repeat(40_000);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("long.txt");
    std::fs::write(&file, &question).unwrap();
    let attached = [&NOVA[..], &["-f", file.to_str().unwrap()]].concat();
    let said = words(&line("Hi", &attached, &[("AWS_REGION", "eu-west-1")]), &[]);
    let body = said.last().unwrap();
    assert!(body.starts_with('{') && body.ends_with('}') && body.len() > question.len());
}

/// The emulator checks signatures as AWS does.
#[tokio::test(flavor = "multi_thread")]
async fn curl_itself_is_answered() {
    let path = std::env::var("PATH").unwrap_or_default();
    let found = run("command -v curl", &path, &[]);
    assert!(found.status.success(), "NOT RUN: there is no curl here");
    let mut config = Config::default();
    config.access_keys.push("AKIDT:secret:token".parse().unwrap());
    let emulator = Emulator::bind("127.0.0.1:0", config).await.unwrap();
    let key = |id, secret, token| {
        [("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret), ("AWS_SESSION_TOKEN", token)]
    };
    let long_lived = key(EXAMPLE_ACCESS_KEY_ID, EXAMPLE_SECRET_ACCESS_KEY, "");
    let arn = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.amazon.nova-lite-v1:0";
    for (model, keys) in [
        ("amazon.nova-lite-v1:0", long_lived),
        ("anthropic.claude-3-haiku-20240307-v1:0", key("AKIDT", "secret", "token")),
        (arn, long_lived),
    ] {
        let to = [("AWS_ENDPOINT_URL", &*emulator.base_url()), ("AWS_REGION", "us-east-1")];
        let env = [&to[..], &keys].concat();
        let output = line("Who's there?", &["-m", model], &env);
        let said = run(&text(&output.stdout), &path, &env);
        assert!(
            text(&said.stdout).contains("You said: Who's there?"),
            "{model}: {output:?} {said:?}"
        );
    }
}
