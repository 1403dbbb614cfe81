//! A faithful local Bedrock.

pub mod words;
