//! Takes what is around an answer off it, piece by piece as it streams.
//!
//! However the text is cut into pieces, what comes out adds up to the same.

use super::ENVELOPE;

/// A filter of text.
#[derive(Debug)]
pub(super) enum Peel {
    /// Nothing is around it.
    None,
    Envelope(Envelope),
    Fence(Fence),
}

/// JSON that may be one object with one certain member, whose value is the answer.
#[derive(Debug)]
pub(super) struct Envelope {
    key: &'static str,
    state: Within,
}

#[derive(Debug)]
enum Within {
    /// What has come so far is the beginning of an envelope.
    Head(String),
    /// There is no envelope.
    Bare,
    Value(Value),
    /// What follows belongs to the envelope.
    After,
}

/// Where in the value we are.
#[derive(Debug, Default)]
struct Value {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

/// Text that may be a code fence with the answer in it.
#[derive(Debug)]
pub(super) struct Fence(Block);

#[derive(Debug)]
enum Block {
    /// What has come so far is the beginning of a fence.
    Head(String),
    Bare,
    /// What has come may be the beginning of the fence's end.
    Inside(String),
    After,
}

const FENCE: &str = "```";
const FENCE_END: &str = "\n```";
/// White space, brackets and a fence's word of language fit into this many bytes.
const LONGEST_HEAD: usize = 256;

// === impl Peel ===

impl Peel {
    pub(super) fn envelope(key: &'static str) -> Self {
        Self::Envelope(Envelope { key, state: Within::Head(String::new()) })
    }

    pub(super) fn fence() -> Self {
        Self::Fence(Fence(Block::Head(String::new())))
    }

    /// What a piece adds to the answer.
    pub(super) fn push(&mut self, piece: &str) -> String {
        match self {
            Self::None => piece.to_owned(),
            Self::Envelope(envelope) => envelope.push(piece),
            Self::Fence(fence) => fence.push(piece),
        }
    }

    /// What the end adds to the answer.
    pub(super) fn finish(&mut self) -> String {
        match self {
            Self::Envelope(Envelope { state: Within::Head(held), .. })
            | Self::Fence(Fence(Block::Head(held) | Block::Inside(held))) => std::mem::take(held),
            Self::None | Self::Envelope(_) | Self::Fence(_) => String::new(),
        }
    }

