//! The Converse dialect: its body read into a prompt, the rules of a conversation, and the answer
//! written whole or as events.

pub(crate) mod citation;
pub(crate) mod read;
pub(crate) mod rules;
pub(crate) mod write;
