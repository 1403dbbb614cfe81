//! The processes of a run: built, started, read out, ended.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::args::Args;
use crate::cases::EVENTS;

/// Time between two events of a paced answer: slower, and there would be little to measure.
const PACE_US: u32 = 1000;

/// Where the programs are.
#[derive(Debug)]
pub struct Build {
    pub profile: String,
    folder: PathBuf,
}

/// A program about to be started.
#[derive(Debug)]
pub struct Launch(Command);

/// A running program that listens; it ends when dropped.
#[derive(Debug)]
pub struct Running {
    pub address: SocketAddr,
    child: Child,
}

// === impl Build ===

impl Build {
    /// Builds all programs in the profile of this one.
    pub fn make() -> Result<Self> {
        let own = std::env::current_exe()?;
        let folder = own.parent().context("a program without a folder")?.to_owned();
        let word = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let profile = if word == "debug" { "dev" } else { word }.to_owned();
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["build", "--profile", &profile, "-p", "outcrop", "-p", "benches", "--bins"]);
        let status = command.status().context("cargo could not be started")?;
        ensure!(status.success(), "cargo build ended with {status}");
        Ok(Self { profile, folder })
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join(name));
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }
}

// === impl Launch ===

impl Launch {
    pub fn stub(build: &Build) -> Self {
        let mut command = build.program("stub");
        command.args([EVENTS.to_string(), PACE_US.to_string()]);
        Self(command)
    }

    pub fn floor(build: &Build, upstream: &SocketAddr) -> Self {
        Self(build.program("floor")).towards(upstream)
    }

    /// As shipped: the access log is written, if to nowhere.
    pub fn gateway(build: &Build, upstream: &SocketAddr, args: &Args) -> Self {
        Self::serve(build, args).towards(upstream)
    }

    /// The same with credentials of a container that expire after a second.
    pub fn renewing(build: &Build, upstream: &SocketAddr, args: &Args) -> Self {
        let mut launch = Self::serve(build, args);
        let uri = format!("http://{upstream}/v1/credentials");
        launch.0.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri);
        launch.sending_to(upstream)
    }

    /// The gateway by a file that says where requests go.
    pub fn configured(build: &Build, file: &Path, args: &Args) -> Self {
        let mut launch = Self::serve(build, args);
        launch.0.arg("-f").arg(file);
        launch.with_keys()
    }

    /// A command that asks nobody, in words between blanks.
    pub fn command(build: &Build, words: &str) -> Self {
        let mut command = build.program("outcrop");
        command.args(words.split(' '));
        Self(command)
    }

    /// Runs it to its end, which must be a good one.
    pub fn run(mut self) -> Result<()> {
        let output = self.0.output()?;
        ensure!(output.status.success(), "{:?} ended with {}", self.0, output.status);
        Ok(())
    }

    /// With the operator's door at this address.
    pub fn with_door(mut self, address: &SocketAddr) -> Self {
        self.0.arg("--admin").arg(address.to_string());
        self
    }

    /// The system's Redis server, which keeps nothing on disk.
    pub fn redis(folder: &Path, address: &SocketAddr) -> Self {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string()]);
        command.args(["--save", "", "--appendonly", "no"]).current_dir(folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command)
    }

    fn serve(build: &Build, args: &Args) -> Self {
        let mut command = build.program("outcrop");
        command.args(["serve", "--listen", "127.0.0.1:0", "--models-refresh", "0"]);
        if let Some(filter) = &args.log {
            command.env("OUTCROP_LOG", filter);
        }
        Self(command)
    }

    fn towards(self, upstream: &SocketAddr) -> Self {
        self.with_keys().sending_to(upstream)
    }

    fn with_keys(mut self) -> Self {
        self.0
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        self
    }

    fn sending_to(mut self, upstream: &SocketAddr) -> Self {
        self.0
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", format!("http://{upstream}"));
        self
    }

    /// Starts the program and waits for its first line, which says where it listens.
    pub fn start(mut self) -> Result<Running> {
        let mut child = self.0.spawn().with_context(|| format!("{:?}", self.0))?;
        let stdout = child.stdout.take().context("no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address =
            line.trim().strip_prefix("listening on http://").and_then(|text| text.parse().ok());
        let address = address.with_context(|| format!("{:?} did not start: {line:?}", self.0))?;
        Ok(Running { address, child })
    }

    /// Starts a program that does not say when it listens.
    pub fn start_silent(mut self, address: SocketAddr) -> Result<Running> {
        let child = self.0.spawn().with_context(|| format!("{:?}", self.0))?;
        Ok(Running { address, child })
    }
}

// === impl Running ===

impl Running {
    /// CPU time used so far by all threads: in nanoseconds where the kernel keeps such accounts, else
    /// in its ticks.
    pub fn cpu(&self) -> Result<Duration> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id()))?;
        let mut total = Some(0);
        for thread in threads {
            // A thread may end between the listing and the look at it.
            let Ok(text) = std::fs::read_to_string(thread?.path().join("schedstat")) else {
                total = None;
                break;
            };
            let nanos = text.split(' ').next().and_then(|word| word.parse::<u64>().ok());
            total = total.zip(nanos).map(|(sum, more)| sum + more);
        }
        match total {
            Some(nanos) => Ok(Duration::from_nanos(nanos)),
            None => self.cpu_in_ticks(),
        }
    }

    fn cpu_in_ticks(&self) -> Result<Duration> {
        /// `USER_HZ` is 100 on every Linux that is in use.
        const TICK: Duration = Duration::from_millis(10);
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The second field, the name, may hold anything; user and system time are the 14th and 15th.
        let (_, fields) = text.rsplit_once(')').context("no name in stat")?;
        let ticks: Option<u32> =
            fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u32>().ok()).sum();
        Ok(TICK * ticks.context("no times in stat")?)
    }

    /// Resident memory in bytes.
    pub fn resident(&self) -> Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        Ok(kib.context("no VmRSS")? * 1024)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
