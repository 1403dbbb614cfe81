//! Nova's content blocks: one key each, which names the kind.

use crate::native::media::decoded;
use crate::native::reader::{Node, Parsed};
use crate::words::Part;

const KINDS: [&str; 9] = [
    "audio",
    "cachePoint",
    "document",
    "image",
    "reasoningContent",
    "text",
    "toolResult",
    "toolUse",
    "video",
];

pub(super) fn read(content: &Node<'_>) -> Parsed<Vec<Part>> {
    let items = content.items()?;
    if items.is_empty() {
        return Err(content.fail("expected minimum item count: 1, found: 0"));
    }
    items.iter().map(block).collect()
}

fn block(item: &Node<'_>) -> Parsed<Part> {
    item.only(&KINDS)?;
    let mut present = KINDS.iter().filter_map(|kind| Some((*kind, item.get(kind)?)));
    let (Some((kind, body)), None) = (present.next(), present.next()) else {
        return Err(item.fail("exactly one content key is required"));
    };
    match kind {
        "text" => Ok(Part::Text(body.text()?.to_owned())),
        "image" => media("image", &body, &["gif", "jpeg", "png", "webp"]),
        "document" => media(
            "document",
            &body,
            &["csv", "doc", "docx", "html", "md", "pdf", "txt", "xls", "xlsx"],
        ),
        "video" => media(
            "video",
            &body,
            &["flv", "mkv", "mov", "mp4", "mpeg", "mpg", "three_gp", "webm", "wmv"],
        ),
        "audio" => media(
            "audio",
            &body,
            &["aac", "flac", "m4a", "mp3", "mp4", "ogg", "opus", "wav", "webm"],
        ),
        "toolUse" => tool_use(&body),
        "toolResult" => tool_result(&body),
        "cachePoint" => {
            body.need("type")?.choice(&["default"])?;
            Ok(Part::CachePoint)
        }
        _ => reasoning(&body),
    }
}

fn media(kind: &'static str, body: &Node<'_>, formats: &[&str]) -> Parsed<Part> {
    let format = body.need("format")?.choice(formats)?.to_owned();
    let name = body.get("name").map(|name| name.text()).transpose()?.unwrap_or_default().to_owned();
    let source = body.need("source")?;
    let bytes = match source.get("s3Location") {
        Some(location) => {
            location.need("uri")?.text()?;
            0
        }
        None => decoded(&source.need("bytes")?)?.len(),
    };
    Ok(Part::Media { kind, format, name, bytes })
}

fn tool_use(body: &Node<'_>) -> Parsed<Part> {
    let input = body.need("input")?;
    input.object()?;
    Ok(Part::ToolUse {
        id: body.need("toolUseId")?.text()?.to_owned(),
        name: body.need("name")?.text()?.to_owned(),
        input: input.value().clone(),
    })
}

fn tool_result(body: &Node<'_>) -> Parsed<Part> {
    let status =
        body.get("status").map(|status| status.choice(&["success", "error"])).transpose()?;
    let parts: Vec<Part> =
        body.need("content")?.items()?.iter().map(result_part).collect::<Parsed<_>>()?;
    let id = body.need("toolUseId")?.text()?.to_owned();
    Ok(Part::ToolResult { id, parts, is_error: status == Some("error") })
}

/// Inside a result, JSON is allowed too.
fn result_part(item: &Node<'_>) -> Parsed<Part> {
    match item.get("json") {
        Some(json) => Ok(Part::Text(json.value().to_string())),
        None => block(item),
    }
}

fn reasoning(body: &Node<'_>) -> Parsed<Part> {
    let Some(redacted) = body.get("redactedContent") else {
        let text = body.need("reasoningText")?;
        let signature = text.get("signature").map(|signature| signature.text()).transpose()?;
        return Ok(Part::Thinking {
            text: text.need("text")?.text()?.to_owned(),
            signature: signature.map(str::to_owned),
        });
    };
    Ok(Part::Redacted(decoded(&redacted)?))
}
