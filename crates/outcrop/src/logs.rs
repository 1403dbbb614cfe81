//! `outcrop logs` and `outcrop usage`: what was asked, and what it took.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::cli::{LogsArgs, UsageArgs};
use crate::dollars::Dollars;
use crate::exit::{Exit, Failure};
use crate::history::{Filter, Store, Sum, Turn};
use crate::print::{print_said, print_text};
use crate::query::extract::{self, Which};
use crate::table::{csv, line, table};

/// How much of a question a list shows, in characters.
const GLIMPSE: usize = 60;

pub fn run(args: &LogsArgs) -> anyhow::Result<()> {
    let store = Store::open()?;
    let only_last = args.response || args.extract;
    let turns = store.turns(&Filter {
        turn: args.turn,
        search: args.search.clone(),
        model: args.model.clone(),
        session: args.session.clone(),
        since: args.since,
        most: match (only_last, args.count) {
            (true, _) => Some(1),
            (false, 0) => None,
            (false, count) => Some(count),
        },
    })?;
    if let Some(turn) = args.turn
        && turns.is_empty()
    {
        let what = format!("There is no turn {turn}.");
        return Err(Failure::new(Exit::InvalidArgument, what)
            .mend("`outcrop logs` lists those there are.")
            .into());
    }
    if args.json {
        return print_text(&format!("{}\n", serde_json::to_string_pretty(&turns)?));
    }
    if args.csv {
        return print_text(&as_csv(&turns)?);
    }
    match (turns.last(), only_last) {
        (None, true) => {
            Err(Failure::new(Exit::InvalidArgument, "There is no such answer yet.").into())
        }
        (Some(last), true) => print_said(&answer(last, args.extract)?),
        (Some(turn), false) if args.turn.is_some() => print_said(&whole(turn, args.usage)),
        (_, false) => print_text(&list(&turns, args.usage)),
    }
}

fn answer(turn: &Turn, extract: bool) -> anyhow::Result<String> {
    if !extract {
        return Ok(format!("{}\n", turn.answer.trim_end_matches('\n')));
    }
    extract::code(&turn.answer, Which::Last).ok_or_else(|| {
        Failure::new(Exit::OutputFormat, format!("Answer {} holds no block of code.", turn.id))
            .mend("`outcrop logs -r` shows it.")
            .into()
    })
}

/// One turn for people.
fn whole(turn: &Turn, usage: bool) -> String {
    let session = turn.session.as_ref().map(|name| format!(" · session {name}"));
    let mut said = format!(
        "# {} · {} · {}{}\n\n## Question\n\n{}\n\n",
        turn.id,
        turn.time(),
        turn.model,
        session.unwrap_or_default(),
        turn.prompt.trim_end()
    );
    if !turn.reasoning.is_empty() {
        said.push_str(&format!("## Thinking\n\n{}\n\n", turn.reasoning.trim_end()));
    }
    said.push_str(&format!("## Answer\n\n{}\n", turn.answer.trim_end()));
    for call in turn.calls.as_array().into_iter().flatten() {
        said.push_str(&format!("\nTool: {}\n", used(call)));
    }
    if let Some(error) = &turn.error {
        said.push_str(&format!("\nIt failed: {error}\n"));
    }
    if usage {
        let cost = turn.cost.map_or_else(|| "price unknown".to_owned(), |cost| format!("${cost}"));
        let about = if turn.usage.estimated { "about " } else { "" };
        said.push_str(&format!(
            "\n{about}{} tokens in, {} out, {cost}, {} ms\n",
            turn.usage.input, turn.usage.output, turn.latency
        ));
    }
    said
}

/// A call as one line.
fn used(call: &Value) -> String {
    let server = call["server"].as_str().map(|server| format!("{server}/")).unwrap_or_default();
    let name = call["name"].as_str().unwrap_or_default();
    let end = if call["success"] == true { "" } else { " (failed)" };
    format!("{server}{name}{end}")
}

