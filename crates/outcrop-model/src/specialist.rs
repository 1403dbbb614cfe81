//! Models that do one thing other than chat, as data.
//!
//! 1. Facts live in `catalog/`, each entry with a source and a checked date.
//! 2. A specialist is found by its foundation id; an opaque ARN tells none and is none.
//! 3. A specialist never chats, whatever card its id would match.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::catalog::{Catalog, Listed};

const BUILT_IN: [&str; 3] = [
    include_str!("../../../catalog/embeddings.toml"),
    include_str!("../../../catalog/images.toml"),
    include_str!("../../../catalog/rerank.toml"),
];

/// What a specialist does, and how it wants to be asked.
#[derive(Debug)]
pub enum Specialist {
    Embeddings(EmbeddingCard),
    Rerank(RerankCard),
    Images(ImageCard),
}

/// A model that turns inputs into vectors.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingCard {
    pub family: EmbeddingFamily,
    /// Texts that one call takes.
    pub batch: usize,
    /// Lengths of vectors that the model can give; nothing can be chosen when there is but one.
    pub dimensions: Vec<u32>,
    /// Longest text in characters; 0 when the limit is told in tokens only.
    pub max_chars: usize,
    /// Whether an input may be a picture.
    pub images: bool,
    /// The model's words for cutting nothing, the start or the end of a long text; empty when it has none.
    #[serde(default)]
    pub truncate: Vec<String>,
    /// Types of numbers other than float that the model can give, by its own words.
    #[serde(default)]
    pub encodings: Vec<String>,
    /// Whether the model can be told to bring vectors to length 1, or not to.
    #[serde(default)]
    pub normalize: bool,
    /// The input type of requests that name none.
    #[serde(default)]
    pub input_type: Option<String>,
    /// Input types as callers write them, with the model's own words.
    #[serde(default)]
    pub input_types: BTreeMap<String, String>,
}

/// A model that orders documents by a query.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RerankCard {
    /// Documents that one call takes.
    pub max_documents: usize,
    /// Version that the native body must name, if any.
    #[serde(default)]
    pub api_version: Option<u64>,
}

/// A model that draws.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageCard {
    pub family: ImageFamily,
    /// Pictures that one call gives.
    pub per_call: u64,
    /// Longest prompt in characters.
    pub max_prompt: usize,
    /// File formats, the default first; nothing can be chosen when there is but one.
    pub formats: Vec<String>,
    /// Whether the model takes a quality.
    pub quality: bool,
    /// Whether requests without a seed all get the same one.
    pub fixed_seed: bool,
    /// The sizes there are, `WIDTHxHEIGHT`, when they are a list.
    #[serde(default)]
    pub sizes: Vec<String>,
    /// Bounds, when any size within them will do.
    #[serde(default)]
    pub free_size: Option<FreeSize>,
    /// Pixels of a picture when no size is asked for; 0 where it is not known.
    #[serde(default)]
    pub default_pixels: u64,
    /// The aspect ratios there are, when the model takes no size.
    #[serde(default)]
    pub ratios: Vec<String>,
}

/// Bounds of a picture, in pixels.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreeSize {
    pub min: u64,
    pub max: u64,
    /// Sides are multiples of it.
    pub step: u64,
    /// How many times longer one side may be.
    pub max_ratio: u64,
    pub max_pixels: u64,
}

/// The native bodies of image models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageFamily {
    Amazon,
    Stability,
}

/// The native bodies of embedding models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmbeddingFamily {
    TitanText,
    TitanV2,
    TitanMultimodal,
    Cohere,
    Nova,
    MarengoFlat,
    MarengoNested,
}

/// All specialists, ready for look-up.
#[derive(Debug)]
struct Shelf {
    /// (id prefix, what has it), longest prefix first.
    entries: Vec<(String, usize)>,
    specialists: Vec<Specialist>,
    listed: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    embedding: BTreeMap<String, Entry>,
    #[serde(default)]
    rerank: BTreeMap<String, Entry>,
    #[serde(default)]
    image: BTreeMap<String, Entry>,
    #[serde(default)]
    listed: Vec<Listed>,
}

/// An entry as written.
#[derive(Deserialize)]
struct Entry {
    prefixes: Vec<String>,
    source: String,
    checked: String,
    #[serde(flatten)]
    facts: toml::Table,
}

// === impl Specialist ===

impl Specialist {
    /// What the model is, for a caller who took it for something else.
    pub fn what(&self) -> &'static str {
        match self {
            Specialist::Embeddings(_) => "an embedding model",
            Specialist::Rerank(_) => "a rerank model",
            Specialist::Images(_) => "an image model",
        }
    }

    /// Where the model can be asked.
    pub fn path(&self) -> &'static str {
        match self {
            Specialist::Embeddings(_) => "/v1/embeddings",
            Specialist::Rerank(_) => "/v1/rerank",
            Specialist::Images(_) => "/v1/images/generations",
        }
    }
}

