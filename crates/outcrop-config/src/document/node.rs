//! A node of a document: a value, its place, and whether anyone has read it.
//!
//! Front ends for other projects' formats read leniently: they take what they know, and whatever nobody
//! took is reported afterwards. So every accessor of a child marks it as read:
//!
//! 1. [`Node::get`], [`Node::at`], [`Node::list`] and [`Node::entries`] mark what they hand out, and
//!    nothing below it.
//! 2. [`Node::value`] and [`Node::dismiss`] mark everything below.
//! 3. [`Node::peek`] marks nothing: it is for looking whose document this is.
//! 4. `null` is absent for all of them.
//!
//! What was understood is another matter: whoever takes a scalar's text or number knows what it is. One whose
//! text nobody took may be anything, a secret too, and is not shown (`crate::excerpt`); nor is one that is
//! [hidden](Node::hide).
//!
//! `Reading` (in `front`) has the same accessors with complaints about wrong types.

use std::cell::Cell;
use std::rc::Rc;

use super::scalar::{self, Scalar};
use crate::origin::Origin;

/// A value in a document.
#[derive(Debug, Clone)]
pub struct Node {
    source: Rc<str>,
    place: Place,
    path: String,
    content: Content,
    read: Cell<bool>,
    sight: Cell<Sight>,
}

/// Whether a scalar may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Nobody took it.
    Unknown,
    Taken,
    Hidden,
}

/// Line and column, from 1, and how many characters of the text stand before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) index: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    Scalar {
        text: String,
        /// Not quoted: `5` is a number, not a text.
        plain: bool,
        /// The text before variables were put in, where there were any.
        raw: Option<String>,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Something is wrong with it, which has been said.
    Broken,
}

/// A member of a mapping.
#[derive(Debug, Clone)]
pub struct Entry {
    pub key: String,
    pub(super) place: Place,
    pub value: Node,
}

// === impl Node: reading ===

