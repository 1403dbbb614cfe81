//! The command line, with defaults of flags from the configuration.
//!
//! The arguments are read twice: first for `--config` and `--provider`, then with the defaults that the
//! files there say. So a flag wins over its variable, and the variable over the files.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::builder::OsStr;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};

use super::tree::{Of, Preset};
use super::{CURRENT, OF_VARIABLES, Settings};
use crate::cli::{Cli, bare};

/// The flag `--config` of commands that take a configuration.
pub const CONFIG: &str = "settings";
/// Flags for which a file that nobody named can have defaults: none that reads, writes, runs or sends.
const HARMLESS: [&str; 16] = [
    "chunk_strategy",
    "dimensions",
    "effort",
    "emulator",
    "input_type",
    "max_chunk_size",
    "max_tokens",
    "max_turns",
    "model",
    "overlap",
    "provider",
    "stop",
    "system",
    "temperature",
    "thinking",
    "top_p",
];

/// # Errors
/// When the configuration cannot be read. A wrong command line, `--help` and `--version` end the process.
pub fn parse() -> anyhow::Result<Cli> {
    let words = bare::named(&Cli::command(), std::env::args_os().collect());
    let matches = Cli::command().get_matches_from(&words);
    let path = path_of(&matches);
    let Some((last, command)) =
        path.last().zip(path.first()).map(|(last, first)| (last.1, first.0))
    else {
        return read(&matches);
    };
    let of_variable = |id: &str| last.value_source(id) == Some(ValueSource::EnvVariable);
    OF_VARIABLES
        .get_or_init(|| last.ids().map(|id| id.to_string()).filter(|id| of_variable(id)).collect());
    let Ok(named) = last.try_get_one::<PathBuf>(CONFIG) else { return read(&matches) };
    let given =
        |id: &str| last.value_source(id).is_some_and(|from| from != ValueSource::DefaultValue);
    let provider = last.try_get_one::<String>("provider").ok().flatten();
    let provider = provider.filter(|_| given("provider")).map(String::as_str);
    let Some(mut settings) = Settings::load(named.map(PathBuf::as_path), provider)? else {
        return read(&matches);
    };
    settings.warn();
    let presets = settings.presets(command);
    let names: Vec<&str> = path.iter().map(|(name, _)| *name).collect();
    let filled =
        within(Cli::command(), &names, &|command| fill(command, last, &presets, &settings));
    let matches = filled.try_get_matches_from(&words).map_err(|error| {
        let said = error.to_string();
        let line = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
        anyhow!("{line}, says {}", settings.file.display())
    })?;
    let path = path_of(&matches);
    let last = path.last().map_or(&matches, |(_, last)| last);
    let unset = |id: &str| last.value_source(id) == Some(ValueSource::DefaultValue);
    settings.preset = last.ids().map(|id| id.to_string()).filter(|id| unset(id)).collect();
    CURRENT.get_or_init(|| settings);
    read(&matches)
}

fn read(matches: &ArgMatches) -> anyhow::Result<Cli> {
    Ok(Cli::from_arg_matches(matches).unwrap_or_else(|error| error.exit()))
}

/// The commands that were named, one in the other, with their arguments.
fn path_of(matches: &ArgMatches) -> Vec<(&str, &ArgMatches)> {
    let mut path = Vec::new();
    let mut at = matches;
    while let Some((name, inner)) = at.subcommand() {
        path.push((name, inner));
        at = inner;
    }
    path
}

fn within(command: Command, path: &[&str], change: &dyn Fn(Command) -> Command) -> Command {
    match path.split_first() {
        Some((name, rest)) => command.mut_subcommand(*name, |inner| within(inner, rest, change)),
        None => change(command),
    }
}

/// `command` with the presets that no flag given by hand contradicts.
fn fill(command: Command, given: &ArgMatches, presets: &[Preset], settings: &Settings) -> Command {
    let by_hand = |arg: &Arg| {
        let source = given.value_source(arg.get_id().as_str());
        source.is_some_and(|source| source != ValueSource::DefaultValue)
    };
    let set: Vec<&Arg> = command.get_arguments().filter(|arg| by_hand(arg)).collect();
    let conflicts = |one: &Arg, other: &Arg| {
        command.get_arg_conflicts_with(one).iter().any(|arg| arg.get_id() == other.get_id())
    };
    let free: Vec<String> = command
        .get_arguments()
        .filter(|arg| !set.iter().any(|set| conflicts(arg, set) || conflicts(set, arg)))
        .filter(|arg| settings.place.is_trusted() || HARMLESS.contains(&arg.get_id().as_str()))
        .map(|arg| arg.get_id().to_string())
        .collect();
    command.mut_args(|arg| {
        if !free.iter().any(|id| arg.get_id() == id.as_str()) {
            return arg;
        }
        let preset = presets.iter().rfind(|preset| arg.get_id() == preset.flag.as_str());
        let variable = arg.get_env().and_then(std::ffi::OsStr::to_str);
        let values = match (variable.and_then(|name| settings.variables.get(name)), preset) {
            (Some(value), _) => vec![value],
            (None, Some(preset)) => preset.values.clone(),
            (None, None) => return arg,
        };
        arg.default_values(values.into_iter().map(OsStr::from))
    })
}

// === impl Settings ===

impl Settings {
    /// The defaults of a command's flags; of several for one flag the last counts.
    fn presets(&self, command: &str) -> Vec<Preset> {
        let preset = |flag: &str, value: &str| Preset {
            flag: flag.to_owned(),
            values: vec![value.to_owned()],
            of: Of::Section(command.to_owned()),
        };
        let mut presets = vec![preset("provider", &self.provider)];
        let embeds = command == "embed";
        // Routes with conditions are those of embeddings.
        let route = self.config.routes.iter().find(|route| route.matches.is_empty() != embeds);
        let model = route.and_then(|route| route.targets.first()?.model.as_deref());
        presets.extend(model.map(|model| preset("model", model)));
        let general = self.tree.presets.iter().filter(|preset| match &preset.of {
            Of::Commands(commands) => commands.contains(&command),
            Of::Section(_) => false,
        });
        presets.extend(general.cloned());
        if !embeds {
            let chats = self.tree.providers.iter().filter(|one| one.is_for_chats());
            let chosen = chats.filter(|one| one.name == self.provider);
            let asked = chosen.flat_map(|provider| &provider.asked);
            presets.extend(asked.map(|(flag, value)| preset(flag, value)));
        }
        let section = self.tree.presets.iter().filter(|preset| match &preset.of {
            Of::Section(section) => section == command,
            Of::Commands(_) => false,
        });
        presets.extend(section.cloned());
        presets
    }
}
