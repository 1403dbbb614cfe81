//! Bedrock Converse: the dialect of every chat model that has no richer one.
//!
//! Requests are only ever written (a Converse client is relayed), answers only ever read.

mod citation;
mod encode;
mod media;
mod response;
mod stream;

pub use encode::encode;
pub use response::decode_response;
pub use stream::Reader;
