//! `outcrop config`: the configuration, looked at and changed.

use std::path::{Path, PathBuf};

use outcrop_config::{Diagnostic, Severity};
use serde_json::json;

use super::secrets::{exposed, is_plain_secret, masked};
use super::tree::Part;
use super::{Settings, edit, find, keys, migrate, one_line};
use crate::cli::{ConfigArgs, ConfigVerb};
use crate::exit::{Exit, Failure};
use crate::init::files;
use crate::print::{print_line, print_text};

pub fn run(args: ConfigArgs) -> anyhow::Result<()> {
    let named = args.file.as_deref();
    match args.verb {
        ConfigVerb::Path { all } => path(named, all),
        ConfigVerb::Show => show(named),
        ConfigVerb::Get { key } => get(named, &key),
        ConfigVerb::Set { key, value } => set(named, &key, &value),
        ConfigVerb::Edit { part } => edit_by_hand(named, &part),
        ConfigVerb::Validate { strict } => validate(named, strict),
        ConfigVerb::Migrate { dir, dry_run } => {
            migrate::run(&found(named)?.0, dir.as_deref(), dry_run)
        }
        ConfigVerb::Schema => print_text(&format!("{:#}\n", schema())),
    }
}

fn path(named: Option<&Path>, all: bool) -> anyhow::Result<()> {
    if !all {
        let (file, place) = found(named)?;
        note!("({})", place.as_str());
        return print_line(&file.display().to_string());
    }
    let used = find::find(named)?.map(|(file, _)| file);
    let mut text = String::new();
    for (file, place) in find::places() {
        let mark = match &used {
            Some(used) if *used == file => "used",
            Some(_) | None if file.is_file() => "there",
            Some(_) | None => "-",
        };
        text.push_str(&format!("{mark:<6} {} ({})\n", file.display(), place.as_str()));
    }
    print_text(&text)
}

fn show(named: Option<&Path>) -> anyhow::Result<()> {
    let settings = load(named)?;
    let mut text = String::new();
    for file in settings.tree.all() {
        text.push_str(&format!("# {}\n{}\n", file.path.display(), masked(file.text()).trim_end()));
        text.push('\n');
    }
    let env = folder(&settings.file).join(".env");
    if let Ok(lines) = std::fs::read_to_string(&env) {
        text.push_str(&format!("# {}\n", env.display()));
        for line in lines.lines().filter(|line| !line.trim_start().starts_with('#')) {
            if let Some((name, _)) = line.split_once('=') {
                text.push_str(&format!("{name}=***\n"));
            }
        }
    }
    print_text(&text)
}

fn get(named: Option<&Path>, key: &str) -> anyhow::Result<()> {
    let settings = load(named)?;
    let (file, path) = settings.file_of(key)?;
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match edit::get(&text, &path) {
        Some(value) if is_plain_secret(key, &value) => print_line("***"),
        Some(value) => print_line(&value),
        None => {
            let what = format!("`{key}` is not set in {}.", file.display());
            let failure = Failure::new(Exit::Other, what);
            Err(match keys::near(key) {
                Some(near) => failure.mend(format!("Did you mean `{near}`?")),
                None => failure,
            }
            .into())
        }
    }
}

/// Changes one value.
///
/// # Errors
/// Where there is no configuration, or the value makes no sense; then nothing is changed.
pub fn set(named: Option<&Path>, key: &str, value: &str) -> anyhow::Result<()> {
    let settings = load(named)?;
    if is_plain_secret(key, value) {
        let what = format!("`{key}` is a secret, which does not belong into this file.");
        let mend = "Put it into .env, and set the key to ${NAME}.";
        return Err(Failure::new(Exit::InvalidArgument, what).mend(mend).into());
    }
    let (file, path) = settings.file_of(key)?;
    let old = std::fs::read_to_string(&file).unwrap_or_default();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let by_hand = |why: String| {
        let what = format!("Cannot change {}: {why}.", file.display());
        Failure::new(Exit::Other, what).mend("Change it by hand: outcrop config edit.")
    };
    let new = edit::set(&old, &path, value).map_err(by_hand)?;
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(|error| by_hand(error.to_string()))?;
    }
    files::put(&file, &new, false).map_err(|error| by_hand(error.to_string()))?;
    let after = load(Some(&settings.file));
    let is_new = |note: &&Diagnostic| !settings.notes.iter().any(|old| old.what == note.what);
    let wrong = match &after {
        Ok(after) => after.notes.iter().find(is_new).map(one_line),
        Err(error) => Some(error.to_string()),
    };
    match wrong {
        None => Ok(()),
        Some(why) => {
            files::put(&file, &old, false).map_err(|error| by_hand(error.to_string()))?;
            let stop = if why.ends_with('?') { "" } else { "." };
            let what = format!("Nothing was changed: {why}{stop}");
            Err(Failure::new(Exit::InvalidArgument, what).into())
        }
    }
}

