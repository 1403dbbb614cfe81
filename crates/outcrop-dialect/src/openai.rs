//! OpenAI Chat Completions: requests in, answers out.
//!
//! 1. [`decode`] reads a body in one pass and borrows from it; every member ends up in the IR, in an
//!    `extra`, in a `Foreign` block or in a [`Fault`](outcrop_model::Fault) that names its JSON path.
//! 2. JSON `null` and empty lists are absence; so are settings that ask for what happens anyway.
//! 3. Thinking travels as `reasoning_content` (text for people) and `thinking_blocks` (with
//!    signatures, to be sent back word for word), as OpenAI-compatible clients of other models know it.
//!
//! What a model can take is not decided here: that is `fit`'s business.

mod annotation;
mod encode;
mod encode_media;
mod request;
mod response;
mod stream;
pub mod text;
mod upstream;
mod wire;

pub(crate) use annotation::{Annotation, NO_PLACE, POINTS_ONLY, length, read as read_annotations};
pub use encode::encode;
pub(crate) use request::media::{
    check_base64, file_data, file_id, kind_of, mime_by_ending, source,
};
pub use request::{Decoded, decode};
pub use response::{Answering, encode_response};
pub use stream::ChunkWriter;
pub(crate) use upstream::usage;
pub use upstream::{Reader, decode_response};
pub(crate) use wire::{lift, members, owned_json, take, text};
