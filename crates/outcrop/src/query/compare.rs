//! One question to several models at once.
//!
//! Each is asked by an engine of its own, so that what one costs and takes is known, and none waits for
//! another. That one fails is part of the comparison; the exit code tells.

use std::io::IsTerminal;
use std::time::Instant;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use serde_json::Value;
use tokio::task::JoinSet;

use super::report::{Report, Run};
use super::schema::Schema;
use super::verdict;
use crate::ask::turn::{Bounds, Call, End, Outcome, Talk, ToolResult, Tools, Watch, turn};
use crate::cli::{EngineArgs, QueryArgs};
use crate::engine::{Engine, Part, ToolCall};
use crate::exit::{Exit, Failure, exit_of};
use crate::print::print_said;
use crate::render::{Ink, Markdown, neutral, terminal_width};
use crate::settings::is_preset;

/// Columns of text that are worth reading; with less room the answers stand one below the other.
const NARROWEST: usize = 24;
/// Columns that a table takes beside a column's text: a line and two spaces.
const FRAME: usize = 3;

/// What one model said.
struct Said {
    run: Run,
    outcome: Outcome,
    /// What is wrong with the answer, where the outcome itself does not tell.
    wrong: Option<anyhow::Error>,
}

/// Gives what failed, if a model did, once all answers have been shown.
pub async fn run(
    args: &QueryArgs,
    talk: &Talk,
    schema: Option<&Schema>,
) -> anyhow::Result<Option<anyhow::Error>> {
    let mut asked = JoinSet::new();
    let models = models(args);
    for (at, model) in models.iter().enumerate() {
        let mut talk = talk.clone();
        talk.settings.insert("model".to_owned(), model.as_str().into());
        let run = Run::new(&args.engine.provider, model);
        let engine = args.engine.clone();
        asked.spawn(async move { (at, one(engine, talk, run).await) });
    }
    let mut outcomes = asked.join_all().await;
    outcomes.sort_by_key(|(at, _)| *at);
    let judged = outcomes.into_iter().map(|(_, (run, outcome))| {
        let wrong = verdict(&outcome, args, schema).err();
        Said { run, outcome, wrong }
    });
    let said: Vec<Said> = judged.collect();
    let room = terminal_width() / said.len().max(1);
    let text = match args.show.json {
        true => {
            let reports: Vec<Report<'_>> = said.iter().map(Said::report).collect();
            format!("{}\n", serde_json::to_string_pretty(&reports)?)
        }
        false if std::io::stdout().is_terminal() && room > NARROWEST + FRAME => columns(&said),
        false => said.iter().map(Said::section).collect::<Vec<_>>().join("\n"),
    };
    print_said(&text)?;
    Ok(failure(said))
}

/// The model of `-m`, if it was given by hand, and those to compare it with.
fn models(args: &QueryArgs) -> Vec<String> {
    let by_hand = args.ask.model.as_ref().filter(|_| !is_preset("model"));
    let others = args.others.compare.iter();
    let mut models: Vec<String> = Vec::new();
    for model in by_hand.into_iter().chain(others) {
        if !models.contains(model) {
            models.push(model.clone());
        }
    }
    models
}

async fn one(args: EngineArgs, mut talk: Talk, run: Run) -> (Run, Outcome) {
    let began = Instant::now();
    let (run, outcome) = match Engine::start(&args).await {
        Ok(engine) => {
            let bounds = Bounds::requests(1);
            let outcome = turn(&engine, &mut talk, (&mut NoTools, bounds), &mut Silent).await;
            (run.at(&engine), outcome)
        }
        Err(error) => (run, Outcome { end: End::Failed(error), ..Outcome::default() }),
    };
    (Run { took: began.elapsed(), ..run }, outcome)
}

/// The first failure's exit code stands for all.
fn failure(said: Vec<Said>) -> Option<anyhow::Error> {
    let all = said.len();
    let failed = said.iter().filter_map(|said| Some((&said.run.model, said.failure()?)));
    let failed: Vec<_> = failed.collect();
    let exit = exit_of(failed.first()?.1);
    let whys: Vec<String> = failed.iter().map(|(model, why)| format!("{model}: {why:#}")).collect();
    let what = format!("{} of {all} models failed. {}", failed.len(), whys.join(" "));
    Some(Failure::new(exit, what).into())
}

/// Side by side.
fn columns(said: &[Said]) -> String {
    let width = (terminal_width() - 1) / said.len() - FRAME;
    let cell = |text: &str| {
        let mut markdown = Markdown::new(width, Ink::Plain);
        let shown = markdown.push(text) + &markdown.end();
        shown.trim_end().to_owned()
    };
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(said.iter().map(|said| cell(&neutral(&said.run.model))))
        .add_row(said.iter().map(|said| cell(&said.shown())))
        .add_row(said.iter().map(|said| cell(&said.spent())));
    let fixed = u16::try_from(width + 2).unwrap_or(u16::MAX);
    for column in table.column_iter_mut() {
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(fixed)));
    }
    format!("{table}\n")
}

// === impl Said ===

impl Said {
    fn failure(&self) -> Option<&anyhow::Error> {
        self.wrong.as_ref().or(self.outcome.end.error())
    }

    /// What it said, and why no more.
    fn shown(&self) -> String {
        let text = &self.outcome.text;
        match self.failure() {
            None => text.clone(),
            Some(why) if text.is_empty() => format!("error: {why:#}"),
            Some(why) => format!("{text}\n\nerror: {why:#}"),
        }
    }

    /// Time, tokens and cost.
    fn spent(&self) -> String {
        let first = self.outcome.spent.first_byte;
        let first = first.map(|first| format!(", first after {:.1} s", first.as_secs_f64()));
        format!("{}{}", self.outcome.spent, first.unwrap_or_default())
    }

    fn section(&self) -> String {
        let shown = self.shown();
        format!("## {}\n\n{}\n\n({})\n", self.run.model, shown.trim_end(), self.spent())
    }

    fn report(&self) -> Report<'_> {
        Report::of(&self.run, &self.outcome, self.failure())
    }
}

/// No tools.
struct NoTools;

impl Tools for NoTools {
    fn offered(&self) -> Vec<Value> {
        Vec::new()
    }

    async fn run(&mut self, _: &[ToolCall]) -> anyhow::Result<Vec<ToolResult>> {
        let what = "The model called a tool, and was offered none.";
        Err(Failure::new(Exit::RequestFailed, what).into())
    }
}

/// Shows nothing until all is said.
struct Silent;

impl Watch for Silent {
    fn part(&mut self, _: &Part) -> anyhow::Result<()> {
        Ok(())
    }

    fn call(&mut self, _: &Call) -> anyhow::Result<()> {
        Ok(())
    }

    fn result(&mut self, _: &Call, _: &ToolResult) -> anyhow::Result<()> {
        Ok(())
    }
}
