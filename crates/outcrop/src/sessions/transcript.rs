//! A session as a text: JSON, Markdown, or a page that loads and runs nothing.

use pulldown_cmark::{Event, Options, Parser, html};
use serde::Serialize;
use serde_json::Value;

use crate::history::{Filter, Store, Turn, words};

/// The page's head: nothing in it may be fetched or run, whatever a model wrote.
const HEAD: &str = "<!doctype html>\n<html><head><meta charset=\"utf-8\">\n\
    <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n\
    <style>body{max-width:48rem;margin:2rem auto;padding:0 1rem;font:16px/1.5 system-ui,sans-serif}\
    pre{overflow-x:auto;padding:.7rem;background:#8882}.asked{white-space:pre-wrap;padding:.7rem;background:#48f2}\
    .note{color:#888;font-size:.85rem}table{border-collapse:collapse}td,th{border:1px solid #8884;padding:.2rem .6rem}</style>\n";

/// As JSON.
#[derive(Serialize)]
struct Whole<'w> {
    name: &'w str,
    before: &'w [Value],
    turns: &'w [Turn],
}

/// All that was said in a session.
pub struct Transcript {
    name: String,
    /// What it was told before its first turn.
    base: Vec<Value>,
    turns: Vec<Turn>,
}

// === impl Transcript ===

impl Transcript {
    pub fn of(store: &Store, name: &str) -> anyhow::Result<Self> {
        let session = store.existing(name)?;
        let turns =
            store.turns(&Filter { session: Some(session.name.clone()), ..Filter::default() })?;
        Ok(Self { base: store.base(session.id)?, name: session.name, turns })
    }

    /// Of a conversation as it is now.
    pub fn of_messages(name: &str, messages: &[Value]) -> Self {
        Self { name: name.to_owned(), base: messages.to_vec(), turns: Vec::new() }
    }

    pub fn json(&self) -> anyhow::Result<String> {
        let Self { name, base, turns } = self;
        Ok(serde_json::to_string_pretty(&Whole { name, before: base, turns })?)
    }

    pub fn markdown(&self) -> String {
        let mut page = format!("# {}\n", self.name);
        for (role, content) in self.before() {
            page.push_str(&format!("\n## {role}\n\n{}\n", content.trim_end()));
        }
        for turn in &self.turns {
            let title = turn.prompt.trim_end();
            page.push_str(&format!("\n## You\n\n{title}\n\n## {}\n\n", turn.model));
            page.push_str(&format!("{}\n", turn.answer.trim_end()));
            if let Some(note) = note(turn) {
                page.push_str(&format!("\n*{note}*\n"));
            }
        }
        page
    }

    pub fn html(&self) -> String {
        let mut page =
            format!("{HEAD}<title>{0}</title></head>\n<body><h1>{0}</h1>\n", escaped(&self.name));
        for (role, content) in self.before() {
            page.push_str(&format!("<h2>{}</h2>\n{}", escaped(&role), rendered(&content)));
        }
        for turn in &self.turns {
            page.push_str(&format!(
                "<div class=\"asked\">{}</div>\n<p class=\"note\">{} · {}</p>\n{}",
                escaped(turn.prompt.trim_end()),
                escaped(&turn.model),
                turn.time(),
                rendered(&turn.answer)
            ));
            if let Some(note) = note(turn) {
                page.push_str(&format!("<p class=\"note\">{}</p>\n", escaped(&note)));
            }
        }
        page.push_str("</body></html>\n");
        page
    }

    fn before(&self) -> impl Iterator<Item = (String, String)> {
        self.base.iter().map(|message| {
            let role = match message["role"].as_str() {
                Some("user") => "You",
                Some(role) => role,
                None => "",
            };
            (role.to_owned(), words(&message["content"]))
        })
    }
}

/// What is to be said of a turn beside its words.
fn note(turn: &Turn) -> Option<String> {
    if let Some(error) = &turn.error {
        return Some(format!("It failed: {error}"));
    }
    let words = match (turn.kind.as_str(), turn.finish.as_deref(), turn.counts) {
        ("summary", _, _) => "From here on this stands for what was said before.",
        (_, Some("interrupted"), _) => "It was interrupted.",
        (_, _, false) => "It was taken back.",
        (_, _, true) => return None,
    };
    Some(words.to_owned())
}

/// Markdown as HTML; tags that the model wrote are shown, not meant.
fn rendered(markdown: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let events = Parser::new_ext(markdown, options).map(|event| match event {
        Event::Html(tag) | Event::InlineHtml(tag) => Event::Text(tag),
        event => event,
    });
    let mut page = String::new();
    html::push_html(&mut page, events);
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
