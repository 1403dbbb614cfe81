//! What of an Anthropic request belongs to its envelope, not to its meaning.

use std::borrow::Cow;

use outcrop_model::{Card, Carrier};

/// The path on both hosts that speak Anthropic's own API.
pub const PATH: &str = "/anthropic/v1/messages";
/// The same for a count, on `bedrock-mantle` alone.
pub const COUNT_PATH: &str = "/anthropic/v1/messages/count_tokens";
/// The version that every Claude on Bedrock takes.
pub const OLDEST_VERSION: &str = "bedrock-2023-05-31";
/// The version of Anthropic's own API that stands for [`OLDEST_VERSION`].
const OLDEST_DIRECT_VERSION: &str = "2023-06-01";
/// What Bedrock's own versions begin with; Anthropic's begin with the year.
const BEDROCKS_OWN: &str = "bedrock-";

/// Where model, streaming, version and betas go.
#[derive(Debug, Clone, Copy)]
pub enum Envelope<'e> {
    /// InvokeModel: version and betas in the body, model and streaming in the path.
    Invoke { version: &'e str },
    /// Anthropic's own paths: model and streaming in the body, version and betas in headers.
    Direct { model: &'e str },
}

// === impl Envelope ===

impl<'e> Envelope<'e> {
    pub(crate) fn of(carrier: Carrier, model: &'e str, card: &'e Card) -> Self {
        match carrier {
            Carrier::Anthropic | Carrier::Mantle => Self::Direct { model },
            Carrier::Invoke | Carrier::Converse | Carrier::CountTokens | Carrier::OpenAi => {
                Self::Invoke { version: version(card) }
            }
        }
    }
}

/// The `anthropic_version` that the model prefers; the oldest one when the card names none.
fn version(card: &Card) -> &str {
    card.anthropic_versions.first().map_or(OLDEST_VERSION, String::as_str)
}

/// The headers of Anthropic's own paths.
pub(crate) fn direct_headers(card: &Card, betas: &[Cow<'_, str>]) -> Vec<(&'static str, String)> {
    let direct = card.anthropic_versions.iter().find(|v| !v.starts_with(BEDROCKS_OWN));
    let version = direct.map_or(OLDEST_DIRECT_VERSION, String::as_str);
    let mut headers = vec![("anthropic-version", version.to_owned())];
    if !betas.is_empty() {
        headers.push(("anthropic-beta", betas.join(",")));
    }
    headers
}