    /// All of a whole text.
    pub(super) fn whole(mut self, text: &str) -> String {
        let mut out = self.push(text);
        out.push_str(&self.finish());
        out
    }
}

// === impl Envelope ===

impl Envelope {
    fn push(&mut self, piece: &str) -> String {
        match &mut self.state {
            Within::Bare => piece.to_owned(),
            Within::After => String::new(),
            Within::Value(value) => {
                let end = value.end(piece);
                if end.is_some() {
                    self.state = Within::After;
                }
                piece[..end.unwrap_or(piece.len())].to_owned()
            }
            Within::Head(held) => {
                held.push_str(piece);
                let text = std::mem::take(held);
                match head(&text, self.key) {
                    Some(Some(start)) => {
                        self.state = Within::Value(Value::default());
                        self.push(&text[start..])
                    }
                    Some(None) if text.len() < LONGEST_HEAD => {
                        self.state = Within::Head(text);
                        String::new()
                    }
                    Some(None) | None => {
                        self.state = Within::Bare;
                        text
                    }
                }
            }
        }
    }
}

/// Where the value of the envelope's member begins: `None` if there is no envelope, `Some(None)` if
/// that cannot be told yet.
fn head(text: &str, key: &str) -> Option<Option<usize>> {
    let mut rest = text;
    for part in ["{", "\"", key, "\"", ":"] {
        // Inside the quotes white space is a part of the key.
        if part != key && !(part == "\"" && rest.starts_with('"')) {
            rest = rest.trim_start();
        }
        match rest.strip_prefix(part) {
            Some(after) => rest = after,
            None if part.starts_with(rest) => return Some(None),
            None => return None,
        }
    }
    rest = rest.trim_start();
    match rest.chars().next() {
        None => Some(None),
        Some('{' | '[') => Some(Some(text.len() - rest.len())),
        // A plain value was asked for in our own envelope only.
        Some('"' | '-' | '0'..='9' | 't' | 'f' | 'n') if key == ENVELOPE => {
            Some(Some(text.len() - rest.len()))
        }
        Some(_) => None,
    }
}

// === impl Value ===

impl Value {
    /// Where in `piece` the value ends: a number or a word by what follows it.
    fn end(&mut self, piece: &str) -> Option<usize> {
        for (i, byte) in piece.bytes().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_string = false;
                        if self.depth == 0 {
                            return Some(i + 1);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b',' | b'}' | b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 => return Some(i),
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(i + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

// === impl Fence ===

impl Fence {
    fn push(&mut self, piece: &str) -> String {
        match &mut self.0 {
            Block::Bare => piece.to_owned(),
            Block::After => String::new(),
            Block::Inside(held) => {
                held.push_str(piece);
                let text = std::mem::take(held);
                if let Some(end) = text.find(FENCE_END) {
                    self.0 = Block::After;
                    return text[..end].to_owned();
                }
                let keep = (1..FENCE_END.len()).rev().find(|n| text.ends_with(&FENCE_END[..*n]));
                let cut = text.len() - keep.unwrap_or(0);
                self.0 = Block::Inside(text[cut..].to_owned());
                text[..cut].to_owned()
            }
            Block::Head(held) => {
                held.push_str(piece);
                let text = std::mem::take(held);
                match opening(&text) {
                    Some(Some(start)) => {
                        self.0 = Block::Inside(String::new());
                        self.push(&text[start..])
                    }
                    Some(None) if text.len() < LONGEST_HEAD => {
                        self.0 = Block::Head(text);
                        String::new()
                    }
                    Some(None) | None => {
                        self.0 = Block::Bare;
                        text
                    }
                }
            }
        }
    }
}

/// Where the text inside a fence begins, told as by [`head`].
fn opening(text: &str) -> Option<Option<usize>> {
    let rest = text.trim_start();
    let Some(language) = rest.strip_prefix(FENCE) else {
        return FENCE.starts_with(rest).then_some(None);
    };
    let after = language.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
    let line = after.trim_start_matches([' ', '\t', '\r']);
    match line.chars().next() {
        None => Some(None),
        Some('\n') => Some(Some(text.len() - line.len() + 1)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn envelope(text: &str) -> String {
        Peel::envelope("properties").whole(text)
    }

    fn fence(text: &str) -> String {
        Peel::fence().whole(text)
    }

    #[test]
    fn an_envelope_is_taken_off() {
        assert_eq!(envelope(r#"{"properties":{"a":"}\"]"}}"#), r#"{"a":"}\"]"}"#);
        assert_eq!(envelope(" {\n \"properties\" : [{}, 2] , \"type\": 1 } "), "[{}, 2]");
        for bare in [r#"{"a":1}"#, "", " { ", r#"{"properties":"text"}"#, r#"{"propertie"#, "[1]"] {
            assert_eq!(envelope(bare), bare);
        }
        assert_eq!(envelope(r#"{" properties":{}}"#), r#"{" properties":{}}"#);
    }

    #[test]
    fn our_own_envelope_may_hold_a_plain_value() {
        let answer = |text: &str| Peel::envelope(ENVELOPE).whole(text);
        for value in [r#""""#, r#""a, \"b\" } \\""#, "-1.5e+3", "0", "true", "false", "null", "[1]"]
        {
            assert_eq!(answer(&format!(r#"{{"answer":{value}}}"#)), value);
            assert_eq!(answer(&format!("{{ \"answer\" : {value}\n}} ")), value);
            assert_eq!(answer(&format!(r#"{{"answer":{value},"more":1}}"#)), value);
        }
        for bare in [r#"{"answer":}"#, r#"{"answer":,"#, r#"{"answers":1}"#, r#""text""#, "1"] {
            assert_eq!(answer(bare), bare);
        }
    }

    #[test]
    fn a_fence_is_taken_off() {
        assert_eq!(fence("```json\n{\"a\": 1}\n```\nThere you are."), "{\"a\": 1}");
        assert_eq!(fence("\n```\r\n{}"), "{}");
        for bare in ["{}", "``", "Here:\n```json\n{}\n```", "```json {}", ""] {
            assert_eq!(fence(bare), bare);
        }
    }

    fn cut(text: &str, cuts: &[prop::sample::Index]) -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(chars.len() + 1)).collect();
        places.extend([0, chars.len()]);
        places.sort_unstable();
        places.windows(2).map(|w| chars[w[0]..w[1]].iter().collect()).collect()
    }

    proptest! {
        /// Any text, put together from pieces that the filters look for.
        #[test]
        fn any_cutting_gives_the_same(
            words in prop::collection::vec(
                prop::sample::select(vec![
                    "{", "}", "[", "]", "\"", "\\", ":", "properties", "json", "```", "`", "\n",
                    " ", "\"properties\":", "{\"properties\":{", "```json\n", "\n```", "é", "1",
                    ",", "null", "{\"answer\":", "{\"answer\":\"",
                ]),
                0..14,
            ),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let text = words.concat();
            for peel in [|| Peel::envelope("properties"), || Peel::envelope(ENVELOPE), Peel::fence] {
                let mut pieces = peel();
                let mut out: String = cut(&text, &cuts).iter().map(|piece| pieces.push(piece)).collect();
                out.push_str(&pieces.finish());
                prop_assert_eq!(out, peel().whole(&text));
            }
        }
    }
}
