//! `outcrop init`: finds out who is calling, where, and which models answer, and writes it down.
//!
//! 1. A model is chosen once it has answered.
//! 2. Files that are there are changed in place; their former text is kept beside them.
//! 3. Keys are written only if they were typed or asked for, and where their owner alone reads them.

mod account;
mod asker;
pub mod files;
mod write;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use outcrop_config::Backend;
use serde::Deserialize;
use serde_json::json;

use self::account::Account;
use self::asker::Asker;
use self::files::Change;
use crate::cli::InitArgs;
use crate::doctor::call;
use crate::doctor::finding::{Finding, Status};
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::print::{self, print_text};
use crate::settings::Settings;

/// What is offered where the account does not say.
#[derive(Debug, Deserialize)]
struct Choices {
    chat: Vec<String>,
    embed: Vec<String>,
    regions: Vec<String>,
}

/// The models that are to be used.
struct Models {
    chat: String,
    embed: String,
    /// What became of calls.
    tried: Vec<Finding>,
}

pub async fn run(args: InitArgs) -> anyhow::Result<()> {
    let choices: Choices = toml::from_str(include_str!("init/choices.toml"))?;
    let asks = !args.non_interactive && std::io::stdin().is_terminal();
    let asker = if asks { Asker::Person } else { Asker::Nobody };
    let folder = folder(&args)?;
    let account = Account::find(&args, asker, &choices.regions).await?;
    tell(&format!("Account: {}", account.told));
    let models = models(&args, (asker, &account), &choices).await?;
    let changes = write::changes(&folder, &args, asker, (&account, &models))?;
    if !agreed(&changes, args.force, asker)? {
        return Err(Failure::new(Exit::Init, "Nothing was written.").into());
    }
    let mut done = Vec::new();
    for change in &changes {
        done.push((&change.path, change.write()?));
    }
    let file = folder.join("config.yaml");
    Settings::load(Some(&file), None)
        .map_err(|error| Failure::new(Exit::Init, format!("What was written is wrong: {error}")))?;
    if args.json {
        let files: Vec<_> = done.iter().map(|(path, done)| done.to_json(path)).collect();
        let calls: Vec<_> = models.tried.iter().map(Finding::to_json).collect();
        let told = json!({
            "dir": folder.display().to_string(),
            "files": files,
            "provider": "bedrock",
            "auth": account.word,
            "region": account.region,
            "model": models.chat,
            "embed_model": models.embed,
            "calls": calls,
        });
        return print_text(&format!("{told:#}\n"));
    }
    let mut text: String = done.iter().map(|(path, done)| done.line(path)).collect();
    text.push_str(&next_steps(&file));
    print_text(&text)
}

/// Where the configuration is, or is to be.
fn folder(args: &InitArgs) -> anyhow::Result<PathBuf> {
    if let Some(folder) = &args.dir {
        return Ok(folder.clone());
    }
    let found = Settings::place(None)?.map(|(file, _)| file);
    match found.as_deref().and_then(Path::parent) {
        Some(folder) if folder.as_os_str().is_empty() => Ok(PathBuf::from(".")),
        Some(folder) => Ok(folder.to_owned()),
        None => Ok(Home::find()?.config),
    }
}

fn next_steps(file: &Path) -> String {
    let found = Settings::place(None).ok().flatten();
    let same =
        found.is_some_and(|(found, _)| found.canonicalize().ok() == file.canonicalize().ok());
    let flag = if same { String::new() } else { format!(" --config {}", file.display()) };
    format!(
        "\nNext:\n  outcrop query \"Hello from Bedrock!\"{flag}\n  outcrop embed \"Some text\"{flag}\n  outcrop models{flag}\n"
    )
}

/// Whether what is there may be changed.
fn agreed(changes: &[Change], force: bool, asker: Asker) -> anyhow::Result<bool> {
    let replaced: Vec<&Change> = changes.iter().filter(|change| change.replaces()).collect();
    if replaced.is_empty() || force {
        return Ok(true);
    }
    let diffs: String = replaced.iter().map(|change| change.diff()).collect();
    print::tell(&diffs);
    if !asker.is_person() {
        let what = "There is a configuration, and this would change it; nothing was written.";
        let mend = "Run with --force: what is replaced is kept beside it.";
        return Err(Failure::new(Exit::Init, what).mend(mend).into());
    }
    asker.confirm("Change these files? What they are now is kept beside them.", true)
}

