//! The models that the benchmarks ask for, one for each way.

/// Speaks Anthropic over InvokeModel.
pub const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
/// Speaks Converse.
pub const NOVA: &str = "amazon.nova-pro-v1:0";
/// [`CLAUDE`] as a path segment.
pub const CLAUDE_SEGMENT: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1%3A0";
/// [`NOVA`] as a path segment.
pub const NOVA_SEGMENT: &str = "amazon.nova-pro-v1%3A0";
