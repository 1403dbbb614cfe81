//! What a log may hold of an error: never a value out of a request or an answer.
//!
//! 1. Errors about what callers and models write quote it: every quoted part is masked, whoever wrote
//!    the message.
//! 2. Errors about the way to AWS keep the upstream's words: the operator needs them, and they know
//!    nothing of prompts.
//! 3. Everything has a bound, so that no caller can fill a log.

use outcrop_model::{ErrorClass, Fault};

/// Longest text about a request or an answer, in characters.
const MOST_OF_CONTENT: usize = 300;
/// Longest text about the way to AWS: an error page of a proxy begins with what matters.
const MOST_OF_THE_WAY: usize = 4096;

/// The detail of a fault for the log.
pub fn detail(fault: &Fault) -> String {
    let words = fault.detail.clone().unwrap_or_else(|| fault.message.to_string());
    if !concerns_content(fault.class) {
        return cut(&words, MOST_OF_THE_WAY);
    }
    let words = masked(&words);
    match fault.param.as_deref().filter(|param| !param.is_empty()) {
        Some(param) => {
            cut(&format!("{}: {words}", cut(param, MOST_OF_CONTENT / 2)), MOST_OF_CONTENT)
        }
        None => cut(&words, MOST_OF_CONTENT),
    }
}

/// At most `most` characters of `text`.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Whether an error of this class may speak of what was asked or answered.
fn concerns_content(class: ErrorClass) -> bool {
    use ErrorClass as C;
    match class {
        C::InvalidRequest
        | C::Unsupported
        | C::ContextOverflow
        | C::ContentFiltered
        | C::TooLarge
        | C::UnknownModel
        | C::ProfileNeeded
        | C::UnknownResponse
        | C::UnknownPrevious
        | C::UnknownPath
        | C::MethodNotAllowed
        | C::NotSupported
        | C::ModelFailed
        | C::ModelRejected
        | C::Conflict
        | C::Truncated
        | C::Garbled
        | C::ClientLeft
        | C::ClientTimeout
        | C::Unauthenticated
        | C::CallerSignature
        | C::OutOfScope => true,
        C::Throttled
        | C::QuotaSpent
        | C::QuotaExceeded
        | C::ModelNotReady
        | C::Overloaded
        | C::Internal
        | C::ModelTimeout
        | C::AccessDenied
        | C::BadCredentials
        | C::ExpiredCredentials
        | C::BadSignature
        | C::WrongEndpoint
        | C::Unreachable
        | C::UpstreamTimeout => false,
    }
}

/// `text` with `…` for everything within quotes; a quote that does not end hides the rest.
fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.char_indices().find_map(|(at, c)| opens(rest, &out, at, c)) {
        let quote = rest[open..].chars().next().unwrap_or('"');
        out.push_str(&rest[..open]);
        out.extend([quote, '…', quote]);
        let inside = &rest[open + quote.len_utf8()..];
        rest = end_of_quote(inside, quote).map_or("", |end| &inside[end + quote.len_utf8()..]);
    }
    out + rest
}

/// `at`, if a quote opens there; an apostrophe within a word is none.
fn opens(rest: &str, before: &str, at: usize, c: char) -> Option<usize> {
    let previous = rest[..at].chars().next_back().or_else(|| before.chars().next_back());
    let in_word = previous.is_some_and(char::is_alphanumeric);
    match c {
        '"' | '`' => Some(at),
        '\'' if !in_word => Some(at),
        _ => None,
    }
}

/// Where a quote ends: not at an escaped quote, nor at an apostrophe within a word.
fn end_of_quote(inside: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    inside.char_indices().find_map(|(at, c)| {
        let was_escaped = escaped;
        escaped = c == '\\' && !was_escaped;
        let next = inside[at + c.len_utf8()..].chars().next();
        let in_word = quote == '\'' && next.is_some_and(char::is_alphanumeric);
        (c == quote && !was_escaped && !in_word).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_model::Phase;

    #[test]
    fn invariant_1_quoted_values_are_masked() {
        for (said, logged) in [
            (
                r#"invalid type: string "my \"secret\" text", expected a list."#,
                r#"invalid type: string "…", expected a list."#,
            ),
            ("must be `user`, not `my secret`.", "must be `…`, not `…`."),
            ("Value 'it's mine' at 'a.b' failed", "Value '…' at '…' failed"),
            (
                "This model doesn't support the model's tools",
                "This model doesn't support the model's tools",
            ),
            ("string \"never ends", "string \"…\""),
            ("''", "'…'"),
        ] {
            assert_eq!(masked(said), logged);
        }
        let fault = Fault::invalid("messages[0].role", "must not be `secret`.");
        assert_eq!(detail(&fault), "messages[0].role: must not be `…`.");
    }

    #[test]
    fn invariant_2_the_way_to_aws_keeps_its_words() {
        let fault = Fault::new(ErrorClass::BadSignature, Phase::AwaitingHead, "no")
            .with_detail("scoped to 'us-east-1'");
        assert_eq!(detail(&fault), "scoped to 'us-east-1'");
    }

    #[test]
    fn invariant_3_everything_has_a_bound() {
        let long = "ä".repeat(100_000);
        let fault = Fault::invalid(long.clone(), long.clone());
        assert!(detail(&fault).chars().count() <= MOST_OF_CONTENT + 1);
        let fault = Fault::new(ErrorClass::Internal, Phase::AwaitingHead, "no").with_detail(long);
        assert!(detail(&fault).chars().count() <= MOST_OF_THE_WAY + 1);
    }
}
