//! What an address led to: pages as markdown, which says the same in far fewer tokens; all else as a file.

use htmd::HtmlToMarkdown;
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};

/// Parts of a page that say nothing to a reader.
const MUTE: [&str; 6] = ["script", "style", "noscript", "svg", "template", "iframe"];
/// Pages that people write are not nested deeper; reading one costs stack for each level.
const DEEPEST: usize = 1_000;
const STACK: usize = 64 * 1024 * 1024;

/// # Errors
/// [`Exit::Attachment`] for what no model can read.
pub fn part(url: &str, declared: Option<&str>, bytes: Vec<u8>) -> anyhow::Result<Value> {
    // What follows the path may be a signature that opens it: nothing for a model.
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let kind = declared.and_then(|kind| kind.split(';').next()).map(str::trim).unwrap_or("");
    let looks_like = {
        let begin = String::from_utf8_lossy(&bytes[..bytes.len().min(256)]).to_ascii_lowercase();
        let begin = begin.trim_start();
        begin.starts_with("<!doctype html") || begin.starts_with("<html")
    };
    if !looks_like && !kind.eq_ignore_ascii_case("text/html") {
        let name = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("file");
        return super::part(name, bytes);
    }
    let html = String::from_utf8_lossy(&bytes);
    let text = markdown(html.into_owned()).ok_or_else(|| {
        Failure::new(Exit::Attachment, format!("{url} is a page that cannot be read."))
    })?;
    if text.trim().is_empty() {
        let what = format!("{url} is a page with no text in it.");
        let mend = "A page that is made by scripts has none until a browser shows it.";
        return Err(Failure::new(Exit::Attachment, what).mend(mend).into());
    }
    Ok(json!({ "type": "text", "text": super::block(path, &text) }))
}

/// `None` for a page that is nested as nobody nests.
fn markdown(html: String) -> Option<String> {
    if depth(&html) > DEEPEST {
        return None;
    }
    let read = move || HtmlToMarkdown::builder().skip_tags(MUTE.to_vec()).build().convert(&html);
    std::thread::Builder::new().stack_size(STACK).spawn(read).ok()?.join().ok()?.ok()
}

/// How deep the tags are nested at the most, roughly: never less than they are.
fn depth(html: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for tag in html.split('<').skip(1) {
        match tag.as_bytes().first() {
            Some(b'/') => depth = depth.saturating_sub(1),
            Some(first) if first.is_ascii_alphabetic() && !is_void(tag) => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            Some(_) | None => {}
        }
    }
    deepest
}

/// Whether the tag holds nothing, or need not be closed and seldom is.
fn is_void(tag: &str) -> bool {
    const VOID: [&str; 20] = [
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source",
        "track", "wbr", "p", "li", "dt", "dd", "option", "tr", "td",
    ];
    let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
    VOID.contains(&name.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_markdown_and_a_file_is_a_file() {
        let text = |declared, bytes: &[u8]| {
            part("https://a.example/x/report.txt?y", declared, bytes.to_vec())
                .map(|part| part["text"].to_string())
        };
        let page = b"<html><head><title>t</title><style>b{}</style></head><body><h1>One</h1><p>two <b>three</b><script>x()</script></body>";
        let said = text(None, page).unwrap();
        assert!(said.contains("# One") && said.contains("two **three**"), "{said}");
        assert!(!said.contains("x()") && !said.contains("b{}"), "{said}");
        assert!(text(Some("text/plain"), b"a <b>").unwrap().contains("report.txt"));
        assert!(text(Some("text/html; charset=utf-8"), b"<p>hi").unwrap().contains("hi"));
        let deep = "<div>".repeat(200_000);
        assert!(
            text(Some("text/html"), deep.as_bytes())
                .unwrap_err()
                .to_string()
                .contains("cannot be read")
        );
        assert!(text(Some("text/html"), b"<script>").unwrap_err().to_string().contains("no text"));
    }
}
