//! The account of what a translation could not carry.
//!
//! 1. An encoder returns its [`Ledger`] beside its bytes; there is no other way out of it.
//! 2. A *material* loss (system text, a tool result, an image that the model would silently not see)
//!    is refused at every fidelity.

use std::borrow::Cow;
use std::fmt;

use crate::at::At;
use crate::fault::{ErrorClass, Fault, Phase};
use crate::json::Extra;

/// How an operator wants losses handled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fidelity {
    /// Any loss is a 400 that names the JSON path.
    Strict,
    /// The request succeeds; `x-outcrop-loss` lists what was lost.
    #[default]
    Report,
    /// The request succeeds; losses are only counted.
    Lenient,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossKind {
    /// Left out.
    Dropped,
    /// Carried in another form or with another value.
    Approximated,
    /// Must not be lost: the request is refused.
    Refused,
    /// Put in by the gateway, as its operator wants: no loss, and told all the same.
    Added,
}

/// One thing that did not arrive as it was sent, or arrived without being sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    pub kind: LossKind,
    /// JSON path in the caller's own body (or in the answer, for a loss on the way back).
    pub path: String,
    pub why: Cow<'static, str>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    losses: Vec<Loss>,
}

/// Longest `x-outcrop-loss` value in bytes: proxies commonly cap all headers together at 8 KiB.
const MAX_HEADER: usize = 2048;
/// Longest entry in it, in characters: a member's name may be as long as the body.
const MAX_ENTRY: usize = 300;

// === impl Ledger ===

impl Ledger {
    pub fn dropped(&mut self, path: impl Into<String>, why: impl Into<Cow<'static, str>>) {
        self.push(LossKind::Dropped, path.into(), why.into());
    }

    pub fn approximated(&mut self, path: impl Into<String>, why: impl Into<Cow<'static, str>>) {
        self.push(LossKind::Approximated, path.into(), why.into());
    }

    /// What the operator adds, and no fidelity minds.
    pub fn added(&mut self, path: impl Into<String>, why: impl Into<Cow<'static, str>>) {
        self.push(LossKind::Added, path.into(), why.into());
    }

    /// A loss that no fidelity permits.
    pub fn refused(&mut self, path: impl Into<String>, why: impl Into<Cow<'static, str>>) {
        self.push(LossKind::Refused, path.into(), why.into());
    }

    /// Every unknown member found at `at` is dropped, one entry each.
    pub fn extra(&mut self, at: At, extra: &Extra<'_>) {
        for (key, _) in extra {
            self.dropped(at.key(key), "not known to this translation");
        }
    }

    fn push(&mut self, kind: LossKind, path: String, why: Cow<'static, str>) {
        self.losses.push(Loss { kind, path, why });
    }

    pub fn append(&mut self, mut other: Ledger) {
        self.losses.append(&mut other.losses);
    }

    pub fn losses(&self) -> &[Loss] {
        &self.losses
    }

    pub fn is_empty(&self) -> bool {
        self.losses.is_empty()
    }

    /// Applies the fidelity: the fault to answer with, if this request may not go on.
    pub fn verdict(&self, fidelity: Fidelity) -> Result<(), Fault> {
        let refused = self.losses.iter().find(|l| l.kind == LossKind::Refused);
        let culprit = match fidelity {
            Fidelity::Strict => refused.or_else(|| self.losses.iter().find(|l| l.is_loss())),
            Fidelity::Report | Fidelity::Lenient => refused,
        };
        let Some(loss) = culprit else { return Ok(()) };
        let message = format!("`{}` cannot be carried to this model: {}.", loss.path, loss.why);
        Err(Fault::new(ErrorClass::Unsupported, Phase::BeforeSend, message)
            .with_param(loss.path.clone()))
    }

    /// Value of `x-outcrop-loss`: `dropped <path> (<why>); approximated <path> (<why>)`, visible ASCII only.
    pub fn header(&self) -> Option<String> {
        if self.losses.is_empty() {
            return None;
        }
        let mut out = String::new();
        for (i, loss) in self.losses.iter().enumerate() {
            let mut entry = loss.to_string();
            if let Some((end, _)) = entry.char_indices().nth(MAX_ENTRY) {
                entry.truncate(end);
                entry.push_str("...");
            }
            if out.len() + entry.len() + 16 > MAX_HEADER {
                out.push_str(&format!("; and {} more", self.losses.len() - i));
                break;
            }
            if i > 0 {
                out.push_str("; ");
            }
            out.extend(entry.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }));
        }
        Some(out)
    }
}

impl Loss {
    fn is_loss(&self) -> bool {
        match self.kind {
            LossKind::Dropped | LossKind::Approximated | LossKind::Refused => true,
            LossKind::Added => false,
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, path, why } = self;
        write!(f, "{} {path} ({why})", kind.as_str())
    }
}

impl LossKind {
    pub fn as_str(self) -> &'static str {
        match self {
            LossKind::Dropped => "dropped",
            LossKind::Approximated => "approximated",
            LossKind::Refused => "refused",
            LossKind::Added => "added",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_material_loss_is_refused_at_every_fidelity() {
        let mut ledger = Ledger::default();
        ledger.refused("messages[0].content[1]", "this model takes no images");
        for fidelity in [Fidelity::Strict, Fidelity::Report, Fidelity::Lenient] {
            let fault = ledger.verdict(fidelity).unwrap_err();
            assert_eq!(fault.param.as_deref(), Some("messages[0].content[1]"));
        }
    }

    #[test]
    fn a_minor_loss_is_refused_only_when_strict() {
        let mut ledger = Ledger::default();
        ledger.dropped("seed", "no such setting");
        assert!(ledger.verdict(Fidelity::Strict).is_err());
        assert!(ledger.verdict(Fidelity::Report).is_ok());
        assert_eq!(ledger.header().unwrap(), "dropped seed (no such setting)");
    }

    #[test]
    fn what_the_operator_adds_is_told_and_never_refused() {
        let mut ledger = Ledger::default();
        ledger.added("system", "why");
        assert!(ledger.verdict(Fidelity::Strict).is_ok());
        assert_eq!(ledger.header().unwrap(), "added system (why)");
    }

    #[test]
    fn the_header_is_bounded_and_ascii() {
        let mut ledger = Ledger::default();
        for i in 0..500 {
            ledger.dropped(format!("größe[{i}]\r\n"), "x");
        }
        let header = ledger.header().unwrap();
        assert!(header.len() <= MAX_HEADER && header.is_ascii() && !header.contains('\n'));
        assert!(header.ends_with("more"));

        let mut ledger = Ledger::default();
        ledger.dropped("x".repeat(100_000), "not known");
        let header = ledger.header().unwrap();
        assert!(header.starts_with("dropped xxx") && header.ends_with("x..."), "{header}");
    }
}
