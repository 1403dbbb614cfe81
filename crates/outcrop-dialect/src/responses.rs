//! OpenAI Responses: requests in, answers out.
//!
//! 1. A body is read to its top-level members first ([`Body`]); what it refers to is fetched by the
//!    caller ([`Recalled`]); then it is decoded. Every member ends up in the IR, in an `extra`, in the
//!    ledger or in a [`Fault`](outcrop_model::Fault) that names its JSON path.
//! 2. Tools that Bedrock does not know as such (free-text tools, namespaces) become functions, and
//!    calls of them come back as what they were ([`ToolShapes`](tools::ToolShapes)).
//! 3. Each thinking block is a reasoning item whose `encrypted_content` holds all that the model must
//!    get back, so thinking survives a turn whoever keeps the conversation.
//! 4. Whole answers and streams write the same items by the same code.
//! 5. An item's id tells which answer it belongs to.
//!
//! Not here: tools that OpenAI itself runs, background answers, conversations.

mod body;
mod envelope;
mod output;
mod place;
mod recall;
mod relay;
mod request;
mod response;
mod settings;
mod stream;
mod tools;

pub use body::{Body, decode_alone, is_meant};
pub use recall::{Kept, Recalled};
pub(crate) use relay::relay;
pub use relay::{Watch, read_whole};
pub use request::Decoded;
pub use response::{Answering, encode_count, encode_response};
pub use settings::Settings;
pub use stream::ResponseWriter;

/// A fault at `path` whose message is a whole sentence: the path, then `what`.
fn invalid(path: impl Into<String>, what: impl std::fmt::Display) -> outcrop_model::Fault {
    let path = path.into();
    let message = format!("`{path}` {what}");
    outcrop_model::Fault::invalid(path, message)
}

/// A fault at `path` for what exists elsewhere but not on Bedrock.
fn unsupported(path: impl Into<String>, what: impl std::fmt::Display) -> outcrop_model::Fault {
    let mut fault = invalid(path, what);
    fault.class = outcrop_model::ErrorClass::Unsupported;
    fault
}
