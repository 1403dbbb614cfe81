//! A user with a home of their own, in front of a local Bedrock that can be asked what it was told.

use std::path::PathBuf;
use std::process::{Output, Stdio};

use outcrop_emulator::{Config, Emulator, Fault, Injection};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

pub use crate::support::text;
use crate::support::{ACCOUNT, outcrop};

pub const NOVA: &str = "amazon.nova-lite-v1:0";

pub struct Desk {
    pub emulator: Emulator,
    pub home: tempfile::TempDir,
}

// === impl Desk ===

impl Desk {
    pub async fn new() -> Self {
        let emulator = Emulator::bind("127.0.0.1:0", Config::default()).await.unwrap();
        Self { emulator, home: tempfile::tempdir().unwrap() }
    }

    pub fn history(&self) -> PathBuf {
        self.home.path().join("history.db")
    }

    /// The next chat fails so.
    pub fn fails(&self, fault: &str) {
        self.emulator.inject_where(Injection {
            faults: Fault::parse_list(fault).unwrap(),
            times: 1,
            operation: Some("ConverseStream".to_owned()),
            model: None,
        });
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::from(outcrop(arguments));
        command
            .envs(ACCOUNT)
            .env("OUTCROP_HOME", self.home.path())
            .env("OUTCROP_MODEL", NOVA)
            .env("AWS_ENDPOINT_URL", self.emulator.base_url())
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().await.unwrap()
    }

    /// Runs with these lines on stdin.
    pub async fn told(&self, arguments: &[&str], lines: &str) -> Output {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).await.unwrap();
        child.wait_with_output().await.unwrap()
    }

    /// Stdout of a command that ends well.
    pub async fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The turns that the history holds.
    pub async fn turns(&self) -> Vec<Value> {
        let turns: Value =
            serde_json::from_str(&self.says(&["logs", "--json", "-n", "0"]).await).unwrap();
        turns.as_array().unwrap().clone()
    }

    /// The messages of each chat that Bedrock was asked for.
    pub fn asked(&self) -> Vec<Vec<String>> {
        let chats = self.emulator.requests();
        let chats = chats.iter().filter(|request| request.raw_path.contains("converse-stream"));
        let text = |message: &Value| message["content"][0]["text"].as_str().unwrap().to_owned();
        chats
            .map(|request| {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                body["messages"].as_array().unwrap().iter().map(text).collect()
            })
            .collect()
    }
}
