//! What is known about models, as data.
//!
//! 1. Facts live in `catalog/models.toml`, each card with a source and a checked date; code asks a
//!    card for a capability and never looks at a model's name.
//! 2. A model that no card names gets the `unknown` card: Converse, nothing refused in advance.
//! 3. A model id may be a foundation id, an inference-profile id (geography prefix) or an ARN of
//!    either; opaque ARNs (application profiles, deployments, …) get the `unknown` card.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::dialect::{Carrier, Dialect};
use crate::specialist;

const BUILT_IN: &str = include_str!("../../../catalog/models.toml");

/// All cards, ready for look-up.
#[derive(Debug)]
pub struct Catalog {
    geo_prefixes: Vec<String>,
    mantle_endings: Vec<String>,
    /// Beginnings of regions and their geographies.
    homes: BTreeMap<String, Vec<String>>,
    /// (id prefix, index into `cards`), longest prefix first.
    prefixes: Vec<(String, usize)>,
    cards: Vec<Card>,
    unknown: Card,
    listed: Vec<Listed>,
}

/// A model that `GET /v1/models` names when the account cannot be asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    pub id: String,
    /// The name that Anthropic's API gives it, under which agents look for it; listed too.
    pub alias: Option<String>,
    pub name: String,
    /// Release day, `YYYY-MM-DD`.
    pub created: String,
    pub owner: String,
}

/// What one family of models can do, and how it wants to be asked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Carriers that reach the model, preferred first.
    pub carriers: Vec<Lane>,
    pub system: bool,
    /// Whether system messages may stand between turns.
    pub mid_system: bool,
    pub tools: bool,
    /// How far a tool call can be forced.
    pub forced_tools: ForcedTools,
    /// Whether an answer can be streamed when there are tools.
    pub streamed_tools: bool,
    /// Whether a tool may carry `strict`.
    pub strict_tools: bool,
    /// Whether parallel tool calls can be switched off.
    pub parallel_control: bool,
    pub images: bool,
    pub documents: bool,
    /// Whether Converse can be asked to cite documents, and takes citations back.
    pub citations: bool,
    pub audio: bool,
    pub video: bool,
    pub tool_result_images: bool,
    /// Whether a tool result can be marked as an error.
    pub tool_result_status: bool,
    /// Whether a turn may hold tool results beside other content.
    pub mixed_results: bool,
    /// Whether the prompt can be marked for caching.
    pub cache: bool,
    /// Whether tools and tool results can be marked too.
    pub cache_tools: bool,
    pub cache_one_hour: bool,
    /// Tokens below which a marked prompt is not cached; 0 where it is not known.
    pub cache_min_tokens: u64,
    pub thinking: ThinkingStyle,
    /// Whether a model that decides itself how much it thinks takes a budget all the same.
    pub budget_too: bool,
    /// Whether a model that thinks can be told not to.
    pub thinking_off: bool,
    pub effort: EffortStyle,
    /// The effort words that the model takes, from least to most.
    pub efforts: Vec<String>,
    /// Whether thinking of earlier turns can be sent back.
    pub replay_thinking: bool,
    /// Whether encrypted thinking of earlier turns can be sent back.
    pub replay_redacted: bool,
    pub sampling: SamplingRule,
    pub top_k: TopKPlace,
    pub stop_sequences: bool,
    /// Whether a JSON schema for the answer is enforced by the model's side.
    pub json_schema: bool,
    /// Whether OpenAI's dialect has the model's reasoning in the text, between tags.
    pub reasoning_tags: bool,
    /// What of JSON Schema can be enforced, in answers (`json_schema`) and in tools (`strict_tools`).
    pub grammar: Grammar,
    /// Whether a tool's schema may refer to its own parts (`$ref`).
    pub schema_refs: bool,
    /// Whether a tool's `pattern` may look around (`(?=`, `(?!`, `(?<=`, `(?<!`).
    pub schema_look_around: bool,
    /// Keywords that the root of a tool's schema must not have.
    pub schema_root_refuses: Vec<String>,
    /// Whether the conversation may end with an assistant turn to be continued.
    pub prefill: bool,
    /// Values of `anthropic_version` that the model accepts on Bedrock, preferred first.
    pub anthropic_versions: Vec<String>,
    /// Beginnings of `anthropic_beta` values that Bedrock accepts for the model; others are dropped.
    pub betas: Vec<String>,
    /// Betas that Bedrock has refused for the model all the same.
    #[serde(skip)]
    pub refused_betas: Vec<String>,
    /// Beginnings of betas that Bedrock knows by another name, and that name.
    pub beta_names: BTreeMap<String, String>,
    /// Beginnings of tool types that Bedrock calls by another name, and that name.
    pub tool_types: BTreeMap<String, String>,
    /// Members of an Anthropic body that need a beta, by path as in [`Gate`], and that beta.
    pub feature_betas: BTreeMap<String, String>,
    /// Members of an Anthropic body that Bedrock does not take, or only with a beta.
    pub gates: Vec<Gate>,
    /// Sent when the caller names no limit: Bedrock reserves quota for the model's maximum otherwise.
    pub default_max_tokens: u64,
    /// Smallest limit that the model accepts.
    pub min_max_tokens: u64,
    /// Most tokens of a prompt. 0 where it is not known. Told, never enforced: Bedrock counts.
    pub max_input_tokens: u64,
    /// Most tokens of an answer; a larger limit is refused. 0 where it is not known.
    pub max_output_tokens: u64,
}

