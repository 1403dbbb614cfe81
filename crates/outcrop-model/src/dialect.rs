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
    /// A body for InvokeModel, each model family's own. The gateway relays it unread; only Anthropic's,
    /// where the model does not take it, is translated, and answered in the same envelope.
    Native,
}

/// The envelope in which a dialect travels to Bedrock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// `/model/{id}/converse[-stream]`
    Converse,
    /// `/model/{id}/invoke[-with-response-stream]`
    Invoke,
    /// `/model/{id}/count-tokens`
    CountTokens,
    /// `/openai/v1/…` on `bedrock-runtime`: the model id in the body, streams as server-sent events.
    #[serde(rename = "openai")]
    OpenAi,
    /// `/anthropic/v1/messages` on `bedrock-runtime`, likewise.
    Anthropic,
    /// Both vendors' paths on `bedrock-mantle`: another host, signing name, quota and spelling of ids.
    Mantle,
}

/// How the parts of a streamed answer are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `application/vnd.amazon.eventstream`
    EventStream,
    /// `text/event-stream`
    ServerSentEvents,
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
    /// Those that an operator may demand.
    pub const PINS: [Carrier; 5] =
        [Carrier::Converse, Carrier::Invoke, Carrier::OpenAi, Carrier::Anthropic, Carrier::Mantle];

    /// The word for settings, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Carrier::Converse => "converse",
            Carrier::Invoke => "invoke",
            Carrier::CountTokens => "count_tokens",
            Carrier::OpenAi => "openai",
            Carrier::Anthropic => "anthropic",
            Carrier::Mantle => "mantle",
        }
    }

    pub fn framing(self) -> Framing {
        match self {
            Carrier::Converse | Carrier::Invoke | Carrier::CountTokens => Framing::EventStream,
            Carrier::OpenAi | Carrier::Anthropic | Carrier::Mantle => Framing::ServerSentEvents,
        }
    }

    /// Last segment of the path of `/model/{id}/…`; empty for carriers that have no model in the path.
    pub fn path_segment(self, stream: bool) -> &'static str {
        match (self, stream) {
            (Carrier::Converse, false) => "converse",
            (Carrier::Converse, true) => "converse-stream",
            (Carrier::Invoke, false) => "invoke",
            (Carrier::Invoke, true) => "invoke-with-response-stream",
            (Carrier::CountTokens, _) => "count-tokens",
            (Carrier::OpenAi | Carrier::Anthropic | Carrier::Mantle, _) => "",
        }
    }
}
