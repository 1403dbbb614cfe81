//! Citations of Converse: what a body wants cited, and how an answer cites it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::read::list;
use crate::words::{Citation, Unit};

/// The first document or search result that is to be cited.
pub(crate) fn citable(body: &Value) -> Option<Citation> {
    let blocks: Vec<&Value> =
        list(&body["messages"]).iter().flat_map(|turn| list(&turn["content"])).collect();
    let of = |kind: &'static str| {
        let found = blocks.iter().map(move |block| &block[kind]).filter(|value| value.is_object());
        found.enumerate().find(|(_, value)| value["citations"]["enabled"] == true)
    };
    of("document")
        .map(|(index, value)| document(index, value))
        .or_else(|| of("searchResult").map(|(index, value)| result(index, value)))
}

fn document(index: usize, value: &Value) -> Citation {
    let title = value["name"].as_str().map(str::to_owned);
    let source = &value["source"];
    if let [part, ..] = list(&source["content"]) {
        return Citation::of_parts(Unit::Parts, index, title, text(&part["text"]));
    }
    if let Some(text) = source["text"].as_str() {
        return Citation::of_text(index, title, text);
    }
    let bytes = source["bytes"].as_str().and_then(|data| STANDARD.decode(data).ok());
    let is_pdf = value["format"] == "pdf";
    match bytes.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|_| !is_pdf) {
        Some(text) => Citation::of_text(index, title, &text),
        None => Citation::of_pages(index, title),
    }
}

fn result(index: usize, value: &Value) -> Citation {
    let title = value["title"].as_str().map(str::to_owned);
    let unit = Unit::Result(text(&value["source"]).to_owned());
    let first = list(&value["content"]).first().map_or("", |part| text(&part["text"]));
    Citation::of_parts(unit, index, title, first)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The text with what it rests on.
pub(super) fn block(text: &str, citation: &Citation) -> Value {
    json!({"citationsContent": {"content": [{"text": text}], "citations": [write(citation)]}})
}

pub(super) fn write(citation: &Citation) -> Value {
    let Citation { unit, index, title, start, end, text } = citation;
    let (kind, which) = match unit {
        Unit::Chars => ("documentChar", "documentIndex"),
        Unit::Pages => ("documentPage", "documentIndex"),
        Unit::Parts => ("documentChunk", "documentIndex"),
        Unit::Result(_) => ("searchResultLocation", "searchResultIndex"),
    };
    let mut written = json!({
        "sourceContent": [{"text": text}],
        "location": {kind: {which: index, "start": start, "end": end}},
    });
    if let Some(title) = title {
        written["title"] = json!(title);
    }
    if let Unit::Result(source) = unit {
        written["source"] = json!(source);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cited(document: Value) -> Value {
        let turn = json!({"role": "user", "content": [{"text": "?"}, {"document": document}]});
        write(&citable(&json!({"messages": [turn]})).unwrap())
    }

    #[test]
    fn each_source_is_cited_in_its_own_unit() {
        let enabled = json!({"enabled": true});
        let place = |kind: &str, start: u64, end: u64| json!({kind: {"documentIndex": 0, "start": start, "end": end}});
        let text = json!({"name": "n", "citations": enabled, "source": {"text": "gr\u{fc}n"}});
        assert_eq!(cited(text)["location"], place("documentChar", 0, 4));
        let bytes = json!({"format": "txt", "citations": enabled, "source": {"bytes": "QUI="}});
        assert_eq!(cited(bytes)["sourceContent"][0]["text"], "AB");
        let pdf = json!({"format": "pdf", "citations": enabled, "source": {"bytes": "QUI="}});
        assert_eq!(cited(pdf)["location"], place("documentPage", 1, 2));
        let parts = json!({"citations": enabled, "source": {"content": [{"text": "a"}]}});
        assert_eq!(cited(parts)["location"], place("documentChunk", 0, 1));
    }

    #[test]
    fn what_is_not_to_be_cited_is_counted_all_the_same() {
        let result = json!({"searchResult": {"source": "s", "title": "t", "content": [{"text": "x"}],
            "citations": {"enabled": true}}});
        let off = json!({"searchResult": {"citations": {"enabled": false}}});
        let body = json!({"messages": [{"role": "user", "content": [off, result]}]});
        let written = write(&citable(&body).unwrap());
        assert_eq!(written["location"]["searchResultLocation"]["searchResultIndex"], 1);
        assert_eq!(written["source"], "s");
        assert!(citable(&json!({"messages": []})).is_none());
    }
}
