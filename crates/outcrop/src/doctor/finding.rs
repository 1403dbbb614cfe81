//! What doctor found: one line each, with cause and mend where something is wrong.

use outcrop_model::{ErrorClass, Fault};
use serde_json::{Value, json};

use super::ailment::{Ailment, Stage, Symptom};

/// The checks, in the order in which they are made and printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    Credentials,
    Endpoints,
    Clock,
    Settings,
    Identity,
    Models,
    Calls,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Fine,
    /// Neither good nor bad.
    Note,
    /// The gateway may work, less than it could.
    Warning,
    Failure,
}

#[derive(Debug, Clone)]
pub struct Finding {
    pub check: Check,
    pub status: Status,
    /// What was looked at: a source, a service, a model.
    pub subject: String,
    /// What was seen.
    pub said: String,
    pub ailment: Option<&'static Ailment>,
    /// Of AWS's answer, for its support.
    pub request_id: Option<String>,
}

// === impl Check ===

impl Check {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Identity => "identity",
            Self::Endpoints => "endpoints",
            Self::Clock => "clock",
            Self::Settings => "settings",
            Self::Models => "models",
            Self::Calls => "calls",
        }
    }
}

// === impl Status ===

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

// === impl Finding ===

impl Finding {
    pub fn new(
        check: Check,
        status: Status,
        subject: impl Into<String>,
        said: impl Into<String>,
    ) -> Self {
        let (subject, said) = (subject.into(), said.into());
        Self { check, status, subject, said, ailment: None, request_id: None }
    }

    /// Something wrong, looked up in the table by what was said.
    pub fn ill(
        check: Check,
        subject: impl Into<String>,
        (stage, class): (Stage, Option<ErrorClass>),
        said: impl Into<String>,
    ) -> Self {
        let (subject, said) = (subject.into(), said.into());
        let text = format!("{subject}: {said}");
        let ailment = Ailment::of(Symptom { stage, class, text: &text });
        Self { ailment: Some(ailment), ..Self::new(check, Status::Failure, subject, said) }
    }

    /// A refused call.
    pub fn of_fault(check: Check, subject: &str, stage: Stage, fault: &Fault) -> Self {
        let words = fault.detail.as_deref().unwrap_or(&fault.message);
        let said = match &fault.code {
            Some(code) => format!("{code}: {words}"),
            None => words.to_owned(),
        };
        let finding = Self::ill(check, subject, (stage, Some(fault.class)), said);
        Self { request_id: fault.request_id.clone(), ..finding }
    }

    /// Not what stops the gateway.
    pub fn mild(self) -> Self {
        Self { status: Status::Warning, ..self }
    }

    /// What a call has shown to be no hindrance.
    pub fn relieved(self) -> Self {
        match self.status {
            Status::Failure => self.mild(),
            Status::Fine | Status::Note | Status::Warning => self,
        }
    }

    pub fn to_json(&self) -> Value {
        let Self { check, status, subject, said, ailment, request_id } = self;
        let mut value = json!({
            "check": check.as_str(),
            "status": status.as_str(),
            "subject": mask_accounts(subject),
            "detail": mask_accounts(said),
        });
        if let Some(ailment) = ailment {
            value["problem"] = json!({
                "name": ailment.name,
                "cause": ailment.cause,
                "mend": ailment.mend,
            });
        }
        if let Some(id) = request_id {
            value["request_id"] = json!(id);
        }
        value
    }
}

/// `text` with the first eight digits of account ids hidden: a report in JSON is made to be passed on.
fn mask_accounts(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, run) = rest.split_at(start);
        out.push_str(before);
        let end = run.find(|c: char| !c.is_ascii_digit()).unwrap_or(run.len());
        let (digits, after) = run.split_at(end);
        match digits.len() {
            12 => out.extend(["********", &digits[8..]]),
            _ => out.push_str(digits),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_masked_and_other_numbers_are_not() {
        assert_eq!(
            mask_accounts("arn:aws:iam::123456789012:role/a-20250929 1234567890123"),
            "arn:aws:iam::********9012:role/a-20250929 1234567890123"
        );
    }
}
