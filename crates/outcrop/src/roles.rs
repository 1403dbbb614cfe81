//! Roles: prompts with their models and settings, under names.
//!
//! 1. A role is a file of Markdown in the folder `roles`; it may begin with settings in YAML between two
//!    lines of `---`.
//! 2. Its text is the system prompt, unless it says where the question goes: then it is the question.

mod file;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Map, Value, json};

use self::file::parse;
use crate::ask::{by_hand, given, system};
use crate::cli::{AskArgs, NewRole, RoleArgs, RolesArgs, RolesVerb, TermsArgs};
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::print::{print_line, print_said, print_text};
use crate::query::terms;
use crate::table::{line, table};

/// Where a new role begins.
const DRAFT: &str =
    "---\n# model: claude-sonnet-4-5\n# temperature: 0.2\n---\nYou are a helpful assistant.\n";
/// What stands in a question for what is asked, beside `{{input}}`.
const PLACES: [&str; 2] = ["$input", "__INPUT__"];
const INPUT: &str = "input";
/// How much of a role a list shows, in characters.
const GLIMPSE: usize = 60;

/// A role, read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Role {
    /// Members of the request's body.
    pub settings: Map<String, Value>,
    pub system: Option<String>,
    /// A question with a place for what is asked.
    pub template: Option<String>,
    /// What stands in its other places.
    pub params: BTreeMap<String, String>,
}

// === impl Role ===

impl Role {
    /// The role that the flags name, if they do.
    ///
    /// # Errors
    /// Where there is no such role, or a place in it that nothing is put into.
    pub fn of(args: &RoleArgs) -> anyhow::Result<Option<Self>> {
        let Some(name) = &args.role else { return Ok(None) };
        let mut role = Self::named(name)?;
        role.params.extend(args.param.iter().cloned());
        role.is_filled(name, &args.param)?;
        if let Some(system) = &role.system {
            role.system = Some(place(system, |at| role.param(at)));
        }
        Ok(Some(role))
    }

    fn param(&self, place: &str) -> Option<&str> {
        self.params.get(place).map(String::as_str)
    }

    /// Whether each place has what stands in it, and all that was given has a place.
    fn is_filled(&self, name: &str, given: &[(String, String)]) -> anyhow::Result<()> {
        let mut places = Vec::new();
        for text in self.template.iter().chain(&self.system) {
            place(text, |at| {
                places.extend(Some(at.to_owned()).filter(|at| at != INPUT));
                None
            });
        }
        let wrong =
            |what, mend: String| Err(Failure::new(Exit::InvalidArgument, what).mend(mend).into());
        if let Some(empty) = places.iter().find(|at| self.param(at).is_none()) {
            let what =
                format!("The role `{name}` has a place {{{{{empty}}}}} that nothing is put into.");
            return wrong(what, format!("-P {empty}=… fills it."));
        }
        match given.iter().find(|(at, _)| !places.contains(at)) {
            None => Ok(()),
            Some((unknown, _)) => {
                places.dedup();
                let what = format!("The role `{name}` has no place {{{{{unknown}}}}}.");
                wrong(
                    what,
                    match places.is_empty() {
                        true => "It has none that -P fills.".to_owned(),
                        false => format!("It has: {}.", places.join(", ")),
                    },
                )
            }
        }
    }

    pub fn named(name: &str) -> anyhow::Result<Self> {
        let path = path_of(name)?;
        parse(&path.display().to_string(), &read(name)?)
    }

    /// Puts what was asked, the first text of `content`, into the role's question.
    pub fn put_question(&self, content: &mut [Value]) {
        let asked = content.iter_mut().find(|part| part["type"] == "text");
        if let (Some(template), Some(part)) = (&self.template, asked) {
            let asked = part["text"].as_str().unwrap_or_default();
            let value = |at: &str| if at == INPUT { Some(asked) } else { self.param(at) };
            part["text"] = place(template, value).into();
        }
    }
}

/// `template` with values in its places, which stay where there is none. What is put in is not looked at again.
fn place<'v>(template: &str, mut value: impl FnMut(&str) -> Option<&'v str>) -> String {
    let mut placed = String::new();
    let mut rest = template;
    while let Some((at, length, name)) = next_place(rest) {
        placed.push_str(&rest[..at]);
        placed.push_str(value(name).unwrap_or(&rest[at..at + length]));
        rest = &rest[at + length..];
    }
    placed + rest
}

