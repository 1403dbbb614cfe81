//! `outcrop models`: what can be asked, with what it can do and what it costs.

mod default;
mod regions;
mod trial;

use std::collections::BTreeMap;

use clap::Subcommand;
use outcrop_model::{Catalog, EmbeddingCard, Specialist, alias};
use serde_json::Value;

use crate::cli::{Kind, ListModelsArgs, ModelsArgs, ModelsVerb, ShowModelArgs};
use crate::engine::Engine;
use crate::exit::{Exit, Failure, exit_of};
use crate::print::{print_said, print_text};

/// One line of the table: a model under its longest name, with the others beside it.
struct Line {
    id: String,
    aliases: Vec<String>,
    takes: String,
    window: String,
    price: String,
}

pub async fn run(args: ModelsArgs) -> anyhow::Result<()> {
    match args.verb {
        None => list(&args.list).await,
        Some(ModelsVerb::List(args)) => list(&args).await,
        Some(ModelsVerb::Show(args)) => show(&args).await,
        Some(ModelsVerb::Test(args)) => trial::run(&args).await,
        Some(ModelsVerb::Alias { words }) => print_said(&aliases(&words)?),
        Some(ModelsVerb::Default(args)) => default::run(&args),
    }
}

async fn list(args: &ListModelsArgs) -> anyhow::Result<()> {
    // After a flag a verb is a word like any other.
    if let Some(verb) = args.words.first().filter(|word| ModelsVerb::has_subcommand(word)) {
        let what = format!("`{verb}` comes before all flags.");
        let mend = format!("As in: outcrop models {verb} … --emulator");
        return Err(Failure::new(Exit::Usage, what).mend(mend).into());
    }
    if args.all_regions {
        return regions::list(args).await;
    }
    let engine = Engine::start(&args.engine).await?;
    if !engine.learn_models().await {
        note!(
            "note: AWS does not list this account's models, so these are the catalog's; `outcrop doctor` tells why"
        );
    }
    let list = engine.get("/v1/models").await?.json().await?;
    let all = list["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    let chosen: Vec<&Value> = all.iter().filter(|model| is_wanted(model, args)).collect();
    if chosen.is_empty() {
        let what = format!("None of the {} models fits.", all.len());
        return Err(Failure::new(Exit::UnknownModel, what).into());
    }
    if args.json {
        let chosen = Value::Array(chosen.into_iter().cloned().collect());
        return print_text(&format!("{chosen:#}\n"));
    }
    // Names may be those of a gateway elsewhere.
    print_said(&table(&lines(&chosen)))
}

fn is_wanted(model: &Value, args: &ListModelsArgs) -> bool {
    let text = |name: &str| model[name].as_str().unwrap_or_default().to_lowercase();
    let (id, name) = (text("id"), text("display_name"));
    let holds = |word: &String| {
        let word = word.to_lowercase();
        id.contains(&word) || name.contains(&word)
    };
    let of_vendor =
        args.vendor.as_ref().is_none_or(|vendor| text("owned_by") == vendor.to_lowercase());
    let chats = kind_of(&id) == Kind::Chat;
    let can = |name: &str| chats && model["capabilities"][name]["supported"] == true;
    of_vendor
        && args.words.iter().chain(&args.query).all(holds)
        && args.kind.is_none_or(|kind| kind == kind_of(&id))
        && (!args.tools || can("tools"))
        && (!args.vision || takes(&id, &model["capabilities"]).contains("images"))
        && (!args.thinking || can("thinking"))
        // All chats of the catalog stream; of a model that it does not describe nobody has said so.
        && (!args.streaming || chats && model["capabilities"].is_object())
        && (!args.profiles || is_profile(&id))
}

/// A geography's profile, or one of the account's own as it is listed.
fn is_profile(id: &str) -> bool {
    match id.split_once('/') {
        Some((kind, _)) => kind.ends_with("inference-profile"),
        None => Catalog::built_in().foundation_id(id) != id,
    }
}

/// What is known here of the model behind a name, if it does one thing only.
fn specialist(model: &str) -> Option<&'static Specialist> {
    Catalog::built_in().specialist(&alias::resolve(model).id)
}

pub fn kind_of(model: &str) -> Kind {
    match specialist(model) {
        None => Kind::Chat,
        Some(Specialist::Embeddings(_)) => Kind::Embeddings,
        Some(Specialist::Images(_)) => Kind::Images,
        Some(Specialist::Rerank(_)) => Kind::Rerank,
    }
}

