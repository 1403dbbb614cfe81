//! Content blocks: each known type with its members, required ones first, reduced to a [`Part`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Reading;
use crate::native::reader::{Node, Parsed};
use crate::words::{Citation, Part, Role, Unit};

/// Longest base64 text of an image (a decoded image of 3.75 MB).
const MAX_IMAGE_BASE64: usize = 5_242_880;

/// Where a block stands, which decides what it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Turn(Role),
    ToolResult,
}

/// Types an engine has no use for; their members are not checked.
const OPAQUE: [&str; 11] = [
    "bash_code_execution_tool_result",
    "code_execution_tool_result",
    "compaction",
    "container_upload",
    "mcp_tool_result",
    "mcp_tool_use",
    "server_tool_use",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "web_fetch_tool_result",
    "web_search_tool_result",
];

/// Types in the order in which the service lists them in its refusal.
const KNOWN: [&str; 10] = [
    "document",
    "image",
    "redacted_thinking",
    "search_result",
    "text",
    "thinking",
    "tool_addition",
    "tool_removal",
    "tool_result",
    "tool_use",
];

/// Reads `content`: a string, or a list of blocks.
pub(super) fn content(node: &Node<'_>, place: Place, reading: &Reading<'_>) -> Parsed<Vec<Part>> {
    if let Some(text) = node.value().as_str() {
        return Ok(if text.is_empty() { Vec::new() } else { vec![checked_text(text)?] });
    }
    let mut parts = Vec::new();
    for item in node.items()? {
        let kind = item.need("type")?.text()?;
        parts.push(block(&item, kind, place, reading)?);
        if reading.cache_control(&item.tagged(kind))? {
            parts.push(Part::CachePoint);
        }
    }
    Ok(parts)
}

fn block(item: &Node<'_>, kind: &str, place: Place, reading: &Reading<'_>) -> Parsed<Part> {
    check_place(item, kind, place)?;
    let block = item.tagged(kind);
    match kind {
        "text" => text(&block, place, reading),
        "image" => image(&block),
        "document" => document(&block, place, reading),
        "search_result" => search_result(&block, reading),
        "thinking" => thinking(&block),
        "redacted_thinking" => redacted(&block),
        "tool_use" => tool_use(&block),
        "tool_result" => tool_result(&block, reading),
        "tool_reference" => {
            block.only(&["type", "tool_name", "cache_control"])?;
            Ok(Part::Other(format!("tool_reference {}", block.need("tool_name")?.text()?)))
        }
        _ => Ok(Part::Other(kind.to_owned())),
    }
}

fn check_place(item: &Node<'_>, kind: &str, place: Place) -> Parsed<()> {
    let home = match kind {
        "text" => return Ok(()),
        "tool_reference" if place == Place::ToolResult => return Ok(()),
        "image" | "document" | "search_result" if place == Place::ToolResult => return Ok(()),
        "image" | "search_result" | "tool_result" => Some(Role::User),
        "thinking" | "redacted_thinking" | "tool_use" => Some(Role::Assistant),
        "document" if place == Place::Turn(Role::Assistant) => return Ok(()),
        "document" => Some(Role::User),
        "tool_addition" | "tool_removal" => Some(Role::System),
        opaque if OPAQUE.contains(&opaque) && place != Place::ToolResult => return Ok(()),
        _ => None,
    };
    let Some(home) = home.filter(|_| place != Place::ToolResult) else {
        return Err(item.fail(&unknown_tag(kind, place)));
    };
    if place == Place::Turn(home) {
        return Ok(());
    }
    Err(item.fail(&format!("`{kind}` blocks can only be in `{}` messages", role_name(home))))
}

fn unknown_tag(kind: &str, place: Place) -> String {
    let expected: &[&str] = match place {
        Place::Turn(_) => &KNOWN,
        Place::ToolResult => &["document", "image", "search_result", "text", "tool_reference"],
    };
    let quoted: Vec<String> = expected.iter().map(|tag| format!("'{tag}'")).collect();
    format!(
        "Input tag '{kind}' found using 'type' does not match any of the expected tags: {}",
        quoted.join(", ")
    )
}

pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::System => "system",
    }
}

