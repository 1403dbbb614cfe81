//! `outcrop serve` as a process of its own, which ends with its handle.

use std::path::PathBuf;

use outcrop_emulator::Emulator;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::support::outcrop;

pub struct Gateway {
    process: Child,
    address: String,
    log: PathBuf,
}

/// What is set besides the addresses of the emulator. A home of its own keeps the developer's away.
pub struct Setting<'a> {
    pub emulator: &'a Emulator,
    pub home: &'a std::path::Path,
    pub env: Vec<(&'a str, String)>,
    pub flags: Vec<String>,
}

impl<'a> Setting<'a> {
    pub fn new(emulator: &'a Emulator, home: &'a std::path::Path) -> Self {
        Self { emulator, home, env: Vec::new(), flags: Vec::new() }
    }

    pub fn env(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    pub fn flags(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(|flag| (*flag).to_owned()));
        self
    }

    /// Writes a file below the home, which is made readable.
    pub fn file(self, name: &str, text: &str) -> Self {
        let path = self.home.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::from(outcrop(&["serve"]));
        let url = self.emulator.base_url();
        command
            .args(["--listen", "127.0.0.1:0"])
            .args(&self.flags)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ENDPOINT_URL", &url)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("OUTCROP_MODELS_REFRESH", "0")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .kill_on_drop(true);
        command
    }

    pub async fn start(&self) -> Gateway {
        // A pipe that nobody reads would stop the gateway once it is full.
        let log = self.home.join("log");
        let file = std::fs::File::create(&log).unwrap();
        let mut process = self.command().stderr(file).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
        let Some(address) = line.trim().strip_prefix("listening on http://") else {
            panic!("{line}{}", std::fs::read_to_string(log).unwrap());
        };
        Gateway { address: address.to_owned(), process, log }
    }

    /// Starts what must not start, and returns what it says.
    pub async fn refused(&self) -> String {
        let output = self.command().output().await.unwrap();
        // 2 where a flag alone is wrong.
        assert!(matches!(output.status.code(), Some(1 | 2)), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

impl Gateway {
    /// One chat; returns status and body.
    pub async fn chat(&self) -> (u16, String) {
        chat(&self.address).await
    }

    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// Ends the process and returns its log.
    pub async fn log(mut self) -> String {
        self.process.kill().await.unwrap();
        std::fs::read_to_string(&self.log).unwrap()
    }
}

pub async fn chat(address: &str) -> (u16, String) {
    let body = r#"{"model":"amazon.nova-lite-v1:0","messages":[{"role":"user","content":"hi"}]}"#;
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}
