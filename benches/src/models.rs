//! The models that the benchmarks ask for, one for each way.

/// Speaks Anthropic over InvokeModel.
pub const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
/// Speaks Converse.
pub const NOVA: &str = "amazon.nova-pro-v1:0";
/// Like [`CLAUDE`], but the stub streams its answers as slowly as a fast model does.
pub const PACED_CLAUDE: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
/// Like [`NOVA`], paced.
pub const PACED_NOVA: &str = "amazon.nova-lite-v1:0";

/// A model id as a path segment.
pub fn segment(model: &str) -> String {
    model.replace(':', "%3A")
}

/// Whether the model in a raw path streams paced.
pub fn is_paced(path: &str) -> bool {
    [PACED_CLAUDE, PACED_NOVA].iter().any(|model| path.contains(&segment(model)))
}
