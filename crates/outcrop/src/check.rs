//! `outcrop check`: what is wrong with a configuration, and what was understood of it.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use outcrop_config::{Config, Diagnostic, Excerpts, Lookup, Secrets, Severity};
use outcrop_core::limit::Rules;

use crate::exit::{Exit, Failure};
use crate::print::{print_line, print_text, tell};
use crate::sources::{self, Files, Machine, Text};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  outcrop check outcrop.yaml
  outcrop check --strict conf.d/
  outcrop check kong.yaml --print > outcrop.yaml     move to our own format

What is to be said goes to stderr. Exit codes: 0 fine, 1 errors. See docs/guide/configuration.md.")]
pub struct CheckArgs {
    /// Files and folders of configuration, all together one; - reads stdin.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print what was understood, as outcrop.yaml; nothing where there are errors.
    #[arg(long, conflicts_with = "json")]
    pub print: bool,
    /// With --print: print secrets that stand in the files too. Without it they become variables.
    #[arg(long, requires = "print")]
    pub show_secrets: bool,
    /// Take warnings for errors.
    #[arg(long)]
    pub strict: bool,
    /// Print what is to be said as JSON.
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: CheckArgs) -> anyhow::Result<()> {
    let texts = Files::new(args.files)?.read()?;
    let (config, mut diagnostics) = told(&texts, &Machine);
    // What only the gateway can read: expressions and patterns of limits.
    diagnostics.extend(Rules::compile(&config.limits).err().into_iter().flatten());
    if args.json {
        print_line(&as_json(&diagnostics).to_string())?;
    } else {
        tell(&as_text(&diagnostics, &texts));
    }
    let bad = if args.strict { Severity::Warning } else { Severity::Error };
    let failed = diagnostics.iter().any(|diagnostic| diagnostic.severity >= bad);
    if outcrop_config::has_errors(&diagnostics) && args.print {
        // What is left of it may let more in than the whole.
        let what = format!("{}: nothing of it is printed", count(&diagnostics));
        return Err(Failure::new(Exit::Other, what).into());
    }
    if args.print {
        let secrets = if args.show_secrets { Secrets::Shown } else { Secrets::Hidden };
        print_text(&outcrop_config::print(&config, secrets))?;
    } else if !failed && !args.json {
        print_line(&format!("understood: {}", summary(&config)))?;
    }
    match failed {
        true => Err(Failure::new(Exit::Other, count(&diagnostics)).into()),
        false => Ok(()),
    }
}

/// The configuration of files and folders, for commands that only look at it. What is to be said of it
/// goes to stderr.
///
/// # Errors
/// All that is wrong with it.
pub fn load(paths: Vec<PathBuf>) -> anyhow::Result<Config> {
    load_by(paths, &Machine)
}

/// The same, with variables and files from elsewhere.
///
/// # Errors
/// All that is wrong with it.
pub fn load_by(paths: Vec<PathBuf>, lookup: &dyn Lookup) -> anyhow::Result<Config> {
    let texts = Files::new(paths)?.read()?;
    let (config, notes) = understand_by(&texts, lookup)?;
    tell(&as_text(&notes, &texts));
    Ok(config)
}

/// What the texts say, and what is to be said of it.
///
/// # Errors
/// All that is wrong with them.
pub fn understand(texts: &[Text]) -> anyhow::Result<(Config, Vec<Diagnostic>)> {
    understand_by(texts, &Machine)
}

fn understand_by(texts: &[Text], lookup: &dyn Lookup) -> anyhow::Result<(Config, Vec<Diagnostic>)> {
    let (config, notes) = told(texts, lookup);
    match outcrop_config::has_errors(&notes) {
        true => Err(wrong(&notes, texts)),
        false => Ok((config, notes)),
    }
}

/// What the texts say, with what hangs on the time of day.
fn told(texts: &[Text], lookup: &dyn Lookup) -> (Config, Vec<Diagnostic>) {
    let (config, mut notes) = outcrop_config::load(&sources::as_sources(texts), lookup);
    let now = SystemTime::now();
    let over = config.admission.keys.iter().filter(|key| key.expires.is_some_and(|at| at <= now));
    notes.extend(over.map(|key| Diagnostic {
        severity: Severity::Warning,
        origin: key.origin.clone(),
        what: format!("the key {} has expired: nobody is let in with it", key.name),
        hint: Some("remove it, or give a later time".to_owned()),
    }));
    (config, notes)
}

/// The failure that all of `found` make.
pub fn wrong(found: &[Diagnostic], texts: &[Text]) -> anyhow::Error {
    let what = format!("{}\n\n{}", count(found), as_text(found, texts).trim_end());
    Failure::new(Exit::Other, what).into()
}

/// All of `diagnostics` with the lines that they are about.
pub fn as_text(diagnostics: &[Diagnostic], texts: &[Text]) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let excerpts = Excerpts::of(&sources::as_sources(texts), &Machine);
    diagnostics.iter().map(|diagnostic| excerpts.show(diagnostic) + "\n").collect()
}

/// How many there are of what severity.
pub fn count(diagnostics: &[Diagnostic]) -> String {
    let of = |severity, name: &str| {
        let number = diagnostics.iter().filter(|one| one.severity == severity).count();
        match number {
            0 => None,
            1 => Some(format!("1 {name}")),
            many => Some(format!("{many} {name}s")),
        }
    };
    let counts = [
        of(Severity::Error, "error"),
        of(Severity::Warning, "warning"),
        of(Severity::Notice, "notice"),
    ];
    format!("the configuration has {}", counts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

fn summary(config: &Config) -> String {
    let Config {
        listeners,
        backends,
        names,
        routes,
        defaults: _,
        admission,
        limits,
        store: _,
        prices: _,
    } = config;
    let counts = [
        (listeners.len(), "listener"),
        (backends.len(), "backend"),
        (names.len(), "model name"),
        (routes.len(), "route"),
        (admission.keys.len(), "key"),
        (admission.issuers.len(), "issuer"),
        (limits.len(), "limit"),
    ];
    let said = counts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, name)| format!("{number} {name}{}", if number == 1 { "" } else { "s" }));
    said.collect::<Vec<_>>().join(", ")
}

fn as_json(diagnostics: &[Diagnostic]) -> serde_json::Value {
    let one = |diagnostic: &Diagnostic| {
        let Diagnostic { severity, origin, what, hint } = diagnostic;
        serde_json::json!({
            "severity": severity.as_str(),
            "source": origin.source,
            "line": origin.line,
            "column": origin.column,
            "path": origin.path,
            "what": what,
            "hint": hint,
        })
    };
    serde_json::json!({ "diagnostics": diagnostics.iter().map(one).collect::<Vec<_>>() })
}
