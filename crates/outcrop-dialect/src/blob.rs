//! Base64 as Bedrock reads it: the standard alphabet, padded, without white space.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What is wrong with a text that [`is_base64`] denies, for the caller who can mend it.
pub(crate) const NOT_BASE64: &str =
    "holds no valid base64; use the standard alphabet with padding and without white space.";

/// Whether `data` is base64 of at least one byte.
///
/// Only the last four characters are decoded. The rest is looked at in blocks without an early exit,
/// which lets the compiler use wide registers.
pub(crate) fn is_base64(data: &str) -> bool {
    let Some((whole, last)) = data.as_bytes().split_last_chunk::<4>() else { return false };
    let legal = |b: u8| b.is_ascii_alphanumeric() | (b == b'+') | (b == b'/');
    let mut blocks = whole.chunks(1024);
    whole.len().is_multiple_of(4)
        && blocks.all(|block| block.iter().fold(true, |ok, &b| ok & legal(b)))
        && STANDARD.decode(last).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_padded_base64_is_base64() {
        for good in ["aGk=", "aGkh", "aGkhaQ==", "+/+/"] {
            assert!(is_base64(good), "{good}");
        }
        for bad in ["", "aGk", "aG=h", "aGk=aGk=", "aGl=", "a-_h", "aGk\n", " aGk=", "====", "ä==="]
        {
            assert!(!is_base64(bad), "{bad}");
        }
    }
}
