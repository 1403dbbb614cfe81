//! One question to several models at once.
//!
//! Each is asked by an engine of its own, so that what one costs and takes is known, and none waits for
//! another. That one fails is part of the comparison; the exit code tells.

use std::io::IsTerminal;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::schema::Schema;
use super::{show, verdict};
use crate::ask::turn::{End, Outcome, Talk, ToolResult, Tools, Watch, turn};
use crate::cli::{EngineArgs, QueryArgs};
use crate::engine::{Engine, Part, ToolCall};
use crate::exit::{Exit, Failure};
use crate::print::print_said;
use crate::render::{Ink, Markdown, neutral, terminal_width};

/// Columns of text that are worth reading; with less room the answers stand one below the other.
const NARROWEST: usize = 24;
/// Columns that a table takes beside a column's text: a line and two spaces.
const FRAME: usize = 3;

/// What one model said.
struct Said {
    model: String,
    text: String,
    /// Time, tokens and cost.
    spent: String,
    json: Value,
    failure: Option<anyhow::Error>,
}

/// # Errors
/// When a model failed; all answers have been shown by then.
pub async fn run(args: &QueryArgs, talk: &Talk, schema: Option<&Schema>) -> anyhow::Result<()> {
    let mut asked = JoinSet::new();
    for (at, model) in args.others.compare.iter().enumerate() {
        let mut talk = talk.clone();
        talk.settings.insert("model".to_owned(), model.as_str().into());
        let engine = args.engine.clone();
        asked.spawn(async move { (at, one(engine, talk).await) });
    }
    let mut outcomes = asked.join_all().await;
    outcomes.sort_by_key(|(at, _)| *at);
    let models = args.others.compare.iter();
    let said: Vec<Said> = models
        .zip(outcomes)
        .map(|(model, (_, outcome))| Said::of(model, outcome, args, schema))
        .collect();
    let room = terminal_width() / said.len().max(1);
    let text = match args.show.json {
        true => format!("{:#}\n", said.iter().map(Said::to_json).collect::<Value>()),
        false if std::io::stdout().is_terminal() && room > NARROWEST + FRAME => columns(&said),
        false => said.iter().map(Said::section).collect::<Vec<_>>().join("\n"),
    };
    print_said(&text)?;
    end(said)
}

async fn one(args: EngineArgs, mut talk: Talk) -> Outcome {
    match Engine::start(&args).await {
        Ok(engine) => turn(&engine, &mut talk, (&mut NoTools, 1), &mut Silent).await,
        Err(error) => Outcome { end: End::Failed(error), ..Outcome::default() },
    }
}

/// The first failure's exit code stands for all.
fn end(said: Vec<Said>) -> anyhow::Result<()> {
    let all = said.len();
    let failed = said.into_iter().filter_map(|said| Some((said.model, said.failure?)));
    let failed: Vec<_> = failed.collect();
    let Some((_, first)) = failed.first() else { return Ok(()) };
    let exit = first.downcast_ref::<Failure>().map_or(Exit::Other, |failure| failure.exit);
    let whys: Vec<String> = failed.iter().map(|(model, why)| format!("{model}: {why:#}")).collect();
    let what = format!("{} of {all} models failed. {}", failed.len(), whys.join(" "));
    Err(Failure::new(exit, what).into())
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
        .set_header(said.iter().map(|said| cell(&neutral(&said.model))))
        .add_row(said.iter().map(|said| cell(&said.shown())))
        .add_row(said.iter().map(|said| cell(&said.spent)));
    let fixed = u16::try_from(width + 2).unwrap_or(u16::MAX);
    for column in table.column_iter_mut() {
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(fixed)));
    }
    format!("{table}\n")
}

// === impl Said ===

impl Said {
    fn of(model: &str, outcome: Outcome, args: &QueryArgs, schema: Option<&Schema>) -> Self {
        let mut json = show::result(&outcome);
        let text = outcome.text.clone();
        let first = outcome.spent.first_byte;
        let first = first.map(|first| format!(", first after {:.1} s", first.as_secs_f64()));
        let spent = format!("{}{}", outcome.spent, first.unwrap_or_default());
        let fits = |text: String| schema.map_or(Ok(()), |schema| schema.check(&text));
        let failure = verdict(outcome, args).and_then(fits).err();
        json["model"] = model.into();
        Self { model: model.to_owned(), text, spent, json, failure }
    }

    /// What it said, and why no more.
    fn shown(&self) -> String {
        match &self.failure {
            None => self.text.clone(),
            Some(why) if self.text.is_empty() => format!("error: {why:#}"),
            Some(why) => format!("{}\n\nerror: {why:#}", self.text),
        }
    }

    fn section(&self) -> String {
        let shown = self.shown();
        format!("## {}\n\n{}\n\n({})\n", self.model, shown.trim_end(), self.spent)
    }

    fn to_json(&self) -> Value {
        let mut json = self.json.clone();
        json["error"] = json!(self.failure.as_ref().map(|why| format!("{why:#}")));
        json
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

    fn call(&mut self, _: &ToolCall) -> anyhow::Result<()> {
        Ok(())
    }

    fn result(&mut self, _: &ToolCall, _: &ToolResult) -> anyhow::Result<()> {
        Ok(())
    }
}
