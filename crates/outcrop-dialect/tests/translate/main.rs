//! Goldens at the boundary of the crate: `plan` and `answer`. A folder in `fixtures/translate` is a case.
//!
//! * `requests/NAME/request.json` → `expected.txt`: what is sent to Bedrock and what was lost, or the
//!   refusal, for every model of `models.txt`; with `media: fetched` addresses lead to the files of
//!   the case;
//! * `answers/NAME/answer.json` → `expected.DIALECT.json` and `losses.DIALECT.txt`, or `fault.DIALECT.txt`;
//! * `streams/NAME/frames.txt` → `expected.DIALECT.txt`, what the caller reads with what was noted beside it.
//!
//! `case.txt` holds `key: value` lines. `OUTCROP_BLESS=1` rewrites what is expected.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test says no by panicking"
)]

mod answers;
mod arbitrary;
mod citations;
mod events;
mod forms;
mod golden;
mod lifecycle;
mod planning;
mod pretty;
mod requests;
mod sections;
mod streams;
mod word_for_word;
