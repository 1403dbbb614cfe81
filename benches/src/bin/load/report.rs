//! The figures as a table.

use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use crate::cases::{Case, Unit};
use crate::measure::{Figures, Idle};
use crate::process::Build;

/// Aims for the gateway with nothing to do.
const IDLE_MB: f64 = 20.0;
const READY_MS: f64 = 20.0;
/// Aim for a command that asks nobody.
const COMMAND_MS: f64 = 20.0;

#[derive(Debug)]
pub struct Report {
    head: String,
    idle: Idle,
    /// Commands, and how long each took.
    commands: Vec<(String, Duration)>,
    rows: Vec<String>,
    /// Resident bytes after all load.
    pub loaded_rss: u64,
}

impl Report {
    pub fn new(build: &Build, idle: Idle) -> Self {
        let head = format!("{}; {}; profile {}", commit(), machine(), build.profile);
        Self { head, idle, commands: Vec::new(), rows: Vec::new(), loaded_rss: 0 }
    }

    pub fn add_command(&mut self, words: &str, took: Duration) {
        self.commands.push((words.to_owned(), took));
    }

    pub fn add(&mut self, case: &Case, figures: Figures) {
        let Figures { load, floor, gateway, ratio } = figures;
        let digits = if case.unit == Unit::Event { 2 } else { 1 };
        let verdict = if ratio <= case.aim { "✓" } else { "missed" };
        let row = format!(
            "| {} | {} | {:.0} | {:.0} | {:.digits$} | {:.digits$} | {ratio:.2} | {} | {verdict} |",
            case.name,
            load.concurrency,
            floor.requests_per_second,
            gateway.requests_per_second,
            floor.cpu_us,
            gateway.cpu_us,
            case.aim,
        );
        eprintln!("{row}");
        self.rows.push(row);
    }

    pub fn markdown(&self) -> String {
        let mut text = format!("{}\n\n", self.head);
        text += "| case | at a time | floor req/s | gateway req/s | floor CPU µs | gateway CPU µs | ratio | aim | |\n";
        text += "|---|--:|--:|--:|--:|--:|--:|--:|---|\n";
        for row in &self.rows {
            text += row;
            text.push('\n');
        }
        let ready = ms(self.idle.ready_after);
        let (idle, loaded) = (mb(self.idle.resident), mb(self.loaded_rss));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n| gateway | | aim |\n|---|--:|--:|");
        let _ = writeln!(text, "| start to ready | {ready:.1} ms | {READY_MS:.0} ms |");
        let _ = writeln!(text, "| resident, idle | {idle:.1} MB | {IDLE_MB:.0} MB |");
        let _ = writeln!(text, "| resident, after all of the above | {loaded:.1} MB | |");
        for (words, took) in &self.commands {
            let took = ms(*took);
            let _ = writeln!(text, "| `outcrop {words}` | {took:.1} ms | {COMMAND_MS:.0} ms |");
        }
        text
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn commit() -> String {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "commit unknown".to_owned();
    };
    let clean = git(&["status", "--porcelain", "--", "crates", "catalog"])
        .is_some_and(|text| text.is_empty());
    format!("commit {commit}{}", if clean { "" } else { " with changes" })
}

fn machine() -> String {
    let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    format!("{cpus} cores of {}", model.unwrap_or("an unknown CPU"))
}