impl Node {
    /// The member `key` of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let node = self.peek(key)?;
        node.read.set(true);
        Some(node)
    }

    /// The member at the end of `path`, member names joined by dots: `spec.rules`.
    pub fn at(&self, path: &str) -> Option<&Node> {
        path.split('.').try_fold(self, |node, key| node.get(key))
    }

    /// The member `key`, without having read it.
    pub fn peek(&self, key: &str) -> Option<&Node> {
        let Content::Map(entries) = &self.content else { return None };
        let node = &entries.iter().find(|entry| entry.key == key)?.value;
        (!node.is_null()).then_some(node)
    }

    /// The items of a list; of anything else none.
    pub fn list(&self) -> &[Node] {
        let Content::List(items) = &self.content else { return &[] };
        items.iter().for_each(|item| item.read.set(true));
        items
    }

    /// The items of a list, or the node itself as the only one.
    pub fn one_or_many(&self) -> &[Node] {
        match &self.content {
            Content::List(_) => self.list(),
            Content::Map(_) | Content::Scalar { .. } | Content::Broken => {
                std::slice::from_ref(self)
            }
        }
    }

    /// The members of a mapping, in order; of anything else none.
    pub fn entries(&self) -> &[Entry] {
        let Content::Map(entries) = &self.content else { return &[] };
        entries.iter().for_each(|entry| entry.value.read.set(true));
        entries
    }

    /// What a scalar says.
    pub fn scalar(&self) -> Option<Scalar<'_>> {
        match &self.content {
            Content::Scalar { text, plain: true, .. } => Some(scalar::plain(text)),
            Content::Scalar { text, plain: false, .. } => Some(Scalar::Text(text)),
            Content::List(_) | Content::Map(_) | Content::Broken => None,
        }
    }

    /// The text of any scalar but `null`, as it is written: `1` is the text "1".
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } if !self.is_null() => {
                self.take();
                Some(text)
            }
            Content::Scalar { .. } | Content::List(_) | Content::Map(_) | Content::Broken => None,
        }
    }

    /// Somebody knows what the scalar is.
    pub(crate) fn take(&self) {
        if self.sight.get() == Sight::Unknown {
            self.sight.set(Sight::Taken);
        }
    }

    /// It is a secret: nothing of it is ever shown.
    pub(crate) fn hide(&self) {
        self.sight.set(Sight::Hidden);
        self.items().iter().for_each(Node::hide);
        self.members().iter().for_each(|entry| entry.value.hide());
    }

    /// The text before variables were put in.
    pub fn raw(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { raw: Some(raw), .. } => Some(raw),
            Content::Scalar { text, raw: None, .. } if !self.is_null() => Some(text),
            Content::Scalar { .. } | Content::List(_) | Content::Map(_) | Content::Broken => None,
        }
    }

    /// What is said of it, with what is written in the place of a variable's value: that may be a secret that
    /// belongs elsewhere. It does not count as looked at.
    pub fn without_value(&self, what: String) -> String {
        let Content::Scalar { text, raw: Some(raw), .. } = &self.content else { return what };
        [text, text.trim()]
            .iter()
            .fold(what, |what, value| what.replace(&format!("`{value}`"), &format!("`{raw}`")))
    }

    /// The number that a scalar is, quoted or not.
    pub fn int(&self) -> Option<u64> {
        self.text()?.trim().parse().ok()
    }

    /// `true` or `false`, quoted or not.
    pub fn bool(&self) -> Option<bool> {
        match scalar::plain(self.text()?) {
            Scalar::Bool(bool) => Some(bool),
            Scalar::Null
            | Scalar::Int(_)
            | Scalar::Large(_)
            | Scalar::Float(_)
            | Scalar::Text(_) => None,
        }
    }

    /// All of it as JSON; everything in it counts as read.
    pub fn value(&self) -> serde_json::Value {
        use serde_json::Value;
        self.read.set(true);
        match &self.content {
            Content::List(_) => self.list().iter().map(Node::value).collect(),
            Content::Map(_) => {
                self.entries().iter().map(|e| (e.key.clone(), e.value.value())).collect()
            }
            Content::Scalar { .. } | Content::Broken => match self.scalar() {
                None | Some(Scalar::Null) => Value::Null,
                Some(Scalar::Bool(bool)) => bool.into(),
                Some(Scalar::Int(int)) => int.into(),
                Some(Scalar::Large(int)) => int.into(),
                Some(Scalar::Float(float)) => float.into(),
                Some(Scalar::Text(text)) => text.into(),
            },
        }
    }

    /// Counts everything in it as read: it means nothing to a gateway, and nobody needs to be told.
    pub fn dismiss(&self) {
        self.read.set(true);
        self.list().iter().for_each(Node::dismiss);
        self.entries().iter().for_each(|entry| entry.value.dismiss());
    }

    /// What nobody read: the topmost nodes, in order.
    pub fn unread(&self) -> Vec<&Node> {
        let children: Vec<&Node> = match &self.content {
            Content::List(items) => items.iter().collect(),
            Content::Map(entries) => entries.iter().map(|entry| &entry.value).collect(),
            Content::Scalar { .. } | Content::Broken => Vec::new(),
        };
        let mut unread = Vec::new();
        for child in children.into_iter().filter(|child| !child.is_null()) {
            match child.read.get() {
                true => unread.extend(child.unread()),
                false => unread.push(child),
            }
        }
        unread
    }
}

// === impl Node: what it is ===

impl Node {
    pub fn is_null(&self) -> bool {
        matches!(self.scalar(), Some(Scalar::Null))
    }

    pub fn is_map(&self) -> bool {
        matches!(self.content, Content::Map(_))
    }

    pub fn is_list(&self) -> bool {
        matches!(self.content, Content::List(_))
    }

    pub(crate) fn is_number(&self) -> bool {
        let number =
            |scalar| matches!(scalar, Scalar::Int(_) | Scalar::Large(_) | Scalar::Float(_));
        self.scalar().is_some_and(number)
    }

    /// Whether something is wrong with it that has been said already.
    pub fn is_broken(&self) -> bool {
        matches!(self.content, Content::Broken)
    }

