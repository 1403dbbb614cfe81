//! Flags about the models of the AWS account.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use outcrop_core::{Cache, Listing};

use super::value::seconds_or_none;

/// The models of the AWS account, as Bedrock lists them: see docs/guide/models.md.
#[derive(Debug, Clone, Args)]
pub struct AccountArgs {
    /// Seconds after which the account's models are listed again, in the background; 0 never asks, and
    /// the built-in catalog serves instead.
    #[arg(long, env = "OUTCROP_MODELS_REFRESH", value_parser = seconds_or_none, default_value = "300", value_name = "SECONDS")]
    pub models_refresh: Duration,
    /// Keep the list in this file between runs, for this account and region only; `off` keeps none
    /// [default: a file in the folder `outcrop` of XDG_CACHE_HOME, or of ~/.cache].
    #[arg(long, env = "OUTCROP_MODELS_CACHE", value_name = "FILE")]
    pub models_cache: Option<PathBuf>,
}

impl AccountArgs {
    /// Whether and how to list; `environment` tells the user's folders.
    pub fn listing(&self, environment: impl Fn(&str) -> Option<String>) -> Option<Listing> {
        let period = self.models_refresh;
        (!period.is_zero()).then(|| Listing { period, cache: self.cache(environment) })
    }

    fn cache(&self, environment: impl Fn(&str) -> Option<String>) -> Option<Cache> {
        if let Some(file) = &self.models_cache {
            return (file.as_os_str() != "off").then(|| Cache::File(file.clone()));
        }
        let folder = |name: &str| environment(name).map(PathBuf::from).filter(|p| p.is_absolute());
        let caches = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))?;
        Some(Cache::Folder(caches.join("outcrop")))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn the_list_of_models_is_kept_in_the_users_own_folder() {
        let parsed = |args: &[&str], pairs: &[(&str, &str)]| {
            let cli = Cli::try_parse_from(["outcrop", "serve"].iter().chain(args)).unwrap();
            let Command::Serve(args) = cli.command else { panic!("serve") };
            let of = |name: &str| {
                pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
            };
            args.account.cache(of)
        };
        let folder = |path: &str| Some(Cache::Folder(PathBuf::from(path)));
        let home = ("HOME", "/h");
        assert_eq!(parsed(&[], &[home]), folder("/h/.cache/outcrop"));
        assert_eq!(parsed(&[], &[("XDG_CACHE_HOME", "/c"), home]), folder("/c/outcrop"));
        assert_eq!(parsed(&[], &[("XDG_CACHE_HOME", "c")]), None);
        assert_eq!(parsed(&["--models-cache", "off"], &[home]), None);
        let file = Some(Cache::File(PathBuf::from("f")));
        assert_eq!(parsed(&["--models-cache", "f"], &[home]), file);
    }
}
