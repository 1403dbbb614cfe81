//! `outcrop models` and `outcrop tokens`, as people and scripts use them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::process::Output;

use outcrop_emulator::{Config, Emulator, Exception, Fault};
use serde_json::Value;
use support::ACCOUNT;

fn outcrop(arguments: &[&str]) -> Output {
    support::outcrop(arguments).envs(ACCOUNT).output().unwrap()
}

fn said(arguments: &[&str]) -> String {
    let output = outcrop(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn models_are_chosen_by_what_they_can() {
    let ids = |arguments: &[&str]| {
        let json = said(&[&["models", "--emulator", "--json"], arguments].concat());
        let models: Vec<Value> = serde_json::from_str(&json).unwrap();
        models.iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = ids(&[]);
    for (arguments, has, has_not) in [
        (&["--kind", "embeddings"][..], "cohere.embed-english-v3", "amazon.nova-lite-v1:0"),
        (&["--modality", "images"], "amazon.nova-canvas-v1:0", "amazon.nova-lite-v1:0"),
        (&["--vision"], "amazon.nova-lite-v1:0", "amazon.nova-micro-v1:0"),
        (&["--thinking", "claude"], "claude-haiku-4-5", "amazon.nova-lite-v1:0"),
        (&["--streaming"], "amazon.nova-lite-v1:0", "cohere.embed-english-v3"),
        (&["--profiles"], "us.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5"),
    ] {
        let chosen = ids(arguments);
        assert!(all.iter().any(|id| id == has) && all.iter().any(|id| id == has_not), "{all:?}");
        assert!(chosen.iter().any(|id| id == has), "{arguments:?}: {chosen:?}");
        assert!(chosen.iter().all(|id| id != has_not), "{arguments:?}: {chosen:?}");
    }
}

/// A profile of the emulated account's own.
const OWN: &str = "application-inference-profile/b2c3d4e5f6a1";

#[tokio::test(flavor = "multi_thread")]
async fn the_accounts_own_models_are_listed_where_it_may_list() {
    let emulator = Emulator::bind("127.0.0.1:0", Config::default()).await.unwrap();
    let url = emulator.base_url();
    let run = |verb: &[&str]| {
        let arguments = [&["models"], verb, &["--endpoint-url", &url, "--json"]].concat();
        let output = outcrop(&arguments);
        let told = serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default();
        (output.status.code(), told, support::text(&output.stderr))
    };
    let holds = |list: &Value, id: &str| list.as_array().unwrap().iter().any(|m| m["id"] == id);
    let (code, list, said) = tokio::task::block_in_place(|| run(&["list", "--profiles"]));
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert!(holds(&list, OWN) && !holds(&list, "imported-model/f6a1b2c3d4e5"), "{list:#}");
    let (_, list, _) = tokio::task::block_in_place(|| run(&[]));
    assert!(holds(&list, OWN) && holds(&list, "amazon.nova-lite-v1:0"), "{list:#}");
    let (code, shown, said) = tokio::task::block_in_place(|| run(&["show", OWN]));
    assert_eq!((code, &shown["id"]), (Some(0), &OWN.into()), "{said}");

    emulator.inject_where(outcrop_emulator::Injection {
        faults: vec![Fault::error(Exception::AccessDenied)],
        times: 9,
        operation: Some("ListInferenceProfiles".to_owned()),
        ..Default::default()
    });
    let (code, list, said) = tokio::task::block_in_place(|| run(&[]));
    assert!(
        code == Some(0) && said.contains("outcrop doctor") && said.lines().count() == 1,
        "{said}"
    );
    assert!(!holds(&list, OWN) && holds(&list, "amazon.nova-lite-v1:0"), "{list:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_looked_for_in_all_regions() {
    let emulator = Emulator::bind("127.0.0.1:0", Config::default()).await.unwrap();
    let url = emulator.base_url();
    let run = |more: &[&str]| {
        let arguments = ["models", "nova-lite", "--all-regions", "--endpoint-url", &url];
        let output = tokio::task::block_in_place(|| outcrop(&[&arguments[..], more].concat()));
        (output.status.code(), support::text(&output.stdout), support::text(&output.stderr))
    };
    let (code, json, said) = run(&["--json"]);
    assert_eq!(code, Some(0), "{said}");
    let models: Vec<Value> = serde_json::from_str(&json).unwrap();
    let nova = models.iter().find(|model| model["id"] == "amazon.nova-lite-v1:0").unwrap();
    let regions = nova["regions"].as_array().unwrap();
    assert!(regions.contains(&"us-east-1".into()) && regions.contains(&"eu-west-3".into()));
    let denied = |times| {
        emulator.inject_where(outcrop_emulator::Injection {
            faults: vec![Fault::error(Exception::AccessDenied)],
            times,
            operation: Some("ListFoundationModels".to_owned()),
            ..Default::default()
        });
    };
    // One that may not be listed is told of.
    denied(1);
    let (code, table, said) = run(&[]);
    assert!(code == Some(0) && said.contains("nothing is listed in "), "{said}");
    assert!(table.contains("amazon.nova-lite-v1:0") && table.contains("  all"), "{table}");
    denied(1000);
    let (code, _, said) = run(&[]);
    assert!(code == Some(21) && said.contains("no region lists"), "{said}");
}

#[test]
fn a_model_of_vectors_is_not_said_to_chat() {
    let listed = said(&["models", "-q", "embed", "-q", "cohere", "--emulator"]);
    let v3 = listed.lines().find(|line| line.starts_with("cohere.embed-english-v3")).unwrap();
    assert!(!v3.contains("tools") && !v3.contains("cache"), "{listed}");
    let shown = said(&["models", "show", "cohere.embed-english-v3", "--emulator"]);
    assert!(!shown.contains("tools") && !shown.contains("--effort"), "{shown}");
    let output = outcrop(&["models", "--kind", "embeddings", "--tools", "--emulator"]);
    assert_eq!(output.status.code(), Some(12), "{output:?}");
}

#[test]
fn a_model_is_shown_under_any_name() {
    let shown = said(&["models", "show", "claude-haiku-4-5", "--emulator"]);
    for part in ["anthropic.claude-haiku-4-5-20251001-v1:0", "200000", "tools images", "input 1.1"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let shown = said(&["models", "params", "amazon.titan-embed-text-v2:0", "--emulator"]);
    assert!(shown.contains("256 512 1024") && shown.contains("base64 binary"), "{shown}");
    let names = said(&["models", "alias", "haiku", "4-5"]);
    assert!(names.contains("anthropic.claude-haiku-4-5-20251001-v1:0"), "{names}");
}

#[test]
fn an_unknown_name_is_told_what_may_be_meant() {
    for arguments in [
        &["query", "Hi", "--no-save", "-m", "claude-hiku-4-5"][..],
        &["models", "show", "haiku 4.5"],
    ] {
        let output = outcrop(&[arguments, &["--emulator"]].concat());
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(12), "{error}");
        assert!(error.contains("Did you mean claude-haiku-4-5"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_is_called_one() {
    let emulator = Emulator::bind("127.0.0.1:0", Config::default()).await.unwrap();
    emulator.inject_where(outcrop_emulator::Injection {
        faults: vec![Fault::error(Exception::AccessDenied)],
        times: 9,
        operation: Some("CountTokens".to_owned()),
        ..Default::default()
    });
    let url = emulator.base_url();
    let run = move || said(&["tokens", "Hello", "--endpoint-url", &url]);
    let line = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(line.contains("(estimated; may be off by a quarter)"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_tried_one_by_one() {
    let emulator = Emulator::bind("127.0.0.1:0", Config::default()).await.unwrap();
    emulator.inject_where(outcrop_emulator::Injection {
        faults: vec![Fault::error(Exception::AccessDenied)],
        times: 9,
        model: Some("nova-lite".to_owned()),
        ..Default::default()
    });
    let url = emulator.base_url();
    let run = move || {
        let models = ["amazon.nova-micro-v1:0", "amazon.nova-lite-v1:0", "cohere.embed-v4:0"];
        outcrop(&[&["models", "test", "--endpoint-url", &url], &models[..]].concat())
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(output.status.code(), Some(21), "{lines:?}");
    assert!(lines[0].contains("answers in") && lines[2].contains("answers in"), "{lines:?}");
    assert!(lines[1].contains("outcrop doctor"), "{lines:?}");
}

#[test]
fn tokens_are_counted_and_priced_before_sending() {
    let counted = |arguments: &[&str]| -> Value {
        let arguments = [&["tokens", "--emulator", "--json"], arguments].concat();
        serde_json::from_str(&said(&arguments)).unwrap()
    };
    let short = counted(&["Hello"]);
    assert_eq!((&short["model"], &short["exact"]), (&"claude-sonnet-4-5".into(), &true.into()));
    assert!(short["cost_usd"].as_f64().is_some_and(|cost| cost > 0.0), "{short}");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let long = counted(&["Hello", "-f", file]);
    assert!(long["input_tokens"].as_u64() > Some(short["input_tokens"].as_u64().unwrap() + 100));
    let line = said(&["tokens", "--emulator", "Hello"]);
    assert!(line.contains("tokens to claude-sonnet-4-5 (counted by Bedrock), $0.0000"), "{line}");
    assert_eq!(outcrop(&["tokens", "--emulator"]).status.code(), Some(2));
}
