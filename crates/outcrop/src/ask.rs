//! A question on its way to the engine: prompt, stdin, files and settings become one request.

pub mod attach;
pub mod budget;
mod rates;
pub mod stdin;
pub mod turn;

use serde_json::{Map, Value, json};

use self::turn::Talk;
use crate::cli::{AskArgs, FormArgs, TermsArgs, Thinking};
use crate::exit::{Exit, Failure};
use crate::history::Conversation;
use crate::roles::Role;
use crate::settings;

/// Asked where nobody named a model: the current middle size of the family that most people come for.
pub const DEFAULT_MODEL: &str = "claude-sonnet-4-5";
/// What the history calls a conversation's system prompt, among its settings.
pub const SYSTEM: &str = "system";

/// The conversation that the flags ask for. What they say goes before what the role says, that before how the
/// conversation was led so far, and that before what the environment and the configuration say.
///
/// # Errors
/// A system prompt that cannot be read.
pub fn talk(args: &AskArgs, role: Option<&Role>, told: Conversation) -> anyhow::Result<Talk> {
    let Conversation { settings: mut former, messages, turns: _ } = told;
    let message = |text: Value| json!({ "role": "system", "content": text });
    let former_system = former.remove(SYSTEM).map(message);
    let of_role = role.and_then(|role| role.system.as_deref()).map(|text| message(text.into()));
    let usual = only(args, settings::is_preset);
    let by_hand = by_hand(args);
    let mut body = given(&usual);
    lay_over(&mut body, former);
    lay_over(&mut body, role.map(|role| role.settings.clone()).unwrap_or_default());
    lay_over(&mut body, given(&by_hand));
    body.entry("model").or_insert_with(|| DEFAULT_MODEL.into());
    let system = system(&by_hand)?.or(of_role).or(former_system).or(system(&usual)?);
    let messages = system.into_iter().chain(messages).collect();
    Ok(Talk { settings: body, messages })
}

/// The flags that were given by hand.
pub fn by_hand(args: &AskArgs) -> AskArgs {
    only(args, |flag| !settings::is_preset(flag))
}

/// Settings over others. Of the two ways to say how much is thought, the newer takes the other's place.
fn lay_over(body: &mut Map<String, Value>, newer: Map<String, Value>) {
    for (name, other) in [("thinking", "reasoning_effort"), ("reasoning_effort", "thinking")] {
        if newer.contains_key(name) {
            body.remove(other);
        }
    }
    body.extend(newer);
}

/// Those flags of which `wanted` says so.
fn only(args: &AskArgs, wanted: impl Fn(&str) -> bool) -> AskArgs {
    let AskArgs {
        model,
        system,
        system_file,
        max_tokens,
        temperature,
        top_p,
        effort,
        thinking,
        ..
    } = args.clone();
    AskArgs {
        model: model.filter(|_| wanted("model")),
        system: system.filter(|_| wanted("system")),
        system_file: system_file.filter(|_| wanted("system_file")),
        max_tokens: max_tokens.filter(|_| wanted("max_tokens")),
        temperature: temperature.filter(|_| wanted("temperature")),
        top_p: top_p.filter(|_| wanted("top_p")),
        stop: if wanted("stop") { args.stop.clone() } else { Vec::new() },
        option: if wanted("option") { args.option.clone() } else { Vec::new() },
        effort: effort.filter(|_| wanted("effort")),
        thinking: thinking.filter(|_| wanted("thinking")),
        file: args.file.clone(),
    }
}

/// What the flags say of the request's body.
pub fn given(args: &AskArgs) -> Map<String, Value> {
    let mut body = Map::new();
    if let Some(model) = &args.model {
        body.insert("model".to_owned(), model.as_str().into());
    }
    let numbers = [("temperature", args.temperature), ("top_p", args.top_p)];
    for (name, number) in numbers {
        if let Some(number) = number {
            body.insert(name.to_owned(), json!(number));
        }
    }
    if let Some(most) = args.max_tokens {
        body.insert("max_completion_tokens".to_owned(), most.into());
    }
    if !args.stop.is_empty() {
        body.insert("stop".to_owned(), json!(args.stop));
    }
    if let Some(effort) = &args.effort {
        body.insert("reasoning_effort".to_owned(), effort.as_str().into());
    }
    match args.thinking {
        Some(Thinking::Off) => {
            body.insert("thinking".to_owned(), json!({ "type": "disabled" }));
        }
        Some(Thinking::Tokens(most)) => {
            let thinking = json!({ "type": "enabled", "budget_tokens": most });
            body.insert("thinking".to_owned(), thinking);
        }
        None => {}
    }
    for (name, value) in &args.option {
        // Of the two names for one thing the newer counts, whoever sets it.
        let name = if name == "max_tokens" { "max_completion_tokens" } else { name };
        body.insert(name.to_owned(), value.clone());
    }
    body
}

/// Refuses an option that a flag says too: one of the two would be lost.
///
/// # Errors
/// [`Exit::InvalidArgument`], naming both.
pub fn said_once(ask: &AskArgs, terms: &TermsArgs, form: &FormArgs) -> anyhow::Result<()> {
    let ask = by_hand(ask);
    let schema = form.schema.is_some() || form.schema_multi.is_some();
    let flags = [
        ("max_tokens", "max-tokens", ask.max_tokens.is_some()),
        ("max_completion_tokens", "max-tokens", ask.max_tokens.is_some()),
        ("temperature", "temperature", ask.temperature.is_some()),
        ("top_p", "top-p", ask.top_p.is_some()),
        ("stop", "stop", !ask.stop.is_empty()),
        ("reasoning_effort", "effort", ask.effort.is_some()),
        ("thinking", "thinking", ask.thinking.is_some()),
        ("service_tier", "service-tier", terms.service_tier.is_some()),
        ("performanceConfig", "latency", terms.latency.is_some()),
        ("top_k", "top-k", terms.top_k.is_some()),
        ("seed", "seed", terms.seed.is_some()),
        ("metadata", "metadata", !terms.metadata.is_empty()),
        ("response_format", "schema", schema),
    ];
    let by_hand = |flag: &str| !settings::is_preset(&flag.replace('-', "_"));
    for (option, _) in &ask.option {
        let twice = |(name, flag, is): &&(&str, &str, bool)| name == option && *is && by_hand(flag);
        if let Some((name, flag, _)) = flags.iter().find(twice) {
            let what = format!("-o {name} and --{flag} say the same thing.");
            return Err(Failure::new(Exit::InvalidArgument, what).mend("Leave one out.").into());
        }
    }
    Ok(())
}

/// The system message, if there is to be one.
///
/// # Errors
/// When its file cannot be read.
pub fn system(args: &AskArgs) -> anyhow::Result<Option<Value>> {
    let text = match (&args.system, &args.system_file) {
        (Some(text), _) => text.clone(),
        (None, Some(path)) => attach::text_of(path)?,
        (None, None) => return Ok(None),
    };
    Ok(Some(json!({ "role": "system", "content": text })))
}
