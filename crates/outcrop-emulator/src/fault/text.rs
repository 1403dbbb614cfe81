//! The text form of a fault.

use super::{ErrorFault, Fault, NamedIn};
use crate::refusal::Exception;
use crate::route::percent_decode;

/// `name=value;parameter=value;…`, taken apart.
struct Fields {
    name: String,
    value: String,
    parameters: Vec<(String, String)>,
}

pub(super) fn parse(text: &str) -> Result<Fault, String> {
    let fields = Fields::split(text);
    fields.check_parameters()?;
    let fault = match fields.name.as_str() {
        "error" => Fault::Error(error(&fields)?),
        "stream-error" => Fault::StreamError {
            name: fields.text()?,
            message: fields.message(),
            original_status: fields.optional("original-status")?,
            after: fields.after()?,
        },
        "error-frame" => Fault::ErrorFrame {
            code: fields.text()?,
            message: fields.message(),
            after: fields.after()?,
        },
        "truncate" => Fault::Truncate { bytes: fields.number()?, after: fields.after()? },
        "cut" => Fault::Cut { bytes: fields.number()? },
        "corrupt" => Fault::Corrupt { after: fields.after()? },
        "stall" => Fault::Stall { ms: fields.number()?, after: fields.after()? },
        "slow" => Fault::Slow { ms: fields.number()? },
        "drop" => Fault::Drop { after: fields.after()? },
        "end" => Fault::End { after: fields.optional("after")? },
        "unknown-event" => Fault::UnknownEvent { after: fields.after()? },
        "unknown-delta" => Fault::UnknownDelta { after: fields.after()? },
        "future-fields" => Fault::FutureFields,
        "padding" => Fault::Padding { on: fields.switch()? },
        "skew" => Fault::Skew { seconds: fields.number()? },
        "html" => Fault::Html { status: fields.number()? },
        "empty" => Fault::Empty,
        "rechunk" => Fault::Rechunk { bytes: fields.number()? },
        other => return Err(format!("unknown fault '{other}'")),
    };
    Ok(fault)
}

/// An unknown name needs its own `status`.
fn error(fields: &Fields) -> Result<ErrorFault, String> {
    let name = fields.text()?;
    let known = Exception::named(&name);
    let status = fields.optional("status")?.or(known.map(Exception::status));
    let message =
        fields.parameter("message").or(known.map(Exception::message)).unwrap_or("Injected fault.");
    Ok(ErrorFault {
        status: status.ok_or_else(|| {
            format!("fault 'error={name}' needs status=, since no such exception is modelled")
        })?,
        message: message.to_owned(),
        name,
        retry_after: fields.parameter("retry-after").map(str::to_owned),
        amz_retry_after: fields.parameter("x-amz-retry-after").map(str::to_owned),
        original_status: fields.optional("original-status")?,
        named_in: match fields.parameter("named-in") {
            None | Some("header") => NamedIn::Header,
            Some("body") => NamedIn::Body,
            Some(other) => {
                return Err(format!("fault 'error' is named-in header or body, not '{other}'"));
            }
        },
    })
}

/// The parameters each fault takes besides its value.
fn parameters(name: &str) -> &'static [&'static str] {
    match name {
        "error" => &[
            "message",
            "status",
            "retry-after",
            "x-amz-retry-after",
            "original-status",
            "named-in",
        ],
        "stream-error" => &["message", "after", "original-status"],
        "error-frame" => &["message", "after"],
        "truncate" | "corrupt" | "stall" | "drop" | "end" | "unknown-event" | "unknown-delta" => {
            &["after"]
        }
        _ => &[],
    }
}

// === impl Fields ===

impl Fields {
    fn split(text: &str) -> Self {
        let mut pairs = text.split(';').map(|field| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            (name.trim().to_owned(), percent_decode(value.trim()))
        });
        let (name, value) = pairs.next().unwrap_or_default();
        Self { name, value, parameters: pairs.filter(|(name, _)| !name.is_empty()).collect() }
    }

    fn check_parameters(&self) -> Result<(), String> {
        let known = parameters(&self.name);
        match self.parameters.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => Err(format!("fault '{}' has no parameter '{name}'", self.name)),
            None => Ok(()),
        }
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    fn text(&self) -> Result<String, String> {
        if self.value.is_empty() {
            return Err(format!("fault '{}' needs a name: {}=NAME", self.name, self.name));
        }
        Ok(self.value.clone())
    }

    fn number<N: std::str::FromStr>(&self) -> Result<N, String> {
        self.value
            .parse()
            .map_err(|_| format!("fault '{}' needs a number, not '{}'", self.name, self.value))
    }

    fn switch(&self) -> Result<bool, String> {
        match self.value.as_str() {
            "on" => Ok(true),
            "off" => Ok(false),
            other => Err(format!("fault '{}' is on or off, not '{other}'", self.name)),
        }
    }

    fn optional<N: std::str::FromStr>(&self, name: &str) -> Result<Option<N>, String> {
        self.parameter(name)
            .map(|value| {
                value.parse().map_err(|_| {
                    format!("fault '{}': {name} needs a number, not '{value}'", self.name)
                })
            })
            .transpose()
    }

    fn after(&self) -> Result<usize, String> {
        Ok(self.optional("after")?.unwrap_or(0))
    }

    fn message(&self) -> String {
        let known = Exception::named(&self.value).map(Exception::message);
        let message = self.parameter("message").or(known);
        message.unwrap_or("Injected fault.").to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_percent_decoded_and_lists_split_at_bars() {
        let faults = Fault::parse_list(
            "error=ThrottlingException;message=a%3Bb;retry-after=3 | padding=off",
        )
        .unwrap();
        let Fault::Error(error) = &faults[0] else {
            panic!("not an error");
        };
        assert_eq!((error.status, error.message.as_str()), (429, "a;b"));
        assert_eq!(error.retry_after.as_deref(), Some("3"));
        assert_eq!(faults[1], Fault::Padding { on: false });
        let end = Fault::parse_list("end").unwrap();
        assert_eq!(end, [Fault::End { after: None }]);
    }

    #[test]
    fn mistakes_are_named() {
        let message = |text| Fault::parse_list(text).unwrap_err();
        assert_eq!(message("explode"), "unknown fault 'explode'");
        assert_eq!(message("cut=x"), "fault 'cut' needs a number, not 'x'");
        assert_eq!(message("drop;when=2"), "fault 'drop' has no parameter 'when'");
        assert!(message("error=Odd").contains("status="));
    }
}
