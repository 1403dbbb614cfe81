//! What a person reads when something is wrong: the cause, and what he himself can do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use outcrop_emulator::{Config, Emulator, Exception, Fault, Injection};
use serde_json::Value;

use self::support::{ACCOUNT, outcrop, text};

/// What is said to clients of a gateway, and to nobody at a command line.
const FOR_CLIENTS: [&str; 4] = ["operator", "GET /v1/", "the gateway", "/v1/embeddings"];

/// The exit code, and the one line on stderr.
#[track_caller]
fn refused(arguments: &[&str]) -> (i32, String) {
    let output = outcrop(arguments).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
    for words in FOR_CLIENTS {
        assert!(!said.contains(words), "{arguments:?}: {said}");
    }
    (output.status.code().unwrap(), said)
}

#[test]
fn without_an_account_one_line_tells_how_to_get_one() {
    for (arguments, cause) in [
        (&["query", "Hi"][..], "no AWS region"),
        (&["embed", "Hi", "--region", "us-east-1"], "no AWS credentials"),
        (&["models"], "no AWS region"),
    ] {
        let mut command = outcrop(arguments);
        let output = command.env("AWS_EC2_METADATA_DISABLED", "true").output().unwrap();
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), said.lines().count()), (Some(28), 1), "{said}");
        for part in [cause, "outcrop init", "AWS_PROFILE", "--emulator"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}

#[test]
fn a_model_that_there_is_not_is_told_alike_by_all() {
    for command in [
        &["query", "Hi", "-m", "nope"][..],
        &["query", "Hi", "-m", "nope", "--dry-run"],
        &["query", "Hi", "-m", "nope", "--dry-run", "--json"],
        &["query", "Hi", "-m", "nope", "--curl"],
        &["embed", "Hi", "-m", "nope"],
        &["tokens", "Hi", "-m", "nope"],
        &["models", "show", "nope"],
    ] {
        let (code, said) = refused(&[command, &["--emulator"]].concat());
        assert_eq!(code, 12, "{command:?}: {said}");
        let begins = "error: `nope` is no model that can be called here";
        assert!(said.starts_with(begins) && said.contains("outcrop models"), "{command:?}: {said}");
    }
}

#[test]
fn a_model_of_another_kind_is_told_with_its_command() {
    for (arguments, mend) in [
        (["query", "Hi", "-m", "cohere.embed-english-v3"], "outcrop embed -m cohere"),
        (["query", "Hi", "-m", "amazon.nova-canvas-v1:0"], "pictures"),
        (["embed", "Hi", "-m", "claude-sonnet-4-5"], "outcrop query"),
    ] {
        let output = outcrop(&[&arguments[..], &["--emulator"]].concat()).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(20), "{said}");
        assert!(said.contains(mend), "{mend}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_an_account_is_not_sent_to_an_operator() {
    for (exception, code, cause, mend) in [
        (Exception::AccessDenied, 21, "AWS does not let this account use", "Bedrock's console"),
        (Exception::ExpiredToken, 28, "credentials have expired", "aws sso login"),
        (Exception::UnrecognizedClient, 28, "does not accept the credentials", "AWS_PROFILE"),
    ] {
        let emulator = Emulator::bind("127.0.0.1:0", Config::default()).await.unwrap();
        let faults = vec![Fault::error(exception)];
        emulator.inject_where(Injection { faults, times: 9, ..Default::default() });
        let url = emulator.base_url();
        let run = move || {
            let arguments = ["query", "Hi", "-m", "amazon.nova-lite-v1:0", "--endpoint-url", &url];
            outcrop(&arguments).envs(ACCOUNT).output().unwrap()
        };
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(cause) && said.contains(mend), "{said}");
        assert!(FOR_CLIENTS.iter().all(|words| !said.contains(words)), "{said}");
    }
}

#[test]
fn a_preview_is_json_where_that_is_asked_for() {
    let arguments = ["query", "Hi", "-m", "amazon.nova-lite-v1:0", "--dry-run", "--json"];
    let output = outcrop(&arguments).output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["way"]["carrier"], "converse");
    assert_eq!(said["sent"][0]["path"], "/model/amazon.nova-lite-v1%3A0/converse");
    assert_eq!(said["sent"][0]["headers"]["authorization"], "***");
    assert_eq!(said["sent"][0]["body"]["messages"][0]["content"][0]["text"], "Hi");
}