fn edit_by_hand(named: Option<&Path>, part: &str) -> anyhow::Result<()> {
    let (root, _) = found(named)?;
    let file = match part {
        "root" => root.clone(),
        // Also one that cannot be read is to be mended here.
        part => match load(Some(&root)) {
            Ok(settings) => settings.file_of(&format!("{part}.any"))?.0,
            Err(_) => root.clone(),
        },
    };
    let editor = ["VISUAL", "EDITOR"].iter().find_map(|name| std::env::var(name).ok());
    let editor = editor.filter(|editor| !editor.trim().is_empty()).ok_or_else(|| {
        let what = format!("There is no editor for {}.", file.display());
        Failure::new(Exit::Usage, what).mend("Set EDITOR.")
    })?;
    let mut words = shlex::split(&editor).unwrap_or_default().into_iter();
    let program = words.next().unwrap_or(editor);
    let ended = std::process::Command::new(&program).args(words).arg(&file).status();
    match ended {
        Ok(status) if status.success() => validate(Some(&root), false),
        Ok(status) => {
            Err(Failure::new(Exit::Other, format!("{program} ended with {status}.")).into())
        }
        Err(error) => {
            Err(Failure::new(Exit::Other, format!("Cannot run {program}: {error}.")).into())
        }
    }
}

fn validate(named: Option<&Path>, strict: bool) -> anyhow::Result<()> {
    let settings = load(named)?;
    let mut notes = settings.notes.clone();
    notes.extend(settings.tree.all().flat_map(|file| exposed(&file.path, file.text())));
    let mut text = String::new();
    for note in &notes {
        let word = match note.severity {
            Severity::Notice => "notice",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        text.push_str(&format!("{word}: {}\n", one_line(note)));
    }
    let warnings = notes.iter().filter(|note| note.severity == Severity::Warning).count();
    text.push_str(&match warnings {
        0 if outcrop_config::has_errors(&notes) => String::new(),
        0 => format!("{} is fine\n", settings.file.display()),
        1 => "1 warning\n".to_owned(),
        many => format!("{many} warnings\n"),
    });
    print_text(&text)?;
    if outcrop_config::has_errors(&notes) {
        return Err(Failure::new(Exit::Other, "The configuration has errors.").into());
    }
    match strict && warnings > 0 {
        true => Err(Failure::new(Exit::Other, "The configuration has warnings.").into()),
        false => Ok(()),
    }
}

fn found(named: Option<&Path>) -> anyhow::Result<(PathBuf, super::Place)> {
    find::find(named)?.ok_or_else(|| {
        Failure::new(Exit::ConfigMissing, "There is no configuration.")
            .mend("`outcrop init` writes one; `outcrop config path --all` tells where it may lie.")
            .into()
    })
}

fn load(named: Option<&Path>) -> anyhow::Result<Settings> {
    let (file, _) = found(named)?;
    // Asked for by who is looking at it: what it says is not used.
    let settings = Settings::load(named.map(|_| file.as_path()), None)?;
    settings.ok_or_else(|| Failure::new(Exit::ConfigMissing, "There is no configuration.").into())
}

fn folder(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new("."))
}

fn schema() -> serde_json::Value {
    let sections: serde_json::Map<String, serde_json::Value> = keys::all()
        .into_iter()
        .map(|(section, members)| {
            let members: serde_json::Map<String, serde_json::Value> =
                members.into_iter().map(|member| (member, json!({}))).collect();
            (
                section,
                json!({ "type": "object", "properties": members, "additionalProperties": false }),
            )
        })
        .collect();
    let provider: serde_json::Map<String, serde_json::Value> =
        keys::of_providers().map(|key| (key.to_owned(), json!({}))).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Outcrop's command line",
        "anyOf": [{ "$ref": "#/$defs/settings" }, { "$ref": "#/$defs/provider" }],
        "$defs": {
            "settings": { "type": "object", "properties": sections, "additionalProperties": false },
            "provider": {
                "type": "object",
                "required": ["interface_type", "provider_name", "config"],
                "properties": {
                    "interface_type": { "type": "string" },
                    "provider_name": { "type": "string" },
                    "config": { "type": "object", "properties": provider },
                },
            },
        },
    })
}

// === impl Settings ===

impl Settings {
    /// The file that has or is to have the key, and the path in it.
    fn file_of(&self, key: &str) -> anyhow::Result<(PathBuf, Vec<String>)> {
        let (first, rest) = key.split_once('.').unwrap_or((key, ""));
        if first.is_empty() || rest.is_empty() {
            let what = format!("`{key}` is no key.");
            let mend = "A key looks like provider.default_model or query.max_tokens.";
            return Err(Failure::new(Exit::InvalidArgument, what).mend(mend).into());
        }
        let (part, usual) = match first {
            "provider" => (Part::Providers, "config/providers/aws-bedrock.yaml"),
            "embedding" => (Part::Embeddings, "config/embeddings/aws-bedrock.yaml"),
            _section if self.tree.is_whole() => (Part::Root, find::FILE),
            _section => (Part::Settings, "config/settings.yaml"),
        };
        let own =
            self.tree.providers.iter().find(|one| one.name == self.provider && one.is_of(part));
        let file = match own {
            Some(provider) => Some(self.tree.path(provider)),
            None => self.tree.files(part).next().map(|file| file.path.clone()),
        };
        let file = file.unwrap_or_else(|| folder(&self.file).join(usual));
        let (head, words) = match part {
            Part::Root | Part::Settings | Part::Servers => (Vec::new(), key),
            Part::Providers | Part::Embeddings => {
                (own.map_or_else(|| vec!["config".to_owned()], |own| own.at.clone()), rest)
            }
        };
        Ok((file, head.into_iter().chain(words.split('.').map(str::to_owned)).collect()))
    }
}
