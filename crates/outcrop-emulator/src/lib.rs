//! A faithful local Bedrock.

pub mod native;
pub mod words;