/// A carrier that reaches a model, and what can be spoken over it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lane {
    pub carrier: Carrier,
    /// Richest first.
    pub speaks: Vec<Dialect>,
    /// What OpenAI's paths begin with on `bedrock-mantle`.
    #[serde(default)]
    pub prefix: String,
    /// Beginnings of betas that are accepted here beside the card's own.
    #[serde(default)]
    pub betas: Vec<String>,
    /// Types of tools that the Responses API takes here.
    #[serde(default)]
    pub tools: Vec<String>,
    /// Members that are not taken here, beside the card's own gates.
    #[serde(default)]
    pub gates: Vec<Gate>,
}

/// A member that is let through only with one of `betas` (beginnings of their names); with none, never.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Where the member stands: `speed`, `tools[].defer_loading`; `edits[clear_]` are the elements
    /// of `edits` whose `type` begins with `clear_`.
    pub path: String,
    #[serde(default)]
    pub betas: Vec<String>,
}

/// The part of JSON Schema that the model's side compiles to a grammar.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grammar {
    /// Keywords that it refuses.
    pub refuses: Vec<String>,
    /// Values of `format` that it knows.
    pub formats: Vec<String>,
    /// Largest `minItems`.
    pub min_items: u64,
    /// Most places in a schema that allow one of several types or shapes.
    pub unions: usize,
    /// Most properties in a schema that may be absent.
    pub optionals: usize,
}

/// Which tool choices the model obeys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForcedTools {
    /// None: the model decides.
    None,
    /// That some tool is called, but not which.
    Any,
    /// That one tool by name is called, too.
    Named,
}

/// Which form of the thinking setting the model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThinkingStyle {
    /// Cannot be asked to think.
    None,
    /// `thinking: {type: enabled, budget_tokens}`
    Budget,
    /// `thinking: {type: adaptive}` with an effort.
    Adaptive,
    /// Thinks on its own and takes no setting.
    Always,
    /// `reasoningConfig: {type, maxReasoningEffort}` in the additional fields.
    ReasoningConfig,
}

/// Where the model takes an effort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffortStyle {
    None,
    /// `output_config.effort` in Anthropic's dialect.
    OutputConfig,
    /// Turned into a thinking budget.
    Budget,
    /// `reasoning_effort` in the additional fields.
    ReasoningEffort,
    /// `reasoning: {effort}` in the additional fields.
    Reasoning,
    /// Inside `reasoningConfig`.
    ReasoningConfig,
}

/// Which sampling settings the model accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SamplingRule {
    All,
    /// `temperature` or `top_p`, not both.
    One,
    /// None at all.
    None,
}

/// Where the model takes `top_k` over Converse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TopKPlace {
    None,
    /// `top_k` in the additional fields.
    Plain,
    /// `inferenceConfig: {topK}` in the additional fields.
    InferenceConfig,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    geo_prefixes: Vec<String>,
    mantle_endings: Vec<String>,
    homes: BTreeMap<String, Vec<String>>,
    card: BTreeMap<String, RawCard>,
    #[serde(default)]
    listed: Vec<Listed>,
}

