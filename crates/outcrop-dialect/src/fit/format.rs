//! The form of the answer: how the model is brought to what the caller set.
//!
//! In this order: the model's side enforces the schema; a tool of our own must be called; words.
//! A card without `json_schema` is one whose side enforces nothing, for whatever reason it says so.

use std::borrow::Cow;

use outcrop_model::catalog::{ForcedTools, ThinkingStyle};
use outcrop_model::chat::{Block, OutputFormat, Role, Thinking, Tool, ToolChoice};
use outcrop_model::json::{Json, Members};
use outcrop_model::{At, ChatRequest, Dialect, Ledger};

use super::Target;
use crate::structured::grammar::enforceable;
use crate::structured::inline::{Inlined, inline};
use crate::structured::{ANY_OBJECT, ENVELOPE, Form, Structured, tools};

/// The tool that stands for the answer, unless the caller has one of this name.
const TOOL: &str = "answer_in_json";
const TOOL_DESCRIPTION: &str =
    "Gives the final answer. Call it once, with the whole answer as its input.";
/// Around an answer by mistake: some models repeat the schema's own member.
const ECHO: &str = "properties";

/// Whether the caller's own tools may be called in this turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnTools {
    Callable,
    /// None are offered, or the caller forbids them.
    None,
}

/// Looks at the tools as the caller offers them, before they are fitted.
pub(super) fn own_tools(request: &ChatRequest<'_>) -> OwnTools {
    match request.tools.is_empty() || request.tool_choice == Some(ToolChoice::None) {
        true => OwnTools::None,
        false => OwnTools::Callable,
    }
}

/// Fits the form, when thinking, tools and their choice have been fitted.
pub(super) fn fit(
    request: &mut ChatRequest<'_>,
    own: OwnTools,
    target: Target<'_>,
    ledger: &mut Ledger,
) -> Option<Structured> {
    let format = request.format.take()?;
    let path = request.names.format;
    let OutputFormat::JsonSchema { name, description, schema, strict } = format else {
        if target.dialect == Dialect::OpenAiChat {
            // Its own word for it.
            request.format = Some(OutputFormat::JsonObject);
            return Some(Structured { form: Form::Text, schema: ANY_OBJECT.into(), path });
        }
        ledger.approximated(
            path,
            "said in words: no model on Bedrock enforces JSON without a schema",
        );
        instruct(
            request,
            target,
            "Answer with one JSON object and nothing else: no words around it, no code fence."
                .to_owned(),
        );
        return Some(Structured { form: Form::Fenced, schema: ANY_OBJECT.into(), path });
    };
    let mut structured = Structured { form: Form::Text, schema: schema.get().into(), path };
    let mut wish = Wish { name, description, schema, strict };
    let why = match enforce(&mut wish, request, target, ledger) {
        Ok(()) => {
            let Wish { name, description, schema, strict } = wish;
            request.format = Some(OutputFormat::JsonSchema { name, description, schema, strict });
            return Some(structured);
        }
        Err(why) => why,
    };
    let own = if request.tools.is_empty() { OwnTools::None } else { own };
    structured.form = match forced(request, own, target) {
        // The caller forces a tool: its call is the answer, and has a schema of its own.
        Forced::ByCaller => {
            ledger.approximated(path, "the tool call that is asked for is the answer");
            Form::Text
        }
        // Forced to a tool with any input, a model often gives an empty one.
        Forced::Ours(_) if wish.is_open() => in_words(request, wish, &why, target, ledger),
        Forced::Never => in_words(request, wish, &why, target, ledger),
        Forced::Ours(choice) => {
            ledger.approximated(path, format!("asked for as the input of a tool: {why}"));
            offer(request, wish, own, choice, target)
        }
    };
    Some(structured)
}

/// The caller's `json_schema`.
struct Wish<'a> {
    name: Option<Cow<'a, str>>,
    description: Option<Cow<'a, str>>,
    schema: Json<'a>,
    strict: Option<bool>,
}

/// How a tool of our own can be forced.
enum Forced {
    ByCaller,
    Never,
    Ours(ForcedTools),
}

/// Puts the schema into the form that the model's side enforces, or says why that cannot be.
fn enforce(
    wish: &mut Wish<'_>,
    request: &ChatRequest<'_>,
    target: Target<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    if !target.card.json_schema {
        return Err("this model does not enforce a schema".to_owned());
    }
    let (schema, changes) = enforceable(wish.schema.get(), &target.card.grammar)
        .map_err(|why| format!("the schema cannot be enforced: {why}"))?;
    if !changes.is_empty() {
        wish.schema = tools::written(&schema).ok_or("the schema cannot be written")?;
    }
    for (below, what) in changes {
        ledger.approximated(format!("{}{below}", request.names.schema), what);
    }
    if target.dialect == Dialect::Anthropic {
        // Anthropic's format has no member for it; the caller's name is a label only.
        wish.describe_schema();
    }
    Ok(())
}

fn forced(request: &ChatRequest<'_>, own: OwnTools, target: Target<'_>) -> Forced {
    let card = target.card;
    let thinks =
        matches!(request.thinking, Some(Thinking::Budget { .. } | Thinking::Adaptive { .. }));
    if own == OwnTools::Callable
        && matches!(request.tool_choice, Some(ToolChoice::Any | ToolChoice::Named(_)))
    {
        return Forced::ByCaller;
    }
    match card.forced_tools {
        ForcedTools::None => Forced::Never,
        _ if !card.tools => Forced::Never,
        _ if thinks && card.thinking != ThinkingStyle::ReasoningConfig => Forced::Never,
        able @ (ForcedTools::Any | ForcedTools::Named) => Forced::Ours(able),
    }
}

