//! Filler text with the bytes that matter to a JSON codec: words, line breaks, quotes, some non-ASCII.

const WORDS: [&str; 24] = [
    "the", "gateway", "reads", "one", "frame", "of", "a", "stream", "and", "writes", "it", "where",
    "client", "expects", "model", "answers", "with", "tool", "result", "naïve", "→", "while",
    "buffer", "holds",
];
const LINES: [&str; 8] = [
    "    let value = parse(input).map_err(|error| format!(\"line {line}: {error}\"))?;\n",
    "pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {\n",
    "        if self.items.is_empty() {\n\t\treturn Ok(Vec::new());\n        }\n",
    "// Everything below is generated; edit the template instead.\n",
    "    assert_eq!(names.get(\"first\"), Some(&\"C:\\\\temp\\\\a.txt\".to_owned()));\n",
    "}\n\n",
    "test result: ok. 128 passed; 0 failed; 0 ignored; finished in 4.21s\n",
    "    for (index, item) in self.items.iter().enumerate() {\n",
];

/// A stream of numbers that only looks random.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    /// The next number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        // Knuth's MMIX generator; its low bits are poor, so the high ones are taken.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }

    fn pick(&mut self, list: &[&'static str]) -> &'static str {
        list[self.below(list.len())]
    }
}

/// At least `bytes` bytes of running text.
pub fn words(dice: &mut Dice, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        text.push_str(dice.pick(&WORDS));
        text.push(' ');
    }
    text
}

/// At least `bytes` bytes of source code and logs.
pub fn code(dice: &mut Dice, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 80);
    while text.len() < bytes {
        text.push_str(dice.pick(&LINES));
    }
    text
}

/// `text` as a JSON string, with its quotes.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
