//! The command line, with defaults of flags from the configuration.
//!
//! The arguments are read twice: first for `--config` and `--provider`, then with the defaults that the
//! files there say. So a flag wins over its variable, and the variable over the files.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::builder::OsStr;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};
use outcrop_config::{Diagnostic, Origin};

use super::tree::{Of, Preset, Tree};
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
    let command = Cli::command();
    let asked = names.iter().try_fold(&command, |at, name| at.find_subcommand(name));
    let values = asked.map(|asked| values(asked, last, &presets, &settings)).unwrap_or_default();
    if let Some((place, why)) = asked.and_then(|asked| wrong_value(asked, &values)) {
        return Err(anyhow!("{place}: {why}"));
    }
    let filled = within(command.clone(), &names, &|command| fill(command, &values));
    let matches = filled
        .try_get_matches_from(&words)
        .map_err(|error| anyhow!("{}, says {}", told(&error), settings.file.display()))?;
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

/// A flag's value, and where it is from.
struct Value {
    flag: String,
    values: Vec<String>,
    place: String,
}

/// The presets that no flag given by hand contradicts.
fn values(
    command: &Command,
    given: &ArgMatches,
    presets: &[Preset],
    settings: &Settings,
) -> Vec<Value> {
    let by_hand = |arg: &Arg| {
        let source = given.value_source(arg.get_id().as_str());
        source.is_some_and(|source| source != ValueSource::DefaultValue)
    };
    let set: Vec<&Arg> = command.get_arguments().filter(|arg| by_hand(arg)).collect();
    let conflicts = |one: &Arg, other: &Arg| {
        command.get_arg_conflicts_with(one).iter().any(|arg| arg.get_id() == other.get_id())
    };
    let free = command
        .get_arguments()
        .filter(|arg| {
            !set.iter().any(|set| *set == *arg || conflicts(arg, set) || conflicts(set, arg))
        })
        .filter(|arg| settings.place.is_trusted() || HARMLESS.contains(&arg.get_id().as_str()));
    let value = |arg: &Arg| {
        let flag = arg.get_id().to_string();
        let preset = presets.iter().rfind(|preset| preset.flag == flag);
        let variable = arg.get_env().and_then(std::ffi::OsStr::to_str);
        let said = variable.and_then(|name| Some((name, settings.variables.get(name)?)));
        match (said, preset) {
            (Some((name, value)), _) => {
                let place = format!("{name} of .env");
                Some(Value { flag, values: vec![value], place })
            }
            (None, Some(Preset { values, origin, .. })) => {
                Some(Value { flag, values: values.clone(), place: origin.to_string() })
            }
            (None, None) => None,
        }
    };
    free.filter_map(value).collect()
}

fn fill(command: Command, values: &[Value]) -> Command {
    command.mut_args(|arg| match values.iter().find(|value| arg.get_id() == value.flag.as_str()) {
        Some(value) => arg.default_values(value.values.iter().map(OsStr::from)),
        None => arg,
    })
}

/// The first that its flag does not take: where it is from, and why.
fn wrong_value<'v>(command: &Command, values: &'v [Value]) -> Option<(&'v str, String)> {
    values.iter().find_map(|value| {
        let arg = command.get_arguments().find(|arg| arg.get_id() == value.flag.as_str())?;
        Some((value.place.as_str(), refused(arg, &value.values)?))
    })
}

/// Why the flag does not take the values.
fn refused(arg: &Arg, values: &[String]) -> Option<String> {
    let long = arg.get_long()?;
    // Alone, as it may need or exclude others.
    let names = arg.get_value_names().unwrap_or_default().iter().cloned();
    let mut alone = Arg::new(arg.get_id().clone())
        .long(long.to_owned())
        .action(ArgAction::Append)
        .num_args(1)
        .value_names(names.take(1))
        .value_parser(arg.get_value_parser().clone());
    if let Some(delimiter) = arg.get_value_delimiter() {
        alone = alone.value_delimiter(delimiter);
    }
    let words = values.iter().map(|value| format!("--{long}={value}"));
    let command = Command::new("value").no_binary_name(true).disable_help_flag(true).arg(alone);
    command.try_get_matches_from(words).err().map(|error| told(&error))
}

fn told(error: &clap::Error) -> String {
    let said = error.to_string();
    let lines: Vec<&str> =
        said.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    lines.join(" ").trim_start_matches("error: ").to_owned()
}

/// A flag of a command, or of one of its verbs.
fn argument<'c>(command: &'c Command, flag: &str) -> Option<&'c Arg> {
    let own = command.get_arguments().find(|arg| arg.get_id() == flag);
    own.or_else(|| command.get_subcommands().find_map(|verb| argument(verb, flag)))
}

/// What is to be said of values in files that no flag takes.
pub fn wrong_values(tree: &Tree) -> Vec<Diagnostic> {
    let cli = Cli::command();
    let why = |command: &str, flag: &str, values: &[String]| {
        refused(argument(cli.find_subcommand(command)?, flag)?, values)
    };
    let of_settings = tree.presets.iter().filter_map(|preset| {
        let command = match &preset.of {
            Of::Commands(commands) => commands.first()?,
            Of::Section(section) => section.as_str(),
        };
        let why = why(command, &preset.flag, &preset.values)?;
        Some(Diagnostic::error(preset.origin.clone(), why))
    });
    let asked = tree.providers.iter().flat_map(|provider| &provider.asked);
    let of_providers = asked.filter_map(|(flag, value, origin)| {
        let why = why("query", flag, std::slice::from_ref(value))?;
        Some(Diagnostic::error(origin.clone(), why))
    });
    of_settings.chain(of_providers).collect()
}

// === impl Settings ===

impl Settings {
    /// The model of a command that names none, if the files say one.
    pub fn default_model(&self, command: &str) -> Option<String> {
        let presets = self.presets(command);
        presets.into_iter().rfind(|preset| preset.flag == "model")?.values.into_iter().next()
    }

    /// The defaults of a command's flags; of several for one flag the last counts.
    fn presets(&self, command: &str) -> Vec<Preset> {
        let preset = |flag: &str, value: &str, origin: Origin| Preset {
            flag: flag.to_owned(),
            values: vec![value.to_owned()],
            of: Of::Section(command.to_owned()),
            origin,
        };
        let whole = Origin { source: self.file.display().to_string(), ..Origin::default() };
        let mut presets = vec![preset("provider", &self.provider, whole)];
        let embeds = command == "embed";
        // Routes with conditions are those of embeddings.
        let route = self.config.routes.iter().find(|route| route.matches.is_empty() != embeds);
        let model = route.and_then(|route| Some((route.targets.first()?.model.as_deref()?, route)));
        presets.extend(model.map(|(model, route)| preset("model", model, route.origin.clone())));
        let general = self.tree.presets.iter().filter(|preset| match &preset.of {
            Of::Commands(commands) => commands.contains(&command),
            Of::Section(_) => false,
        });
        presets.extend(general.cloned());
        if !embeds {
            let chats = self.tree.providers.iter().filter(|one| one.is_for_chats());
            let chosen = chats.filter(|one| one.name == self.provider);
            let asked = chosen.flat_map(|provider| &provider.asked);
            presets.extend(asked.map(|(flag, value, origin)| preset(flag, value, origin.clone())));
        }
        let section = self.tree.presets.iter().filter(|preset| match &preset.of {
            Of::Section(section) => section == command,
            Of::Commands(_) => false,
        });
        presets.extend(section.cloned());
        presets
    }
}
