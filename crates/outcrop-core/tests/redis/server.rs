//! A Redis or Valkey server of our own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Whose server it is; to the gateway it is the same.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Redis,
    Valkey,
}

/// A server that remembers what it was told when it is killed.
pub(super) struct Redis {
    pub(super) port: u16,
    pub(super) folder: TempDir,
    kind: Kind,
    process: Child,
}

impl Redis {
    pub(super) fn start(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        loop {
            // The port may be gone again in a moment: then another.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if let Some(process) = launch(kind, folder.path(), port) {
                return Self { port, folder, kind, process };
            }
        }
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(super) fn start_again(&mut self) {
        self.process =
            launch(self.kind, self.folder.path(), self.port).expect("its port is free again");
    }

    /// What it says to one command, as it is written on the wire.
    pub(super) fn say(&self, command: &str) -> String {
        let mut socket = std::net::TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        socket.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    /// How many scripts were run.
    pub(super) fn calls(&self) -> u64 {
        let stats = self.say("INFO commandstats");
        let (_, calls) = stats.split_once("cmdstat_evalsha:calls=").expect("scripts were run");
        calls.split(',').next().unwrap().parse().unwrap()
    }

    pub(super) fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _dead_already = self.process.kill();
        let _waited_for = self.process.wait();
    }
}

/// Started and ready; `None` when it ended instead.
fn launch(kind: Kind, folder: &Path, port: u16) -> Option<Child> {
    let (program, libraries) = server(kind);
    let mut command = Command::new(program);
    command.env("LD_LIBRARY_PATH", libraries).current_dir(folder).stdout(Stdio::piped());
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""]);
    command.args(["--appendonly", "yes", "--appendfsync", "always", "--logfile", ""]);
    let mut process = command.spawn().expect("the server can be started");
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let is_ready = lines.any(|line| line.unwrap().contains("Ready to accept connections"));
    // It goes on writing.
    std::thread::spawn(move || lines.for_each(drop));
    if !is_ready {
        process.wait().unwrap();
    }
    is_ready.then_some(process)
}

/// The program, and where its libraries are: the system's own, else the one in the target directory.
fn server(kind: Kind) -> (PathBuf, PathBuf) {
    let (name, folder) = match kind {
        Kind::Redis => ("redis-server", "redis"),
        Kind::Valkey => ("valkey-server", "valkey"),
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut of_system = std::env::split_paths(&path).map(|folder| folder.join(name));
    if let Some(program) = of_system.find(|program| program.is_file()) {
        return (program, PathBuf::new());
    }
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../tools").join(folder);
    let program = tools.join("usr/bin").join(name);
    assert!(program.is_file(), "NOT RUN: there is no {name} here; `cargo xtask redis` brings one");
    (program, tools.join("usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH)))
}
