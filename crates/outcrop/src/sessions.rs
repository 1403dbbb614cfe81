//! `outcrop sessions`: conversations, looked at and taken elsewhere.

pub mod transcript;

use std::process::ExitCode;

use serde_json::{Value, json};

use self::transcript::Transcript;
use crate::chat;
use crate::cli::{ExportArgs, SessionsArgs, SessionsVerb, ViewArgs};
use crate::exit::{Exit, Failure};
use crate::history::{Overview, Store, time};
use crate::print::{print_line, print_said, print_text, write_new};
use crate::table::{clean, line, table};

/// How much of a session's first question a list shows, in characters.
const GLIMPSE: usize = 50;

pub async fn run(args: SessionsArgs) -> anyhow::Result<ExitCode> {
    let mut store = Store::open()?;
    let outcome = match args.verb.unwrap_or(SessionsVerb::List { json: false }) {
        SessionsVerb::Resume(args) => {
            args.name.as_deref().map(|name| store.existing(name)).transpose()?;
            return chat::run((*args).into()).await;
        }
        SessionsVerb::List { json } => list(&store.sessions(None)?, json),
        SessionsVerb::Search { words, json } => {
            list(&store.sessions(Some(&words.join(" ")))?, json)
        }
        SessionsVerb::Show(view) => print_said(&shown(&store, &view)?),
        SessionsVerb::Fork { name, new } => fork(&mut store, &name, new.as_deref()),
        SessionsVerb::Export(args) => export(&store, &args),
        SessionsVerb::Rm { names } => remove(&mut store, &names),
    };
    outcome.map(|()| ExitCode::SUCCESS)
}

fn list(sessions: &[Overview], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let sessions: Value = sessions.iter().map(overview).collect();
        return print_text(&format!("{sessions:#}\n"));
    }
    let row = |session: &Overview| {
        vec![
            clean(&session.name),
            time(session.last.unwrap_or(session.began)),
            session.turns.to_string(),
            session.model.clone().unwrap_or_default(),
            line(session.first.as_deref().unwrap_or_default(), GLIMPSE),
        ]
    };
    let head = ["NAME", "LAST", "TURNS", "MODEL", "BEGAN WITH"];
    print_text(&table(&head, sessions.iter().map(row)))
}

fn overview(session: &Overview) -> Value {
    let Overview { name, began, last, turns, model, first } = session;
    json!({
        "name": name, "began": time(*began), "last": last.map(time), "turns": turns,
        "model": model, "first": first,
    })
}

fn shown(store: &Store, view: &ViewArgs) -> anyhow::Result<String> {
    let transcript = Transcript::of(store, &view.name)?;
    Ok(match (view.json, view.html) {
        (true, _) => format!("{}\n", transcript.json()?),
        (false, true) => transcript.html(),
        (false, false) => transcript.markdown(),
    })
}

fn export(store: &Store, args: &ExportArgs) -> anyhow::Result<()> {
    let shown = shown(store, &args.view)?;
    let Some(path) = &args.output else { return print_said(&shown) };
    if !args.force {
        return write_new(path, &shown, "Choose a new name, or take its place with --force.");
    }
    std::fs::write(path, shown).map_err(|error| {
        let what = format!("Cannot write {}: {error}.", path.display());
        Failure::new(Exit::OutputWrite, what).into()
    })
}

fn fork(store: &mut Store, name: &str, new: Option<&str>) -> anyhow::Result<()> {
    let session = store.existing(name)?;
    if let Some(taken) = new.map(|new| store.session(new)).transpose()?.flatten() {
        let what = format!("There is a session `{}` already.", taken.name);
        return Err(Failure::new(Exit::InvalidArgument, what).mend("Choose another name.").into());
    }
    let said = store.conversation(session.id)?;
    let fork = store.begin(new.unwrap_or(name), &said)?;
    print_line(&fork.name)
}

/// All or none: a name that is none is told before anything is gone.
fn remove(store: &mut Store, names: &[String]) -> anyhow::Result<()> {
    let sessions =
        names.iter().map(|name| store.existing(name)).collect::<anyhow::Result<Vec<_>>>()?;
    sessions.iter().try_for_each(|session| store.remove(session.id))
}
