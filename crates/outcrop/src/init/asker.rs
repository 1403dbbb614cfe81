//! Questions to whoever sits at the terminal, or their usual answers where nobody does.

use inquire::{Confirm, InquireError, Password, PasswordDisplayMode, Select, Text};

use crate::exit::{Exit, Failure};

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    Person,
    Nobody,
}

// === impl Asker ===

impl Asker {
    pub fn is_person(self) -> bool {
        self == Self::Person
    }

    /// The number of the chosen one; the first is the usual one.
    pub fn choose(self, question: &str, options: &[String]) -> anyhow::Result<usize> {
        if self == Self::Nobody || options.len() < 2 {
            return Ok(0);
        }
        let chosen = Select::new(question, options.to_vec()).with_page_size(10).raw_prompt();
        Ok(chosen.map_err(|error| given_up(&error))?.index)
    }

    /// A text; an empty answer is the usual one.
    pub fn text(self, question: &str, usual: &str) -> anyhow::Result<String> {
        match self {
            Self::Nobody => Ok(usual.to_owned()),
            Self::Person => {
                let text = Text::new(question).with_default(usual).prompt();
                Ok(text.map_err(|error| given_up(&error))?.trim().to_owned())
            }
        }
    }

    /// A text that is not shown; `None` where nobody types.
    pub fn secret(self, question: &str) -> anyhow::Result<Option<String>> {
        match self {
            Self::Nobody => Ok(None),
            Self::Person => {
                let secret = Password::new(question)
                    .without_confirmation()
                    .with_display_mode(PasswordDisplayMode::Masked)
                    .prompt();
                let secret = secret.map_err(|error| given_up(&error))?.trim().to_owned();
                Ok(Some(secret).filter(|secret| !secret.is_empty()))
            }
        }
    }

    pub fn confirm(self, question: &str, usual: bool) -> anyhow::Result<bool> {
        match self {
            Self::Nobody => Ok(usual),
            Self::Person => {
                let said = Confirm::new(question).with_default(usual).prompt();
                said.map_err(|error| given_up(&error))
            }
        }
    }
}

fn given_up(error: &InquireError) -> anyhow::Error {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => {
            Failure::new(Exit::Interrupted, "Nothing was written.").into()
        }
        error => {
            let what = format!("Cannot ask: {error}.");
            Failure::new(Exit::Init, what).mend("Run with --non-interactive.").into()
        }
    }
}
