//! Whole answers as Bedrock sends them.

/// A short answer of Converse.
pub const CONVERSE: &str = r#"{"metrics":{"latencyMs":412},"output":{"message":{"content":[{"text":"A gateway gives many clients one door to many models, with one set of keys, limits and logs."}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":31,"outputTokens":22,"totalTokens":53}}"#;

/// A short answer of Claude over InvokeModel.
pub const CLAUDE: &str = r#"{"model":"claude-sonnet-4-5-20250929","id":"msg_bdrk_0123456789abcdefghijkl","type":"message","role":"assistant","content":[{"type":"text","text":"A gateway gives many clients one door to many models, with one set of keys, limits and logs."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":31,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":22}}"#;
