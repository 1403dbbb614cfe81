//! `outcrop logs` and `outcrop usage`: what was asked, and what it took.

use serde_json::{Value, json};

use crate::cli::{LogsArgs, UsageArgs};
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
        let turns: Value = turns.iter().map(Turn::to_json).collect();
        return print_text(&format!("{turns:#}\n"));
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
    if let Some(error) = &turn.error {
        said.push_str(&format!("\nIt failed: {error}\n"));
    }
    if usage {
        let cost = turn.cost.map_or_else(|| "price unknown".to_owned(), |cost| format!("${cost}"));
        said.push_str(&format!(
            "\n{} tokens in, {} out, {cost}, {} ms\n",
            turn.input, turn.output, turn.latency
        ));
    }
    said
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
            let numbers = [turn.input, turn.output].map(|n| n.to_string());
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
            turn.input.to_string(),
            turn.output.to_string(),
            turn.cache_read.to_string(),
            turn.cache_write.to_string(),
            turn.thought.to_string(),
            turn.cost.map(|cost| cost.to_string()).unwrap_or_default(),
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
        let sums: Value = sums.iter().map(|sum| sum_json(&of, sum)).collect();
        return print_text(&format!("{sums:#}\n"));
    }
    let row = |sum: &Sum| {
        let Sum { of, turns, input, output, cache_read, cache_write, cost, unpriced } = sum;
        let counts = [turns, input, output, cache_read, cache_write].map(i64::to_string);
        let mut row = vec![of.clone()];
        row.extend(counts);
        row.extend([cost.to_string(), unpriced.to_string()]);
        row
    };
    let head = ["turns", "input", "output", "cache_read", "cache_write", "cost_usd", "unpriced"];
    let head: Vec<&str> = [of.as_str()].into_iter().chain(head).collect();
    if args.csv {
        return print_text(&csv(&head, sums.iter().map(row))?);
    }
    let total = Sum::total(&sums);
    let shown = sums.iter().chain((sums.len() > 1).then_some(&total));
    let head: Vec<String> = head.iter().map(|word| word.replace('_', " ").to_uppercase()).collect();
    print_text(&table(&head, shown.map(row)))?;
    if total.unpriced > 0 {
        note!("note: the price of {} turns is not known; they are not in the sum", total.unpriced);
    }
    Ok(())
}

fn sum_json(by: &str, sum: &Sum) -> Value {
    let Sum { of, turns, input, output, cache_read, cache_write, cost, unpriced } = sum;
    json!({
        by: of, "turns": turns,
        "usage": {
            "input": input, "output": output, "cache_read": cache_read, "cache_write": cache_write,
        },
        "cost_usd": cost.to_string(), "unpriced": unpriced,
    })
}
