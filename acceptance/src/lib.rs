//! Tests only: see `tests/main.rs`.
