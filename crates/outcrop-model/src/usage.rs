//! Token counts in disjoint buckets.

/// Tokens of one answer. The buckets are disjoint; `reasoning` is a part of `output`, noted beside it.
///
/// Dialects count differently (OpenAI's `prompt_tokens` includes cached tokens, Anthropic's and
/// Bedrock's `input_tokens` does not); those conventions live in the dialects, not here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Input tokens neither read from nor written to a cache.
    pub input: u64,
    pub cache_read: u64,
    /// Written with the five-minute lifetime (the default).
    pub cache_write_5m: u64,
    /// Written with the one-hour lifetime.
    pub cache_write_1h: u64,
    pub output: u64,
    /// Of `output`, those spent on reasoning, when the model tells.
    pub reasoning: Option<u64>,
}

/// Sums stop at the largest number there is.
impl Usage {
    pub fn cache_write(&self) -> u64 {
        self.cache_write_5m.saturating_add(self.cache_write_1h)
    }

    /// All tokens of the prompt, cached or not.
    pub fn prompt(&self) -> u64 {
        self.input.saturating_add(self.cache_read).saturating_add(self.cache_write())
    }

    pub fn total(&self) -> u64 {
        self.prompt().saturating_add(self.output)
    }
}
