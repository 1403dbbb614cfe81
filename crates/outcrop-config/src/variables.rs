//! Variables in texts: `${VAR}`, `${VAR:-default}`, `${VAR:?message}`, `$VAR`, and `$$` for a dollar.
//!
//! They are put into texts after these were read, so a value can never add a member, a line or a quote.
//! A dollar before anything that starts no name stands for itself: `$20`, `^/v1$`. How deep defaults stand in
//! defaults is bounded.
//!
//! Files of Kong have [decK's expressions](deck) instead.

pub(crate) mod deck;

use std::borrow::Cow;
use std::path::Path;

/// How deep they may stand in each other: what is read stays far from the end of the stack.
const DEEPEST: usize = 64;

/// What the configuration may ask of its surroundings. A closure from names of variables to their values
/// is one that has no files.
pub trait Lookup {
    /// The variable's value; `None` where it is not set.
    fn variable(&self, name: &str) -> Option<String>;

    /// The text of the file, or why there is none.
    fn file(&self, _path: &Path) -> Result<String, String> {
        Err("files are not read here".to_owned())
    }
}

impl<F: Fn(&str) -> Option<String>> Lookup for F {
    fn variable(&self, name: &str) -> Option<String> {
        self(name)
    }
}

/// What a format makes of variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variables {
    /// A dollar is a dollar.
    Off,
    /// One that is not set, and has no default, is an error.
    Required,
    /// One that is not set, and has no default, is an empty text.
    Optional,
    /// decK's expressions; a variable that is not set is an error.
    Deck,
}

/// Why a text cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    pub what: String,
    pub hint: Option<String>,
}

/// `text` with its variables put in.
pub fn interpolate<'t>(
    text: &'t str,
    variables: Variables,
    lookup: &dyn Lookup,
) -> Result<Cow<'t, str>, Unresolved> {
    match variables {
        Variables::Off => Ok(text.into()),
        Variables::Deck if !text.contains("${{") => Ok(text.into()),
        Variables::Deck => deck::resolve(text, lookup).map(Cow::Owned),
        Variables::Required | Variables::Optional if !text.contains('$') => Ok(text.into()),
        Variables::Required | Variables::Optional => {
            resolve(text, variables, lookup).map(Cow::Owned)
        }
    }
}

/// The variable that is all of `text`: `${VAR}` or `$VAR`. Such a secret can stay a reference.
pub fn only_variable(text: &str) -> Option<&str> {
    let rest = text.trim().strip_prefix('$')?;
    let name = match rest.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}')?,
        None => rest,
    };
    (name_length(name) == name.len() && !name.is_empty()).then_some(name)
}

fn resolve(text: &str, unset: Variables, lookup: &dyn Lookup) -> Result<String, Unresolved> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = after.strip_prefix('{') {
            let (inside, after) = braced(after)?;
            out.push_str(&expression(inside, unset, lookup)?);
            rest = after;
        } else {
            let (name, after) = after.split_at(name_length(after));
            match name {
                "" => out.push('$'),
                name => {
                    let value = value(name, unset, lookup);
                    out.push_str(&value.map_err(|error| in_a_word(before, error))?);
                }
            }
            rest = after;
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// What stands before the brace that closes, and after it.
fn braced(text: &str) -> Result<(&str, &str), Unresolved> {
    let mut depth = 1;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'{' if text[..index].ends_with('$') => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth > DEEPEST {
            return Err(Unresolved {
                what: format!("more than {DEEPEST} variables stand in each other"),
                hint: Some("write the last default alone".to_owned()),
            });
        }
        if depth == 0 {
            return Ok((&text[..index], &text[index + 1..]));
        }
    }
    Err(Unresolved {
        what: "`${` is not closed".to_owned(),
        hint: Some("close it with `}`, or write `$$` for a dollar".to_owned()),
    })
}

