//! What one Claude model accepts, as a value.

/// The differences between Claude generations that the body's reader honours.
///
/// The default is the widest: a current model with sampling, prefill and every kind of thinking.
#[derive(Debug, Clone)]
pub struct AnthropicRules {
    /// Accepted values of `anthropic_version`.
    pub versions: Vec<String>,
    /// Accepted entries of `anthropic_beta`, with or without their date (`context-1m` stands for `context-1m-2025-08-07`).
    pub betas: Vec<String>,
    /// Members that are refused as extra inputs, or open only under a beta.
    pub gates: Vec<Gate>,
    /// Accepted `thinking.type` values.
    pub thinking: Vec<String>,
    /// Accepted `type` values of tools; one that ends in `_` stands for all its dated forms.
    pub tool_types: Vec<String>,
    /// Whether `output_config.format` and `strict` of tools are accepted.
    pub structured: bool,
    /// Whether the conversation may end with an assistant message.
    pub prefill: bool,
    /// Whether `role: "system"` is accepted inside `messages`.
    pub system_role: bool,
    /// Whether `temperature`, `top_p` and `top_k` are accepted at all.
    pub sampling: bool,
    /// Whether `temperature` and `top_p` may be given together.
    pub temperature_with_top_p: bool,
}

/// A member that needs a beta.
#[derive(Debug, Clone)]
pub struct Gate {
    /// `context_management`, `tools.X`, `messages.X` or `cache_control.X`.
    pub field: String,
    /// Betas (without date) any of which opens the member; none means that it is always refused.
    pub betas: Vec<String>,
}

/// Both versions that Bedrock documents; which model takes which is the caller's knowledge.
const VERSIONS: [&str; 2] = ["bedrock-2023-05-31", super::VERSION_2026_10_21];

/// Betas recorded as accepted by InvokeModel (two gateways' tables and Claude Code's own body, checked 2026-11-21).
const BETAS: [&str; 22] = [
    "compact",
    "computer-use",
    "context-1m",
    "context-management",
    "dangerous-tool-use",
    "dev-full-thinking",
    "effort",
    "fine-grained-tool-streaming",
    "interleaved-thinking",
    "mid-conversation-output-config",
    "mid-conversation-system",
    "mid-conversation-tool-changes",
    "model-context-window-exceeded",
    "output-128k",
    "pdfs",
    "search-results",
    "thinking-binding-controls",
    "thinking-display-updates",
    "thinking-token-count",
    "token-efficient-tools",
    "tool-examples",
    "tool-search-tool",
];

/// Members recorded as refused without a beta, or always (checked 2026-11-21, second-hand).
const GATES: [(&str, &[&str]); 6] = [
    ("cache_control.scope", &[]),
    ("context_management", &["context-management", "compact"]),
    ("messages.output_config", &["mid-conversation-output-config"]),
    ("tools.defer_loading", &["tool-search-tool", "mid-conversation-tool-changes"]),
    ("tools.eager_input_streaming", &["fine-grained-tool-streaming"]),
    ("tools.input_examples", &["tool-examples", "tool-search-tool"]),
];

const THINKING: [&str; 4] = ["adaptive", "between-tools", "disabled", "enabled"];

/// Server tools that run on Bedrock; web search, web fetch and code execution do not.
const TOOL_TYPES: [&str; 6] =
    ["bash_", "computer_", "custom", "memory_", "text_editor_", "tool_search_tool_regex"];

// === impl AnthropicRules ===

impl Default for AnthropicRules {
    fn default() -> Self {
        let gate = |(field, betas): &(&str, &[&str])| Gate {
            field: (*field).to_owned(),
            betas: owned(betas),
        };
        Self {
            versions: owned(&VERSIONS),
            betas: owned(&BETAS),
            gates: GATES.iter().map(gate).collect(),
            thinking: owned(&THINKING),
            tool_types: owned(&TOOL_TYPES),
            structured: true,
            prefill: true,
            system_role: true,
            sampling: true,
            temperature_with_top_p: true,
        }
    }
}

impl AnthropicRules {
    pub(super) fn accepts_beta(&self, beta: &str) -> bool {
        self.betas.iter().any(|name| is_dated_form_of(beta, name))
    }

    pub(super) fn accepts_tool_type(&self, found: &str) -> bool {
        let matches = |known: &String| {
            found == known
                || (known.ends_with('_') && found.starts_with(known.as_str()))
                || is_dated_form_of(found, known)
        };
        self.tool_types.iter().any(matches)
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// True for `name` itself and for `name-2025-08-07`, `name-20250807`, `name_20251119`.
pub(super) fn is_dated_form_of(found: &str, name: &str) -> bool {
    let Some(rest) = found.strip_prefix(name) else {
        return false;
    };
    let is_date = |date: &str| date.chars().all(|c| c.is_ascii_digit() || c == '-');
    rest.is_empty() || rest.strip_prefix(['-', '_']).is_some_and(is_date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beta_matches_with_and_without_its_date() {
        assert!(is_dated_form_of("context-1m-2025-08-07", "context-1m"));
        assert!(is_dated_form_of("context-1m", "context-1m"));
        assert!(!is_dated_form_of("context-1mx", "context-1m"));
        assert!(!is_dated_form_of("tool-search-tool-2025-10-19", "tool-search"));
    }

    #[test]
    fn tool_types_match_by_family() {
        let rules = AnthropicRules::default();
        assert!(rules.accepts_tool_type("bash_20250124"));
        assert!(rules.accepts_tool_type("tool_search_tool_regex_20251119"));
        assert!(rules.accepts_tool_type("custom"));
        assert!(!rules.accepts_tool_type("web_search_20250305"));
        assert!(!rules.accepts_tool_type("customized"));
    }
}
