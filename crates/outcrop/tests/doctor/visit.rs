//! One run of `outcrop doctor`, with an environment and a home of its own.

use std::process::Output;

use outcrop_emulator::{
    Config, EXAMPLE_ACCESS_KEY_ID, EXAMPLE_SECRET_ACCESS_KEY, Emulator, Fault, Injection,
};
use serde_json::Value;
use tokio::process::Command;

use crate::support::outcrop;

pub const NOVA: &str = "amazon.nova-lite-v1:0";

pub struct Visit {
    pub emulator: Emulator,
    pub home: tempfile::TempDir,
    env: Vec<(&'static str, String)>,
    flags: Vec<String>,
}

/// What a report in JSON says.
pub struct Told {
    pub code: i32,
    pub report: Value,
}

// === impl Visit ===

impl Visit {
    /// With the emulator's own key pair.
    pub async fn new() -> Self {
        Self::without_keys(Config::default())
            .await
            .env("AWS_ACCESS_KEY_ID", EXAMPLE_ACCESS_KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", EXAMPLE_SECRET_ACCESS_KEY)
    }

    pub async fn without_keys(config: Config) -> Self {
        let emulator = Emulator::bind("127.0.0.1:0", config).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        Self { emulator, home, env: Vec::new(), flags: Vec::new() }
    }

    pub fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    pub fn flags(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(|flag| (*flag).to_owned()));
        self
    }

    /// Writes a file below the home, and returns its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Every call of `operation` fails so.
    pub fn ill(self, operation: &str, fault: &str) -> Self {
        self.emulator.inject_where(Injection {
            faults: Fault::parse_list(fault).unwrap(),
            times: 9,
            operation: Some(operation.to_owned()),
            model: None,
        });
        self
    }

    pub async fn output(&self, more: &[&str]) -> Output {
        Command::from(outcrop(&["doctor", "--region", "us-east-1"]))
            .args(&self.flags)
            .args(more)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("AWS_ENDPOINT_URL", self.emulator.base_url())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .output()
            .await
            .unwrap()
    }

    pub async fn told(&self) -> Told {
        let output = self.output(&["--json"]).await;
        let printed = String::from_utf8(output.stdout).unwrap();
        for secret in ["s3cr3t", EXAMPLE_SECRET_ACCESS_KEY, "123456789012", "eyJ"] {
            assert!(!printed.contains(secret), "{secret} in {printed}");
        }
        let report: Value = serde_json::from_str(&printed).unwrap();
        let report = report["reports"][0].clone();
        let code = output.status.code().unwrap();
        assert_eq!(report["exit_code"], code, "{printed}");
        assert_eq!(report["healthy"], code == 0, "{printed}");
        Told { code, report }
    }
}

// === impl Told ===

impl Told {
    /// The names of what is wrong: failures, then warnings.
    pub fn problems(&self) -> (Vec<&str>, Vec<&str>) {
        let of = |status: &str| {
            let checks = self.report["checks"].as_array().unwrap().iter();
            let named = checks.filter(|check| check["status"] == status);
            named.map(|check| check["problem"]["name"].as_str().unwrap_or("-")).collect()
        };
        (of("failure"), of("warning"))
    }

    /// Fails as `name`, and with this code.
    #[track_caller]
    pub fn fails(&self, name: &str, code: i32) {
        let (failures, _) = self.problems();
        let seen = (failures.first().copied(), self.code);
        assert_eq!(seen, (Some(name), code), "{:#}", self.report);
    }

    /// Works, and warns of `name`.
    #[track_caller]
    pub fn warns(&self, name: &str) {
        let (failures, warnings) = self.problems();
        assert!(failures.is_empty() && self.code == 0, "{:#}", self.report);
        assert!(warnings.contains(&name), "{:#}", self.report);
    }
}
