//! The chat templates that callers of prompt-only families write by hand, read back into turns.
//!
//! A prompt without the family's marks is one user turn, word for word.

use crate::words::{Part, Role, Turn};

use super::plain::user_text;

/// A prompt's system texts and turns.
pub(crate) struct Script {
    pub(crate) system: Vec<String>,
    pub(crate) turns: Vec<Turn>,
}

/// `<|start_header_id|>user<|end_header_id|>…<|eot_id|>`, and the shorter marks of Llama 4.
pub(crate) fn llama(prompt: &str) -> Script {
    let (open, close, ends) = if prompt.contains("<|header_start|>") {
        ("<|header_start|>", "<|header_end|>", ["<|eot|>", "<|eom|>"])
    } else {
        ("<|start_header_id|>", "<|end_header_id|>", ["<|eot_id|>", "<|eom_id|>"])
    };
    let mut script = Script { system: Vec::new(), turns: Vec::new() };
    for section in prompt.split(open).skip(1) {
        let Some((role, text)) = section.split_once(close) else {
            continue;
        };
        let text = ends.iter().fold(text, |text, end| text.split(end).next().unwrap_or(text));
        script.push(role.trim(), text);
    }
    script.or_whole(prompt)
}

/// `<s>[INST] … [/INST] …</s>[INST] … [/INST]`.
pub(crate) fn mistral(prompt: &str) -> Script {
    let mut script = Script { system: Vec::new(), turns: Vec::new() };
    for section in prompt.split("[INST]").skip(1) {
        let (question, answer) = section.split_once("[/INST]").unwrap_or((section, ""));
        script.push("user", question);
        script.push("assistant", answer.split("</s>").next().unwrap_or(answer));
    }
    script.or_whole(prompt)
}

/// `…<｜User｜>…<｜Assistant｜>…<｜end▁of▁sentence｜>`, with what stands before as system text.
pub(crate) fn deepseek(prompt: &str) -> Script {
    let mut script = Script { system: Vec::new(), turns: Vec::new() };
    let mut sections = prompt.split("<｜User｜>");
    let head = sections.next().unwrap_or_default();
    for section in sections {
        let mut answers = section.split("<｜Assistant｜>");
        script.push("user", answers.next().unwrap_or_default());
        for answer in answers {
            let answer = answer.split("<｜end▁of▁sentence｜>").next().unwrap_or(answer);
            script.push("assistant", answer.trim_start_matches("<think>"));
        }
    }
    script.push("system", head.trim_start_matches("<｜begin▁of▁sentence｜>"));
    script.or_whole(prompt)
}

// === impl Script ===

impl Script {
    /// Blank sections are the places where the model is to write; they say nothing.
    fn push(&mut self, role: &str, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        let role = match role {
            "system" => return self.system.push(text.to_owned()),
            "assistant" => Role::Assistant,
            _ => Role::User,
        };
        self.turns.push(Turn { role, parts: vec![Part::Text(text.to_owned())] });
    }

    fn or_whole(self, prompt: &str) -> Self {
        if self.turns.is_empty() {
            return Self { system: Vec::new(), turns: vec![user_text(prompt)] };
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(script: &Script) -> Vec<(Role, &str)> {
        script
            .turns
            .iter()
            .map(|turn| match &turn.parts[0] {
                Part::Text(text) => (turn.role, text.as_str()),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn llama_marks() {
        let script = llama(
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief<|eot_id|>\
             <|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>\
             <|start_header_id|>assistant<|end_header_id|>\n\n",
        );
        assert_eq!(script.system, ["Be brief"]);
        assert_eq!(told(&script), [(Role::User, "Hi")]);
        let four = llama(
            "<|header_start|>user<|header_end|>\n\nHi<|eot|><|header_start|>assistant<|header_end|>",
        );
        assert_eq!(told(&four), [(Role::User, "Hi")]);
    }

    #[test]
    fn mistral_marks() {
        let script = mistral("<s>[INST] Hi [/INST] Hello</s>[INST] Again [/INST]");
        let expected = [(Role::User, "Hi"), (Role::Assistant, "Hello"), (Role::User, "Again")];
        assert_eq!(told(&script), expected);
    }

    #[test]
    fn deepseek_marks() {
        let script =
            deepseek("<｜begin▁of▁sentence｜>Be brief<｜User｜>Hi<｜Assistant｜><think>\n");
        assert_eq!(script.system, ["Be brief"]);
        assert_eq!(told(&script), [(Role::User, "Hi")]);
    }

    #[test]
    fn a_prompt_without_marks_is_one_user_turn() {
        for read in [llama, mistral, deepseek] {
            assert_eq!(told(&read("Just words. ")), [(Role::User, "Just words. ")]);
        }
    }
}