/// Reads a text block that stands outside a conversation (in `system`).
pub(super) fn system_text(item: &Node<'_>, reading: &Reading<'_>) -> Parsed<String> {
    item.need("type")?.choice(&["text"])?;
    item.only(&["type", "text", "cache_control", "citations"])?;
    let text = item.need("text")?.text()?;
    if text.is_empty() {
        return Err("system: text content blocks must be non-empty".to_owned());
    }
    reading.cache_control(item)?;
    Ok(text.to_owned())
}

fn text(block: &Node<'_>, place: Place, reading: &Reading<'_>) -> Parsed<Part> {
    block.only(&["type", "text", "cache_control", "citations"])?;
    let cited = match block.get("citations") {
        None => false,
        Some(citations) => !citations.items()?.is_empty(),
    };
    if cited && place == Place::Turn(Role::User) && reading.is_2026_10_21() {
        return Err(block.fail("`citations` are not permitted on `text` blocks of `user` messages"));
    }
    checked_text(block.need("text")?.text()?)
}

fn checked_text(text: &str) -> Parsed<Part> {
    if text.is_empty() {
        return Err("messages: text content blocks must be non-empty".to_owned());
    }
    if text.trim().is_empty() {
        return Err("messages: text content blocks must contain non-whitespace text".to_owned());
    }
    Ok(Part::Text(text.to_owned()))
}

fn image(block: &Node<'_>) -> Parsed<Part> {
    block.only(&["type", "source", "cache_control"])?;
    let source = block.need("source")?;
    source.need("type")?.choice(&["base64"])?;
    let source = source.tagged("base64");
    source.only(&["type", "media_type", "data"])?;
    let media_type = source.need("media_type")?.choice(&[
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
    ])?;
    let data = source.need("data")?;
    let length = data.text()?.len();
    if length > MAX_IMAGE_BASE64 {
        return Err(data.fail(&format!(
            "image exceeds 5 MB maximum: {length} bytes > {MAX_IMAGE_BASE64} bytes"
        )));
    }
    Ok(media("image", media_type, "", decoded_length(&data)?))
}

fn document(block: &Node<'_>, place: Place, reading: &Reading<'_>) -> Parsed<Part> {
    if place == Place::Turn(Role::Assistant) && reading.is_2026_10_21() {
        return Err(block.fail("`document` blocks can only be in `user` messages"));
    }
    block.only(&["type", "source", "title", "context", "citations", "cache_control"])?;
    let is_cited = is_cited(block)?;
    let index = reading.documents.replace(reading.documents.get() + 1);
    let title = block.get("title").map(|title| title.text()).transpose()?;
    let named = || title.map(str::to_owned);
    let note = |citation: Citation| is_cited.then(|| reading.cite(citation));
    let title = title.unwrap_or_default();
    let source = block.need("source")?;
    let kind = source.need("type")?.choice(&["base64", "content", "text"])?;
    let source = source.tagged(kind);
    match kind {
        "base64" => {
            source.need("media_type")?.choice(&["application/pdf"])?;
            note(Citation::of_pages(index, named()));
            Ok(media("document", "application/pdf", title, decoded_length(&source.need("data")?)?))
        }
        "text" => {
            source.need("media_type")?.choice(&["text/plain"])?;
            note(Citation::of_text(index, named(), source.need("data")?.text()?));
            Ok(media("document", "text/txt", title, source.need("data")?.text()?.len()))
        }
        _ => {
            let parts = content(&source.need("content")?, Place::ToolResult, reading)?;
            if let Some(Part::Text(first)) = parts.first() {
                note(Citation::of_parts(Unit::Parts, index, named(), first));
            }
            Ok(media("document", "text/txt", title, text_length(&parts)))
        }
    }
}

/// Whether `citations` of a source is there and on.
fn is_cited(block: &Node<'_>) -> Parsed<bool> {
    let Some(citations) = block.get("citations") else { return Ok(false) };
    citations.only(&["enabled"])?;
    Ok(citations.get("enabled").map(|enabled| enabled.flag()).transpose()? == Some(true))
}

fn text_length(parts: &[Part]) -> usize {
    let length = |part: &Part| if let Part::Text(text) = part { text.len() } else { 0 };
    parts.iter().map(length).sum()
}

