//! A folder to work in, a home, and a local Bedrock that the environment names.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use outcrop_emulator::{Config, Emulator};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::{ACCOUNT, outcrop};

pub const PROVIDER: &str = "config/providers/aws-bedrock.yaml";
pub const NOVA: &str = "amazon.nova-lite-v1:0";

pub struct Desk {
    pub emulator: Emulator,
    /// Holds `work`, where commands run, and `home`.
    root: TempDir,
    env: Vec<(String, String)>,
}

/// What a command came to.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

// === impl Desk ===

impl Desk {
    /// Where the environment says who is calling, and in which region.
    pub async fn new() -> Self {
        let desk = Self::without_account().await;
        ACCOUNT.iter().fold(desk, |desk, (name, value)| desk.env(name, value))
    }

    pub async fn without_account() -> Self {
        Self::with(Config::default()).await
    }

    /// Nothing says who is calling.
    pub async fn with(config: Config) -> Self {
        let emulator = Emulator::bind("127.0.0.1:0", config).await.unwrap();
        let root = tempfile::tempdir().unwrap();
        for folder in ["work/.git", "home"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let url = emulator.base_url();
        let home = root.path().join("home").display().to_string();
        Self { emulator, root, env: Vec::new() }
            .env("AWS_ENDPOINT_URL", &url)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("HOME", &home)
            .env("OUTCROP_HOME", &home)
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn unset(mut self, name: &str) -> Self {
        self.env.retain(|(set, _)| set != name);
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("work").join(name)
    }

    pub fn home(&self, name: &str) -> PathBuf {
        self.root.path().join("home").join(name)
    }

    /// Writes a file in the working folder.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        write(&path, text);
        path
    }

    pub async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, b"").await
    }

    pub async fn run_with(&self, arguments: &[&str], stdin: &[u8]) -> Ended {
        self.end(outcrop(arguments).into(), stdin).await
    }

    /// Runs shell as it stands in a document.
    pub async fn shell(&self, script: &str) -> Ended {
        let mut command = Command::new("/bin/sh");
        command.args(["-euc", script]);
        self.end(command, b"").await
    }

    async fn end(&self, mut command: Command, stdin: &[u8]) -> Ended {
        let folder = Path::new(env!("CARGO_BIN_EXE_outcrop")).parent().unwrap();
        let mut child = command
            .current_dir(self.path(""))
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that reads nothing may be gone.
        let _may_be_closed = child.stdin.take().unwrap().write_all(stdin).await;
        Ended::of(child.wait_with_output().await.unwrap())
    }
}

// === impl Ended ===

impl Ended {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        Self { code, out: text(output.stdout), err: text(output.stderr) }
    }

    /// Stdout of a command that ended well.
    #[track_caller]
    pub fn fine(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// Stdout of a command that ended well and had nothing to say.
    #[track_caller]
    pub fn quiet(self) -> String {
        assert_eq!(self.err, "", "{self:?}");
        self.fine()
    }
}

pub fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Gives `path` these permissions.
pub fn allow(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