async fn models(
    args: &InitArgs,
    (asker, account): (Asker, &Account),
    choices: &Choices,
) -> anyhow::Result<Models> {
    let mut tried = Vec::new();
    let offers = [
        ("Model for chats:", &args.model, &choices.chat, &account.offer.chat),
        ("Model for vectors:", &args.embed_model, &choices.embed, &account.offer.embed),
    ];
    let mut chosen = Vec::new();
    for (question, named, usual, listed) in offers {
        let asks = if args.quick { Asker::Nobody } else { asker };
        let backend = (!args.no_verify).then_some(&account.backend);
        let model = match named {
            Some(named) => one(named, backend, &mut tried).await?,
            None if asks.is_person() => {
                by_hand(question, (usual, listed), backend, &mut tried).await?
            }
            None => first(usual, backend, &mut tried).await?,
        };
        chosen.push(model);
    }
    let embed = chosen.pop().unwrap_or_default();
    Ok(Models { chat: chosen.pop().unwrap_or_default(), embed, tried })
}

/// The model that was named, if it answers.
async fn one(
    model: &str,
    backend: Option<&Backend>,
    tried: &mut Vec<Finding>,
) -> anyhow::Result<String> {
    match answers(model, backend, tried).await {
        Ok(()) => Ok(model.to_owned()),
        Err(failure) => Err(failure.into()),
    }
}

/// The first that answers.
async fn first(
    models: &[String],
    backend: Option<&Backend>,
    tried: &mut Vec<Finding>,
) -> anyhow::Result<String> {
    let mut why = None;
    for model in models {
        match answers(model, backend, tried).await {
            Ok(()) => return Ok(model.clone()),
            Err(failure) => why = why.or(Some(failure)),
        }
    }
    Err(why.unwrap_or_else(|| Failure::new(Exit::Init, "There is no model to try.")).into())
}

/// Asks until one answers, or is to be kept nevertheless.
async fn by_hand(
    question: &str,
    (usual, listed): (&[String], &[String]),
    backend: Option<&Backend>,
    tried: &mut Vec<Finding>,
) -> anyhow::Result<String> {
    let mut options = usual.to_vec();
    options.extend(listed.iter().filter(|model| !usual.contains(model)).cloned());
    const OTHER: &str = "another";
    options.push(OTHER.to_owned());
    loop {
        let mut model = options[Asker::Person.choose(question, &options)?].clone();
        if model == OTHER {
            model = Asker::Person.text("Its id:", &usual[0])?;
        }
        match answers(&model, backend, tried).await {
            Ok(()) => return Ok(model),
            Err(failure) => {
                tell(&failure.to_string());
                if Asker::Person.confirm("Take it nevertheless?", false)? {
                    return Ok(model);
                }
            }
        }
    }
}

/// Calls the model for one token; without a backend nothing is called.
async fn answers(
    model: &str,
    backend: Option<&Backend>,
    tried: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let Some(backend) = backend else { return Ok(()) };
    tell(&format!("Calling {model}…"));
    let finding = call::one(model, backend).await;
    let outcome = match finding.status {
        Status::Failure => Err(failure(&finding)),
        Status::Fine | Status::Note | Status::Warning => Ok(()),
    };
    tried.push(finding);
    outcome
}

fn failure(finding: &Finding) -> Failure {
    let Finding { subject, said, ailment, .. } = finding;
    let failure = Failure::new(Exit::Init, format!("{subject}: {}.", said.trim_end_matches('.')));
    match ailment {
        Some(ailment) => failure.mend(format!("Mend: {}.", ailment.mend)),
        None => failure,
    }
}

/// How it goes, for whoever waits.
fn tell(text: &str) {
    note!("{text}");
}