fn search_result(block: &Node<'_>, reading: &Reading<'_>) -> Parsed<Part> {
    block.only(&["type", "source", "title", "content", "citations", "cache_control"])?;
    let source = block.need("source")?.text()?;
    let title = block.need("title")?.text()?;
    let index = reading.results.replace(reading.results.get() + 1);
    let mut first = None;
    for item in block.need("content")?.items()? {
        item.need("type")?.choice(&["text"])?;
        first = first.or(Some(item.need("text")?.text()?.to_owned()));
    }
    if is_cited(block)? {
        let unit = Unit::Result(source.to_owned());
        let first = first.unwrap_or_default();
        reading.cite(Citation::of_parts(unit, index, Some(title.to_owned()), &first));
    }
    Ok(Part::Other(format!("search_result {title}")))
}

fn thinking(block: &Node<'_>) -> Parsed<Part> {
    block.only(&["type", "thinking", "signature"])?;
    let text = block.need("thinking")?.text()?.to_owned();
    let signature = block.need("signature")?;
    if signature.text()?.is_empty() {
        return Err(block.fail("Invalid `signature` in `thinking` block"));
    }
    Ok(Part::Thinking { text, signature: Some(signature.text()?.to_owned()) })
}

fn redacted(block: &Node<'_>) -> Parsed<Part> {
    block.only(&["type", "data"])?;
    let data = block.need("data")?;
    let bytes = STANDARD
        .decode(data.text()?)
        .map_err(|_| block.fail("Invalid `data` in `redacted_thinking` block"))?;
    Ok(Part::Redacted(bytes))
}

fn tool_use(block: &Node<'_>) -> Parsed<Part> {
    block.only(&["type", "id", "name", "input", "cache_control", "caller"])?;
    let id = block.need("id")?;
    check_word(&id, usize::MAX, "^[a-zA-Z0-9_-]+$")?;
    let name = block.need("name")?;
    check_word(&name, 200, "^[a-zA-Z0-9_-]{1,200}$")?;
    let input = block.need("input")?;
    input.object()?;
    Ok(Part::ToolUse {
        id: id.text()?.to_owned(),
        name: name.text()?.to_owned(),
        input: input.value().clone(),
    })
}

fn tool_result(block: &Node<'_>, reading: &Reading<'_>) -> Parsed<Part> {
    block.only(&["type", "tool_use_id", "content", "is_error", "cache_control"])?;
    let id = block.need("tool_use_id")?;
    check_word(&id, usize::MAX, "^[a-zA-Z0-9_-]+$")?;
    let parts = match block.get("content") {
        None => Vec::new(),
        Some(inner) => result_content(&inner, reading)?,
    };
    let is_error = block.get("is_error").map(|flag| flag.flag()).transpose()?.unwrap_or(false);
    Ok(Part::ToolResult { id: id.text()?.to_owned(), parts, is_error })
}

/// A tool may answer with an empty or blank string; a text block may not.
fn result_content(node: &Node<'_>, reading: &Reading<'_>) -> Parsed<Vec<Part>> {
    match node.value().as_str() {
        Some(text) => Ok(vec![Part::Text(text.to_owned())]),
        None => content(node, Place::ToolResult, reading),
    }
}

/// A non-empty word of letters, digits, `_` and `-`, at most `longest` long; `pattern` says so in the refusal.
pub(super) fn check_word(node: &Node<'_>, longest: usize, pattern: &str) -> Parsed<()> {
    let text = node.text()?;
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !text.is_empty() && text.len() <= longest && text.chars().all(legal) {
        return Ok(());
    }
    Err(node.fail(&format!("String should match pattern '{pattern}'")))
}

fn decoded_length(data: &Node<'_>) -> Parsed<usize> {
    let bytes = STANDARD.decode(data.text()?).map_err(|_| data.fail("Invalid base64 data"))?;
    if bytes.is_empty() {
        return Err(data.fail("data cannot be empty"));
    }
    Ok(bytes.len())
}

fn media(kind: &'static str, media_type: &str, name: &str, bytes: usize) -> Part {
    let format = media_type.rsplit('/').next().unwrap_or(media_type).to_owned();
    Part::Media { kind, format, name: name.to_owned(), bytes }
}