fn list(turns: &[Turn], usage: bool) -> String {
    let mut head = vec!["ID", "TIME", "MODEL", "QUESTION"];
    let more = ["IN", "OUT", "USD", "MS"];
    if usage {
        head.splice(3..3, more);
    }
    let rows = turns.iter().map(|turn| {
        let end = match (&turn.error, turn.finish.as_deref()) {
            (Some(_), _) => " (failed)",
            (None, Some("interrupted")) => " (interrupted)",
            (None, _) => "",
        };
        let mut row = vec![
            turn.id.to_string(),
            turn.time(),
            turn.model.clone(),
            format!("{}{end}", line(&turn.prompt, GLIMPSE)),
        ];
        if usage {
            let cost = turn.cost.map_or_else(|| "?".to_owned(), |cost| cost.to_string());
            let about = if turn.usage.estimated { "~" } else { "" };
            let numbers = [turn.usage.input, turn.usage.output].map(|n| format!("{about}{n}"));
            row.splice(3..3, numbers.into_iter().chain([cost, turn.latency.to_string()]));
        }
        row
    });
    table(&head, rows)
}

fn as_csv(turns: &[Turn]) -> anyhow::Result<String> {
    let head = [
        "id",
        "time",
        "session",
        "model",
        "target",
        "region",
        "key",
        "input",
        "output",
        "cache_read",
        "cache_write",
        "reasoning_tokens",
        "cost_usd",
        "estimated",
        "latency_ms",
        "ttft_ms",
        "stop_reason",
        "error",
        "request_id",
        "prompt",
        "response",
    ];
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let rows = turns.iter().map(|turn| {
        vec![
            turn.id.to_string(),
            turn.time(),
            text(&turn.session),
            turn.model.clone(),
            text(&turn.target),
            text(&turn.region),
            turn.key.clone(),
            turn.usage.input.to_string(),
            turn.usage.output.to_string(),
            turn.usage.cache_read.to_string(),
            turn.usage.cache_write.to_string(),
            turn.usage.reasoning.to_string(),
            turn.cost.map(|cost| cost.to_string()).unwrap_or_default(),
            turn.usage.estimated.to_string(),
            turn.latency.to_string(),
            turn.ttft.map(|ms| ms.to_string()).unwrap_or_default(),
            text(&turn.finish),
            text(&turn.error),
            text(&turn.request_id),
            turn.prompt.clone(),
            turn.answer.clone(),
        ]
    });
    csv(&head, rows)
}

pub fn usage(args: &UsageArgs) -> anyhow::Result<()> {
    let sums = Store::open()?.sums(args.by, args.since)?;
    let of = format!("{:?}", args.by).to_lowercase();
    if args.json {
        let sums: Vec<Summed<'_>> = sums.iter().map(|sum| Summed(&of, sum)).collect();
        return print_text(&format!("{}\n", serde_json::to_string_pretty(&sums)?));
    }
    let row = |sum: &Sum| {
        let Sum { of, turns, input, output, cache_read, cache_write, cost, unpriced, estimated } =
            sum;
        let counts = [turns, input, output, cache_read, cache_write].map(i64::to_string);
        let mut row = vec![of.clone()];
        row.extend(counts);
        row.extend([cost.to_string(), unpriced.to_string(), estimated.to_string()]);
        row
    };
    let head = [
        "turns",
        "input",
        "output",
        "cache_read",
        "cache_write",
        "cost_usd",
        "unpriced",
        "estimated",
    ];
    let head: Vec<&str> = [of.as_str()].into_iter().chain(head).collect();
    if args.csv {
        return print_text(&csv(&head, sums.iter().map(row))?);
    }
    let total = Sum::total(&sums);
    let shown = sums.iter().chain((sums.len() > 1).then_some(&total));
    let head: Vec<String> = head.iter().map(|word| word.replace('_', " ").to_uppercase()).collect();
    print_text(&table(&head, shown.map(row)))?;
    if total.unpriced > 0 {
        note!("note: turns whose price is not known, and not in the sum: {}", total.unpriced);
    }
    Ok(())
}

/// A sum, with the name of what it is summed by.
struct Summed<'s>(&'s str, &'s Sum);

impl Serialize for Summed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(by, sum) = self;
        let Sum { of, turns, input, output, cache_read, cache_write, cost, unpriced, estimated } =
            sum;
        let usage = json!({
            "input": input, "output": output, "cache_read": cache_read, "cache_write": cache_write,
        });
        let mut written = serializer.serialize_map(None)?;
        written.serialize_entry(by, of)?;
        written.serialize_entry("turns", turns)?;
        written.serialize_entry("usage", &usage)?;
        written.serialize_entry("cost_usd", &Dollars(*cost))?;
        written.serialize_entry("unpriced", unpriced)?;
        written.serialize_entry("estimated", estimated)?;
        written.end()
    }
}
