//! What an address led to: pages as markdown, which says the same in far fewer tokens; all else as a file.

use std::collections::HashMap;
use std::rc::Rc;

use htmd::{HtmlToMarkdown, Node};
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};

/// Parts of a page that say nothing to a reader.
const MUTE: [&str; 6] = ["script", "style", "noscript", "svg", "template", "iframe"];
/// Pages that people write are not nested deeper; writing one as markdown costs stack for each level.
const DEEPEST: usize = 1_000;
/// Scripts may look like tags that nobody closes; but what opens more than this would take minutes to read.
const MOST_OPEN: usize = 10_000;
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
    if open_at_once(&html) > MOST_OPEN {
        return None;
    }
    let read = move || {
        let reader = HtmlToMarkdown::builder().skip_tags(MUTE.to_vec()).build();
        let page = reader.html_to_tree(&html).ok()?;
        (depth(&page) <= DEEPEST).then(|| reader.tree_to_markdown(&page))
    };
    std::thread::Builder::new().stack_size(STACK).spawn(read).ok()?.join().ok()?
}

/// How deep the page is nested, found without nesting as deep.
fn depth(page: &Rc<Node>) -> usize {
    let mut deepest = 0;
    let mut left = vec![(Rc::clone(page), 1)];
    while let Some((node, depth)) = left.pop() {
        deepest = deepest.max(depth);
        left.extend(node.children.borrow().iter().map(|child| (Rc::clone(child), depth + 1)));
    }
    deepest
}

/// How many tags are open at once at the most, roughly. An end closes a tag of its own name alone.
fn open_at_once(html: &str) -> usize {
    let mut open: HashMap<String, usize> = HashMap::new();
    let (mut now, mut most) = (0_usize, 0);
    for tag in html.split('<').skip(1) {
        match tag.strip_prefix('/') {
            Some(end) => {
                if let Some(count) = open.get_mut(&name(end)).filter(|count| **count > 0) {
                    *count -= 1;
                    now -= 1;
                }
            }
            None if tag.starts_with(|first: char| first.is_ascii_alphabetic()) => {
                let name = name(tag);
                if !is_void(&name) {
                    *open.entry(name).or_default() += 1;
                    now += 1;
                    most = most.max(now);
                }
            }
            None => {}
        }
    }
    most
}

/// The name that a tag begins with, as far as names go.
fn name(tag: &str) -> String {
    let is_name = |c: &char| !c.is_ascii_whitespace() && !matches!(c, '/' | '>');
    tag.chars().take_while(is_name).collect::<String>().to_ascii_lowercase()
}

/// Whether the tag holds nothing, or need not be closed and seldom is.
fn is_void(name: &str) -> bool {
    const VOID: [&str; 20] = [
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source",
        "track", "wbr", "p", "li", "dt", "dd", "option", "tr", "td",
    ];
    VOID.contains(&name)
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
        let foreign = format!("<svg>{}", "<td>".repeat(5_000));
        for deep in
            ["<div>".repeat(200_000), "<div></x>".repeat(1_000_000), "<div>".repeat(2_000), foreign]
        {
            let why = text(Some("text/html"), deep.as_bytes()).unwrap_err().to_string();
            assert!(why.contains("cannot be read"), "{why}");
        }
        let script = format!("<script>{}</script><p>hi", "i<n;".repeat(5_000));
        assert!(text(Some("text/html"), script.as_bytes()).unwrap().contains("hi"));
        assert!(text(Some("text/html"), b"<script>").unwrap_err().to_string().contains("no text"));
    }
}