/// What `${inside}` stands for.
fn expression(inside: &str, unset: Variables, lookup: &dyn Lookup) -> Result<String, Unresolved> {
    let (name, rest) = inside.split_at(name_length(inside));
    let set = || lookup.variable(name).filter(|value| !value.is_empty());
    match (name, rest.get(..2)) {
        ("", _) => {}
        (name, None) if rest.is_empty() => return value(name, unset, lookup),
        (_, Some(":-")) => {
            return set().map_or_else(|| resolve(&rest[2..], unset, lookup), Ok);
        }
        (name, Some(":?")) => {
            return set().ok_or_else(|| Unresolved {
                what: match &rest[2..] {
                    "" => format!("the variable {name} is not set"),
                    message => format!("the variable {name} is not set: {message}"),
                },
                hint: Some(format!("set {name}")),
            });
        }
        (_, _) => {}
    }
    Err(Unresolved {
        what: format!("`${{{inside}}}` is not a variable"),
        hint: Some(
            "write ${NAME}, ${NAME:-default} or ${NAME:?message}, and $$ for a dollar".to_owned(),
        ),
    })
}

fn value(name: &str, unset: Variables, lookup: &dyn Lookup) -> Result<String, Unresolved> {
    match (lookup.variable(name), unset) {
        (Some(value), _) => Ok(value),
        (None, Variables::Optional | Variables::Off | Variables::Deck) => Ok(String::new()),
        (None, Variables::Required) => Err(Unresolved {
            what: format!("the variable {name} is not set"),
            hint: Some(format!(
                "set {name}, give a default (${{{name}:-default}}), or write $$ for a dollar"
            )),
        }),
    }
}

/// What is wrong where `before` stands before the dollar. Within a word, as in a password, what follows is more
/// likely a part of it than a variable's name, and not to be shown.
fn in_a_word(before: &str, error: Unresolved) -> Unresolved {
    if !before.ends_with(char::is_alphanumeric) {
        return error;
    }
    Unresolved {
        what: "a `$` stands in a word, and no variable is called like what follows it".to_owned(),
        hint: Some("write `$$` for a dollar, or ${NAME} for a variable".to_owned()),
    }
}

/// The length of the name at the beginning.
fn name_length(text: &str) -> usize {
    let mut bytes = text.bytes();
    match bytes.next() {
        Some(b) if b.is_ascii_alphabetic() || b == b'_' => {
            1 + bytes.take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count()
        }
        Some(_) | None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "A" => Some("a".to_owned()),
            "EMPTY" => Some(String::new()),
            "DOLLAR" => Some("$A ${A}".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn variables_are_put_in_once() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("$A-${A}$A", "a-aa"),
            ("${EMPTY}|${EMPTY:-d}|${NONE:-}|${NONE:-${A}}", "|d||a"),
            ("${A:?why}", "a"),
            ("$$A $${A} $$$$", "$A ${A} $$"),
            ("$20 ^/v1$ $ $) é$A", "$20 ^/v1$ $ $) éa"),
            ("${DOLLAR}", "$A ${A}"),
        ] {
            let got = interpolate(text, Variables::Required, &lookup);
            assert_eq!(got.as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_put_in_is_told() {
        for (text, expected) in [
            ("${NONE}", "the variable NONE is not set"),
            ("$NONE", "the variable NONE is not set"),
            ("${EMPTY:?write it}", "the variable EMPTY is not set: write it"),
            ("${A", "`${` is not closed"),
            ("${}", "`${}` is not a variable"),
            ("${1A}", "`${1A}` is not a variable"),
            ("${A:+x}", "`${A:+x}` is not a variable"),
            ("${Aé}", "`${Aé}` is not a variable"),
        ] {
            let got = interpolate(text, Variables::Required, &lookup);
            assert_eq!(
                got.map_err(|unresolved| unresolved.what),
                Err(expected.to_owned()),
                "{text}"
            );
        }
        for (depth, expected) in
            [(64, Ok("d")), (65, Err("more than 64")), (1 << 20, Err("more than 64"))]
        {
            let text = format!("{}d{}", "${NONE:-".repeat(depth), "}".repeat(depth));
            let got = interpolate(&text, Variables::Required, &lookup);
            let got = got.as_deref().map_err(|unresolved| &unresolved.what[..12]);
            assert_eq!(got, expected, "{depth}");
        }
        assert_eq!(interpolate("${NONE}$NONE", Variables::Optional, &lookup).as_deref(), Ok(""));
        assert_eq!(interpolate("${NONE}", Variables::Off, &lookup).as_deref(), Ok("${NONE}"));
    }

    #[test]
    fn a_variable_alone_is_known() {
        let cases =
            [("${A}", Some("A")), ("$A", Some("A")), ("$A$B", None), ("x$A", None), ("$", None)];
        for (text, expected) in cases {
            assert_eq!(only_variable(text), expected, "{text}");
        }
    }
}