async fn show(args: &ShowModelArgs) -> anyhow::Result<()> {
    let engine = Engine::start(&args.engine).await?;
    let model = match engine.model(&args.model).await {
        // The account may have what the catalog has not.
        Err(error) if exit_of(&error) == Exit::UnknownModel && engine.learn_models().await => {
            engine.model(&args.model).await?
        }
        answer => answer?,
    };
    if args.json {
        return print_text(&format!("{model:#}\n"));
    }
    let id = model["id"].as_str().unwrap_or(&args.model);
    let mut rows = vec![("model", id.to_owned())];
    let resolved = alias::resolve(id).id;
    if resolved != id {
        rows.push(("id at Bedrock", resolved.into_owned()));
    }
    for (name, member) in [("name", "display_name"), ("vendor", "owned_by")] {
        rows.extend(model[member].as_str().map(|text| (name, text.to_owned())));
    }
    for (name, member) in
        [("tokens it reads", "max_input_tokens"), ("tokens it writes", "max_tokens")]
    {
        rows.extend(model[member].as_u64().map(|number| (name, number.to_string())));
    }
    rows.extend(
        Some(("takes", takes(id, &model["capabilities"]))).filter(|(_, takes)| !takes.is_empty()),
    );
    rows.extend(
        levels(&model["capabilities"]["effort"])
            .filter(|_| kind_of(id) == Kind::Chat)
            .map(|levels| ("--effort", levels)),
    );
    if let Some(Specialist::Embeddings(card)) = specialist(id) {
        rows.extend(of_vectors(card));
    }
    for rate in model["prices"]["rates"].as_array().into_iter().flatten() {
        rows.push(("dollars", rate_of(rate)));
    }
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = rows.into_iter().map(|(name, value)| format!("{name:<width$}  {value}\n"));
    print_said(&lines.collect::<String>())
}

/// The words whose member says that they are supported.
fn levels(effort: &Value) -> Option<String> {
    let members = effort.as_object()?.iter();
    let words: Vec<&str> = members
        .filter(|(_, level)| level["supported"] == true)
        .map(|(word, _)| word.as_str())
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// The settings of vectors.
fn of_vectors(card: &EmbeddingCard) -> Vec<(&'static str, String)> {
    let lengths: Vec<String> = card.dimensions.iter().map(u32::to_string).collect();
    let types: Vec<&str> = card.input_types.keys().map(String::as_str).collect();
    let encodings: Vec<&str> =
        ["float", "base64"].into_iter().chain(card.encodings.iter().map(String::as_str)).collect();
    let rows = [
        ("--dimensions", lengths.join(" ")),
        ("--input-type", types.join(" ")),
        ("--encoding-format", encodings.join(" ")),
        ("texts a call", card.batch.to_string()),
    ];
    rows.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// A rate with the units of its prices: tokens by the million, all else by one.
fn rate_of(rate: &Value) -> String {
    let members = rate.as_object().into_iter().flatten();
    let parts: Vec<String> = members
        .map(|(name, value)| match value.as_str() {
            Some(word) => format!("{name} {word}"),
            None => format!("{name} {value}"),
        })
        .collect();
    parts.join(", ")
}

fn aliases(words: &[String]) -> anyhow::Result<String> {
    let holds = |(name, id): &(&str, &str)| {
        words
            .iter()
            .map(|word| word.to_lowercase())
            .all(|word| name.contains(&word) || id.contains(&word))
    };
    let names: Vec<(&str, &str)> = alias::names().filter(holds).collect();
    if names.is_empty() {
        return Err(Failure::new(Exit::UnknownModel, "No name fits.").into());
    }
    let width = names.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    Ok(names.into_iter().map(|(name, id)| format!("{name:<width$}  {id}\n")).collect())
}

/// Names of one model are on one line. Models of two versions may be called alike.
fn lines(models: &[&Value]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
    for model in models {
        let id = model["id"].as_str().unwrap_or_default().to_owned();
        let name = model["display_name"].as_str().unwrap_or(&id).to_owned();
        let behind = Catalog::built_in().foundation_id(&alias::resolve(&id).id).to_owned();
        match seen.get(&(name.clone(), behind.clone())) {
            Some(at) => lines[*at].aliases.push(id),
            None => {
                let takes = takes(&id, &model["capabilities"]);
                seen.insert((name, behind), lines.len());
                lines.push(Line {
                    id,
                    aliases: Vec::new(),
                    takes,
                    window: window(&model["max_input_tokens"]),
                    price: price(&model["prices"]["rates"]),
                });
            }
        }
    }
    lines
}

/// What a model takes beside text, in a few letters' words. A chat's capabilities are none of a model that does
/// another thing.
fn takes(model: &str, capabilities: &Value) -> String {
    match specialist(model) {
        Some(Specialist::Embeddings(card)) if card.images => return "images".to_owned(),
        Some(Specialist::Embeddings(_) | Specialist::Images(_) | Specialist::Rerank(_)) => {
            return String::new();
        }
        None => {}
    }
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
