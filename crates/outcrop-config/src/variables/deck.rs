//! decK's expressions in files of Kong: `${{ env "NAME" }}`, also with `| toInt`, `| toFloat` or `| toBool`.
//!
//! decK puts values in before the text is YAML. Here they are put into texts that were read, so a value can
//! never add a member, a line or a quote.

use std::borrow::Cow;

use super::{Lookup, Unresolved};

const OPEN: &str = "${{";
const CLOSE: &str = "}}";

/// `text` with the values of its expressions.
pub(super) fn resolve(text: &str, lookup: &dyn Lookup) -> Result<String, Unresolved> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        let (inside, after) = after.split_once(CLOSE).ok_or_else(|| Unresolved {
            what: "`${{` is not closed".to_owned(),
            hint: Some("close it with `}}`".to_owned()),
        })?;
        out.push_str(before);
        out.push_str(&value(inside, lookup)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// The variable that is all of `text`.
pub(crate) fn only_variable(text: &str) -> Option<&str> {
    let inside = text.trim().strip_prefix(OPEN)?.strip_suffix(CLOSE)?;
    match inside.contains(CLOSE) {
        true => None,
        false => name(bare(inside)),
    }
}

/// The text of a file, ready to be read as YAML. To decK the quotes of an expression may stand in quotes:
/// `"${{ env "NAME" }}"`. In the place of the inner ones come backticks, which are quotes to decK as well,
/// so that every place is where it was. Files that are none of Kong's stay as they are.
pub(crate) fn ready_for_yaml(text: &str) -> Cow<'_, str> {
    if !text.contains("_format_version") || !text.contains(OPEN) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        let bytes = after.as_bytes();
        let ends = |at: &usize| bytes[*at] == b'\n' || bytes[*at..].starts_with(CLOSE.as_bytes());
        let (inside, next) = after.split_at((0..bytes.len()).find(ends).unwrap_or(bytes.len()));
        out.push_str(before);
        out.push_str(OPEN);
        // What is not closed on its line is no expression; what is escaped already, as in JSON, is read well.
        match next.starts_with(CLOSE) && !inside.contains('\\') {
            true => out.push_str(&inside.replace('"', "`")),
            false => out.push_str(inside),
        }
        rest = next;
    }
    out.push_str(rest);
    out.into()
}

fn value(inside: &str, lookup: &dyn Lookup) -> Result<String, Unresolved> {
    let mut steps = bare(inside).split('|').map(str::trim);
    let Some(name) = steps.next().and_then(name) else { return Err(unknown(inside)) };
    let mut value = lookup.variable(name).ok_or_else(|| Unresolved {
        what: format!("the variable {name} is not set"),
        hint: Some(format!("set {name}")),
    })?;
    for step in steps {
        let none_of = |what: &str| Unresolved {
            what: format!("the value of {name} is not {what}"),
            hint: Some(format!("set {name} to one, or leave `| {step}` out")),
        };
        value = match step {
            "toInt" => value.parse::<i64>().map_err(|_| none_of("a whole number"))?.to_string(),
            "toFloat" => value.parse::<f64>().map_err(|_| none_of("a number"))?.to_string(),
            "toBool" => truth(&value).ok_or_else(|| none_of("true or false"))?.to_string(),
            // It is for the lines of a text that is not YAML yet.
            indent if indent.starts_with("indent ") => value,
            _ => return Err(unknown(inside)),
        };
    }
    Ok(value)
}

/// Without the marks that take spaces away.
fn bare(inside: &str) -> &str {
    let inside = inside.strip_prefix("- ").unwrap_or(inside);
    inside.strip_suffix(" -").unwrap_or(inside).trim()
}

/// Of `env "NAME"`.
fn name(step: &str) -> Option<&str> {
    let quoted = step.strip_prefix("env")?.trim_start();
    let quotes = ['"', '`'].into_iter();
    let mut inside = quotes.filter_map(|quote| quoted.strip_prefix(quote)?.strip_suffix(quote));
    inside.next().filter(|name| !name.is_empty() && !name.contains(['"', '`', '|']))
}

/// What decK takes as such.
fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Some(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

fn unknown(inside: &str) -> Unresolved {
    Unresolved {
        what: format!("`${{{{{inside}}}}}` is not understood"),
        hint: Some("write ${{ env \"NAME\" }}, if need be with | toInt or | toBool".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "DECK_A" => Some("a".to_owned()),
            "DECK_N" => Some("512".to_owned()),
            "DECK_YES" => Some("1".to_owned()),
            "DECK_IN" => Some("${{ env \"DECK_A\" }}".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn expressions_are_put_in_once() {
        for (text, expected) in [
            ("plain ${A} $B {{c}}", Ok("plain ${A} $B {{c}}")),
            ("${{ env \"DECK_A\" }}", Ok("a")),
            ("x ${{env `DECK_A`}}-${{- env \"DECK_A\" -}}", Ok("x a-a")),
            ("${{ env \"DECK_N\" | toInt }}", Ok("512")),
            ("${{ env \"DECK_N\" | toFloat }}", Ok("512")),
            ("${{ env \"DECK_YES\" | toBool }}", Ok("true")),
            ("${{ env \"DECK_A\" | indent 4 }}", Ok("a")),
            ("${{ env \"DECK_IN\" }}", Ok("${{ env \"DECK_A\" }}")),
            ("${{ env \"DECK_NONE\" }}", Err("the variable DECK_NONE is not set")),
            ("${{ env \"DECK_A\" | toInt }}", Err("the value of DECK_A is not a whole number")),
            ("${{ env \"DECK_A\" | toBool }}", Err("the value of DECK_A is not true or false")),
            ("${{ env \"DECK_A\"", Err("`${{` is not closed")),
            ("${{ if true }}", Err("`${{ if true }}` is not understood")),
            (
                "${{ env \"DECK_A\" | upper }}",
                Err("`${{ env \"DECK_A\" | upper }}` is not understood"),
            ),
        ] {
            let got = resolve(text, &lookup).map_err(|unresolved| unresolved.what);
            assert_eq!(got, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn a_variable_alone_is_known() {
        for (text, expected) in [
            ("${{ env \"A\" }}", Some("A")),
            ("${{ env \"A\" | toInt }}", None),
            ("Bearer ${{ env \"A\" }}", None),
            ("${{ env \"A\" }}${{ env \"B\" }}", None),
        ] {
            assert_eq!(only_variable(text), expected, "{text}");
        }
    }

    #[test]
    fn quotes_in_quotes_can_be_read() {
        for (text, expected) in [
            (
                "_format_version: \"3.0\"\na: \"${{ env \"A\" }}\"",
                "_format_version: \"3.0\"\na: \"${{ env `A` }}\"",
            ),
            (
                "_format_version: \"3.0\"\na: \"${{ env \\\"A\\\" }}\"",
                "_format_version: \"3.0\"\na: \"${{ env \\\"A\\\" }}\"",
            ),
            (
                "_format_version: \"3.0\"\na: ${{ env \"A\n\"",
                "_format_version: \"3.0\"\na: ${{ env \"A\n\"",
            ),
            ("a: \"${{ env \"A\" }}\"", "a: \"${{ env \"A\" }}\""),
        ] {
            assert_eq!(ready_for_yaml(text), expected);
        }
    }
}
