//! The header section of an event-stream frame: names, typed values, and the search for doubles.
//!
//! 1. All ten value types are read and written.
//! 2. A name that occurs twice is an error, found without allocation.

use std::borrow::Cow;

/// More headers than this in one frame are refused. AWS sends three; the bound keeps the search for
/// doubles, which is quadratic, cheap for hostile input.
const MAX_COUNT: usize = 128;

/// A header's value with its wire type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    Bool(bool),
    Int8(i8),
    Int16(i16),
    Int32(i32),
    Int64(i64),
    Bytes(&'a [u8]),
    String(&'a str),
    /// Milliseconds since 1970.
    Timestamp(i64),
    Uuid([u8; 16]),
}

type Reason = Cow<'static, str>;

/// Walks a header section; stops after the first error.
#[derive(Debug, Clone)]
pub(super) struct HeaderIter<'a> {
    rest: &'a [u8],
}

/// Remembers, by reading the section again, which names have come.
pub(super) struct Names<'a> {
    section: &'a [u8],
    seen: usize,
}

// === impl HeaderIter ===

impl<'a> HeaderIter<'a> {
    pub(super) fn new(section: &'a [u8]) -> Self {
        Self { rest: section }
    }

    fn header(&mut self) -> Result<(&'a str, Value<'a>), Reason> {
        let length = self.byte()? as usize;
        if length == 0 {
            return Err("a header without a name".into());
        }
        let name =
            std::str::from_utf8(self.take(length)?).map_err(|_| "a header's name is not UTF-8")?;
        Ok((name, self.value()?))
    }

    fn value(&mut self) -> Result<Value<'a>, Reason> {
        Ok(match self.byte()? {
            0 => Value::Bool(true),
            1 => Value::Bool(false),
            2 => Value::Int8(i8::from_be_bytes(self.array()?)),
            3 => Value::Int16(i16::from_be_bytes(self.array()?)),
            4 => Value::Int32(i32::from_be_bytes(self.array()?)),
            5 => Value::Int64(i64::from_be_bytes(self.array()?)),
            6 => Value::Bytes(self.counted()?),
            7 => Value::String(
                std::str::from_utf8(self.counted()?).map_err(|_| "a header's text is not UTF-8")?,
            ),
            8 => Value::Timestamp(i64::from_be_bytes(self.array()?)),
            9 => Value::Uuid(self.array()?),
            other => return Err(format!("the header type {other} does not exist").into()),
        })
    }

    fn counted(&mut self) -> Result<&'a [u8], Reason> {
        let length = u16::from_be_bytes(self.array()?);
        self.take(length as usize)
    }

    fn byte(&mut self) -> Result<u8, Reason> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Reason> {
        let (array, rest) =
            self.rest.split_first_chunk::<N>().ok_or("a header runs past its section")?;
        self.rest = rest;
        Ok(*array)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Reason> {
        let (taken, rest) =
            self.rest.split_at_checked(length).ok_or("a header runs past its section")?;
        self.rest = rest;
        Ok(taken)
    }
}

impl<'a> Iterator for HeaderIter<'a> {
    type Item = Result<(&'a str, Value<'a>), Reason>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let header = self.header();
        if header.is_err() {
            self.rest = &[];
        }
        Some(header)
    }
}

// === impl Names ===

impl<'a> Names<'a> {
    pub(super) fn new(section: &'a [u8]) -> Self {
        Self { section, seen: 0 }
    }

    /// Takes note of the next name in order; refuses it if it came before.
    pub(super) fn check(&mut self, name: &str) -> Result<(), Reason> {
        let mut earlier = HeaderIter::new(self.section).take(self.seen).flatten();
        if earlier.any(|(other, _)| other == name) {
            return Err(format!("the header {name} occurs twice").into());
        }
        self.seen += 1;
        if self.seen > MAX_COUNT {
            return Err(format!("more than {MAX_COUNT} headers").into());
        }
        Ok(())
    }
}
