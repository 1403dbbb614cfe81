//! Filler text of an exact number of emulated tokens.

use crate::words::AnswerPart;

/// Every word is one token: none is longer than a token may be.
const FILLER: [&str; 16] = [
    "lorem", "ipsum", "dolor", "sit", "amet", "elit", "sed", "do", "eiusmod", "tempor", "ut",
    "labore", "et", "dolore", "magna", "aliqua",
];

pub(super) fn part(tokens: u32) -> AnswerPart {
    let words: Vec<&str> = FILLER.iter().copied().cycle().take(tokens as usize).collect();
    AnswerPart::Text(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_as_many_tokens_as_asked() {
        for tokens in [0, 1, 17, 400] {
            let AnswerPart::Text(text) = part(tokens) else {
                panic!("not text");
            };
            assert_eq!(crate::tokens::count(&text), u64::from(tokens));
        }
    }
}
