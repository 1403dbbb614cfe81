//! The Anthropic Messages body that Claude models read from InvokeModel.
//!
//! Guarantees:
//! 1. A member this service does not know is refused, as the service itself refuses it.
//! 2. What differs between Claude generations is a value of [`AnthropicRules`], never a test of a model id.
//! 3. Tools, then system, then messages are read, the order in which cache points are counted.
//!
//! It does not judge whether a signature was really issued, nor does it fetch anything.

mod blocks;
mod conversation;
mod options;
mod rules;
mod write;

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};

use serde_json::Value;

use super::reader::{Node, Parsed, Voice};
use crate::words::{Citation, Prompt};

pub use rules::AnthropicRules;
pub(crate) use write::{chunks, response};

/// Members of the body, in the service's own spelling (third-party allow-list for InvokeModel, 2026-11).
const MEMBERS: [&str; 16] = [
    "anthropic_beta",
    "anthropic_version",
    "context_management",
    "max_tokens",
    "messages",
    "metadata",
    "output_config",
    "safeguards",
    "stop_sequences",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

/// The version whose stricter rules are listed in [`options`] and [`blocks`].
const VERSION_2026_10_21: &str = "2026-10-21";

/// Blocks with `cache_control` that one request may carry.
const MAX_CACHE_BLOCKS: usize = 4;

/// What is known about the request while its parts are read.
struct Reading<'r> {
    rules: &'r AnthropicRules,
    version: String,
    betas: Vec<String>,
    cache_blocks: Cell<usize>,
    short_cache_seen: Cell<bool>,
    documents: Cell<usize>,
    results: Cell<usize>,
    /// The first source that is to be cited.
    citable: RefCell<Option<Citation>>,
}

/// Reads a body under the default rules: those of a Claude model that accepts every accepted form.
pub fn parse(body: &Value) -> Result<Prompt, String> {
    parse_with(body, &AnthropicRules::default())
}

/// Reads a body under the rules of one model.
///
/// The error is the message of the `ValidationException` the service would answer.
pub fn parse_with(body: &Value, rules: &AnthropicRules) -> Result<Prompt, String> {
    let root = Node::root(body, Voice::Pydantic);
    root.object()?;
    let reading = Reading {
        rules,
        version: options::version(&root, rules)?,
        betas: options::betas(&root, rules)?,
        cache_blocks: Cell::new(0),
        short_cache_seen: Cell::new(false),
        documents: Cell::new(0),
        results: Cell::new(0),
        citable: RefCell::new(None),
    };
    root.only(&MEMBERS)?;
    reading.gate(&root, "")?;

    let max_tokens = root.need("max_tokens")?.tokens()?;
    let messages = root.need("messages")?;
    let tools = options::tools(&root, &reading)?;
    let system = options::system(&root, &reading)?;
    let turns = conversation::read(&messages, &reading)?;
    reading.check_cache_count()?;

    let tool_choice = options::tool_choice(&root, &tools)?;
    let thinking = options::thinking(&root, &reading, max_tokens)?;
    options::sampling(&root, &reading, thinking)?;
    let format = options::outputs(&root, rules)?;
    conversation::check(&turns, rules, thinking)?;
    Ok(Prompt {
        system,
        turns,
        tools,
        tool_choice,
        max_tokens: Some(max_tokens),
        stop_sequences: options::stop_sequences(&root)?,
        thinking: thinking.is_on(),
        format,
        citable: reading.citable.into_inner(),
    })
}

// === impl Reading ===

impl Reading<'_> {
    fn is_2026_10_21(&self) -> bool {
        self.version == VERSION_2026_10_21
    }

    /// Takes note of a source that is to be cited.
    fn cite(&self, citation: Citation) {
        self.citable.borrow_mut().get_or_insert(citation);
    }

    fn has_beta(&self, name: &str) -> bool {
        self.betas.iter().any(|beta| rules::is_dated_form_of(beta, name))
    }

    /// Refuses the members of `node` that are closed to this model, or open only under a beta
    /// that was not asked for. `place` is the prefix of the names in the rules (`tools.`).
    fn gate(&self, node: &Node<'_>, place: &str) -> Parsed<()> {
        for gate in &self.rules.gates {
            let Some(key) = gate.field.strip_prefix(place).filter(|key| !key.contains('.')) else {
                continue;
            };
            let open = gate.betas.iter().any(|beta| self.has_beta(beta));
            if !open && node.get(key).is_some() {
                return Err(node.extra(key));
            }
        }
        Ok(())
    }

    /// Reads `cache_control` of a block; true when the block is a cache point.
    fn cache_control(&self, block: &Node<'_>) -> Parsed<bool> {
        let Some(control) = block.get("cache_control") else {
            return Ok(false);
        };
        control.need("type")?.choice(&["ephemeral"])?;
        let control = control.tagged("ephemeral");
        control.only(&["type", "ttl", "scope"])?;
        self.gate(&control, "cache_control.")?;
        let ttl = match control.get("ttl") {
            None => "5m",
            Some(ttl) => ttl.choice(&["5m", "1h"])?,
        };
        if ttl == "1h" && self.short_cache_seen.get() {
            return Err(control.fail(
                "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. \
                 Note that blocks are processed in the following order: `tools`, `system`, `messages`.",
            ));
        }
        self.short_cache_seen.set(self.short_cache_seen.get() || ttl == "5m");
        self.cache_blocks.set(self.cache_blocks.get() + 1);
        Ok(true)
    }

    fn check_cache_count(&self) -> Parsed<()> {
        let count = self.cache_blocks.get();
        if count > MAX_CACHE_BLOCKS {
            return Err(format!(
                "A maximum of {MAX_CACHE_BLOCKS} blocks with cache_control may be provided. Found {count}."
            ));
        }
        Ok(())
    }
}
