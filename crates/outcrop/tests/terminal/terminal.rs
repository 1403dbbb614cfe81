//! A tmux of its own for each test, with one program in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at the screen.
const BLINK: Duration = Duration::from_millis(20);
/// Runs the program, and says how it ended; an interrupt is for the program alone.
const WRAPPER: &str = "trap : INT; \"$@\"; echo \"[exit $?]\"; exec cat";

pub struct Terminal {
    /// Holds tmux's socket.
    folder: tempfile::TempDir,
    /// The program's home, and the folder it is started in.
    pub home: tempfile::TempDir,
}

// === impl Terminal ===

impl Terminal {
    /// `outcrop` with `arguments` and `env`, in a terminal of so many columns and rows.
    pub fn run(size: (u16, u16), env: &[(&str, &str)], arguments: &[&str]) -> Self {
        Self::at(tempfile::tempdir().unwrap(), size, (env, arguments))
    }

    /// The same, in a home that is there.
    pub fn at(
        home: tempfile::TempDir,
        (columns, rows): (u16, u16),
        (env, arguments): (&[(&str, &str)], &[&str]),
    ) -> Self {
        let terminal = Self { folder: tempfile::tempdir().unwrap(), home };
        let home = terminal.home.path().display().to_string();
        let mut command = terminal.tmux();
        command.args(["new-session", "-d", "-c", &home]);
        command.args(["-x", &columns.to_string(), "-y", &rows.to_string()]);
        for (name, value) in [("HOME", home.as_str()), ("OUTCROP_HOME", &home)].iter().chain(env) {
            command.args(["-e", &format!("{name}={value}")]);
        }
        command.args(["sh", "-c", WRAPPER, "sh", env!("CARGO_BIN_EXE_outcrop")]).args(arguments);
        done(&mut command);
        terminal
    }

    /// Presses keys, by tmux's names: `C-c`, `Enter`, `Up`.
    pub fn press(&self, keys: &[&str]) {
        done(self.tmux().arg("send-keys").args(keys));
    }

    /// Types a text.
    pub fn write(&self, text: &str) {
        done(self.tmux().args(["send-keys", "-l", "--", text]));
    }

    /// Sends the program SIGTERM.
    pub fn terminate(&self) {
        let shell = done(self.tmux().args(["display-message", "-p", "#{pane_pid}"])).stdout;
        let shell = String::from_utf8(shell).unwrap();
        let shell = shell.trim();
        let children = format!("/proc/{shell}/task/{shell}/children");
        let child = std::fs::read_to_string(children).unwrap().trim().parse().unwrap();
        let child = rustix::process::Pid::from_raw(child).unwrap();
        rustix::process::kill_process(child, rustix::process::Signal::TERM).unwrap();
    }

    /// The screen, once it shows `text`.
    pub fn shows(&self, text: &str) -> String {
        let began = Instant::now();
        loop {
            let screen = self.screen();
            if screen.contains(text) {
                return screen;
            }
            assert!(began.elapsed() < PATIENCE, "no `{text}` on the screen:\n{screen}");
            std::thread::sleep(BLINK);
        }
    }

    /// Whether the screen that shows `text` is the one of `tests/screens/NAME.txt`.
    pub fn looks_like(&self, name: &str, text: &str) {
        let screen = self.shows(text);
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens").join(format!("{name}.txt"));
        if std::env::var_os("OUTCROP_BLESS").is_some() {
            std::fs::write(&file, &screen).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(screen, expected, "{name}: OUTCROP_BLESS=1 accepts the screen:\n{screen}");
    }

    fn screen(&self) -> String {
        let output = done(self.tmux().args(["capture-pane", "-p"]));
        let screen = String::from_utf8(output.stdout).unwrap();
        format!("{}\n", screen.trim_end())
    }

    fn tmux(&self) -> Command {
        let (program, libraries) = tmux();
        let mut command = Command::new(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).env("LANG", "C.UTF-8");
        if !libraries.as_os_str().is_empty() {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command.args(["-u", "-f", "/dev/null", "-S"]).arg(self.folder.path().join("socket"));
        command
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ended_already = self.tmux().arg("kill-server").output();
    }
}

fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

/// The program, and where its libraries are: the system's own, else the one in the target directory.
fn tmux() -> (PathBuf, PathBuf) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = std::env::split_paths(&path).map(|folder| folder.join("tmux"));
    if let Some(program) = own.into_iter().find(|program| program.is_file()) {
        return (program, PathBuf::new());
    }
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../tools/tmux");
    let program = tools.join("usr/bin/tmux");
    assert!(program.is_file(), "NOT RUN: there is no tmux here; `cargo xtask tmux` brings one");
    (program, tools.join("usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH)))
}
