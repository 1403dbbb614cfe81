//! A vector as numbers, and as the bytes of its type.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::exit::{Exit, Failure};

/// A list of numbers in JSON, or little-endian floats in base64, with quotes or without.
pub fn read(vector: &str) -> anyhow::Result<Vec<f32>> {
    let wrong = || Failure::new(Exit::RequestFailed, "This is no vector.");
    if vector.starts_with('[') {
        return serde_json::from_str(vector).map_err(|_| wrong().into());
    }
    let bytes = STANDARD.decode(vector.trim_matches('"')).map_err(|_| wrong())?;
    let (floats, []) = bytes.as_chunks::<4>() else { return Err(wrong().into()) };
    Ok(floats.iter().map(|float| f32::from_le_bytes(*float)).collect())
}

/// Little-endian 32-bit floats.
pub fn bytes(vector: &str) -> anyhow::Result<Vec<u8>> {
    Ok(read(vector)?.into_iter().flat_map(f32::to_le_bytes).collect())
}
