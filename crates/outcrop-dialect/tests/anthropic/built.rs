//! Requests and answers that only other dialects can express.

use std::borrow::Cow;

use outcrop_model::chat::{
    CacheTtl, Media, MediaKind, MediaSource, OutputFormat, Role, Tool, ToolChoice, ToolResult,
    ToolUse,
};
use outcrop_model::{
    At, Block, BlockKind, ChatRequest, ChatResponse, Json, StopReason, Turn, Usage,
};

const SONNET: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

fn json(text: &str) -> Json<'_> {
    Cow::Borrowed(serde_json::from_str(text).unwrap())
}

fn ask<'a>(blocks: Vec<BlockKind<'a>>) -> ChatRequest<'a> {
    let blocks = blocks
        .into_iter()
        .zip(0..)
        .map(|(kind, i)| Block::new(kind, At::Item(0, "content", i)))
        .collect();
    let turn = Turn { role: Role::User, blocks, at: At::Message(0), extra: Vec::new() };
    ChatRequest {
        model: Cow::Borrowed(SONNET),
        turns: vec![turn],
        max_tokens: Some(100),
        ..ChatRequest::default()
    }
}

fn text(text: &str) -> BlockKind<'_> {
    BlockKind::Text(Cow::Borrowed(text))
}

fn media<'a>(kind: MediaKind, mime: &'a str, source: MediaSource<'a>) -> BlockKind<'a> {
    BlockKind::Media(Media {
        kind,
        mime: Cow::Borrowed(mime),
        source,
        name: None,
        context: None,
        citations: None,
    })
}

fn base64<'a>(kind: MediaKind, mime: &'a str, data: &'a str) -> BlockKind<'a> {
    media(kind, mime, MediaSource::Base64(Cow::Borrowed(data)))
}

fn tool<'a>(name: &'a str, schema: Option<&'a str>) -> Tool<'a> {
    Tool {
        name: Cow::Borrowed(name),
        description: None,
        schema: schema.map(json),
        strict: None,
        vendor: None,
        cache: None,
        at: At::Element("tools", 0),
        extra: Vec::new(),
    }
}

pub fn cases() -> Vec<(&'static str, ChatRequest<'static>)> {
    vec![
        ("built-media", media_case()),
        ("built-refused-media", refused_media()),
        ("built-tools", tools_case()),
        (
            "built-json-object",
            ChatRequest { format: Some(OutputFormat::JsonObject), ..ask(vec![text("hi")]) },
        ),
        ("built-json-schema", schema_case(SONNET)),
        ("built-json-schema-unsupported", schema_case("anthropic.claude-3-haiku-20240307-v1:0")),
        ("built-last-words", last_words()),
        ("built-parallel-off", parallel_off()),
        ("built-no-limit", ChatRequest { max_tokens: None, ..ask(vec![text("hi")]) }),
        (
            "built-choice-without-tools",
            ChatRequest { tool_choice: Some(ToolChoice::Any), ..ask(vec![text("hi")]) },
        ),
        ("built-tool-result", tool_result()),
        ("built-cached-thinking", cached_thinking()),
    ]
}

fn media_case() -> ChatRequest<'static> {
    use MediaKind::{Document, Image};
    ask(vec![
        base64(Image, "image/jpg", "/9j/AA=="),
        base64(Image, "", "iVBORw0KGgo="),
        base64(Image, "application/octet-stream", "R0lGODlh"),
        base64(Image, "IMAGE/WEBP; q=1", "UklGRg=="),
        base64(Document, "application/pdf", "JVBERi0="),
        base64(Document, "", "JVBERi0="),
        base64(Document, "text/plain; charset=utf-8", "aGVsbG8="),
        base64(Document, "text/markdown", "IyBoaQ=="),
        base64(Document, "application/json", "e30="),
        media(Document, "text/csv", MediaSource::Text(Cow::Borrowed("a,b"))),
        media(Document, "", MediaSource::Blocks(vec![Cow::Borrowed("one"), Cow::Borrowed("two")])),
    ])
}

