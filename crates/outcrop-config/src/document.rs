//! YAML (and so JSON) to trees whose every node knows its place.
//!
//! 1. A text that breaks off at an error keeps the documents before the error.
//! 2. A key that is written twice in one mapping is an error: neither value is what was surely meant.
//! 3. Anchors, aliases and merge keys (`<<`) are resolved; what they can blow up to is bounded.
//! 4. Empty documents are skipped.

mod build;
mod node;
mod scalar;

pub use node::{Entry, Node};
pub(crate) use node::{Rewrite, Sight, join};
pub use scalar::Scalar;
pub(crate) use scalar::plain;

use std::rc::Rc;

use saphyr_parser::{Event, Parser};

use crate::origin::{Diagnostic, Origin, Severity};
use build::Builder;

/// One document of a text.
#[derive(Debug)]
pub struct Document {
    /// The text's name.
    pub source: Rc<str>,
    pub root: Node,
}

/// A scalar where it stands, by the numbers of characters before it and before what comes after it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) is_key: bool,
}

/// What a text is as YAML.
pub(crate) struct Parsed {
    pub(crate) documents: Vec<Document>,
    /// What is wrong with it.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Every scalar up to the first error, in order.
    pub(crate) tokens: Vec<Token>,
}

/// The documents of `text`, and what is wrong with it as YAML.
pub fn parse(source: &str, text: &str) -> (Vec<Document>, Vec<Diagnostic>) {
    let Parsed { documents, diagnostics, tokens: _ } = parse_all(source, text);
    (documents, diagnostics)
}

pub(crate) fn parse_all(source: &str, text: &str) -> Parsed {
    let source: Rc<str> = source.into();
    let mut builder = Builder::new(source.clone());
    let mut documents = Vec::new();
    let text = without_mark(text);
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let outcome = match event {
            Ok((Event::DocumentEnd, _)) => {
                documents
                    .extend(builder.finish().map(|root| Document { source: source.clone(), root }));
                Ok(())
            }
            Ok((event, span)) => builder.take(event, span),
            Err(error) => Err((*error.marker(), error.info().to_owned())),
        };
        if let Err((place, what)) = outcome {
            builder.diagnostics.push(Diagnostic {
                severity: Severity::Error,
                origin: Origin {
                    source: source.to_string(),
                    line: place.line(),
                    column: place.col() + 1,
                    path: String::new(),
                },
                what: format!("not YAML: {what}"),
                hint: Some("nothing after this place in the file was read".to_owned()),
            });
            break;
        }
    }
    let Builder { diagnostics, tokens, .. } = builder;
    Parsed { documents, diagnostics, tokens }
}

/// `text` without the mark of its byte order.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}
