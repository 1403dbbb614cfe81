//! Official clients against the emulator and against gateway → emulator.
//!
//! There is no code here: the AWS SDK for Rust is in `tests/`, the Python and JavaScript clients
//! are in `python/` and `js/` and run by `cargo xtask clients`.
