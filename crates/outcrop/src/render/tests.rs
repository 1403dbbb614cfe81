use std::collections::HashMap;

use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

use super::*;

const SAMPLE: &str = "\
# Bedrock *models*

Here is a **list** of [them](https://example.com/models):
- one, which goes on for a while
  - nested `code`
    1. deep
- [x] two

  ```rust
  fn main() {}
  ```

> quoted
> - in it

| name | price |
|------|------:|
| Nova | 0.06  |

***
the end";

const SHOWN: &str = "\
# Bedrock models

Here is a list of them
(https://example.com/models):
• one, which goes on for a
  while
  ◦ nested code
    1. deep
☑ two

  ```rust
  fn main() {}
  ```

│ quoted
│ • in it

┌──────┬───────┐
│ name ┆ price │
╞══════╪═══════╡
│ Nova ┆  0.06 │
└──────┴───────┘

──────────────────────────────
the end
";

fn shown(pieces: &[&str], ink: Ink) -> String {
    let mut markdown = Markdown::new(30, ink);
    let shown: String = pieces.iter().map(|piece| markdown.push(piece)).collect();
    shown + &markdown.end()
}

#[test]
fn markdown_looks_like_what_it_means() {
    assert_eq!(shown(&[SAMPLE], Ink::Plain), SHOWN);
    let coloured = shown(&["```rust\nfn main() {}\n```\n"], Ink::Colour);
    assert!(coloured.contains("\x1b[34mmain\x1b[0m"), "{coloured:?}");
}

#[test]
fn a_block_comes_when_it_is_complete() {
    let mut markdown = Markdown::new(30, Ink::Plain);
    let steps = [
        ("Some", ""),
        (" text\n", ""),
        ("\n- on", "Some text\n"),
        ("e\n-", ""),
        (" two", "\n• one\n"),
        ("\n```\nco", "• two\n```\n"),
        ("de\n", "code\n"),
    ];
    for (piece, ready) in steps {
        assert_eq!(markdown.push(piece), ready, "{piece:?}");
    }
    assert_eq!(markdown.end(), "");
}

#[test]
fn no_text_orders_the_terminal_about() {
    let evil = "\x1b]0;title\x07 &#27;[2J \u{9b}31m \u{202e}x `\x1b[1m`\n\n\
        ```\x1b[2J\n\x1b]52;c;AAAA\x07\r\n```\n\n|\x1b[1m|\n|-|\n|\x08|\n\n# \x7f\n\n[a](\x1b[0m)";
    let shown = shown(&[evil], Ink::Plain);
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    assert!(shown.contains("␛]0;title␇") && shown.contains("␛]52;c;AAAA␇"), "{shown}");
    assert!(!shown.contains('\u{202e}'));
}

/// Lines that models write, with a word in each that can be found again.
fn line() -> impl Strategy<Value = String> {
    let begins = prop::sample::select(vec![
        "", "", "- ", "* ", "1. ", "2) ", "> ", "# ", "### ", "    ", "  ", "\t", "-\t", "> - ",
        "|", "```", "```rust ", "~~~", "[x]: ", "<b>", "- [ ] ", "**", "[", "\x1b[",
    ]);
    let ends = prop::sample::select(vec!["", "", " ", "  ", "|", "**", "`", "](u)", "<br>", "\r"]);
    let whole = prop::sample::select(vec!["", "", "---", "===", "***", "```", "~~~", "|-|", ">"]);
    prop_oneof![
        3 => (begins, 0..9999u32, ends).prop_map(|(begin, word, end)| format!("{begin}w{word}w{end}")),
        2 => whole.prop_map(str::to_owned),
    ]
}

fn words(text: &str) -> HashMap<String, usize> {
    let mut words = HashMap::new();
    let is_word = |word: &&str| {
        word.strip_prefix('w')
            .and_then(|word| word.strip_suffix('w'))
            .is_some_and(|word| word.parse::<u32>().is_ok())
    };
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(is_word) {
        *words.entry(word.to_owned()).or_default() += 1;
    }
    words
}

proptest! {
    #[test]
    fn the_cut_into_pieces_changes_nothing(
        lines in prop::collection::vec(line(), 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let text = lines.join("\n");
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&str> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
        prop_assert_eq!(shown(&pieces, Ink::Plain), shown(&[&text], Ink::Plain));
    }

    #[test]
    fn no_word_is_lost_and_no_order_given(lines in prop::collection::vec(line(), 0..12)) {
        let text = lines.join("\n");
        let shown = shown(&[&text], Ink::Plain);
        let found = words(&shown);
        for (word, count) in words(&text) {
            prop_assert!(found.get(&word).is_some_and(|found| *found >= count), "{} in {}", word, shown);
        }
        prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
    }

    #[test]
    fn text_keeps_to_the_width(words in prop::collection::vec("[a-z]{1,40}|[日本語]{1,9}", 1..20)) {
        let text = words.join(" ");
        for line in shown(&[&format!("> - {text}")], Ink::Plain).lines() {
            prop_assert!(line.width() <= 30, "{}", line);
        }
        let rest = shown(&[&text], Ink::Plain);
        let letters = |text: &str| text.split_whitespace().collect::<String>();
        prop_assert_eq!(letters(&rest), letters(&text));
    }
}
