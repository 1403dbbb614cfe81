//! Addresses found in each dialect, and bodies after the media came.

use outcrop_model::Catalog;

use super::*;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const PNG64: &str = "iVBORw0KGgo=";

/// The body with `bytes` in place of every address.
fn with(body: &str, bytes: &[u8]) -> String {
    let wanted = wanted(body.as_bytes()).unwrap();
    let media: Vec<Media<'_>> =
        wanted.places.iter().map(|place| place.identify(bytes, None).unwrap()).collect();
    String::from_utf8(put(body.as_bytes(), &wanted.places, |i| media[i])).unwrap()
}

fn paths(body: &str) -> Vec<String> {
    wanted(body.as_bytes()).map_or(Vec::new(), |w| w.places.into_iter().map(|p| p.path).collect())
}

#[test]
fn a_relayed_body_keeps_every_other_byte() {
    let body = r#"{ "model" : "m","x":[1 , 2.50],"messages":[ {"role":"user","content":[
        {"type":"image","source":{"type":"url","url":"https:\/\/e.org/a.png"},"cache_control":{"type":"ephemeral"}},
        {"source" : {"url":"http://e.org/b","type":"url","new":null} ,"type":"image"},
        {"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{"type":"url","url":"https://e.org/c"}}]},
        {"type":"document","source":{"type":"content","content":[{"type":"image","source":{"type":"url","url":"https://e.org/d"}}]}},
        {"type":"text","text":"see \"url\":\"https://e.org/e\""}]}] }"#;
    let source = format!(r#"{{"type":"base64","media_type":"image/png","data":"{PNG64}"}}"#);
    let expected = body
        .replace(r#"{"type":"url","url":"https:\/\/e.org/a.png"}"#, &source)
        .replace(
            r#"{"url":"http://e.org/b","type":"url","new":null}"#,
            &source.replace('}', r#","new":null}"#),
        )
        .replace(r#"{"type":"url","url":"https://e.org/c"}"#, &source)
        .replace(r#"{"type":"url","url":"https://e.org/d"}"#, &source);
    assert_eq!(with(body, PNG), expected);
    let content = "messages[0].content";
    assert_eq!(
        paths(body),
        [
            format!("{content}[0].source.url"),
            format!("{content}[1].source.url"),
            format!("{content}[2].content[0].source.url"),
            format!("{content}[3].source.content[0].source.url"),
        ]
    );
    assert_eq!(wanted(body.as_bytes()).unwrap().model, "m");
}

#[test]
fn text_and_pdf_become_anthropics_documents() {
    let body = r#"{"messages":[{"content":[{"type":"document","source":{"type":"url","url":"https://e.org/a"}}]}]}"#;
    assert!(with(body, b"%PDF-1").contains(
        r#""source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0x"}"#
    ));
    assert!(
        with(body, "\u{feff}say \"hi\"".as_bytes())
            .contains(r#""source":{"type":"text","media_type":"text/plain","data":"say \"hi\""}"#)
    );
}

#[test]
fn openai_bodies_get_data_urls() {
    let chat = r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://e.org/a","detail":"low"}},{"type":"file","file":{"file_id":"https://e.org/x/Q3%20report.PDF?sig=1"}},{"type":"file","file":{"filename":"own.txt","file_data":"https://e.org/y"}}]}]}"#;
    let data = format!("\"data:image/png;base64,{PNG64}\"");
    assert_eq!(
        with(chat, PNG),
        chat.replace("\"https://e.org/a\"", &data)
            .replace(
                r#""file_id":"https://e.org/x/Q3%20report.PDF?sig=1""#,
                &format!(r#""file_data":{data},"filename":"Q3 report.PDF.png""#),
            )
            .replace("\"https://e.org/y\"", &data)
    );
    let responses = r#"{"input":[{"role":"user","content":[{"type":"input_image","image_url":"https://e.org/a"},{"type":"input_file","file_url":"https://e.org/r.png"}]},{"type":"function_call_output","output":[{"type":"input_image","image_url":"https://e.org/b"}]}]}"#;
    assert_eq!(
        with(responses, PNG),
        responses
            .replace("\"https://e.org/a\"", &data)
            .replace("\"https://e.org/b\"", &data)
            .replace(
                r#""file_url":"https://e.org/r.png""#,
                &format!(r#""file_data":{data},"filename":"r.png""#)
            )
    );
    assert_eq!(
        paths(responses),
        [
            "input[0].content[0].image_url",
            "input[0].content[1].file_url",
            "input[1].output[0].image_url"
        ]
    );
}

#[test]
fn other_addresses_are_left_alone() {
    for body in [
        r#"{"messages":[{"content":"https://e.org/a"}]}"#,
        r#"{"messages":[{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}]}"#,
        r#"{"messages":[{"content":[{"type":"image_url","image_url":{"url":"s3://b/k.png"}}]}]}"#,
        r#"{"messages":[{"content":[{"type":"tool_use","input":{"url":"https://e.org/a"}}]}]}"#,
        r#"{"tools":[{"mcp":{"url":"https://e.org/a"}}],"messages":[]}"#,
        r#"{"messages":[{"content":[{"type":"file","file":{"file_data":"AA==","file_id":"https://e.org/a"}}]}]}"#,
        r#"{"messages":[{"content":[{"type":"image","source":{"type":"url","url":"https://e.org/a"}"#,
        r#"{"messages":{"url":"https://e.org"},"input":[[{"url":"https://e.org"}]]}"#,
    ] {
        assert!(wanted(body.as_bytes()).is_none(), "{body}");
    }
}

#[test]
fn what_is_not_expected_is_refused_by_path() {
    let place = |part: &str| {
        let body = format!(r#"{{"messages":[{{"content":[{part}]}}]}}"#);
        let wanted = wanted(body.as_bytes()).unwrap();
        let said = |bytes| wanted.places[0].identify(bytes, None).err().map(|f| f.to_string());
        (said(b"<html>Sign in"), said(b"%PDF-1"), said(PNG), said(b"\0\x01"))
    };
    let image = place(r#"{"type":"image","source":{"type":"url","url":"https://e.org/a"}}"#);
    let said = image.0.unwrap();
    assert!(said.starts_with("messages[0].content[0].source.url: leads to text/html"), "{said}");
    assert!(image.1.is_some() && image.2.is_none() && image.3.is_some());
    let url = place(r#"{"type":"image_url","image_url":{"url":"https://e.org/a"}}"#);
    assert!(url.0.is_some() && url.1.is_none() && url.2.is_none() && url.3.is_some());
    let document = place(r#"{"type":"document","source":{"type":"url","url":"https://e.org/a"}}"#);
    assert!(document.0.is_none() && document.1.is_none() && document.2.is_some());
    let file = place(r#"{"type":"file","file":{"file_data":"https://e.org/a"}}"#);
    assert!(file.0.is_none() && file.1.is_none() && file.2.is_none() && file.3.is_some());
}

#[test]
fn nothing_is_fetched_for_a_model_that_sees_nothing() {
    let body = r#"{"messages":[{"content":[{"type":"image_url","image_url":{"url":"https://e.org/a"}}]}]}"#;
    for (model, expected) in [("amazon.nova-micro-v1:0", 0), ("amazon.nova-lite-v1:0", 1)] {
        let mut wanted = wanted(body.as_bytes()).unwrap();
        wanted.retain_taken(Catalog::built_in().card(model));
        assert_eq!(wanted.places.len(), expected, "{model}");
    }
}

#[test]
fn nesting_ends_somewhere() {
    let mut part = r#"{"type":"image","source":{"type":"url","url":"https://e.org/a"}}"#.to_owned();
    for _ in 0..1000 {
        part = format!(r#"{{"type":"tool_result","content":[{part}]}}"#);
    }
    assert!(wanted(format!(r#"{{"messages":[{{"content":[{part}]}}]}}"#).as_bytes()).is_none());
}

#[test]
fn names_come_from_the_path() {
    for (url, expected) in [
        ("https://e.org/a/b.pdf?x=/c", Some("b.pdf")),
        ("https://e.org/%C3%A4.txt#f", Some("ä.txt")),
        ("https://e.org/100%", Some("100%")),
        ("https://e.org/a/", None),
        ("https://e.org", None),
    ] {
        let body = format!(
            r#"{{"messages":[{{"content":[{{"type":"file","file":{{"file_id":"{url}"}}}}]}}]}}"#
        );
        let wanted = wanted(body.as_bytes()).unwrap();
        assert_eq!(wanted.places[0].file_name().as_deref(), expected, "{url}");
    }
}

proptest::proptest! {
    /// Whatever the body is, only addresses change: the texts between them stay, in order.
    #[test]
    fn only_places_change(parts in proptest::collection::vec((0..5usize, "[ -~]{0,12}"), 0..12)) {
        let escaped = |text: &str| serde_json::to_string(text).unwrap();
        let part = |(kind, text): &(usize, String)| {
            let text = escaped(text);
            match kind {
                0 => format!(r#"{{"type":"image","source":{{"type":"url","url":"https://e.org/§"}},"n":{text}}}"#),
                1 => format!(r#"{{"type":"image_url","image_url":{{"url":"https://e.org/§"}},"n":{text}}}"#),
                2 => format!(r#"{{"type":"tool_use","input":{{"url":"https://e.org/x"}},"n":{text}}}"#),
                3 => format!(r#"{{ "type" : "text" , "text" : {text} }}"#),
                _ => text,
            }
        };
        let list: Vec<String> = parts.iter().map(part).collect();
        let body = format!(r#"{{"messages":[{{"content":[{}]}}]}}"#, list.join(" , "));
        let source = format!(r#"{{"type":"base64","media_type":"image/png","data":"{PNG64}"}}"#);
        let expected = body
            .replace(r#"{"type":"url","url":"https://e.org/§"}"#, &source)
            .replace("\"https://e.org/§\"", &format!("\"data:image/png;base64,{PNG64}\""));
        match wanted(body.as_bytes()) {
            Some(_) => proptest::prop_assert_eq!(with(&body, PNG), expected),
            None => proptest::prop_assert_eq!(body, expected),
        }
    }
}
