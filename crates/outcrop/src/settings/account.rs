//! Who asks, and where: the chosen provider's files, under the environment and the flags.

use std::sync::Arc;

use outcrop_config::{
    ANY_SERVICE, Backend, Config, Diagnostic, Identity, IdentitySource, Lookup, Severity,
};
use outcrop_core::Around;

use super::dotenv::{says_who, set};
use super::tree::Tree;
use super::{Place, Settings, keys, wrong};
use crate::cli::EngineArgs;
use crate::configuration::{of_environment, single};
use crate::exit::{Exit, Failure};

/// What mcp-cli's document calls the provider.
pub const BEDROCK: &str = "bedrock";
/// Names that need no file.
const USUAL: [&str; 3] = [BEDROCK, "aws-bedrock", "aws_bedrock"];

/// The gateway inside this process, and its surroundings, as the files, the environment and the flags say.
///
/// # Errors
/// A provider that there is not, or one that is not Bedrock; flags that make no sense.
pub fn gateway(args: &EngineArgs) -> anyhow::Result<(Config, Around)> {
    let (mut config, around) = match Settings::current() {
        Some(settings) => (settings.config.clone(), settings.around()),
        None => {
            known_provider(&args.provider, &[])?;
            (single(of_environment(None, None, Identity::default())), Around::default())
        }
    };
    let flags = of_environment(
        args.region.as_deref(),
        args.endpoint_url.as_deref(),
        args.identity.identity()?,
    );
    for backend in config.backends.values_mut() {
        lay_over(backend, &flags);
        backend.geography = Some(args.geography.clone());
    }
    Ok((config, around))
}

/// The flags over the environment over the file.
fn lay_over(backend: &mut Backend, flags: &Backend) {
    if flags.region.is_some() {
        backend.region.clone_from(&flags.region);
    } else if set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION")).is_some() {
        backend.region = None;
    }
    if !flags.endpoints.is_empty() {
        backend.endpoint = None;
        backend.endpoints.clone_from(&flags.endpoints);
    } else if set("AWS_ENDPOINT_URL_BEDROCK_RUNTIME").or_else(|| set("AWS_ENDPOINT_URL")).is_some()
    {
        backend.endpoint = None;
    } else if let Some(url) = backend.endpoint.take() {
        // As --endpoint-url: the other services are there too.
        backend.endpoints.push((ANY_SERVICE.to_owned(), url));
    }
    let (own, asked) = (&mut backend.identity, &flags.identity);
    if asked.source != IdentitySource::Chain {
        *own = asked.clone();
        return;
    }
    if says_who() {
        own.source = IdentitySource::Chain;
    }
    if !asked.roles.is_empty() {
        own.roles.clone_from(&asked.roles);
    }
    own.mint_api_keys |= asked.mint_api_keys;
}

/// What the files of the provider that is `named`, or is the default, mean, and what is to be said of them.
///
/// # Errors
/// When they are wrong, or there is no such provider.
pub fn read(
    tree: &Tree,
    named: Option<&str>,
    lookup: &dyn Lookup,
) -> anyhow::Result<(Config, Vec<Diagnostic>)> {
    let provider = &*tree.chosen(named);
    let of_name = || tree.providers.iter().filter(|one| one.name == provider);
    if let Some(other) = of_name().find(|provider| !provider.is_bedrock()) {
        let what = format!(
            "The provider `{provider}` is of type `{}`, and Outcrop asks Bedrock only.",
            other.interface
        );
        let mend = "Name another with --provider.";
        return Err(Failure::new(Exit::Provider, what).mend(mend).into());
    }
    let plain = || single(of_environment(None, None, Identity::default()));
    if of_name().next().is_none() {
        let names: Vec<&str> = tree.providers.iter().map(|one| one.name.as_str()).collect();
        known_provider(provider, &names)?;
        return Ok((plain(), Vec::new()));
    }
    let (mut config, mut notes) = outcrop_config::load(&tree.sources(provider), lookup);
    // A default that is in another file, or is not asked for, stops nothing.
    let is_idle = |note: &Diagnostic| match note.origin.path.as_str() {
        "ai.default_provider" => named.is_some() || tree.knows_default(),
        path => path == "embeddings.default_provider",
    };
    notes.retain(|note| !is_idle(note));
    if outcrop_config::has_errors(&notes) {
        return Err(wrong(&notes));
    }
    // One file may describe more of them.
    let names = [provider.to_owned(), format!("{provider}-embeddings")];
    let of_provider = format!("{provider}-embeddings-of-provider");
    config.backends.retain(|name, _| names.contains(name));
    config.routes.retain(|route| names.contains(&route.name) || route.name == of_provider);
    if !of_name().any(|provider| provider.is_for_chats()) {
        let Config { backends, routes, .. } = plain();
        config.backends.extend(backends);
        config.routes.extend(routes);
    }
    // That no request reaches another provider is meant.
    let is_meant = |note: &Diagnostic| {
        let own = note.origin.path.split_once(".providers.").map(|(_, path)| path);
        let is_own = own.is_none_or(|path| path.split('.').next() == Some(provider));
        is_own || note.severity == Severity::Notice
    };
    let notes = notes.into_iter().filter(is_meant).filter_map(keys::of_provider);
    Ok((config, notes.collect()))
}

// === impl Settings ===

impl Settings {
    /// # Errors
    /// When a file that nobody named sends requests elsewhere, or to somebody else's account.
    pub(super) fn stay_at_aws(&self) -> anyhow::Result<()> {
        let mut backends = self.config.backends.values();
        let what = if self.place.is_trusted() {
            return Ok(());
        } else if backends.clone().any(|backend| backend.endpoint.is_some()) {
            "sends requests elsewhere than to AWS (`api_endpoint`)"
        } else if self.place == Place::Project
            && backends.any(|backend| brings_account(&backend.identity))
        {
            "brings an AWS account of its own"
        } else {
            return Ok(());
        };
        let file = self.file.display();
        let mend = format!("If you know it, run with --config {file}.");
        let what = format!("{file} {what}, and nobody named it.");
        Err(Failure::new(Exit::Other, what).mend(mend).into())
    }

    fn around(&self) -> Around {
        let variables = self.variables.clone();
        Around {
            variables: Arc::new(move |name| {
                variables.get(name).or_else(|| std::env::var(name).ok())
            }),
            ..Around::default()
        }
    }
}

/// Whether the files say more than which of the user's profiles is meant.
fn brings_account(identity: &Identity) -> bool {
    let is_own = matches!(identity.source, IdentitySource::Chain | IdentitySource::Profile(_));
    !identity.roles.is_empty() || !(is_own || says_who())
}

fn known_provider(provider: &str, known: &[&str]) -> anyhow::Result<()> {
    if USUAL.contains(&provider) {
        return Ok(());
    }
    let what = format!("There is no provider `{provider}`.");
    let mut known = known.to_vec();
    known.push(BEDROCK);
    known.sort_unstable();
    known.dedup();
    let mend = format!("There are: {}.", known.join(", "));
    Err(Failure::new(Exit::Provider, what).mend(mend).into())
}
