//! Signatures of thinking, and redacted thinking, which only this emulator can have made.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::auth::hmac_sha256;

/// Not a secret: it only has to be the same in every process.
const KEY: &[u8] = b"outcrop-emulator thinking";
const MAC_LENGTH: usize = 32;
const MASK: u8 = 0x5a;

/// The signature issued with a thinking text.
pub(crate) fn sign(text: &str) -> String {
    STANDARD.encode(hmac_sha256(KEY, text.as_bytes()))
}

/// Whether `signature` was issued with `text`.
pub(crate) fn is_genuine(text: &str, signature: &str) -> bool {
    sign(text) == signature
}

/// Redacted thinking: a code over the text, and the text masked so that nobody reads it by accident.
pub(crate) fn hide(text: &str) -> Vec<u8> {
    let mut bytes = hmac_sha256(KEY, text.as_bytes());
    bytes.extend(text.bytes().map(|byte| byte ^ MASK));
    bytes
}

/// Whether these bytes came from [`hide`].
pub(crate) fn is_hidden_here(bytes: &[u8]) -> bool {
    if bytes.len() < MAC_LENGTH {
        return false;
    }
    let (code, masked) = bytes.split_at(MAC_LENGTH);
    let text: Vec<u8> = masked.iter().map(|byte| byte ^ MASK).collect();
    hmac_sha256(KEY, &text) == code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tampering_shows() {
        let signature = sign("a thought");
        assert!(is_genuine("a thought", &signature));
        assert!(!is_genuine("another", &signature));
        let mut hidden = hide("a thought");
        assert!(is_hidden_here(&hidden));
        hidden[40] ^= 1;
        assert!(!is_hidden_here(&hidden));
        assert!(!is_hidden_here(b"short"));
    }
}