fn refused_media() -> ChatRequest<'static> {
    use MediaKind::{Audio, Document, Image, Video};
    ask(vec![
        base64(Image, "image/tiff", "SUkqAA=="),
        base64(Image, "", "AAAA"),
        media(Image, "image/png", MediaSource::Url(Cow::Borrowed("https://example.com/a.png"))),
        media(Image, "", MediaSource::FileId(Cow::Borrowed("file_1"))),
        media(Image, "", MediaSource::Text(Cow::Borrowed("text"))),
        base64(Document, "application/msword", "0M8R4A=="),
        base64(Document, "text/plain", "/w=="),
        base64(Document, "text/plain", "not base64!"),
        media(Document, "", MediaSource::Url(Cow::Borrowed("https://example.com/a.pdf"))),
        media(Document, "", MediaSource::FileId(Cow::Borrowed("file_1"))),
        base64(Audio, "audio/mp3", "AAAA"),
        base64(Video, "video/mp4", "AAAA"),
        BlockKind::Foreign { kind: Cow::Borrowed("hologram"), raw: json(r#"{"type":"hologram"}"#) },
    ])
}

fn tools_case() -> ChatRequest<'static> {
    let vendor = |word: &'static str, raw: &'static str| {
        let cache = Some(CacheTtl::Default);
        Tool { vendor: Some((Cow::Borrowed(word), json(raw))), cache, ..tool("", None) }
    };
    ChatRequest {
        tools: vec![
            tool("no_schema", None),
            tool("empty_schema", Some("{}")),
            tool("untyped_schema", Some(r#"{ "properties": {"a": {"type": "string"}} }"#)),
            tool("spaced_schema", Some(r#"{ "type": "object", "$defs": {} }"#)),
            tool("odd_schema", Some("true")),
            Tool { strict: Some(true), ..tool("strict", Some(r#"{"type":"object"}"#)) },
            Tool { strict: Some(false), ..tool("loose", Some(r#"{"type":"object"}"#)) },
            vendor("bash_20250124", r#"{"type":"bash_20250124","name":"bash"}"#),
            vendor("file_search", r#"{"type":"file_search","vector_store_ids":[]}"#),
        ],
        tool_choice: Some(ToolChoice::Named(Cow::Borrowed("strict"))),
        parallel_tools: Some(true),
        ..ask(vec![text("hi")])
    }
}

fn schema_case(model: &'static str) -> ChatRequest<'static> {
    ChatRequest {
        model: Cow::Borrowed(model),
        effort: Some(Cow::Borrowed("low")),
        format: Some(OutputFormat::JsonSchema {
            name: Some(Cow::Borrowed("weather")),
            description: Some(Cow::Borrowed("what it is like")),
            schema: json(r#"{"type":"object"}"#),
            strict: Some(true),
        }),
        ..ask(vec![text("hi")])
    }
}

/// An assistant turn to be continued, with thinking that nobody signed.
fn last_words() -> ChatRequest<'static> {
    let thinking =
        |text: &'static str| BlockKind::Thinking { text: Cow::Borrowed(text), signature: None };
    let blocks = [thinking("hm \n"), thinking(" "), text("So: \n\t")];
    let mut request = ask(vec![text("go on ")]);
    request.turns.push(Turn {
        role: Role::Assistant,
        blocks: blocks
            .into_iter()
            .zip(0..)
            .map(|(kind, i)| Block::new(kind, At::Item(1, "content", i)))
            .collect(),
        at: At::Message(1),
        extra: Vec::new(),
    });
    request
}

fn parallel_off() -> ChatRequest<'static> {
    ChatRequest {
        tools: vec![tool("one", None)],
        parallel_tools: Some(false),
        ..ask(vec![text("hi")])
    }
}

fn tool_result() -> ChatRequest<'static> {
    let part = |kind: BlockKind<'static>, j: u32| Block::new(kind, At::Nested(0, 0, j));
    let use_in_result = BlockKind::ToolUse(ToolUse {
        id: Cow::Borrowed("x"),
        name: Cow::Borrowed("y"),
        input: json("{}"),
    });
    ask(vec![
        BlockKind::ToolResult(ToolResult {
            id: Cow::Borrowed("call_1"),
            content: vec![
                part(text("done"), 0),
                part(base64(MediaKind::Image, "image/png", "iVBORw0KGgo="), 1),
                part(use_in_result, 2),
            ],
            is_error: Some(true),
        }),
        BlockKind::ToolResult(ToolResult {
            id: Cow::Borrowed("call_2"),
            content: Vec::new(),
            is_error: None,
        }),
    ])
}

fn cached_thinking() -> ChatRequest<'static> {
    let mut request = ask(vec![text("hi")]);
    let kinds = [
        BlockKind::Thinking { text: Cow::Borrowed(""), signature: Some(Cow::Borrowed("sig")) },
        BlockKind::Redacted(Cow::Borrowed("AAAA")),
        text("hello"),
    ];
    let blocks = kinds.into_iter().zip(0..).map(|(kind, i)| Block {
        cache: Some(CacheTtl::OneHour),
        ..Block::new(kind, At::Item(1, "content", i))
    });
    request.turns.push(Turn {
        role: Role::Assistant,
        blocks: blocks.collect(),
        at: At::Message(1),
        extra: Vec::new(),
    });
    request
}

/// Answers of models that speak other dialects.
pub fn answers() -> Vec<(&'static str, ChatResponse<'static>)> {
    let answer = |stop: StopReason, kinds: Vec<BlockKind<'static>>| ChatResponse {
        id: Some(Cow::Borrowed("upstream")),
        blocks: kinds
            .into_iter()
            .zip(0..)
            .map(|(kind, i)| Block::new(kind, At::Element("content", i)))
            .collect(),
        stop,
        usage: Usage { input: 3, output: 5, ..Usage::default() },
        extra: Vec::new(),
    };
    let odd = vec![
        BlockKind::Thinking { text: Cow::Borrowed("hm"), signature: None },
        base64(MediaKind::Image, "image/png", "iVBORw0KGgo="),
        BlockKind::Foreign { kind: Cow::Borrowed("hologram"), raw: json("{}") },
    ];
    vec![
        ("built-odd-blocks", answer(StopReason::EndTurn, odd)),
        ("built-guardrail", answer(StopReason::Guardrail, vec![])),
        ("built-content-filtered", answer(StopReason::ContentFiltered, vec![])),
        ("built-malformed-output", answer(StopReason::MalformedOutput, vec![])),
        ("built-malformed-tool-use", answer(StopReason::MalformedToolUse, vec![])),
        ("built-other-reason", answer(StopReason::Other("tea_break".to_owned()), vec![])),
    ]
}