/// A card as written: the facts that differ from the card it extends.
#[derive(Deserialize)]
struct RawCard {
    extends: Option<String>,
    #[serde(default)]
    prefixes: Vec<String>,
    source: String,
    checked: String,
    #[serde(flatten)]
    facts: toml::Table,
}

// === impl Catalog ===

impl Catalog {
    /// The catalog that comes with the binary. A test proves that it parses; were it broken all the
    /// same, every model would get the `unknown` card's behaviour from an empty catalog.
    pub fn built_in() -> &'static Catalog {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        #[expect(clippy::expect_used, reason = "compiled in and parsed by a test")]
        CATALOG.get_or_init(|| {
            let mut catalog = Catalog::parse(BUILT_IN).expect("the built-in catalog parses");
            catalog.listed.extend_from_slice(specialist::listed());
            catalog
        })
    }

    /// Parses a catalog file. Errors name the card.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|e| e.to_string())?;
        let (mut prefixes, mut cards, mut unknown) = (Vec::new(), Vec::new(), None);
        for (name, raw) in &file.card {
            if raw.source.is_empty() || raw.checked.is_empty() {
                return Err(format!("card `{name}` has no source or checked date"));
            }
            let card = resolve(&file.card, name)?;
            if name == "unknown" {
                unknown = Some(card.clone());
            }
            prefixes.extend(raw.prefixes.iter().map(|p| (p.clone(), cards.len())));
            cards.push(card);
        }
        prefixes.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
        let unknown = unknown.ok_or("there is no card `unknown`")?;
        let File { geo_prefixes, homes, mantle_endings, card: _, listed } = file;
        Ok(Self { geo_prefixes, homes, mantle_endings, prefixes, cards, unknown, listed })
    }

    /// The card for a model id in any form (see the module's third rule).
    pub fn card(&self, model: &str) -> &Card {
        let id = self.foundation_id(model);
        let found = self.prefixes.iter().find(|(prefix, _)| id.starts_with(prefix.as_str()));
        found.map_or(&self.unknown, |(_, index)| &self.cards[*index])
    }

    /// Whether a card describes the model by name.
    pub fn is_known(&self, model: &str) -> bool {
        let id = self.foundation_id(model);
        self.prefixes.iter().any(|(prefix, _)| id.starts_with(prefix.as_str()))
    }

    /// The foundation id inside a profile id or ARN, as far as the text tells.
    pub fn foundation_id<'m>(&self, model: &'m str) -> &'m str {
        // The resource of an ARN, or what is shown of one.
        let id = model.rsplit_once('/').map_or(model, |(_, id)| id);
        let geo = self.geo_prefixes.iter().find(|p| id.starts_with(p.as_str()));
        geo.map_or(id, |prefix| &id[prefix.len()..])
    }

    /// The id by which `bedrock-mantle` knows a model: no geography, no version.
    pub fn mantle_id<'m>(&self, model: &'m str) -> &'m str {
        let id = self.foundation_id(model);
        self.mantle_endings.iter().find_map(|ending| id.strip_suffix(ending.as_str())).unwrap_or(id)
    }

    /// The geographies whose profiles keep a request near `region`, nearest first.
    pub fn homes(&self, region: &str) -> &[String] {
        let near =
            self.homes.iter().filter(|(beginning, _)| region.starts_with(beginning.as_str()));
        near.max_by_key(|(beginning, _)| beginning.len()).map_or(&[], |(_, homes)| homes)
    }

    /// Whether a word is a geography of inference profiles, such as `eu`.
    pub fn is_geography(&self, word: &str) -> bool {
        self.geo_prefixes.iter().any(|prefix| prefix.strip_suffix('.') == Some(word))
    }

    pub fn listed(&self) -> &[Listed] {
        &self.listed
    }
}

/// Lays a card over those that it extends.
fn resolve(cards: &BTreeMap<String, RawCard>, name: &str) -> Result<Card, String> {
    let mut chain = vec![name];
    while let Some(parent) = cards.get(chain[chain.len() - 1]).and_then(|c| c.extends.as_deref()) {
        if chain.contains(&parent) {
            return Err(format!("card `{name}` extends itself"));
        }
        chain.push(parent);
    }
    let mut facts = toml::Table::new();
    for link in chain.iter().rev() {
        let raw = cards
            .get(*link)
            .ok_or_else(|| format!("card `{name}` extends `{link}`, which is not there"))?;
        facts.extend(raw.facts.clone());
    }
    facts.try_into().map_err(|e| format!("card `{name}`: {e}"))
}

