//! The processes under test: two emulators (plain and TLS) and a gateway, on free ports of loopback.
//!
//! Agreed with the binary: the line `listening on URL` on standard output says that it is ready.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::isolated;

/// The key pair the emulator accepts by default.
const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// A long-term key in Bedrock's form: `ABSK` and the base64 of `BedrockAPIKey-conformance:secret`.
const API_KEY: &str = "ABSKQmVkcm9ja0FQSUtleS1jb25mb3JtYW5jZTpzZWNyZXQ=";
/// The file of keys of the gateway that asks for them.
const KEYS: &str = "keys.toml";
const REGION: &str = "us-east-1";
/// Enough to see the gateway try again, few enough that its waits do not add up over the suites.
const ATTEMPTS: &str = "2";
const READY: &str = "listening on ";
/// Far above any start-up time, so that only a hang meets it.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Lines of each log that a failure shows.
const TAIL: usize = 40;

pub(crate) struct Stack {
    processes: Vec<Process>,
    env: Vec<(&'static str, String)>,
}

/// A child that ends when this value does.
struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

// === impl Stack ===

impl Stack {
    /// Starts everything; whatever was started ends again when a later start fails.
    pub(crate) fn start(binary: &Path, work: &Path) -> Result<Self> {
        let authority = work.join("emulator-ca.pem");
        let listen = ["--listen", "127.0.0.1:0"];
        let mut stack = Self { processes: Vec::new(), env: Vec::new() };
        // The keys of an earlier run have names already.
        match std::fs::remove_file(work.join(KEYS)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }

        let mut plain = isolated(binary, work);
        plain.arg("emulate").args(listen).args(["--api-key", API_KEY]);
        let emulator = stack.add("emulator", plain, work)?;

        let mut tls = isolated(binary, work);
        tls.arg("emulate")
            .args(listen)
            .args(["--api-key", API_KEY, "--tls", "--tls-ca-out"])
            .arg(&authority);
        let emulator_tls = stack.add("emulator-tls", tls, work)?;

        let mut serve = isolated(binary, work);
        serve.arg("serve").args(listen).args(["--endpoint-url", &emulator]);
        // What tests look for at the emulator is their own doing alone.
        serve.args(["--models-refresh", "0"]);
        serve.args(["--max-attempts", ATTEMPTS, "--log-format", "json"]);
        // Suites serve media themselves.
        serve.args(["--fetch-http", "--fetch-allow", "127.0.0.0/8"]);
        serve
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY);
        serve.env("AWS_REGION", REGION);
        let gateway = stack.add("gateway", serve, work)?;

        let gateway_authority = work.join("gateway-ca.pem");
        let mut tls = isolated(binary, work);
        tls.arg("serve").args(listen).args(["--endpoint-url", &emulator, "--region", REGION]);
        tls.arg("--tls-self-signed").arg(&gateway_authority);
        tls.env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY);
        let gateway_tls = stack.add("gateway-tls", tls, work)?;

        let (token, pair) = (made_key(binary, work, "token")?, made_key(binary, work, "aws-pair")?);
        let mut keyed = isolated(binary, work);
        keyed.arg("serve").args(listen).args(["--endpoint-url", &emulator, "--region", REGION]);
        keyed.arg("--keys").arg(work.join(KEYS));
        keyed
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY);
        let gateway_keyed = stack.add("gateway-keyed", keyed, work)?;

        stack.env = vec![
            ("OUTCROP_KEYED_URL", gateway_keyed),
            ("OUTCROP_TOKEN", token),
            ("OUTCROP_KEY_PAIR", pair),
            ("OUTCROP_BINARY", binary.to_string_lossy().into_owned()),
            ("OUTCROP_URL", gateway),
            ("OUTCROP_TLS_URL", gateway_tls),
            ("OUTCROP_CA", gateway_authority.to_string_lossy().into_owned()),
            ("OUTCROP_LOG_FILE", work.join("gateway.log").to_string_lossy().into_owned()),
            ("EMULATOR_URL", emulator),
            ("EMULATOR_TLS_URL", emulator_tls),
            ("EMULATOR_CA", authority.to_string_lossy().into_owned()),
            ("EMULATOR_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("EMULATOR_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
            ("EMULATOR_API_KEY", API_KEY.to_owned()),
            ("EMULATOR_REGION", REGION.to_owned()),
        ];
        Ok(stack)
    }

    /// What the suites read.
    pub(crate) fn env(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.env.iter().map(|(name, value)| (*name, value.as_str()))
    }

    pub(crate) fn show_logs(&self) {
        for process in &self.processes {
            process.show_log();
        }
    }

    fn add(&mut self, name: &'static str, command: Command, work: &Path) -> Result<String> {
        let (process, ready) = Process::start(name, command, work)?;
        let url = match ready.recv_timeout(START_LIMIT) {
            Ok(url) => url,
            Err(error) => {
                process.show_log();
                let why = match error {
                    mpsc::RecvTimeoutError::Timeout => format!("{START_LIMIT:?} passed"),
                    mpsc::RecvTimeoutError::Disconnected => {
                        "it ended or closed its output".to_owned()
                    }
                };
                bail!("{name} never said `{READY}URL`: {why}");
            }
        };
        println!("{name} at {url}, log {}", process.log.display());
        self.processes.push(process);
        Ok(url)
    }
}

/// A key of this kind in the file of keys, as it is printed.
fn made_key(binary: &Path, work: &Path, kind: &str) -> Result<String> {
    let mut keys = isolated(binary, work);
    keys.args(["keys", "create", kind, "--kind", kind, "--store"]).arg(work.join(KEYS));
    let made = keys.stderr(Stdio::inherit()).output().context("outcrop keys")?;
    if !made.status.success() {
        bail!("outcrop keys made no {kind}");
    }
    Ok(String::from_utf8(made.stdout)?.trim().to_owned())
}

// === impl Process ===

impl Process {
    fn start(
        name: &'static str,
        mut command: Command,
        work: &Path,
    ) -> Result<(Self, Receiver<String>)> {
        let log = work.join(format!("{name}.log"));
        let file =
            File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
        let errors = File::options().append(true).open(&log)?;
        drop(file);
        let copy = errors.try_clone()?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().with_context(|| format!("{name} could not be started"))?;
        let (sender, ready) = mpsc::channel();
        if let Some(output) = child.stdout.take() {
            std::thread::spawn(move || follow(output, copy, &sender));
        }
        Ok((Self { name, child, log }, ready))
    }

    fn show_log(&self) {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        eprintln!("\n── last lines of {}", self.log.display());
        for line in &lines[lines.len().saturating_sub(TAIL)..] {
            eprintln!("  {} | {line}", self.name);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Either fails only for a child that has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Copies a child's output to its log, and sends the address it says it listens on.
fn follow(output: ChildStdout, mut log: File, ready: &Sender<String>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        if let Some(url) = line.strip_prefix(READY) {
            // Nobody waits any more after the first one.
            let _ = ready.send(url.trim().to_owned());
        }
        // A log that cannot be written must not stop the child.
        let _ = writeln!(log, "{line}");
    }
}
