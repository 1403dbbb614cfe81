//! `outcrop models`: what can be asked, with what it can do and what it costs.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cli::ModelsArgs;
use crate::engine::Engine;
use crate::exit::{Exit, Failure};
use crate::print::print_text;

/// One line of the table: a model under its longest name, with the others beside it.
struct Line {
    id: String,
    aliases: Vec<String>,
    takes: String,
    window: String,
    price: String,
}

pub async fn run(args: ModelsArgs) -> anyhow::Result<()> {
    let engine = Engine::start(&args.engine).await?;
    let list = engine.get("/v1/models?limit=1000").await?.json().await?;
    let all = list["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    let chosen: Vec<&Value> = all.iter().filter(|model| is_wanted(model, &args)).collect();
    if chosen.is_empty() {
        let what = format!("None of the {} models fits.", all.len());
        return Err(Failure::new(Exit::UnknownModel, what).into());
    }
    if args.json {
        let chosen = Value::Array(chosen.into_iter().cloned().collect());
        return print_text(&format!("{chosen:#}\n"));
    }
    print_text(&table(&lines(&chosen)))
}

fn is_wanted(model: &Value, args: &ModelsArgs) -> bool {
    let text = |name: &str| model[name].as_str().unwrap_or_default().to_lowercase();
    let (id, name) = (text("id"), text("display_name"));
    let holds = |word: &String| {
        let word = word.to_lowercase();
        id.contains(&word) || name.contains(&word)
    };
    let of_vendor =
        args.vendor.as_ref().is_none_or(|vendor| text("owned_by") == vendor.to_lowercase());
    of_vendor && args.words.iter().all(holds)
}

/// Names of one model are on one line.
fn lines(models: &[&Value]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for model in models {
        let id = model["id"].as_str().unwrap_or_default().to_owned();
        let name = model["display_name"].as_str().unwrap_or(&id).to_owned();
        match seen.get(&name) {
            Some(at) => lines[*at].aliases.push(id),
            None => {
                seen.insert(name, lines.len());
                lines.push(Line {
                    id,
                    aliases: Vec::new(),
                    takes: takes(&model["capabilities"]),
                    window: window(&model["max_input_tokens"]),
                    price: price(&model["prices"]["rates"]),
                });
            }
        }
    }
    lines
}

/// What a model takes beside text, in a few letters' words.
fn takes(capabilities: &Value) -> String {
    let has = |name: &str| capabilities[name]["supported"].as_bool().unwrap_or(false);
    let words = [
        ("tools", "tools"),
        ("image_input", "images"),
        ("thinking", "thinking"),
        ("prompt_cache", "cache"),
    ];
    let words: Vec<&str> =
        words.into_iter().filter(|(name, _)| has(name)).map(|(_, word)| word).collect();
    words.join(" ")
}

fn window(tokens: &Value) -> String {
    match tokens.as_u64() {
        Some(n) if n >= 1_000_000 => format!("{}M", n / 1_000_000),
        Some(n) if n >= 1000 => format!("{}k", n / 1000),
        Some(n) => n.to_string(),
        None => String::new(),
    }
}

/// Input and output, dollars for a million tokens.
fn price(rates: &Value) -> String {
    let rate = &rates[0];
    match (rate["input"].as_str(), rate["output"].as_str()) {
        (Some(input), Some(output)) => format!("${input} / ${output}"),
        (Some(input), None) => format!("${input}"),
        (None, _) => String::new(),
    }
}

fn table(lines: &[Line]) -> String {
    let head = ["MODEL", "WINDOW", "$ PER M IN / OUT", "TAKES", "ALSO CALLED"];
    let rows: Vec<[String; 5]> = lines
        .iter()
        .map(|Line { id, aliases, takes, window, price }| {
            [id.clone(), window.clone(), price.clone(), takes.clone(), aliases.join(" ")]
        })
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut out = String::new();
    for row in [head.map(str::to_owned)].iter().chain(&rows) {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        out.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        out.push('\n');
    }
    out
}