// === impl Catalog ===

impl Catalog {
    /// The specialist behind a model id in any form; `None` for chat models and for those nobody knows.
    pub fn specialist(&self, model: &str) -> Option<&'static Specialist> {
        let id = self.foundation_id(model);
        let shelf = Shelf::built_in();
        let found = shelf.entries.iter().find(|(prefix, _)| id.starts_with(prefix.as_str()));
        found.map(|(_, index)| &shelf.specialists[*index])
    }
}

/// Specialists that `GET /v1/models` names when the account cannot be asked.
pub(crate) fn listed() -> &'static [Listed] {
    &Shelf::built_in().listed
}

// === impl Shelf ===

impl Shelf {
    fn built_in() -> &'static Self {
        static SHELF: OnceLock<Shelf> = OnceLock::new();
        #[expect(clippy::expect_used, reason = "compiled in and parsed by a test")]
        SHELF.get_or_init(|| Self::parse(&BUILT_IN).expect("the built-in specialists parse"))
    }

    fn parse(texts: &[&str]) -> Result<Self, String> {
        let mut shelf = Self { entries: Vec::new(), specialists: Vec::new(), listed: Vec::new() };
        for text in texts {
            let File { embedding, rerank, image, listed } =
                toml::from_str(text).map_err(|e| e.to_string())?;
            shelf.listed.extend(listed);
            for (name, entry) in embedding {
                let card = shelf.enter(&name, entry)?;
                shelf.specialists.push(Specialist::Embeddings(card));
            }
            for (name, entry) in rerank {
                let card = shelf.enter(&name, entry)?;
                shelf.specialists.push(Specialist::Rerank(card));
            }
            for (name, entry) in image {
                let card = shelf.enter(&name, entry)?;
                shelf.specialists.push(Specialist::Images(card));
            }
        }
        shelf.entries.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
        Ok(shelf)
    }

    /// Notes the prefixes of the specialist that comes next.
    fn enter<T: serde::de::DeserializeOwned>(
        &mut self,
        name: &str,
        entry: Entry,
    ) -> Result<T, String> {
        let Entry { prefixes, source, checked, facts } = entry;
        if source.is_empty() || checked.is_empty() {
            return Err(format!("`{name}` has no source or checked date"));
        }
        let index = self.specialists.len();
        self.entries.extend(prefixes.into_iter().map(|prefix| (prefix, index)));
        facts.try_into().map_err(|e| format!("`{name}`: {e}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_specialists_parse_and_agree_with_themselves() {
        let shelf = Shelf::parse(&BUILT_IN).unwrap();
        for specialist in &shelf.specialists {
            match specialist {
                Specialist::Embeddings(card) => {
                    assert!(card.batch > 0 && !card.dimensions.is_empty());
                    assert!(card.truncate.is_empty() || card.truncate.len() == 3);
                    let default = card.input_type.as_ref();
                    assert!(default.is_none_or(|word| card.input_types.contains_key(word)));
                }
                Specialist::Rerank(card) => assert!(card.max_documents > 0),
                Specialist::Images(card) => {
                    let sizing =
                        [!card.sizes.is_empty(), card.free_size.is_some(), !card.ratios.is_empty()];
                    assert_eq!(sizing.iter().filter(|way| **way).count(), 1);
                    assert!(card.per_call > 0 && !card.formats.is_empty());
                }
            }
        }
        for listed in &shelf.listed {
            assert!(Catalog::built_in().specialist(&listed.id).is_some(), "{}", listed.id);
        }
    }

    #[test]
    fn profiles_and_arns_tell_their_specialist_and_chat_models_are_none() {
        let catalog = Catalog::built_in();
        for id in [
            "amazon.titan-embed-text-v2:0",
            "us.cohere.embed-v4:0",
            "amazon.nova-2-multimodal-embeddings-v1:0",
            "arn:aws:bedrock:us-east-1::foundation-model/cohere.embed-english-v3",
        ] {
            assert!(matches!(catalog.specialist(id), Some(Specialist::Embeddings(_))), "{id}");
        }
        let rerank = catalog.specialist("amazon.rerank-v1:0");
        assert!(matches!(rerank, Some(Specialist::Rerank(_))));
        let canvas = catalog.specialist("amazon.nova-canvas-v1:0");
        assert!(matches!(canvas, Some(Specialist::Images(_))));
        assert!(catalog.specialist("us.amazon.nova-2-lite-v1:0").is_none());
    }
}
