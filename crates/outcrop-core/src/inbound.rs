//! What came through the door.

use std::borrow::Cow;
use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, Method};
use outcrop_aws::Credentials;
use outcrop_dialect::bundle::Specialty;
use outcrop_model::{Carrier, Dialect};

use outcrop_model::json::{Members, Str};

use crate::aside::Aside;
use crate::model_id::percent_decode;
use crate::route::Approach;

/// A request with its whole body, and what its path said.
#[derive(Debug)]
pub struct Inbound {
    pub operation: Operation,
    /// The listener's name; `None` where there is but one.
    pub listener: Option<String>,
    pub method: Method,
    /// The raw path, as the caller wrote it.
    pub path: String,
    /// The gateway's own path that it means.
    pub own_path: String,
    /// Of the request's target, where that names one.
    pub authority: Option<String>,
    /// The raw query, without `?`.
    pub query: Option<String>,
    pub headers: HeaderMap,
    /// The caller's own AWS credentials, where it may lend some and did; known once it is routed.
    pub credentials: Option<Credentials>,
    pub body: Bytes,
    /// The address that the request came from; `None` where there is no network.
    pub peer: Option<IpAddr>,
    /// The gateway's own id for the request.
    pub request_id: String,
}

impl Inbound {
    /// A request that comes through no door, with nothing but its body.
    pub fn post(operation: Operation, body: impl Into<Bytes>, request_id: &str) -> Self {
        Self {
            operation,
            listener: None,
            method: Method::POST,
            path: String::new(),
            own_path: String::new(),
            authority: None,
            query: None,
            headers: HeaderMap::new(),
            credentials: None,
            peer: None,
            body: body.into(),
            request_id: request_id.to_owned(),
        }
    }

    /// What the request shows of itself without its body.
    pub(crate) fn approach(&self) -> Approach<'_> {
        Approach {
            listener: self.listener.as_deref(),
            method: &self.method,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &self.headers,
            authority: self.authority.as_deref(),
        }
    }

    /// The model that the request names, as far as that can be read.
    pub(crate) fn model(&self) -> Option<Cow<'_, str>> {
        match &self.operation {
            Operation::Bedrock { model, .. } => Some(percent_decode(model).into()),
            Operation::Aside(aside) => aside.model(&self.body),
            Operation::ChatCompletions
            | Operation::Completions
            | Operation::Responses
            | Operation::Messages
            | Operation::KongChat
            | Operation::CountMessages
            | Operation::CountResponses
            | Operation::Special(_) => {
                let members: Members<'_> = serde_json::from_slice(&self.body).ok()?;
                let Str(model) = serde_json::from_str(members.get("model")?.get()).ok()?;
                Some(model)
            }
        }
    }

    /// Whether the model stands in the body.
    pub(crate) fn names_model_in_body(&self) -> bool {
        !matches!(self.operation, Operation::Bedrock { .. } | Operation::Aside(_))
    }
}

/// What the caller wants, by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// OpenAI Chat Completions.
    ChatCompletions,
    /// OpenAI's legacy text completions.
    Completions,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages.
    Messages,
    /// The chat of the Bedrock skill for Kong Gateway.
    KongChat,
    /// Anthropic's token count.
    CountMessages,
    /// The token count of OpenAI's Responses API.
    CountResponses,
    /// What models other than chat models do.
    Special(Specialty),
    /// Bedrock's own API. `model` is the raw, still encoded path segment.
    Bedrock { model: String, carrier: Carrier, stream: bool },
    /// Another call of Bedrock's, relayed.
    Aside(Aside),
}

impl Operation {
    /// The dialect in which the caller expects answers and errors.
    pub fn dialect(&self) -> Dialect {
        match self {
            Operation::ChatCompletions => Dialect::OpenAiChat,
            Operation::Completions => Dialect::OpenAiText,
            Operation::KongChat => Dialect::KongChat,
            Operation::Responses | Operation::CountResponses => Dialect::Responses,
            Operation::Messages | Operation::CountMessages => Dialect::Anthropic,
            Operation::Special(Specialty::Embeddings) => Dialect::OpenAiEmbeddings,
            Operation::Special(Specialty::Images) => Dialect::OpenAiImages,
            Operation::Special(Specialty::Rerank { .. }) => Dialect::CohereRerank,
            Operation::Bedrock { carrier: Carrier::Converse, .. } => Dialect::Converse,
            Operation::Bedrock { .. } | Operation::Aside(_) => Dialect::Native,
        }
    }

    /// Whether its body is a request to a model, which a route may change. Bedrock's other calls have bodies
    /// of their own, or none.
    pub(crate) fn is_for_a_model(&self) -> bool {
        match self {
            Operation::ChatCompletions
            | Operation::Completions
            | Operation::Responses
            | Operation::Messages
            | Operation::KongChat
            | Operation::CountMessages
            | Operation::CountResponses
            | Operation::Special(_) => true,
            Operation::Bedrock { carrier, .. } => *carrier != Carrier::CountTokens,
            Operation::Aside(_) => false,
        }
    }

    /// Which call it is, where that is not inference.
    pub(crate) fn beside(&self) -> Option<&'static str> {
        match self {
            Operation::CountMessages
            | Operation::CountResponses
            | Operation::Bedrock { carrier: Carrier::CountTokens, .. } => Some("count_tokens"),
            Operation::Aside(aside) => Some(aside.call.as_str()),
            Operation::ChatCompletions
            | Operation::Completions
            | Operation::Responses
            | Operation::Messages
            | Operation::KongChat
            | Operation::Special(_)
            | Operation::Bedrock { .. } => None,
        }
    }

    /// The word for logs and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Operation::ChatCompletions => "chat_completions",
            Operation::Completions => "completions",
            Operation::KongChat => "chat",
            Operation::Responses => "responses",
            Operation::Messages => "messages",
            Operation::CountMessages => "count_messages",
            Operation::CountResponses => "count_responses",
            Operation::Special(Specialty::Embeddings) => "embeddings",
            Operation::Special(Specialty::Images) => "images",
            Operation::Special(Specialty::Rerank { .. }) => "cohere_rerank",
            Operation::Aside(aside) => aside.call.as_str(),
            Operation::Bedrock { carrier, stream, .. } => match (carrier, stream) {
                (Carrier::Converse, false) => "converse",
                (Carrier::Converse, true) => "converse_stream",
                (Carrier::Invoke, false) => "invoke",
                (Carrier::Invoke, true) => "invoke_stream",
                (Carrier::CountTokens, _) => "count_tokens",
                (Carrier::OpenAi | Carrier::Anthropic | Carrier::Mantle, _) => carrier.as_str(),
            },
        }
    }
}
