//! What came through the door.

use bytes::Bytes;
use http::HeaderMap;
use outcrop_dialect::bundle::Specialty;
use outcrop_model::{Carrier, Dialect};

/// A request with its whole body, and what its path said.
#[derive(Debug)]
pub struct Inbound {
    pub operation: Operation,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The gateway's own id for the request.
    pub request_id: String,
}

/// What the caller wants, by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// OpenAI Chat Completions.
    ChatCompletions,
    /// Anthropic Messages.
    Messages,
    /// What models other than chat models do.
    Special(Specialty),
    /// Bedrock's own API. `model` is the raw, still encoded path segment.
    Bedrock { model: String, carrier: Carrier, stream: bool },
}

impl Operation {
    /// The dialect in which the caller expects answers and errors.
    pub fn dialect(&self) -> Dialect {
        match self {
            Operation::ChatCompletions => Dialect::OpenAiChat,
            Operation::Messages => Dialect::Anthropic,
            Operation::Special(Specialty::Embeddings) => Dialect::OpenAiEmbeddings,
            Operation::Special(Specialty::Rerank { .. }) => Dialect::CohereRerank,
            Operation::Bedrock { carrier: Carrier::Converse, .. } => Dialect::Converse,
            Operation::Bedrock { .. } => Dialect::Native,
        }
    }
}
