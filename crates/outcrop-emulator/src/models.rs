//! The models this Bedrock serves, read from `data/models.json`, and what an id stands for.
//!
//! Invariants: (1) rules ask a [`Model`]'s switches, never its id; (2) a model that is not offered
//! on demand is reached through a profile only.

mod owned;
mod resolve;

use std::collections::HashMap;
use std::io;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::Config;
use crate::native::embed;

pub(crate) use owned::{Kind, Owned};
pub(crate) use resolve::Target;

const DATA: &str = include_str!("../data/models.json");

/// One foundation model with the switches that rules ask.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Model {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) provider: String,
    /// The family of its native body, as `native` names it.
    pub(crate) native: String,
    pub(crate) input: Vec<String>,
    pub(crate) output: Vec<String>,
    #[serde(default)]
    pub(crate) lifecycle: Lifecycle,
    pub(crate) converse: bool,
    pub(crate) streaming: bool,
    pub(crate) on_demand: bool,
    /// Geographic prefixes of its system-defined inference profiles.
    pub(crate) profiles: Vec<String>,
    /// Input tokens the model takes.
    pub(crate) context: u64,
    /// Output tokens when the caller sets no bound.
    pub(crate) max_output: u32,
    pub(crate) system: bool,
    pub(crate) vision: bool,
    pub(crate) documents: bool,
    pub(crate) video: bool,
    pub(crate) audio: bool,
    pub(crate) tools: bool,
    pub(crate) stream_tools: bool,
    pub(crate) tool_choice: bool,
    /// Whether a schema of the answer and strict tools are enforced.
    pub(crate) structured: bool,
    /// Whether a turn may hold tool results beside other content.
    pub(crate) mixed_results: bool,
    pub(crate) cache_points: bool,
    /// A cache point before this many tokens is silently ignored.
    pub(crate) min_cache_tokens: u64,
    pub(crate) thinking: Thinking,
    /// Whether replayed thinking must carry the signature it was issued with.
    pub(crate) signed_thinking: bool,
    pub(crate) redacted_thinking: bool,
    pub(crate) stop_sequences: bool,
    /// Whether the last turn may be the assistant's.
    pub(crate) prefill: bool,
    /// Whether `messages` may hold turns of role `system`.
    pub(crate) system_turns: bool,
    /// Whether two turns of one role in a row are merged (else refused).
    pub(crate) merge_same_role: bool,
    pub(crate) temperature_with_top_p: bool,
    /// Whether temperature, top_p and top_k may be set at all.
    pub(crate) sampling: bool,
    pub(crate) anthropic_versions: Vec<String>,
    /// Whether OpenAI's API on the runtime reaches it.
    #[serde(default)]
    pub(crate) openai_api: bool,
    /// What the vendor's paths begin with on mantle; `None` where mantle does not have the model.
    pub(crate) mantle: Option<String>,
    /// Set for models that answer with vectors.
    pub(crate) embedding: Option<embed::Limits>,
}

/// How thinking is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Thinking {
    None,
    /// `thinking.type = enabled` with a budget.
    Budget,
    /// `thinking.type = adaptive`.
    Adaptive,
    /// Both of the above.
    Both,
    /// `reasoningConfig`.
    Nova,
    /// `reasoning_effort`.
    Effort,
    Always,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Lifecycle {
    #[default]
    Active,
    Legacy,
    Eol,
}

/// All models and profiles of one emulator.
#[derive(Debug)]
pub(crate) struct Catalog {
    models: Vec<Model>,
    by_id: HashMap<String, usize>,
    owned: Vec<Owned>,
}

#[derive(Deserialize)]
struct Table {
    traits: HashMap<String, Map<String, Value>>,
    models: Vec<Map<String, Value>>,
    owned: Vec<Owned>,
}

// === impl Catalog ===

impl Catalog {
    /// Reads the built-in table and adds what the account is said to own.
    pub(crate) fn load(config: &Config) -> io::Result<Self> {
        let table: Table = serde_json::from_str(DATA)?;
        let models = table
            .models
            .iter()
            .map(|row| Ok(serde_json::from_value(Value::Object(merged(row, &table.traits)))?))
            .collect::<io::Result<Vec<Model>>>()?;
        let by_id = models.iter().enumerate().map(|(at, model)| (model.id.clone(), at)).collect();
        let mut owned = table.owned;
        for (arn, model) in &config.owned {
            let given = Owned::given(arn, model).ok_or_else(|| {
                io::Error::other(format!("{arn} is no ARN of anything that an account owns"))
            })?;
            owned.push(given);
        }
        Ok(Self { models, by_id, owned })
    }

    pub(crate) fn models(&self) -> &[Model] {
        &self.models
    }

    pub(crate) fn owned(&self, kind: Kind) -> impl Iterator<Item = &Owned> {
        self.owned.iter().filter(move |one| one.kind == kind)
    }

    /// A foundation model by its exact id.
    pub(crate) fn model(&self, id: &str) -> Option<&Model> {
        self.by_id.get(id).and_then(|at| self.models.get(*at))
    }
}

/// A row over the traits it is like, and those over the traits they are like.
fn merged(
    row: &Map<String, Value>,
    traits: &HashMap<String, Map<String, Value>>,
) -> Map<String, Value> {
    let parent = row.get("like").and_then(Value::as_str).and_then(|name| traits.get(name));
    let mut whole = parent.map(|parent| merged(parent, traits)).unwrap_or_default();
    whole.extend(row.clone());
    whole
}

// === impl Model ===

impl Model {
    /// The id on mantle: that of the runtime without a version (protocol facts 4.2).
    pub(crate) fn mantle_id(&self) -> Option<&str> {
        self.mantle.as_ref()?;
        let cut = ["-v1:0", "-v2:0", "-1:0"].iter().find_map(|end| self.id.strip_suffix(end));
        Some(cut.unwrap_or(&self.id))
    }
}

// === impl Thinking ===

impl Thinking {
    pub(crate) fn takes_budget(self) -> bool {
        matches!(self, Self::Budget | Self::Both)
    }

    pub(crate) fn takes_adaptive(self) -> bool {
        matches!(self, Self::Adaptive | Self::Both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads_and_everything_owned_resolves() {
        let catalog = Catalog::load(&Config::default()).unwrap();
        assert!(catalog.models().len() > 30);
        for owned in &catalog.owned {
            let arn = owned.arn("us-east-1");
            let target = catalog.resolve(&arn, Some("us-east-1")).unwrap();
            assert!(owned.model.ends_with(&target.model.id), "{arn}");
        }
        let nonsense = ("arn:aws:iam::123456789012:role/x".to_owned(), "m".to_owned());
        let config = Config { owned: vec![nonsense], ..Config::default() };
        assert!(Catalog::load(&config).is_err());
    }
}
