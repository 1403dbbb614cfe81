//! `outcrop connect`: what a client needs to use a gateway, shown or set.
//!
//! 1. What is known of clients is data: `connect/clients.toml`.
//! 2. Keys are named by their variable; none is written or printed.
//! 3. What a client's file had is kept, and `--uninstall` gives it back.

mod codex;
mod install;
mod merge;

use std::path::{Path, PathBuf};

use http::Uri;
use serde::Deserialize;

use crate::cli::ConnectArgs;
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::print::print_text;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Clients {
    client: Vec<Client>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Client {
    name: String,
    title: String,
    file: Option<String>,
    /// The variable that holds another folder for the first one of `file`.
    home: Option<String>,
    /// A catalogue of models beside `file`.
    models: Option<String>,
    merge: Option<String>,
    #[serde(default)]
    env: Vec<(String, String)>,
    text: Option<String>,
}

pub fn run(args: &ConnectArgs) -> anyhow::Result<()> {
    let Clients { client: clients } = toml::from_str(include_str!("connect/clients.toml"))?;
    let Some(name) = &args.client else {
        let line = |client: &Client| format!("{:<14} {}\n", client.name, client.title);
        return print_text(&clients.iter().map(line).collect::<String>());
    };
    let Some(client) = clients.iter().find(|client| client.name == *name) else {
        let names: Vec<&str> = clients.iter().map(|client| client.name.as_str()).collect();
        let near = outcrop_config::words::nearest(name, names.iter().copied());
        let mend = match near {
            Some(near) => format!("Did you mean {near}?"),
            None => format!("There are: {}.", names.join(", ")),
        };
        let what = format!("No client `{name}` is known.");
        return Err(Failure::new(Exit::InvalidArgument, what).mend(mend).into());
    };
    check(args)?;
    if args.uninstall {
        return install::uninstall(&client.name);
    }
    if args.write {
        let (file, merge) = client.writable()?;
        let models = client.know_models(args, &file)?;
        install::install(&client.name, &file, &args.filled_with(merge, &models))?;
        return told(client, args);
    }
    if args.env {
        return print_text(&client.exports(args)?);
    }
    print_text(&client.shown(args))
}

/// What a person is still to do.
fn told(client: &Client, args: &ConnectArgs) -> anyhow::Result<()> {
    if let Some(text) = &client.text {
        note!("{}", args.filled(text.trim()));
    }
    Ok(())
}

/// Nothing of these can break out of the texts that they are put into.
fn check(args: &ConnectArgs) -> anyhow::Result<()> {
    let wrong =
        |what: String, mend: &str| Err(Failure::new(Exit::InvalidArgument, what).mend(mend).into());
    let is_harmless =
        |text: &str| text.chars().all(|c| c.is_ascii_graphic() && !"\"'\\`$@".contains(c));
    let url: Option<Uri> = args.url.parse().ok();
    let is_url = url.is_some_and(|url| {
        matches!(url.scheme_str(), Some("http" | "https")) && url.authority().is_some()
    });
    if !is_url || !is_harmless(&args.url) {
        let what = format!("--url {}: not the address of a gateway.", args.url);
        return wrong(what, "It looks like http://127.0.0.1:8080.");
    }
    if args.model.is_empty() || !is_harmless(&args.model) {
        return wrong(
            format!("--model {}: not a model's name.", args.model),
            "`outcrop models` lists some.",
        );
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if args.key_env.is_empty() || !args.key_env.chars().all(is_name) {
        let what = "--key-env wants the name of a variable, not a key.".to_owned();
        return wrong(what, "It looks like OUTCROP_KEY.");
    }
    Ok(())
}

// === impl ConnectArgs ===

impl ConnectArgs {
    /// With no more told of the model than how long a prompt may be.
    fn filled(&self, text: &str) -> String {
        self.filled_with(text, &codex::window(&self.model))
    }

    fn filled_with(&self, text: &str, models: &str) -> String {
        let models = if models.is_empty() { String::new() } else { format!("{models}\n") };
        let url = self.url.trim_end_matches('/').trim_end_matches("/v1");
        let text = text.replace("@models@\n", &models);
        text.replace("@url@", url).replace("@model@", &self.model).replace("@key@", &self.key_env)
    }
}

// === impl Client ===

impl Client {
    /// Its file, and what goes into it.
    fn writable(&self) -> anyhow::Result<(PathBuf, &str)> {
        match (&self.file, &self.merge) {
            (Some(file), Some(merge)) => {
                let path = file.trim_start_matches("~/");
                let moved = self.home.as_deref().and_then(std::env::var_os);
                let file = match (moved.filter(|folder| !folder.is_empty()), path.split_once('/')) {
                    (Some(folder), Some((_, rest))) => PathBuf::from(folder).join(rest),
                    (_, _) => std::env::home_dir().unwrap_or_default().join(path),
                };
                Ok((file, merge))
            }
            (_, _) => {
                let what = format!("{} has no file to write.", self.title);
                let mend = format!("`outcrop connect {}` shows what to do.", self.name);
                Err(Failure::new(Exit::InvalidArgument, what).mend(mend).into())
            }
        }
    }

    /// Writes the catalogue that the client has of models, and says the line that names it.
    fn know_models(&self, args: &ConnectArgs, file: &Path) -> anyhow::Result<String> {
        let Some(name) = &self.models else { return Ok(String::new()) };
        let scratch = Home::find()?.data.join("connect").join("scratch");
        match codex::catalogue(&args.model, &scratch) {
            Ok(text) => {
                install::place(&self.name, &file.with_file_name(name), &text)?;
                Ok(format!("model_catalog_json = \"{name}\""))
            }
            Err(why) => {
                note!("Without a catalogue {} will warn of the model: {why}.", self.title);
                Ok(codex::window(&args.model))
            }
        }
    }

    fn exports(&self, args: &ConnectArgs) -> anyhow::Result<String> {
        if self.env.is_empty() {
            let what = format!("{} is not set by variables.", self.title);
            let mend = format!("`outcrop connect {}` shows what to do.", self.name);
            return Err(Failure::new(Exit::InvalidArgument, what).mend(mend).into());
        }
        let line = |(name, value): &(String, String)| {
            format!("export {name}=\"{}\"\n", args.filled(value))
        };
        Ok(self.env.iter().map(line).collect())
    }

    fn shown(&self, args: &ConnectArgs) -> String {
        let mut out = format!("# {}\n", self.title);
        if let (Some(file), Some(merge)) = (&self.file, &self.merge) {
            let more = match &self.models {
                Some(name) => format!(", and a catalogue of models into {name} beside it"),
                None => String::new(),
            };
            let merge = args.filled(merge.trim());
            out.push_str(&format!("\n# In {file} (`--write` puts it there{more}):\n{merge}\n"));
        }
        if !self.env.is_empty() {
            out.push_str("\n# By variables (`--env` prints these alone):\n");
            out.push_str(&self.exports(args).unwrap_or_default());
        }
        if let Some(text) = &self.text {
            out.push_str(&format!("\n{}\n", args.filled(text.trim())));
        }
        out
    }
}