/// Whether what is asked has a place in the text.
fn has_input(text: &str) -> bool {
    let mut has = false;
    place(text, |at| {
        has |= at == INPUT;
        None
    });
    has
}

/// Where the next place begins, how long it is, and its name.
fn next_place(text: &str) -> Option<(usize, usize, &str)> {
    let of_input = PLACES.iter().filter_map(|place| Some((find(text, place)?, place.len(), INPUT)));
    of_input.chain(braced(text)).min()
}

/// The first `{{name}}`.
fn braced(text: &str) -> Option<(usize, usize, &str)> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    text.match_indices("{{").find_map(|(at, _)| {
        let (name, _) = text[at + 2..].split_once("}}")?;
        let is_name = !name.is_empty() && name.chars().all(is_of_name);
        is_name.then_some((at, name.len() + 4, name))
    })
}

/// Where `place` is in `text`; `$input` ends where a word ends.
fn find(text: &str, place: &str) -> Option<usize> {
    let goes_on = |at: usize| {
        let next = text[at + place.len()..].chars().next();
        place.starts_with('$') && next.is_some_and(|c| c.is_alphanumeric() || c == '_')
    };
    text.match_indices(place).map(|(at, _)| at).find(|at| !goes_on(*at))
}

pub fn run(args: RolesArgs) -> anyhow::Result<()> {
    match args.verb.unwrap_or(RolesVerb::List { json: false }) {
        RolesVerb::List { json } => list(json),
        RolesVerb::Show { name } => print_said(&read(&name)?),
        RolesVerb::Edit { name } => {
            read(&name)?;
            edit(&name)
        }
        RolesVerb::New(new) => make(&new),
    }
}

/// Makes a role of a question's flags, instead of asking it.
pub fn save(
    name: &str,
    (ask, terms): (&AskArgs, &TermsArgs),
    question: &str,
) -> anyhow::Result<()> {
    let ask = by_hand(ask);
    let mut settings = given(&ask);
    settings.extend(terms::to_keep(terms));
    if !ask.file.is_empty() {
        note!("note: a role does not keep -f");
    }
    let system = system(&ask)?.and_then(|message| message["content"].as_str().map(str::to_owned));
    let text = match (has_input(question), system, question.trim()) {
        (true, system, _) => {
            settings.extend(system.map(|system| ("system".to_owned(), system.into())));
            question.to_owned()
        }
        (false, system, "") => system.unwrap_or_default(),
        (false, Some(system), question) => {
            settings.insert("system".to_owned(), system.into());
            format!("{question}\n\n{{{{input}}}}")
        }
        (false, None, question) => format!("{question}\n\n{{{{input}}}}"),
    };
    write(name, &file::written(&settings, &text))?;
    note!("The role is saved; `outcrop query -r {name}` uses it.");
    Ok(())
}

fn list(as_json: bool) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for name in names()? {
        // One that cannot be read is listed, so that it can be found and mended.
        rows.push(match Role::named(&name) {
            Ok(role) => (name, role, None),
            Err(error) => (name, Role::default(), Some(format!("{error:#}"))),
        });
    }
    if as_json {
        let roles: Value = rows
            .iter()
            .map(|(name, role, error)| {
                json!({
                    "name": name, "settings": role.settings, "system": role.system,
                    "template": role.template, "error": error,
                })
            })
            .collect();
        return print_text(&format!("{roles:#}\n"));
    }
    let rows = rows.into_iter().map(|(name, role, error)| {
        let model =
            role.settings.get("model").and_then(Value::as_str).unwrap_or_default().to_owned();
        let text = role.template.or(role.system).or(error).unwrap_or_default();
        vec![name, model, line(&text, GLIMPSE)]
    });
    print_text(&table(&["NAME", "MODEL", "TEXT"], rows))
}

