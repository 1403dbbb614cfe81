//! What a piece of text rests on.
//!
//! A citation stands on a text block (`Block::citations`) or comes as a delta of one. What a place is
//! counted in is the place's own: characters, pages, parts of a document, parts of a search result.

use std::borrow::Cow;

use crate::dialect::Dialect;

/// One citation of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Citation<'a> {
    /// The words that are cited, as they stand in the source.
    pub cited: Cow<'a, str>,
    pub title: Option<Cow<'a, str>>,
    /// What the caller, or the model's side, names the source by; e.g. a search result's address.
    pub source: Option<Cow<'a, str>>,
    pub place: Place<'a>,
}

/// Where the cited words stand.
#[derive(Debug, Clone, PartialEq)]
pub enum Place<'a> {
    /// Characters of a document.
    Chars(Span),
    /// Pages of a document.
    Pages(Span),
    /// Parts of a document that came in parts.
    Parts(Span),
    /// Parts of a search result.
    Result(Span),
    /// A page of the web.
    Web {
        url: Cow<'a, str>,
        /// What its model wants to see again with the citation.
        token: Option<Cow<'a, str>>,
    },
    /// A place that this version does not know, or none: the citation as `dialect` wrote it, whole.
    Foreign { dialect: Dialect, kind: Cow<'a, str>, json: Cow<'a, str> },
}

/// Which source, counted from 0, and from where to where in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub index: u64,
    pub start: u64,
    pub end: u64,
}
