//! Events of the parser to a tree.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Marker, ScalarStyle, Span, Tag};

use super::Token;
use super::node::{Content, Entry, Node, Place};
use crate::origin::{Diagnostic, Origin, Severity};

/// Deeper than any configuration; what is read recursively stays far from the end of the stack.
const MAX_DEPTH: usize = 64;
/// Nodes of one text, aliases resolved: 10,000 routes have some 200,000.
const MAX_NODES: usize = 2_000_000;

type Failure = (Marker, String);

pub(super) struct Builder {
    source: Rc<str>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    nodes: usize,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// All scalars so far, those of documents that break off too.
    pub(super) tokens: Vec<Token>,
}

/// A collection whose end has not come.
struct Open {
    place: Place,
    anchor: usize,
    content: Content,
    key: Key,
    /// What `<<` puts in.
    bases: Vec<(Node, Place)>,
}

/// Whose value comes next in a mapping.
enum Key {
    None,
    Member(String, Place),
    /// `<<`
    Merge(Place),
}

impl Builder {
    pub(super) fn new(source: Rc<str>) -> Self {
        Self {
            source,
            open: Vec::new(),
            anchors: HashMap::new(),
            root: None,
            nodes: 0,
            diagnostics: Vec::new(),
            tokens: Vec::new(),
        }
    }

    /// The document that has ended, unless it is empty.
    pub(super) fn finish(&mut self) -> Option<Node> {
        self.open.clear();
        self.anchors.clear();
        let mut root = self.root.take()?;
        root.name_paths(String::new());
        (!root.is_null()).then_some(root)
    }

    pub(super) fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Failure> {
        let at = span.start;
        let place = Place { line: at.line(), column: at.col() + 1, index: at.index() };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_key = self.open.last().is_some_and(Open::wants_key);
                self.tokens.push(Token { from: at.index(), to: span.end.index(), is_key });
                let plain = style == ScalarStyle::Plain && !self.is_text(tag.as_deref(), place);
                let content = Content::Scalar { text: text.into_owned(), plain, raw: None };
                self.add(self.node(place, content), anchor, at)
            }
            Event::SequenceStart(anchor, tag) => {
                self.is_text(tag.as_deref(), place);
                self.begin(Open::new(place, anchor, Content::List(Vec::new())), at)
            }
            Event::MappingStart(anchor, tag) => {
                self.is_text(tag.as_deref(), place);
                self.begin(Open::new(place, anchor, Content::Map(Vec::new())), at)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { place, anchor, content, key: _, bases }) => {
                    let content = self.merged(content, bases);
                    self.add(self.node(place, content), anchor, at)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => {
                    self.nodes += node.size();
                    match self.open.len() + node.depth() > MAX_DEPTH {
                        true => Err(too_deep(at)),
                        false => self.add(node, 0, at),
                    }
                }
                None => Err((at, "an alias to nothing".to_owned())),
            },
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn node(&self, place: Place, content: Content) -> Node {
        Node::new(self.source.clone(), place, content)
    }

    fn begin(&mut self, open: Open, at: Marker) -> Result<(), Failure> {
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(at));
        }
        self.open.push(open);
        Ok(())
    }

    fn add(&mut self, node: Node, anchor: usize, at: Marker) -> Result<(), Failure> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err((at, format!("more than {MAX_NODES} nodes")));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        let key = std::mem::replace(&mut open.key, Key::None);
        match (&mut open.content, key) {
            (Content::List(items), _) => items.push(node),
            (Content::Map(_), Key::Merge(place)) => open.bases.push((node, place)),
            (Content::Map(entries), Key::Member(key, place)) => {
                match entries.iter().find(|entry| entry.key == key) {
                    Some(first) => {
                        let line = first.place.line;
                        let what = format!("`{key}` is here a second time");
                        let hint = format!("the first is in line {line}: remove one of them");
                        self.say(place, what, Some(hint));
                    }
                    None => entries.push(Entry { key, place, value: node }),
                }
            }
            (Content::Map(_), Key::None) => match node.text() {
                Some("<<") if node.is_plain() => open.key = Key::Merge(node.place()),
                Some(text) => open.key = Key::Member(text.to_owned(), node.place()),
                None => return Err((at, "a key must be a text".to_owned())),
            },
            (Content::Scalar { .. } | Content::Broken, _) => {}
        }
        Ok(())
    }

    /// `<<: *base` put in: what the mapping says itself goes first.
    fn merged(&mut self, content: Content, bases: Vec<(Node, Place)>) -> Content {
        let Content::Map(mut own) = content else { return content };
        for (base, place) in bases {
            let from = match base.into_content() {
                Content::Map(entries) => entries,
                Content::List(items) => items.into_iter().flat_map(Node::into_members).collect(),
                Content::Scalar { .. } | Content::Broken => {
                    self.say(place, "`<<` takes mappings only".to_owned(), None);
                    continue;
                }
            };
            for entry in from {
                if own.iter().all(|known| known.key != entry.key) {
                    own.push(entry);
                }
            }
        }
        Content::Map(own)
    }

    /// Whether a tag makes a text of a plain scalar. Tags of nobody's are told of.
    fn is_text(&mut self, tag: Option<&Tag>, place: Place) -> bool {
        let Some(tag) = tag else { return false };
        if !tag.is_yaml_core_schema() && !tag.suffix.is_empty() {
            let hint = Some("remove it".to_owned());
            self.say(place, format!("the tag `{tag}` means nothing here"), hint);
        }
        tag.suffix == "str" || tag.suffix.is_empty()
    }

    fn say(&mut self, place: Place, what: String, hint: Option<String>) {
        let origin = Origin {
            source: self.source.to_string(),
            line: place.line,
            column: place.column,
            path: String::new(),
        };
        self.diagnostics.push(Diagnostic { severity: Severity::Error, origin, what, hint });
    }
}

impl Open {
    fn wants_key(&self) -> bool {
        matches!((&self.content, &self.key), (Content::Map(_), Key::None))
    }

    fn new(place: Place, anchor: usize, content: Content) -> Self {
        Self { place, anchor, content, key: Key::None, bases: Vec::new() }
    }
}

fn too_deep(at: Marker) -> Failure {
    (at, format!("nested deeper than {MAX_DEPTH} levels"))
}
