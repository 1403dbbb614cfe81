//! A server that runs as a child of ours.
//!
//! 1. It and all that it starts end when we are done with it, however that comes.
//! 2. What it writes to stderr is kept, the last of it, for when it fails.
//! 3. A line that no memory should hold ends it.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};

use super::definition::Way;
use super::printable;

/// Most bytes of one message: what a server may say at once, base64 of large files included.
pub const MOST: usize = 64 * 1024 * 1024;
/// How much of stderr is kept.
const KEPT: usize = 4 * 1024;
/// How long a server has to end after its stdin was closed, and again after SIGTERM.
const GRACE: Duration = Duration::from_secs(1);

/// A running child.
#[derive(Debug)]
pub struct Process {
    child: tokio::process::Child,
    #[cfg(unix)]
    group: Option<rustix::process::Pid>,
    keeper: Option<tokio::task::JoinHandle<()>>,
    pub said: Said,
}

/// The last that a server wrote to stderr, or what else is known of its end.
#[derive(Debug, Clone, Default)]
pub struct Said(Arc<Mutex<VecDeque<u8>>>);

/// Stdout, whose lines have bounds.
#[derive(Debug)]
pub struct Lines {
    stdout: ChildStdout,
    length: usize,
    said: Said,
}

// === impl Process ===

impl Process {
    /// # Errors
    /// Why it cannot be started.
    pub fn start(way: &Way) -> Result<(Self, (Lines, ChildStdin)), String> {
        let Way::Stdio { command, args, env, cwd } = way else {
            return Err("it is no command".to_owned());
        };
        let mut starting = Command::new(command);
        starting.args(args).envs(env).kill_on_drop(true);
        starting.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(cwd) = cwd {
            starting.current_dir(cwd);
        }
        // A group of its own: Ctrl-C is for us to handle, and the group can be ended as one.
        #[cfg(unix)]
        starting.process_group(0);
        let mut child = starting.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => missing(command),
            _ => format!("`{}` cannot be started: {error}", printable(command)),
        })?;
        let said = Said::default();
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err("its pipes are missing".to_owned());
        };
        let keeper = Some(tokio::spawn(keep(stderr, said.clone())));
        let lines = Lines { stdout, length: 0, said: said.clone() };
        let process = Self {
            #[cfg(unix)]
            group: child
                .id()
                .and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)),
            child,
            keeper,
            said,
        };
        Ok((process, (lines, stdin)))
    }

    /// Ends it; its stdin must be closed. Gives how it ended, if it did so by itself.
    pub async fn end(mut self) -> Option<ExitStatus> {
        let ends = tokio::time::timeout(GRACE, self.child.wait()).await;
        #[cfg(unix)]
        if ends.is_err() {
            self.signal(rustix::process::Signal::TERM);
            // Whether it ended shows in what comes next.
            let _killed_otherwise = tokio::time::timeout(GRACE, self.child.wait()).await;
        }
        self.kill();
        if ends.is_err() {
            // Reaps it: what was killed is about to end.
            let _reaped = tokio::time::timeout(GRACE, self.child.wait()).await;
        }
        if let Some(keeper) = self.keeper.take() {
            // Its last words are on their way; whoever else holds its stderr is not waited for.
            let _all_said = tokio::time::timeout(GRACE, keeper).await;
        }
        ends.ok()?.ok()
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(group) = self.group {
            // A group that is gone has ended, which is what is wanted.
            let _gone = rustix::process::kill_process_group(group, signal);
        }
    }

    /// Also what it started and left behind.
    fn kill(&mut self) {
        #[cfg(unix)]
        {
            self.signal(rustix::process::Signal::KILL);
            self.group = None;
        }
        // One that has ended cannot be killed, and need not be.
        let _ended = self.child.start_kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Commands that people's definitions begin with, and what they come with.
const MAKERS: [(&str, &str); 4] =
    [("npx", "Node.js"), ("uvx", "uv"), ("docker", "Docker"), ("bunx", "Bun")];

fn missing(command: &str) -> String {
    let maker = MAKERS.iter().find(|(name, _)| *name == command);
    let comes = maker.map(|(_, maker)| format!("; it comes with {maker}")).unwrap_or_default();
    format!("there is no command `{}`{comes}", printable(command))
}

async fn keep(mut stderr: ChildStderr, said: Said) {
    let mut buffer = [0; 4096];
    // Unreadable or ended: there is no more.
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        said.add(&buffer[..read]);
    }
}

// === impl Said ===

impl Said {
    fn add(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(bytes);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }

    /// For people, in one line; empty where nothing was said.
    pub fn in_words(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (one, two) = kept.as_slices();
        let text = String::from_utf8_lossy(&[one, two].concat()).into_owned();
        let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
        let last: Vec<_> = lines.rev().take(8).collect();
        printable(&last.into_iter().rev().collect::<Vec<_>>().join(" | "))
    }
}

// === impl Lines ===

impl AsyncRead for Lines {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stdout).poll_read(context, buffer);
        let new = &buffer.filled()[before..];
        self.length = match new.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => new.len() - at - 1,
            None => self.length + new.len(),
        };
        if self.length > MOST {
            self.said.add(format!("it sent more than {MOST} bytes in one message\n").as_bytes());
            return Poll::Ready(Err(io::Error::other("too long a line")));
        }
        polled
    }
}