fn make(new: &NewRole) -> anyhow::Result<()> {
    let NewRole { name, text, model, temperature } = new;
    let mut settings = Map::new();
    settings.extend(model.as_ref().map(|model| ("model".to_owned(), model.as_str().into())));
    settings.extend(temperature.map(|t| ("temperature".to_owned(), json!(t))));
    match text.is_empty() {
        false => write(name, &file::written(&settings, &text.join(" "))),
        true => {
            write(name, DRAFT)?;
            edit(name)
        }
    }
}

/// The roles there are, by name.
pub fn names() -> anyhow::Result<Vec<String>> {
    let folder = folder()?;
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unusable(&folder, &error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(|error| unusable(&folder, &error))?.file_name();
        names.extend(name.to_str().and_then(|name| name.strip_suffix(".md")).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

fn folder() -> anyhow::Result<PathBuf> {
    Ok(Home::find()?.config.join("roles"))
}

/// The file of a role. A name is a file's name, and leads nowhere else.
fn path_of(name: &str) -> anyhow::Result<PathBuf> {
    let is_plain = !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(|c: char| matches!(c, '/' | '\\' | ':') || c.is_control());
    if !is_plain {
        let what = format!("`{name}` is no name for a role.");
        return Err(Failure::new(Exit::InvalidArgument, what)
            .mend("Take letters, digits and hyphens.")
            .into());
    }
    Ok(folder()?.join(format!("{name}.md")))
}

fn read(name: &str) -> anyhow::Result<String> {
    let path = path_of(name)?;
    std::fs::read_to_string(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            let names = names().unwrap_or_default();
            let mend = match names.is_empty() {
                true => format!("`outcrop roles new {name}` makes it."),
                false => format!("There are: {}.", names.join(", ")),
            };
            Failure::new(Exit::InvalidArgument, format!("There is no role `{name}`."))
                .mend(mend)
                .into()
        }
        _ => unusable(&path, &error),
    })
}

/// Writes a new role; one that is there stays as it is.
fn write(name: &str, text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let path = path_of(name)?;
    // What is written must be readable.
    parse(&path.display().to_string(), text)?;
    let folder = folder()?;
    std::fs::create_dir_all(&folder).map_err(|error| unusable(&folder, &error))?;
    let made = std::fs::File::options().write(true).create_new(true).open(&path);
    match made.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let what = format!("There is a role `{name}` already.");
            Err(Failure::new(Exit::InvalidArgument, what)
                .mend(format!("`outcrop roles edit {name}` changes it."))
                .into())
        }
        Err(error) => Err(unusable(&path, &error)),
    }
}

/// Opens a role's file in the user's editor; without a terminal its path is told instead.
fn edit(name: &str) -> anyhow::Result<()> {
    let path = path_of(name)?;
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return print_line(&path.display().to_string());
    }
    let editor = ["VISUAL", "EDITOR"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()))
        .unwrap_or_else(|| "vi".to_owned());
    let words = shlex::split(&editor).unwrap_or_default();
    let status = words
        .split_first()
        .map(|(program, more)| Command::new(program).args(more).arg(&path).status());
    match status {
        Some(Ok(status)) if status.success() => Role::named(name).map(|_read| ()),
        Some(Ok(_) | Err(_)) | None => {
            let what = format!("The editor `{editor}` did not end well.");
            Err(Failure::new(Exit::Other, what)
                .mend(format!("Set EDITOR, or change {} by hand.", path.display()))
                .into())
        }
    }
}

fn unusable(path: &std::path::Path, error: &std::io::Error) -> anyhow::Error {
    Failure::new(Exit::Other, format!("{} cannot be used: {error}.", path.display())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_comes_into_its_places_once() {
        let value = |at: &str| match at {
            "input" => Some("$input {{to}}"),
            "to" => Some("{{input}}"),
            _ => None,
        };
        assert_eq!(
            place("a {{input}} b $input, __INPUT__", value),
            "a $input {{to}} b $input {{to}}, $input {{to}}"
        );
        assert_eq!(place("{{{{to}} {{other}}", value), "{{{{input}} {{other}}");
        for none in ["$inputs and $input_", "{{ input }}", "{{}}", "{{a b}}", "{{to"] {
            assert_eq!(place(none, value), none);
        }
        assert!(has_input("x $input") && !has_input("{{to}} $inputs"));
    }
}
