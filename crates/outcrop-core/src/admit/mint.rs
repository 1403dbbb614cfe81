//! New keys: long enough that nobody guesses them, and easy to recognise.

use aws_lc_rs::rand::fill;

/// What tokens begin with, so that scanners for leaked secrets can find them.
const TOKEN: &str = "oc_";
/// 256 bits and a bit more.
const TOKEN_LENGTH: usize = 43;
/// What access key ids begin with; AWS's own begin with `AK` or `AS`.
const PAIR: &str = "OCAK";
/// As long as AWS's own, which some tools check.
const ID_LENGTH: usize = 16;
const SECRET_LENGTH: usize = 40;

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Those of base32, as in AWS's own ids.
const CAPITALS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The secret of a new key, which is shown once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Minted {
    Token(String),
    Pair { access_key_id: String, secret_access_key: String },
}

/// What a new key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Token,
    Pair,
}

/// Makes a key.
///
/// # Errors
/// When the system gives no randomness.
pub fn mint(kind: Kind) -> Result<Minted, String> {
    Ok(match kind {
        Kind::Token => Minted::Token(format!("{TOKEN}{}", text(LETTERS, TOKEN_LENGTH)?)),
        Kind::Pair => Minted::Pair {
            access_key_id: format!("{PAIR}{}", text(CAPITALS, ID_LENGTH)?),
            secret_access_key: text(LETTERS, SECRET_LENGTH)?,
        },
    })
}

/// `length` letters, each as likely as any other.
fn text(letters: &[u8], length: usize) -> Result<String, String> {
    // Bytes above the last whole round of the alphabet would favour its beginning.
    let fair = 256 - 256 % letters.len();
    let mut out = String::with_capacity(length);
    let mut bytes = [0; 64];
    while out.len() < length {
        fill(&mut bytes).map_err(|_| "the system gives no random numbers".to_owned())?;
        let fair = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
        let letters = fair.map(|byte| char::from(letters[byte % letters.len()]));
        out.extend(letters.take(length - out.len()));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_their_form_and_differ() {
        let (Minted::Token(one), Minted::Token(other)) =
            (mint(Kind::Token).unwrap(), mint(Kind::Token).unwrap())
        else {
            panic!("no tokens");
        };
        assert_ne!(one, other);
        assert_eq!((one.len(), &one[..3]), (46, "oc_"));
        let Minted::Pair { access_key_id, secret_access_key } = mint(Kind::Pair).unwrap() else {
            panic!("no pair");
        };
        assert_eq!((access_key_id.len(), secret_access_key.len()), (20, 40));
        assert!(access_key_id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
    }
}
