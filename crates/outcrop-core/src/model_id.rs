//! Model ids on their way from body or path into the path for Bedrock.
//!
//! 1. Whatever a caller writes stays one path segment: it can neither climb out of `/model/{id}/` nor
//!    end the request line.
//! 2. An id that Bedrock cannot know is refused here and never sent.

use outcrop_model::{ErrorClass, Fault, Phase};

/// Longest model id in characters (service model of `bedrock-runtime`, checked 2026-11-21).
const MOST: usize = 2048;

/// Refuses what no model can be called.
///
/// # Errors
/// `InvalidRequest` for a length, `UnknownModel` for characters or segments that no id has.
pub fn check(id: &str) -> Result<(), Fault> {
    if id.chars().nth(MOST).is_some() {
        let message = format!("is longer than {MOST} characters, which no model id is.");
        return Err(Fault::invalid("model", message));
    }
    // Some proxies resolve dot segments, also encoded ones.
    let climbs = id.split('/').any(|segment| matches!(segment, "." | ".."));
    if climbs || id.chars().any(char::is_control) {
        let message = "No model has such an id. GET /v1/models lists some that exist.";
        return Err(Fault::new(ErrorClass::UnknownModel, Phase::BeforeSend, message));
    }
    Ok(())
}

/// A model id as one path segment: everything but unreserved characters is encoded, as AWS SDKs do.
pub fn percent_encode(id: &str) -> String {
    let mut out = String::with_capacity(id.len() + 8);
    for byte in id.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(byte as char)
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The text behind a raw path segment; what is no valid escape stays as it is.
pub fn percent_decode(segment: &str) -> String {
    String::from_utf8_lossy(&percent_decode_bytes(segment)).into_owned()
}

pub(crate) fn percent_decode_bytes(segment: &str) -> Vec<u8> {
    let mut rest = segment.as_bytes();
    let mut out = Vec::with_capacity(rest.len());
    while let Some((first, behind)) = rest.split_first() {
        rest = match (first, behind) {
            (b'%', [high, low, behind @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                out.push(hex(*high).unwrap_or_default() << 4 | hex(*low).unwrap_or_default());
                behind
            }
            _ => {
                out.push(*first);
                behind
            }
        };
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_ids_survive_the_path() {
        let arn = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/ab12";
        assert_eq!(percent_encode("a.b-v1:0"), "a.b-v1%3A0");
        assert!(!percent_encode(arn).contains('/'));
        assert_eq!(percent_decode(&percent_encode(arn)), arn);
        assert_eq!(percent_decode("x-v1:0%"), "x-v1:0%");
        assert_eq!(percent_decode("%+1%zz%4"), "%+1%zz%4");
        check(arn).unwrap();
    }

    #[test]
    fn invariant_2_ids_that_cannot_be_are_refused() {
        for id in ["..", ".", "../x", "a/../b", "a/..", "a\r\nb", "a\0"] {
            assert_eq!(check(id).unwrap_err().class, ErrorClass::UnknownModel, "{id:?}");
        }
        assert_eq!(check(&"a".repeat(2049)).unwrap_err().param.as_deref(), Some("model"));
        check(&"ä".repeat(2048)).unwrap();
        check("...").unwrap();
    }
}
