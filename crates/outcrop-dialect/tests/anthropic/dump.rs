//! The IR as text, one line per node, for goldens. Every member of the IR is named here, so that a
//! new one cannot be forgotten.

use std::fmt::Write;

use outcrop_dialect::render::anthropic_body;
use outcrop_model::chat::{Media, MediaSource, Names, OutputFormat, Tool, ToolResult, ToolUse};
use outcrop_model::{
    Block, BlockKind, ChatRequest, ChatResponse, Event, Extra, Fault, Ledger, Turn, Usage,
};

pub fn request(request: &ChatRequest<'_>) -> String {
    let ChatRequest {
        model,
        system,
        turns,
        tools,
        tool_choice,
        parallel_tools,
        max_tokens,
        temperature,
        top_p,
        top_k,
        stop_sequences,
        thinking,
        effort,
        format,
        service_tier,
        latency,
        user,
        metadata,
        stream,
        betas,
        names,
        extra,
    } = request;
    let Names { max_tokens: name, .. } = names;
    assert_eq!(*name, "max_tokens", "the names are those of Anthropic's dialect");
    let mut out = format!("model {model:?} stream={stream}\n");
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            writeln!(out, "{name} {value}").unwrap();
        }
    };
    line("max_tokens", max_tokens.map(|v| v.to_string()));
    line("temperature", temperature.map(|v| v.to_string()));
    line("top_p", top_p.map(|v| v.to_string()));
    line("top_k", top_k.map(|v| v.to_string()));
    line("stop_sequences", (!stop_sequences.is_empty()).then(|| format!("{stop_sequences:?}")));
    line("thinking", thinking.as_ref().map(|v| format!("{v:?}")));
    line("effort", effort.as_ref().map(|v| format!("{v:?}")));
    line("format", format.as_ref().map(output_format));
    line("tool_choice", tool_choice.as_ref().map(|v| format!("{v:?}")));
    line("parallel_tools", parallel_tools.map(|v| v.to_string()));
    line("service_tier", service_tier.as_ref().map(|v| format!("{v:?}")));
    line("latency", latency.as_ref().map(|v| format!("{v:?}")));
    line("user", user.as_ref().map(|v| format!("{v:?}")));
    line("metadata", (!metadata.is_empty()).then(|| format!("{metadata:?}")));
    line("betas", (!betas.is_empty()).then(|| format!("{betas:?}")));
    for block in system {
        write_block(&mut out, block, 0);
    }
    for Turn { role, blocks, at, extra } in turns {
        writeln!(out, "{at} {role:?}").unwrap();
        write_extra(&mut out, extra, 1);
        for block in blocks {
            write_block(&mut out, block, 1);
        }
    }
    for tool in tools {
        write_tool(&mut out, tool);
    }
    write_extra(&mut out, extra, 0);
    out
}

fn output_format(format: &OutputFormat<'_>) -> String {
    match format {
        OutputFormat::JsonObject => "json object".to_owned(),
        OutputFormat::JsonSchema { name, description, schema, strict } => {
            format!("json schema {name:?} {description:?} {} strict={strict:?}", schema.get())
        }
    }
}

fn write_tool(out: &mut String, tool: &Tool<'_>) {
    let Tool { name, description, schema, strict, vendor, cache, at, extra } = tool;
    write!(out, "{at} tool {name:?}").unwrap();
    if let Some(description) = description {
        write!(out, " {description:?}").unwrap();
    }
    if let Some(schema) = schema {
        write!(out, " schema={}", schema.get()).unwrap();
    }
    if let Some(strict) = strict {
        write!(out, " strict={strict}").unwrap();
    }
    if let Some((word, raw)) = vendor {
        write!(out, " vendor {word:?} {}", raw.get()).unwrap();
    }
    if let Some(cache) = cache {
        write!(out, " cache={cache:?}").unwrap();
    }
    out.push('\n');
    write_extra(out, extra, 1);
}

pub fn response(response: &ChatResponse<'_>) -> String {
    let ChatResponse { id, blocks, stop, usage, extra } = response;
    let mut out = format!("id {id:?}\nstop {stop:?}\nusage {}\n", show_usage(usage));
    for block in blocks {
        write_block(&mut out, block, 0);
    }
    write_extra(&mut out, extra, 0);
    out
}

