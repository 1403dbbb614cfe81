//! IR → Converse request body.
//!
//! Expects a request that has been through `fit`; what the dialect itself cannot say goes to the ledger.

use outcrop_model::catalog::{EffortStyle, TopKPlace};
use outcrop_model::chat::{
    Block, CacheTtl, MediaKind, OutputFormat, Role, Thinking, Tool, ToolChoice, ToolResult, Turn,
};
use outcrop_model::{BlockKind, Card, ChatRequest, Ledger};

use super::citation;
use super::media::{DocumentNames, write_media};
use crate::schema::write_input_schema;
use crate::write::JsonWriter;

/// Stands beside a document that came without text.
const DOCUMENT: &str = "(document)";

/// Writes the body of `POST /model/{id}/converse[-stream]`.
pub fn encode(request: &ChatRequest<'_>, card: &Card, out: &mut Vec<u8>, ledger: &mut Ledger) {
    let mut encoder = Encoder { w: JsonWriter::new(out), names: DocumentNames::default(), ledger };
    encoder.request(request, card);
}

struct Encoder<'e> {
    w: JsonWriter<'e>,
    names: DocumentNames,
    ledger: &'e mut Ledger,
}

// === impl Encoder ===

impl Encoder<'_> {
    fn request(&mut self, request: &ChatRequest<'_>, card: &Card) {
        self.w.open_object();
        self.w.key("messages");
        self.w.open_array();
        for turn in &request.turns {
            self.turn(turn);
        }
        self.w.close_array();
        if !request.system.is_empty() {
            self.w.key("system");
            self.w.open_array();
            request.system.iter().for_each(|block| self.block(block));
            self.w.close_array();
        }
        self.inference_config(request);
        if !request.tools.is_empty() {
            self.tool_config(request);
        }
        self.additional_fields(request, card);
        self.output_config(request, card);
        self.metadata(request);
        if let Some(tier) = &request.service_tier {
            self.w.key("serviceTier");
            self.w.open_object();
            self.w.member_str("type", tier);
            self.w.close_object();
        }
        if let Some(latency) = &request.latency {
            self.w.key("performanceConfig");
            self.w.open_object();
            self.w.member_str("latency", latency);
            self.w.close_object();
        }
        self.w.close_object();
    }

    fn turn(&mut self, turn: &Turn<'_>) {
        self.w.open_object();
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::System => "system",
        };
        self.w.member_str("role", role);
        self.w.key("content");
        self.w.open_array();
        let bare_document = self.bare_document(turn);
        for (i, block) in turn.blocks.iter().enumerate() {
            if Some(i) == bare_document {
                self.text(DOCUMENT);
            }
            self.block(block);
        }
        self.w.close_array();
        self.w.close_object();
    }

    /// The turn's first document, if there is no text in the turn: Converse refuses one without.
    fn bare_document(&mut self, turn: &Turn<'_>) -> Option<usize> {
        let is_document =
            |b: &Block<'_>| matches!(&b.kind, BlockKind::Media(m) if m.kind == MediaKind::Document);
        let first = turn.blocks.iter().position(is_document)?;
        if turn.blocks.iter().any(|b| matches!(b.kind, BlockKind::Text(_))) {
            return None;
        }
        let why = format!(
            "the text {DOCUMENT:?} was put before it, as Bedrock wants text beside a document"
        );
        self.ledger.approximated(turn.blocks[first].at.to_string(), why);
        Some(first)
    }

    fn text(&mut self, text: &str) {
        self.w.open_object();
        self.w.member_str("text", text);
        self.w.close_object();
    }

    fn block(&mut self, block: &Block<'_>) {
        match &block.kind {
            BlockKind::Text(text) if block.citations.is_empty() => self.text(text),
            BlockKind::Text(text) => {
                let Block { citations, at, .. } = block;
                citation::write_text(&mut self.w, text, citations, *at, self.ledger);
            }
            BlockKind::Media(media) => {
                write_media(&mut self.w, media, block.at, &mut self.names, self.ledger)
            }
            BlockKind::ToolUse(call) => {
                self.w.open_object();
                self.w.key("toolUse");
                self.w.open_object();
                self.w.member_str("toolUseId", &call.id);
                self.w.member_str("name", &call.name);
                self.w.member_raw("input", &call.input);
                self.w.close_object();
                self.w.close_object();
            }
            BlockKind::ToolResult(result) => self.tool_result(result),
            BlockKind::Thinking { text, signature } => self.thinking(text, signature.as_deref()),
            BlockKind::Redacted(data) => {
                self.w.open_object();
                self.w.key("reasoningContent");
                self.w.open_object();
                self.w.member_str("redactedContent", data);
                self.w.close_object();
                self.w.close_object();
            }
            BlockKind::Foreign { kind, .. } => {
                self.ledger.dropped(
                    block.at.to_string(),
                    format!("content of type `{kind}` has no equivalent"),
                );
            }
        }
        self.cache_point(block.cache);
    }

    fn thinking(&mut self, text: &str, signature: Option<&str>) {
        self.w.open_object();
        self.w.key("reasoningContent");
        self.w.open_object();
        self.w.key("reasoningText");
        self.w.open_object();
        self.w.member_str("text", text);
        if let Some(signature) = signature {
            self.w.member_str("signature", signature);
        }
        self.w.close_object();
        self.w.close_object();
        self.w.close_object();
    }

    fn tool_result(&mut self, result: &ToolResult<'_>) {
        let ToolResult { id, content, is_error } = result;
        self.w.open_object();
        self.w.key("toolResult");
        self.w.open_object();
        self.w.member_str("toolUseId", id);
        self.w.key("content");
        self.w.open_array();
        for part in content {
            match &part.kind {
                BlockKind::Text(text) => self.text(text),
                BlockKind::Media(media) => {
                    write_media(&mut self.w, media, part.at, &mut self.names, self.ledger)
                }
                BlockKind::ToolUse(_)
                | BlockKind::ToolResult(_)
                | BlockKind::Thinking { .. }
                | BlockKind::Redacted(_)
                | BlockKind::Foreign { .. } => {
                    self.ledger.refused(
                        part.at.to_string(),
                        "only text, images and documents can stand in a tool result",
                    );
                }
            }
        }
        self.w.close_array();
        if *is_error == Some(true) {
            self.w.member_str("status", "error");
        }
        self.w.close_object();
        self.w.close_object();
    }

    fn cache_point(&mut self, cache: Option<CacheTtl>) {
        let Some(ttl) = cache else { return };
        self.w.open_object();
        self.w.key("cachePoint");
        self.w.open_object();
        self.w.member_str("type", "default");
        match ttl {
            CacheTtl::Default => {}
            CacheTtl::FiveMinutes => self.w.member_str("ttl", "5m"),
            CacheTtl::OneHour => self.w.member_str("ttl", "1h"),
        }
        self.w.close_object();
        self.w.close_object();
    }

    fn inference_config(&mut self, request: &ChatRequest<'_>) {
        self.w.key("inferenceConfig");
        self.w.open_object();
        if let Some(max) = request.max_tokens {
            self.w.member_u64("maxTokens", max);
        }
        if let Some(temperature) = request.temperature {
            self.w.key("temperature");
            self.w.f64(temperature);
        }
        if let Some(top_p) = request.top_p {
            self.w.key("topP");
            self.w.f64(top_p);
        }
        if !request.stop_sequences.is_empty() {
            self.w.key("stopSequences");
            self.w.open_array();
            request.stop_sequences.iter().for_each(|s| self.w.str(s));
            self.w.close_array();
        }
        self.w.close_object();
    }

    fn tool_config(&mut self, request: &ChatRequest<'_>) {
        self.w.key("toolConfig");
        self.w.open_object();
        self.w.key("tools");
        self.w.open_array();
        for tool in &request.tools {
            self.tool(tool);
            self.cache_point(tool.cache);
        }
        self.w.close_array();
        match &request.tool_choice {
            None | Some(ToolChoice::None) => {}
            Some(ToolChoice::Auto) => self.choice("auto", None),
            Some(ToolChoice::Any) => self.choice("any", None),
            Some(ToolChoice::Named(name)) => self.choice("tool", Some(name)),
        }
        self.w.close_object();
    }

    fn choice(&mut self, word: &'static str, name: Option<&str>) {
        self.w.key("toolChoice");
        self.w.open_object();
        self.w.key(word);
        self.w.open_object();
        if let Some(name) = name {
            self.w.member_str("name", name);
        }
        self.w.close_object();
        self.w.close_object();
    }

    fn tool(&mut self, tool: &Tool<'_>) {
        self.w.open_object();
        self.w.key("toolSpec");
        self.w.open_object();
        self.w.member_str("name", &tool.name);
        if let Some(description) = &tool.description {
            self.w.member_str("description", description);
        }
        self.w.key("inputSchema");
        self.w.open_object();
        self.w.key("json");
        write_input_schema(&mut self.w, tool.schema.as_ref());
        self.w.close_object();
        if let Some(strict) = tool.strict {
            self.w.member_bool("strict", strict);
        }
        self.w.close_object();
        self.w.close_object();
    }

    /// Settings that Converse has no member for, each where the model's family looks for it.
    fn additional_fields(&mut self, request: &ChatRequest<'_>, card: &Card) {
        let top_k = request.top_k.filter(|_| card.top_k != TopKPlace::None);
        let effort = request.effort.as_deref().filter(|_| card.effort != EffortStyle::OutputConfig);
        let thinking =
            request.thinking.as_ref().filter(|_| card.effort != EffortStyle::ReasoningConfig);
        let single_tool = request.parallel_tools == Some(false);
        if top_k.is_none() && effort.is_none() && thinking.is_none() && !single_tool {
            return;
        }
        self.w.key("additionalModelRequestFields");
        self.w.open_object();
        match (top_k, card.top_k) {
            (Some(top_k), TopKPlace::Plain) => self.w.member_u64("top_k", top_k),
            (Some(top_k), TopKPlace::InferenceConfig) => {
                self.object_u64("inferenceConfig", "topK", top_k)
            }
            (_, TopKPlace::None) | (None, _) => {}
        }
        if let Some(effort) = effort {
            self.effort(effort, card.effort);
        }
        if let Some(thinking) = thinking {
            self.thinking_setting(thinking);
        }
        if single_tool {
            self.w.key("tool_choice");
            self.w.open_object();
            self.w.member_bool("disable_parallel_tool_use", true);
            self.w.close_object();
        }
        self.w.close_object();
    }

    fn object_u64(&mut self, object: &'static str, key: &'static str, value: u64) {
        self.w.key(object);
        self.w.open_object();
        self.w.member_u64(key, value);
        self.w.close_object();
    }

    fn effort(&mut self, effort: &str, style: EffortStyle) {
        match style {
            EffortStyle::ReasoningEffort => self.w.member_str("reasoning_effort", effort),
            EffortStyle::Reasoning => {
                self.w.key("reasoning");
                self.w.open_object();
                self.w.member_str("effort", effort);
                self.w.close_object();
            }
            EffortStyle::ReasoningConfig => {
                self.w.key("reasoningConfig");
                self.w.open_object();
                self.w.member_str("type", "enabled");
                self.w.member_str("maxReasoningEffort", effort);
                self.w.close_object();
            }
            EffortStyle::None | EffortStyle::OutputConfig | EffortStyle::Budget => {}
        }
    }

    fn thinking_setting(&mut self, thinking: &Thinking<'_>) {
        self.w.key("thinking");
        self.w.open_object();
        match thinking {
            Thinking::Budget { tokens, display } => {
                self.w.member_str("type", "enabled");
                self.w.member_u64("budget_tokens", *tokens);
                display.iter().for_each(|d| self.w.member_str("display", d));
            }
            Thinking::Adaptive { display } => {
                self.w.member_str("type", "adaptive");
                display.iter().for_each(|d| self.w.member_str("display", d));
            }
            Thinking::Disabled => self.w.member_str("type", "disabled"),
        }
        self.w.close_object();
    }

    fn output_config(&mut self, request: &ChatRequest<'_>, card: &Card) {
        let effort = request.effort.as_deref().filter(|_| card.effort == EffortStyle::OutputConfig);
        if effort.is_none() && request.format.is_none() {
            return;
        }
        self.w.key("outputConfig");
        self.w.open_object();
        effort.iter().for_each(|effort| self.w.member_str("effort", effort));
        self.text_format(request);
        self.w.close_object();
    }

    fn text_format(&mut self, request: &ChatRequest<'_>) {
        let Some(OutputFormat::JsonSchema { name, description, schema, strict: _ }) =
            &request.format
        else {
            return;
        };
        self.w.key("textFormat");
        self.w.open_object();
        self.w.member_str("type", "json_schema");
        self.w.key("structure");
        self.w.open_object();
        self.w.key("jsonSchema");
        self.w.open_object();
        self.w.member_str("schema", schema.get());
        name.iter().for_each(|n| self.w.member_str("name", n));
        description.iter().for_each(|d| self.w.member_str("description", d));
        for _ in 0..3 {
            self.w.close_object();
        }
    }

    fn metadata(&mut self, request: &ChatRequest<'_>) {
        if request.metadata.is_empty() {
            return;
        }
        self.w.key("requestMetadata");
        self.w.open_object();
        for (key, value) in &request.metadata {
            self.w.key_escaped(key);
            self.w.str(value);
        }
        self.w.close_object();
    }
}
