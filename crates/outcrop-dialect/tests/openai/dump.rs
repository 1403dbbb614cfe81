//! The IR as text, one line per thing, absent things left out. Everything is destructured: what a
//! new field of the IR holds must be shown here before it compiles.

use std::fmt::Write;

use outcrop_dialect::openai::Decoded;
use outcrop_model::chat::{
    CacheTtl, Media, Names, OutputFormat, Thinking, Tool, ToolChoice, ToolResult, ToolUse,
};
use outcrop_model::{Block, BlockKind, ChatRequest, Extra, Fault, Ledger, Turn};

pub fn decoded(decoded: Result<Decoded<'_>, Fault>) -> String {
    let mut out = String::new();
    match decoded {
        Ok(Decoded { request, include_usage }) => {
            self::request(&request, &mut out).unwrap();
            if include_usage {
                out.push_str("include_usage\n");
            }
        }
        Err(fault) => {
            writeln!(out, "{:?} at {}", fault.class, fault.param.as_deref().unwrap_or("?"))
                .unwrap();
            writeln!(out, "{}", fault.message).unwrap();
        }
    }
    out
}

pub fn losses(ledger: &Ledger) -> String {
    let line = |l: &outcrop_model::Loss| format!("{} {} ({})\n", l.kind.as_str(), l.path, l.why);
    ledger.losses().iter().map(line).collect()
}

fn request(request: &ChatRequest<'_>, out: &mut String) -> std::fmt::Result {
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
    let Names {
        turns: _,
        max_tokens: max_name,
        stop_sequences: stop_name,
        thinking: thinking_name,
        effort: effort_name,
        format: format_name,
        schema: _,
        tool_schema: _,
        user: user_name,
        parallel_tools: parallel_name,
        betas: _,
    } = names;
    writeln!(out, "model {model:?}")?;
    for block in system {
        write!(out, "system ")?;
        self::block(block, "", out)?;
    }
    for Turn { role, blocks, at, extra } in turns {
        writeln!(out, "{role:?} @ {at}{}", self::extra(extra))?;
        for block in blocks {
            self::block(block, "  ", out)?;
        }
    }
    for tool in tools {
        self::tool(tool, out)?;
    }
    if let Some(choice) = tool_choice {
        match choice {
            ToolChoice::Named(name) => writeln!(out, "tool_choice named {name:?}")?,
            ToolChoice::Auto | ToolChoice::Any | ToolChoice::None => {
                writeln!(out, "tool_choice {choice:?}")?;
            }
        }
    }
    line(out, parallel_name, parallel_tools)?;
    line(out, max_name, max_tokens)?;
    line(out, "temperature", temperature)?;
    line(out, "top_p", top_p)?;
    line(out, "top_k", top_k)?;
    line(out, stop_name, &Some(stop_sequences).filter(|s| !s.is_empty()))?;
    match thinking {
        Some(Thinking::Budget { tokens, display }) => {
            writeln!(out, "{thinking_name} budget {tokens} display {display:?}")?;
        }
        Some(Thinking::Adaptive { display }) => {
            writeln!(out, "{thinking_name} adaptive display {display:?}")?;
        }
        Some(Thinking::Disabled) => writeln!(out, "{thinking_name} disabled")?,
        None => {}
    }
    line(out, effort_name, effort)?;
    match format {
        Some(OutputFormat::JsonObject) => writeln!(out, "{format_name} any object")?,
        Some(OutputFormat::JsonSchema { name, description, schema, strict }) => {
            writeln!(
                out,
                "{format_name} {name:?} {description:?} strict {strict:?} schema {}",
                schema.get()
            )?;
        }
        None => {}
    }
    line(out, "service_tier", service_tier)?;
    line(out, "latency", latency)?;
    line(out, user_name, user)?;
    line(out, "metadata", &Some(metadata).filter(|m| !m.is_empty()))?;
    if *stream {
        writeln!(out, "stream")?;
    }
    line(out, "betas", &Some(betas).filter(|b| !b.is_empty()))?;
    for (key, raw) in extra {
        writeln!(out, "extra {key} = {raw}")?;
    }
    Ok(())
}

fn line<T: std::fmt::Debug>(out: &mut String, name: &str, value: &Option<T>) -> std::fmt::Result {
    match value {
        Some(value) => writeln!(out, "{name} {value:?}"),
        None => Ok(()),
    }
}

fn tool(tool: &Tool<'_>, out: &mut String) -> std::fmt::Result {
    let Tool { name, description, schema, strict, vendor, cache, at, extra } = tool;
    write!(out, "tool @ {at} {name:?} {description:?}")?;
    if let Some(strict) = strict {
        write!(out, " strict {strict}")?;
    }
    if let Some(schema) = schema {
        write!(out, " schema {}", schema.get())?;
    }
    if let Some((kind, raw)) = vendor {
        write!(out, " vendor {kind:?} {}", raw.get())?;
    }
    writeln!(out, "{}{}", self::cache(*cache), self::extra(extra))
}

fn block(block: &Block<'_>, indent: &str, out: &mut String) -> std::fmt::Result {
    let Block { kind, citations, cache, at, extra } = block;
    assert!(citations.is_empty());
    let tail = format!("{}{}", self::cache(*cache), self::extra(extra));
    write!(out, "{indent}@ {at}: ")?;
    match kind {
        BlockKind::Text(text) => writeln!(out, "text {text:?}{tail}"),
        BlockKind::Media(Media { kind, mime, source, name, context, citations }) => {
            assert!(context.is_none() && citations.is_none());
            writeln!(out, "{kind:?} {mime:?} {source:?} name {name:?}{tail}")
        }
        BlockKind::ToolUse(ToolUse { id, name, input }) => {
            writeln!(out, "call {id:?} {name:?} {}{tail}", input.get())
        }
        BlockKind::ToolResult(ToolResult { id, content, is_error }) => {
            assert!(is_error.is_none());
            writeln!(out, "result of {id:?}{tail}")?;
            content.iter().try_for_each(|part| self::block(part, "    ", out))
        }
        BlockKind::Thinking { text, signature } => {
            writeln!(out, "thinking {text:?} signature {signature:?}{tail}")
        }
        BlockKind::Redacted(data) => writeln!(out, "redacted {data:?}{tail}"),
        BlockKind::Foreign { kind, raw } => writeln!(out, "foreign {kind:?} {}{tail}", raw.get()),
    }
}

fn cache(cache: Option<CacheTtl>) -> String {
    cache.map(|ttl| format!(" cache {ttl:?}")).unwrap_or_default()
}

fn extra(extra: &Extra<'_>) -> String {
    extra.iter().map(|(key, raw)| format!(" extra {key} = {raw}")).collect()
}