fn show_usage(usage: &Usage) -> String {
    let Usage { input, cache_read, cache_write_5m, cache_write_1h, output, reasoning } = usage;
    format!(
        "input={input} read={cache_read} write5m={cache_write_5m} write1h={cache_write_1h} \
         output={output} reasoning={reasoning:?}"
    )
}

fn write_block(out: &mut String, block: &Block<'_>, depth: usize) {
    let Block { kind, citations, cache, at, extra } = block;
    write!(out, "{}{at} ", "  ".repeat(depth)).unwrap();
    match kind {
        BlockKind::Text(text) => write!(out, "text {text:?}"),
        BlockKind::Media(media) => write!(out, "{}", show_media(media)),
        BlockKind::ToolUse(ToolUse { id, name, input }) => {
            write!(out, "tool use {id:?} {name:?} {}", input.get())
        }
        BlockKind::ToolResult(ToolResult { id, content: _, is_error }) => {
            write!(out, "tool result {id:?} error={is_error:?}")
        }
        BlockKind::Thinking { text, signature } => write!(out, "thinking {text:?} {signature:?}"),
        BlockKind::Redacted(data) => write!(out, "redacted {data:?}"),
        BlockKind::Foreign { kind, raw } => write!(out, "foreign {kind:?} {}", raw.get()),
    }
    .unwrap();
    if let Some(cache) = cache {
        write!(out, " cache={cache:?}").unwrap();
    }
    out.push('\n');
    for citation in citations {
        writeln!(out, "{}cites {citation:?}", "  ".repeat(depth + 1)).unwrap();
    }
    write_extra(out, extra, depth + 1);
    if let BlockKind::ToolResult(result) = kind {
        for part in &result.content {
            write_block(out, part, depth + 1);
        }
    }
}

fn show_media(media: &Media<'_>) -> String {
    let Media { kind, mime, source, name, context, citations } = media;
    let source = match source {
        MediaSource::Base64(data) => format!("base64 {data:?}"),
        MediaSource::Url(url) => format!("url {url:?}"),
        MediaSource::FileId(id) => format!("file {id:?}"),
        MediaSource::Text(text) => format!("text {text:?}"),
        MediaSource::Blocks(texts) => format!("blocks {texts:?}"),
    };
    let mut out = format!("{kind:?} {mime:?} {source}");
    if let Some(name) = name {
        write!(out, " name={name:?}").unwrap();
    }
    if let Some(context) = context {
        write!(out, " context={context:?}").unwrap();
    }
    if let Some(citations) = citations {
        write!(out, " citations={citations}").unwrap();
    }
    out
}

fn write_extra(out: &mut String, extra: &Extra<'_>, depth: usize) {
    for (key, raw) in extra {
        writeln!(out, "{}extra {key} = {}", "  ".repeat(depth), raw.get()).unwrap();
    }
}

/// What the client reads when its request is refused.
pub fn refusal(fault: &Fault) -> String {
    let mut body = Vec::new();
    anthropic_body(fault, None, &mut body);
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let Fault { class, phase, param, .. } = fault;
    format!(
        "fault {class:?} {phase:?}\nparam {param:?}\nclient {}\n",
        body["error"]["message"].as_str().unwrap()
    )
}

pub fn fault(fault: &Fault) -> String {
    let Fault { class, phase, message, detail, param, code, .. } = fault;
    format!(
        "fault {class:?} {phase:?}\nparam {param:?}\nmessage {message}\ncode {code:?}\ndetail {detail:?}\n"
    )
}

pub fn losses(ledger: &Ledger) -> String {
    let lines = ledger.losses().iter();
    lines.map(|loss| format!("{} {}: {}\n", loss.kind.as_str(), loss.path, loss.why)).collect()
}

pub fn event(event: &Event<'_>) -> String {
    match event {
        Event::Start { id, usage } => {
            format!("start {id:?} usage: {}\n", usage.as_ref().map_or("none".into(), show_usage))
        }
        Event::Open { index, block } => format!("open {index} {block:?}\n"),
        Event::Delta { index, delta } => format!("delta {index} {delta:?}\n"),
        Event::Close { index } => format!("close {index}\n"),
        Event::Stop(stop) => format!("stop {stop:?}\n"),
        Event::Usage(usage) => format!("usage {}\n", show_usage(usage)),
        Event::End => "end\n".to_owned(),
        Event::Fault(f) => fault(f),
        Event::Unknown(word) => format!("unknown {word:?}\n"),
    }
}
