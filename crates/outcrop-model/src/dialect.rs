//! Dialects (JSON languages) and carriers (envelopes).

use serde::Deserialize;

/// A JSON language of requests, responses, events and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// OpenAI Chat Completions.
    OpenAiChat,
    /// OpenAI's legacy text completions.
    OpenAiText,
    /// The chat of the Bedrock skill for Kong Gateway: answers are Anthropic's, errors its own.
    KongChat,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages.
    Anthropic,
    /// Bedrock Converse.
    Converse,
    /// OpenAI Embeddings.
    OpenAiEmbeddings,
    /// OpenAI Images.
    OpenAiImages,
    /// Cohere Rerank.
    CohereRerank,
    /// A model family's own body for InvokeModel; the gateway relays it unread.
    Native,
}

/// The envelope in which a dialect travels to Bedrock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// `/model/{id}/converse[-stream]`
    Converse,
    /// `/model/{id}/invoke[-with-response-stream]`
    Invoke,
    /// `/model/{id}/count-tokens`
    CountTokens,
}

// === impl Dialect ===

impl Dialect {
    /// Every dialect, for exhaustive table tests.
    pub const ALL: [Dialect; 10] = [
        Dialect::KongChat,
        Dialect::OpenAiChat,
        Dialect::OpenAiText,
        Dialect::Responses,
        Dialect::OpenAiEmbeddings,
        Dialect::OpenAiImages,
        Dialect::CohereRerank,
        Dialect::Anthropic,
        Dialect::Converse,
        Dialect::Native,
    ];

    /// The word for logs, metrics and the loss report.
    pub fn as_str(self) -> &'static str {
        match self {
            Dialect::OpenAiChat => "openai_chat",
            Dialect::OpenAiText => "openai_text",
            Dialect::KongChat => "kong_chat",
            Dialect::Responses => "responses",
            Dialect::Anthropic => "anthropic",
            Dialect::Converse => "converse",
            Dialect::OpenAiEmbeddings => "openai_embeddings",
            Dialect::OpenAiImages => "openai_images",
            Dialect::CohereRerank => "cohere_rerank",
            Dialect::Native => "native",
        }
    }
}

// === impl Carrier ===

impl Carrier {
    /// Last segment of the path on `bedrock-runtime`.
    pub fn path_segment(self, stream: bool) -> &'static str {
        match (self, stream) {
            (Carrier::Converse, false) => "converse",
            (Carrier::Converse, true) => "converse-stream",
            (Carrier::Invoke, false) => "invoke",
            (Carrier::Invoke, true) => "invoke-with-response-stream",
            (Carrier::CountTokens, _) => "count-tokens",
        }
    }
}
