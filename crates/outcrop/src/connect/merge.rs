//! Settings put into a file that has others, and taken out again.

use serde_json::Value;

/// The formats of clients' files, by their ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Toml,
    /// Written where there is none; never changed.
    Yaml,
}

/// Before and after lines that are ours.
const BEGIN: &str = "# >>> outcrop\n";
const END: &str = "# <<< outcrop\n";
/// Before a line that ours take the place of.
const ASIDE: &str = "# outcrop keeps: ";

// === impl Format ===

impl Format {
    pub fn of(name: &str) -> Self {
        match name.rsplit('.').next() {
            Some("toml") => Self::Toml,
            Some("yaml" | "yml") => Self::Yaml,
            Some(_) | None => Self::Json,
        }
    }

    /// `old` with `more`.
    ///
    /// # Errors
    /// Why it has to be done by hand.
    pub fn put(self, old: &str, more: &str) -> Result<String, String> {
        match self {
            _ if old.trim().is_empty() => Ok(format!("{}\n", more.trim())),
            Self::Json => {
                let mut value = json(old)?;
                over(&mut value, &json(more)?);
                Ok(format!("{value:#}\n"))
            }
            Self::Toml => toml_put(old, more),
            Self::Yaml => {
                Err("it has other settings, and lists cannot be laid over each other".to_owned())
            }
        }
    }

    /// `now` without `more`, where `old` was before.
    ///
    /// # Errors
    /// Why it has to be done by hand.
    pub fn take(self, now: &str, more: &str, old: &str) -> Result<String, String> {
        match self {
            Self::Json => {
                let old = if old.trim().is_empty() { Value::Null } else { json(old)? };
                let mut value = json(now)?;
                out(&mut value, &json(more)?, &old);
                Ok(format!("{value:#}\n"))
            }
            Self::Toml => Ok(toml_take(now)),
            Self::Yaml => Err("it was changed since".to_owned()),
        }
    }
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text)
        .map_err(|error| format!("it is not plain JSON (line {})", error.line()))
}

fn over(value: &mut Value, more: &Value) {
    match (value, more) {
        (Value::Object(members), Value::Object(more)) => {
            for (name, more) in more {
                over(members.entry(name).or_insert(Value::Null), more);
            }
        }
        (value, more) => *value = more.clone(),
    }
}

/// Members that are still ours go, or become what they were.
fn out(value: &mut Value, more: &Value, old: &Value) {
    let (Value::Object(members), Value::Object(more)) = (value, more) else { return };
    for (name, more) in more {
        let Some(member) = members.get_mut(name) else { continue };
        let before = old.get(name);
        if member.is_object() && more.is_object() {
            out(member, more, before.unwrap_or(&Value::Null));
            let is_empty = member.as_object().is_some_and(serde_json::Map::is_empty);
            if is_empty && before.is_none() {
                members.shift_remove(name);
            }
        } else if member == more {
            match before {
                Some(before) => *member = before.clone(),
                None => {
                    members.shift_remove(name);
                }
            }
        }
    }
}

fn toml_put(old: &str, more: &str) -> Result<String, String> {
    let old = toml_take(old);
    old.parse::<toml::Table>().map_err(|_| "it is not TOML".to_owned())?;
    let split = |text: &str| {
        let at = text.lines().position(|line| line.trim_start().starts_with('['));
        let lines: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
        let at = at.unwrap_or(lines.len());
        (lines[..at].to_vec(), lines[at..].concat())
    };
    let (head, tables) = split(&old);
    let (own, own_tables) = split(more.trim());
    let name = |line: &str| line.split_once('=').map(|(name, _)| name.trim().to_owned());
    let names: Vec<String> = own.iter().filter_map(|line| name(line)).collect();
    let aside = |line: String| match name(&line) {
        Some(name) if names.contains(&name) => format!("{ASIDE}{line}"),
        Some(_) | None => line,
    };
    let head: String = head.into_iter().map(aside).collect();
    let own = own.concat();
    let new = format!("{BEGIN}{}\n{END}{head}{tables}{BEGIN}{own_tables}{END}", own.trim_end());
    new.parse::<toml::Table>()
        .map_err(|_| "it has a table `model_providers.outcrop` already".to_owned())?;
    Ok(new)
}

fn toml_take(now: &str) -> String {
    let mut out = String::new();
    let mut is_ours = false;
    for line in now.split_inclusive('\n') {
        match line {
            BEGIN => is_ours = true,
            END => is_ours = false,
            _ if is_ours => {}
            line => out.push_str(line.strip_prefix(ASIDE).unwrap_or(line)),
        }
    }
    out
}