fn in_words(
    request: &mut ChatRequest<'_>,
    wish: Wish<'_>,
    why: &str,
    target: Target<'_>,
    ledger: &mut Ledger,
) -> Form {
    ledger.approximated(request.names.format, format!("said in words, not enforced: {why}"));
    instruct(request, target, wish.in_words());
    Form::Fenced
}

/// Offers the tool that stands for the answer and forces it.
fn offer<'a>(
    request: &mut ChatRequest<'a>,
    wish: Wish<'a>,
    own: OwnTools,
    able: ForcedTools,
    target: Target<'_>,
) -> Form {
    let (schema, envelope) = input_schema(&wish, target);
    let name = unused_name(request);
    let words = [Some(TOOL_DESCRIPTION), wish.description.as_deref()];
    let description: Vec<&str> =
        words.into_iter().flatten().filter(|w| !w.trim().is_empty()).collect();
    if own == OwnTools::None && able == ForcedTools::Any {
        // Some tool is all that can be asked for: leave none but ours.
        request.tools.clear();
    }
    request.tools.push(Tool {
        name: Cow::Owned(name.clone()),
        description: Some(Cow::Owned(description.join(" "))),
        schema: Some(schema),
        strict: None,
        vendor: None,
        cache: None,
        at: At::Member(request.names.format),
        extra: Vec::new(),
    });
    request.tool_choice = Some(match (own, able) {
        (OwnTools::None, ForcedTools::Named) => ToolChoice::Named(Cow::Owned(name.clone())),
        (OwnTools::None | OwnTools::Callable, _) => ToolChoice::Any,
    });
    if own == OwnTools::None && target.card.parallel_control {
        request.parallel_tools = Some(false);
    }
    Form::Tool { name, envelope }
}

/// The schema as the input of a tool, and the member that may stand around the answer.
fn input_schema<'a>(wish: &Wish<'a>, target: Target<'_>) -> (Json<'a>, Option<&'static str>) {
    let read = match target.card.schema_refs {
        true => serde_json::from_str(wish.schema.get()).ok(),
        false => inline(wish.schema.get()).ok().map(|Inlined { schema, .. }| schema),
    };
    let open = || serde_json::json!({"type": "object"});
    let schema = read.unwrap_or_else(open);
    if schema.get("type").is_some_and(|kind| kind == "object") && !has_union(&schema, target) {
        let own = schema.get("properties").is_some_and(|all| all.get(ECHO).is_some());
        let echo = (!own && schema.get("properties").is_some()).then_some(ECHO);
        // Nothing but the references changes, if anything.
        let written = match target.card.schema_refs {
            true => Some(wish.schema.clone()),
            false => tools::written(&schema),
        };
        return (written.unwrap_or_else(|| wish.schema.clone()), echo);
    }
    let inner = if target.card.schema_refs { relocated(schema) } else { schema };
    let wrapped = serde_json::json!({
        "type": "object", "properties": {ENVELOPE: inner}, "required": [ENVELOPE],
    });
    (tools::written(&wrapped).unwrap_or_else(|| wish.schema.clone()), Some(ENVELOPE))
}

fn has_union(schema: &serde_json::Value, target: Target<'_>) -> bool {
    target.card.schema_root_refuses.iter().any(|keyword| schema.get(keyword).is_some())
}

/// A schema with its references in place where that can be: below another root they lead nowhere.
fn relocated(schema: serde_json::Value) -> serde_json::Value {
    inline(&schema.to_string()).map_or(schema, |inlined| inlined.schema)
}

/// A name that neither a tool nor a call in the history has.
fn unused_name(request: &ChatRequest<'_>) -> String {
    let taken = |name: &str| request.tools.iter().any(|tool| tool.name == name);
    let mut name = TOOL.to_owned();
    let mut n = 1;
    while taken(&name) {
        n += 1;
        name = format!("{TOOL}_{n}");
    }
    name
}

/// Tells the model in words: at the end of the system text, or of what the user said last.
fn instruct(request: &mut ChatRequest<'_>, target: Target<'_>, words: String) {
    let block = Block::text(words, At::Member(request.names.format));
    match request.turns.iter_mut().rfind(|turn| turn.role == Role::User) {
        Some(turn) if !target.card.system => turn.blocks.push(block),
        Some(_) | None => request.system.push(block),
    }
}

// === impl Wish ===

impl Wish<'_> {
    /// Whether the schema says nothing of what is in the object.
    fn is_open(&self) -> bool {
        const SHAPED: [&str; 7] = [
            "properties",
            "$ref",
            "additionalProperties",
            "patternProperties",
            "anyOf",
            "oneOf",
            "allOf",
        ];
        let members = serde_json::from_str::<Members<'_>>(self.schema.get()).unwrap_or_default();
        let kind = members.get("type").map_or("\"object\"", |kind| kind.get());
        kind == "\"object\"" && SHAPED.iter().all(|keyword| members.get(keyword).is_none())
    }

    fn in_words(&self) -> String {
        let described = self.description.as_deref().map(|d| format!("\n{d}")).unwrap_or_default();
        format!(
            "Answer with JSON that fits the JSON Schema below, and with nothing else: no words around it, no code fence.{described}\n\n{}",
            self.schema.get()
        )
    }

    /// Makes the description a part of the schema.
    fn describe_schema(&mut self) {
        let Some(description) = self.description.take() else { return };
        let Ok(mut schema) = serde_json::from_str::<serde_json::Value>(self.schema.get()) else {
            return;
        };
        if let Some(root) = schema.as_object_mut() {
            let both = match root.get("description").and_then(serde_json::Value::as_str) {
                Some(own) => format!("{description}\n{own}"),
                None => description.into_owned(),
            };
            root.insert("description".to_owned(), both.into());
        }
        if let Some(written) = tools::written(&schema) {
            self.schema = written;
        }
    }
}
