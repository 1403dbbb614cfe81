//! `amazon-bedrock-invocationMetrics`, which the last chunk of every InvokeModel stream carries.
//!
//! Latencies are simulated: a fixed wait for the first byte and a fixed pace per token.

use serde_json::{Value, json};

use crate::words::Usage;

pub(crate) const KEY: &str = "amazon-bedrock-invocationMetrics";

const FIRST_BYTE_MS: u64 = 200;
const MS_PER_OUTPUT_TOKEN: u64 = 10;

pub(crate) fn of(usage: &Usage) -> Value {
    json!({
        "inputTokenCount": usage.input,
        "outputTokenCount": usage.output,
        "invocationLatency": latency_ms(usage),
        "firstByteLatency": FIRST_BYTE_MS,
        "cacheReadInputTokenCount": usage.cache_read,
        "cacheWriteInputTokenCount": usage.cache_write_5m + usage.cache_write_1h,
    })
}

pub(crate) fn latency_ms(usage: &Usage) -> u64 {
    FIRST_BYTE_MS + MS_PER_OUTPUT_TOKEN * usage.output
}