    /// What it is, in words, for "… where a … belongs".
    pub fn kind(&self) -> &'static str {
        match (&self.content, self.scalar()) {
            (Content::List(_), _) => "a list",
            (Content::Map(_), _) => "a mapping",
            (Content::Broken, _) | (Content::Scalar { .. }, None) => "nothing",
            (Content::Scalar { .. }, Some(scalar)) => match scalar {
                Scalar::Null => "nothing",
                Scalar::Bool(_) => "true or false",
                Scalar::Int(_) | Scalar::Large(_) | Scalar::Float(_) => "a number",
                Scalar::Text(_) => "a text",
            },
        }
    }

    /// Where it is written.
    pub fn origin(&self) -> Origin {
        Origin {
            source: self.source.to_string(),
            line: self.place.line,
            column: self.place.column,
            path: self.path.clone(),
        }
    }

    /// Its path within the document.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path within this node of what is at `path` in the document.
    pub(crate) fn within<'p>(&self, path: &'p str) -> &'p str {
        path.strip_prefix(&*self.path).unwrap_or(path).trim_start_matches('.')
    }

    /// The node at `path` below this one, or what is there of the way to it. The first item of what is no
    /// list is the thing itself: short forms are found by the paths of the long ones.
    pub(crate) fn nearest(&self, path: &str) -> &Node {
        let rest = |child: &Node| {
            let own = child.path[self.path.len()..].trim_start_matches('.');
            let rest = path.strip_prefix(own)?;
            (rest.is_empty() || rest.starts_with(['.', '[']))
                .then(|| rest.trim_start_matches('.').len())
        };
        let mut children = self.members().iter().map(|entry| &entry.value).chain(self.items());
        if let Some((child, left)) = children.find_map(|child| Some((child, rest(child)?))) {
            return child.nearest(&path[path.len() - left..]);
        }
        match path.strip_prefix("[0]") {
            Some(rest) if !self.is_list() => self.nearest(rest.trim_start_matches('.')),
            Some(_) | None => self,
        }
    }

    pub(crate) fn sight(&self) -> Sight {
        self.sight.get()
    }

    /// How many characters of the text stand before it.
    pub(crate) fn index(&self) -> usize {
        self.place.index
    }

    pub(crate) fn members(&self) -> &[Entry] {
        match &self.content {
            Content::Map(entries) => entries,
            Content::List(_) | Content::Scalar { .. } | Content::Broken => &[],
        }
    }

    pub(crate) fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            Content::Map(_) | Content::Scalar { .. } | Content::Broken => &[],
        }
    }
}

impl Entry {
    /// Where the key is written.
    pub fn origin(&self) -> Origin {
        Origin { line: self.place.line, column: self.place.column, ..self.value.origin() }
    }
}

// === impl Node: making ===

impl Node {
    pub(super) fn new(source: Rc<str>, place: Place, content: Content) -> Self {
        let (read, sight) = (Cell::new(false), Cell::new(Sight::Unknown));
        Self { source, place, path: String::new(), content, read, sight }
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    pub(super) fn into_content(self) -> Content {
        self.content
    }

    /// How many nodes it is.
    pub(super) fn size(&self) -> usize {
        let items: usize = self.items().iter().map(Node::size).sum();
        let members: usize = self.members().iter().map(|entry| entry.value.size()).sum();
        1 + items + members
    }

    /// How many levels it has.
    pub(super) fn depth(&self) -> usize {
        let members = self.members().iter().map(|entry| &entry.value);
        1 + members.chain(self.items()).map(Node::depth).max().unwrap_or(0)
    }

    /// Whether it is a scalar without quotes.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.content, Content::Scalar { plain: true, .. })
    }

    pub(super) fn into_members(self) -> Vec<Entry> {
        match self.content {
            Content::Map(entries) => entries,
            Content::List(_) | Content::Scalar { .. } | Content::Broken => Vec::new(),
        }
    }

    /// Gives it and all below their paths.
    pub(super) fn name_paths(&mut self, path: String) {
        match &mut self.content {
            Content::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    item.name_paths(format!("{path}[{index}]"));
                }
            }
            Content::Map(entries) => {
                for entry in entries {
                    entry.value.name_paths(member(&path, &entry.key));
                }
            }
            Content::Scalar { .. } | Content::Broken => {}
        }
        self.path = path;
    }

    /// Puts what `resolve` makes of each text in its place; `None` breaks the node.
    pub(crate) fn rewrite(&mut self, resolve: &mut dyn FnMut(&str, Origin) -> Rewrite) {
        let origin = self.origin();
        match &mut self.content {
            Content::List(items) => items.iter_mut().for_each(|item| item.rewrite(resolve)),
            Content::Map(entries) => {
                entries.iter_mut().for_each(|entry| entry.value.rewrite(resolve));
            }
            Content::Broken => {}
            Content::Scalar { text, plain: _, raw } => match resolve(text, origin) {
                Rewrite::Same => {}
                Rewrite::To(new) => *raw = Some(std::mem::replace(text, new)),
                Rewrite::Broken => self.content = Content::Broken,
            },
        }
    }
}

/// What becomes of a text.
pub(crate) enum Rewrite {
    Same,
    To(String),
    Broken,
}

/// The path of the member `key` of what is at `path`.
fn member(path: &str, key: &str) -> String {
    let simple = !key.is_empty()
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'/' | b'$'));
    match simple {
        true => join(path, key),
        false => format!("{path}[{key:?}]"),
    }
}

/// The path of what is at `below` in what is at `path`.
pub(crate) fn join(path: &str, below: &str) -> String {
    match path.is_empty() || below.is_empty() || below.starts_with('[') {
        true => format!("{path}{below}"),
        false => format!("{path}.{below}"),
    }
}