// === impl Gate ===

impl Gate {
    /// Whether one of `betas` opens it.
    pub fn is_open(&self, betas: &[impl AsRef<str>]) -> bool {
        let mut keys = self.betas.iter();
        keys.any(|key| betas.iter().any(|beta| beta.as_ref().starts_with(key.as_str())))
    }
}

// === impl Card ===

impl Card {
    pub fn accepts_beta(&self, beta: &str) -> bool {
        self.betas.iter().any(|b| beta.starts_with(b.as_str()))
            && !self.refused_betas.iter().any(|b| b == beta)
    }

    /// The name by which Bedrock knows a beta.
    pub fn beta_name<'b>(&'b self, beta: &'b str) -> &'b str {
        let mut renamed = self.beta_names.iter();
        renamed.find(|(old, _)| beta.starts_with(old.as_str())).map_or(beta, |(_, new)| new)
    }

    /// Bedrock's name for a tool type, if it is another.
    pub fn tool_type(&self, kind: &str) -> Option<&str> {
        let mut renamed = self.tool_types.iter();
        renamed
            .find(|(old, new)| kind.starts_with(old.as_str()) && kind != *new)
            .map(|(_, new)| &**new)
    }

    /// The beta that the member at `path` needs.
    pub fn feature_beta(&self, path: &str) -> Option<&str> {
        self.feature_betas.get(path).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_catalog_parses() {
        let catalog = Catalog::parse(BUILT_IN).unwrap();
        assert!(catalog.cards.len() > 10);
        for (card, name) in catalog.prefixes.iter().map(|(name, at)| (&catalog.cards[*at], name)) {
            let most = card.max_output_tokens;
            assert!(
                most == 0 || card.default_max_tokens <= most,
                "{name}: the default is too much"
            );
        }
        for listed in catalog.listed() {
            assert_ne!(catalog.card(&listed.id).default_max_tokens, 0, "{}", listed.id);
        }
    }

    #[test]
    fn ids_profiles_and_arns_share_a_card() {
        let catalog = Catalog::built_in();
        for id in [
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ] {
            assert_eq!(catalog.card(id).carriers[0].carrier, Carrier::Invoke, "{id}");
            assert_eq!(catalog.card(id).thinking, ThinkingStyle::Budget, "{id}");
        }
        assert_eq!(catalog.card("anthropic.claude-opus-4-8").thinking, ThinkingStyle::Adaptive);
    }

    #[test]
    fn mantle_knows_models_by_a_bare_id() {
        let catalog = Catalog::built_in();
        for (id, bare) in [
            ("us.anthropic.claude-opus-4-8", "anthropic.claude-opus-4-8"),
            ("openai.gpt-oss-120b-1:0", "openai.gpt-oss-120b"),
            ("qwen.qwen3-32b-v1:0", "qwen.qwen3-32b"),
        ] {
            assert_eq!(catalog.mantle_id(id), bare);
        }
    }

    #[test]
    fn what_no_card_names_goes_over_converse() {
        let catalog = Catalog::built_in();
        for id in [
            "newvendor.model-1",
            "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/ab12cd34ef56",
        ] {
            let carriers: Vec<_> = catalog.card(id).carriers.iter().map(|l| l.carrier).collect();
            assert_eq!(carriers, [Carrier::Converse], "{id}");
        }
    }

    #[test]
    fn every_home_is_a_geography_and_the_nearest_wins() {
        let catalog = Catalog::built_in();
        assert!(catalog.homes.values().flatten().all(|home| catalog.is_geography(home)));
        assert_eq!(catalog.homes("us-gov-west-1"), ["us-gov"]);
        assert_eq!(catalog.homes("ap-northeast-1"), ["jp", "apac"]);
        assert_eq!(catalog.homes("ap-east-2"), ["apac"]);
        assert!(catalog.homes("il-central-1").is_empty());
    }

    #[test]
    fn a_card_that_extends_itself_is_refused() {
        let text = "geo_prefixes=[]\nhomes={}\nmantle_endings=[]\n[card.a]\nextends='b'\nsource='s'\nchecked='c'\n[card.b]\nextends='a'\nsource='s'\nchecked='c'\n";
        assert!(Catalog::parse(text).unwrap_err().contains("extends itself"));
    }
}
