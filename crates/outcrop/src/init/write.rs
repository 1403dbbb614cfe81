//! What is written of an account and its models: mcp-cli's tree.

use std::path::Path;

use outcrop_model::{Catalog, Specialist, alias};

use super::asker::Asker;
use super::files::Change;
use super::{Account, Models};
use crate::cli::InitArgs;
use crate::settings::{edit, keys};

pub const PROVIDER: &str = "config/providers/aws-bedrock.yaml";
pub const EMBEDDINGS: &str = "config/embeddings/aws-bedrock.yaml";
pub const ROOT: &str = "\
# Configuration of the command line; see `outcrop config --help`.
includes:
  providers: config/providers/*.yaml
  embeddings: config/embeddings/*.yaml
  servers: config/servers/*.yaml
  settings: config/settings.yaml
";
/// Everything that is of no account.
pub const SETTINGS_FILE: &str = "config/settings.yaml";
/// Keys that say who is calling.
const WHO: [&str; 6] = [
    "profile",
    "role",
    "api_key",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
];
const SETTINGS: &str = "\
# Defaults of flags, by command: query.max_tokens is --max-tokens of `outcrop query`.
ai:
  default_provider: bedrock
";

/// All files, in the order in which they are written.
///
/// # Errors
/// When one that is there cannot be read or changed.
pub fn changes(
    folder: &Path,
    args: &InitArgs,
    asker: Asker,
    (account, models): (&Account, &Models),
) -> anyhow::Result<Vec<Change>> {
    let mut changes = vec![Change::of_yaml(folder.join("config.yaml"), ROOT, &[])?];
    let region = format!("${{AWS_REGION:-{}}}", account.region);
    let files = [
        (PROVIDER, &models.chat, ("300", None)),
        (EMBEDDINGS, &models.embed, ("30", Some(dimensions(&models.embed)))),
    ];
    for (file, model, (timeout, dimensions)) in &files {
        let mut values: Vec<(Vec<&str>, &str)> =
            vec![(vec!["interface_type"], "aws_bedrock"), (vec!["provider_name"], "bedrock")];
        let path = folder.join(file);
        let old = std::fs::read_to_string(&path).unwrap_or_default();
        let is_new = !path.exists();
        if account.word != "emulator" {
            values.push((vec!["config", "aws_region"], &region));
            let settings = account.settings.iter();
            values.extend(settings.map(|(key, value)| (vec!["config", *key], value.as_str())));
            // Whoever was calling before is not any more.
            let chosen = |key: &&&str| account.settings.iter().any(|(one, _)| one == *key);
            let said =
                |key: &&&str| edit::get(&old, &["config", key]).is_some_and(|s| !s.is_empty());
            let gone = WHO.iter().filter(|key| !account.settings.is_empty() && !chosen(key));
            values.extend(gone.filter(said).map(|key| (vec!["config", *key], "")));
        }
        values.push((vec!["config", "default_model"], model));
        if let Some((key, value)) = dimensions.as_ref().filter(|_| !is_variable(model)) {
            values.push((vec!["config", "embedding_models", model, key], value));
        }
        if is_new {
            values.push((vec!["config", "timeout_seconds"], timeout));
            values.push((vec!["config", "max_retries"], "3"));
        }
        let values: Vec<(&[&str], &str)> =
            values.iter().map(|(path, value)| (path.as_slice(), *value)).collect();
        changes.push(Change::of_yaml(path, "", &values)?);
    }
    changes.push(settings(folder, args, asker, account)?);
    if !account.variables.is_empty() {
        changes.push(Change::of_variables(folder.join(".env"), &account.variables)?);
    }
    Ok(changes)
}

fn settings(
    folder: &Path,
    args: &InitArgs,
    asker: Asker,
    account: &Account,
) -> anyhow::Result<Change> {
    let asking = keys::commands_with("emulator");
    let mut values: Vec<(Vec<&str>, String)> = Vec::new();
    if account.word == "emulator" {
        let answered =
            asking.iter().map(|name| (vec![name.as_str(), "emulator"], "true".to_owned()));
        values.extend(answered);
    } else {
        let old = std::fs::read_to_string(folder.join(SETTINGS_FILE)).unwrap_or_default();
        let is_on =
            |name: &&String| edit::get(&old, &[name, "emulator"]).as_deref() == Some("true");
        let off = |name| (vec![String::as_str(name), "emulator"], "false".to_owned());
        values.extend(asking.iter().filter(is_on).map(off));
    }
    if args.full {
        let questions = [
            ("System prompt (empty: none):", vec!["ai", "default_system_prompt"]),
            ("Most tokens of an answer (empty: the model's):", vec!["query", "max_tokens"]),
        ];
        for (question, path) in questions {
            let said = asker.text(question, "")?;
            if !said.is_empty() {
                values.push((path, said));
            }
        }
    }
    let values: Vec<(&[&str], &str)> =
        values.iter().map(|(path, value)| (path.as_slice(), value.as_str())).collect();
    Change::of_yaml(folder.join(SETTINGS_FILE), SETTINGS, &values)
}

/// Whether the model is said elsewhere.
pub fn is_variable(model: &str) -> bool {
    model.contains("${")
}

/// A line for the list of models.
fn dimensions(model: &str) -> (&'static str, String) {
    let id = alias::resolve(model).id;
    let card = match Catalog::built_in().specialist(&id) {
        Some(Specialist::Embeddings(card)) => card.dimensions.first(),
        Some(Specialist::Rerank(_) | Specialist::Images(_)) | None => None,
    };
    match card {
        Some(dimensions) => ("dimensions", dimensions.to_string()),
        None => ("description", "chosen by outcrop init".to_owned()),
    }
}
