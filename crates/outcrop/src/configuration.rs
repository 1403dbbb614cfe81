//! The configuration that the flags of `outcrop serve` make: one backend, and all requests go to it.

use std::path::Path;

use anyhow::Context;
use outcrop_config::{
    ANY_SERVICE, AttemptTimeouts, Backend, Config, Diagnostic, Identity, IdentitySource, Origin,
    Policy, Redacted, RetryPolicy, Route, Secret, Severity, Target,
};
use outcrop_core::Around;
use outcrop_core::backend::endpoints as own_endpoints;
use outcrop_emulator::{
    EXAMPLE_ACCESS_KEY_ID, EXAMPLE_REGION, EXAMPLE_SECRET_ACCESS_KEY, Emulator,
};

use outcrop_model::Prices;

use crate::cli::{ServeArgs, TimeoutArgs};

/// The backend and the route of a gateway without a file.
const NAME: &str = "bedrock";
/// A key of Bedrock's, of which nothing else need be known.
pub const API_KEY: &str = "AWS_BEARER_TOKEN_BEDROCK";
/// Where flags are from, in what is said of them.
const COMMAND_LINE: &str = "command line";

/// All requests to `backend`.
pub fn single(backend: Backend) -> Config {
    let route = Route {
        name: NAME.to_owned(),
        targets: vec![Target::new(NAME)],
        origin: backend.origin.clone(),
        ..Route::default()
    };
    Config {
        backends: [(NAME.to_owned(), backend)].into(),
        routes: vec![route],
        ..Config::default()
    }
}

/// What the flags say.
pub fn of_flags(args: &ServeArgs, emulator: Option<&Emulator>) -> anyhow::Result<Config> {
    let mut backend = match emulator {
        Some(emulator) => emulated(emulator),
        None => of_environment(
            args.region.as_deref(),
            args.endpoint_url.as_deref(),
            args.identity.identity()?,
        ),
    };
    backend.geography = Some(args.geography.clone());
    backend.timeouts = timeouts(&args.timeouts);
    backend.identity.credential_headers = args.lent.credential_headers();
    Ok(Config { defaults: defaults(args), prices: prices(args)?, ..single(backend) })
}

/// A backend as any AWS tool finds it.
pub fn of_environment(
    region: Option<&str>,
    endpoint_url: Option<&str>,
    identity: Identity,
) -> Backend {
    Backend {
        region: region.map(str::to_owned),
        identity,
        endpoints: everywhere(endpoint_url),
        origin: command_line(),
        ..Backend::default()
    }
}

/// What the flags say of the treatment of requests: it holds where files say nothing.
#[derive(Debug)]
pub struct Gaps {
    defaults: Policy,
    prices: Option<String>,
    timeouts: AttemptTimeouts,
    geography: String,
}

impl Gaps {
    /// # Errors
    /// When the price list cannot be read.
    pub fn of_flags(args: &ServeArgs) -> anyhow::Result<Self> {
        Ok(Self {
            defaults: defaults(args),
            prices: prices(args)?,
            timeouts: timeouts(&args.timeouts),
            geography: args.geography.clone(),
        })
    }

    /// Fills those of `config`.
    pub fn fill(&self, config: &mut Config) {
        let (own, flags) = (&mut config.defaults, &self.defaults);
        own.fidelity = own.fidelity.or(flags.fidelity);
        own.carrier = own.carrier.or(flags.carrier);
        own.retry.attempts = own.retry.attempts.or(flags.retry.attempts);
        own.cost_header = own.cost_header.or(flags.cost_header);
        config.prices = config.prices.take().or_else(|| self.prices.clone());
        for backend in config.backends.values_mut() {
            let (own, flags) = (&mut backend.timeouts, &self.timeouts);
            own.connect = own.connect.or(flags.connect);
            own.first_byte = own.first_byte.or(flags.first_byte);
            own.idle = own.idle.or(flags.idle);
            own.attempt = own.attempt.or(flags.attempt);
            backend.geography.get_or_insert_with(|| self.geography.clone());
        }
    }
}

/// A local emulator as the backend.
pub fn emulated(emulator: &Emulator) -> Backend {
    let inline = |text: &str| Secret::Inline(Redacted::new(text));
    let mut endpoints = everywhere(Some(&emulator.base_url()));
    endpoints.push(("bedrock_mantle".to_owned(), emulator.mantle_url()));
    let source = IdentitySource::Keys {
        access_key_id: inline(EXAMPLE_ACCESS_KEY_ID),
        secret_access_key: inline(EXAMPLE_SECRET_ACCESS_KEY),
        session_token: None,
    };
    Backend {
        region: Some(EXAMPLE_REGION.to_owned()),
        endpoints,
        identity: Identity { source, ..Identity::default() },
        origin: command_line(),
        ..Backend::default()
    }
}

/// All backends of `config` as `emulated`: with the regions that they have by `around`, and by API keys where
/// they would use such. Gives the names of those that have no region, and got that of `emulated`.
pub async fn emulated_instead(
    config: &mut Config,
    emulated: &Backend,
    around: &Around,
) -> Vec<String> {
    let mut homeless = Vec::new();
    for (name, backend) in &mut config.backends {
        let Backend { region, endpoints, identity, .. } = emulated;
        // What else is wrong with where they are is no matter: they are not asked.
        if let Ok(own) = own_endpoints(backend, around).await {
            backend.region = Some(own.region.as_str().to_owned());
        } else if backend.region.is_none() {
            homeless.push(name.clone());
            backend.region.clone_from(region);
        }
        backend.endpoint = None;
        backend.endpoints.clone_from(endpoints);
        backend.ca_bundle = None;
        let mint_api_keys = is_by_api_key(backend, around);
        let credential_headers = backend.identity.credential_headers.take();
        backend.identity = Identity { credential_headers, mint_api_keys, ..identity.clone() };
    }
    homeless
}

/// Whether requests of this account carry a key of Bedrock's instead of a signature.
pub fn is_by_api_key(backend: &Backend, around: &Around) -> bool {
    let identity = &backend.identity;
    let is_set = || (around.variables)(API_KEY).is_some_and(|key| !key.is_empty());
    match &identity.source {
        IdentitySource::ApiKey(_) => true,
        IdentitySource::Chain if identity.roles.is_empty() => identity.mint_api_keys || is_set(),
        IdentitySource::Chain
        | IdentitySource::Profile(_)
        | IdentitySource::Keys { .. }
        | IdentitySource::CredentialsFile { .. }
        | IdentitySource::WebIdentity { .. }
        | IdentitySource::Oidc(_) => identity.mint_api_keys,
    }
}

/// What is to be said, one finding after another.
pub fn told(diagnostics: &[Diagnostic], at_least: Severity) -> String {
    let findings = diagnostics.iter().filter(|found| found.severity >= at_least);
    let lines: Vec<String> = findings
        .map(|Diagnostic { origin, what, hint, .. }| {
            let place = match origin.source.as_str() {
                COMMAND_LINE | "" => String::new(),
                _ => format!("{origin}: "),
            };
            let hint = hint.as_deref().map(|hint| format!(" {hint}")).unwrap_or_default();
            format!("{place}{what}{hint}")
        })
        .collect();
    lines.join("\n")
}

fn command_line() -> Origin {
    Origin { source: COMMAND_LINE.to_owned(), ..Origin::default() }
}

fn everywhere(url: Option<&str>) -> Vec<(String, String)> {
    url.map(|url| (ANY_SERVICE.to_owned(), url.to_owned())).into_iter().collect()
}

fn defaults(args: &ServeArgs) -> Policy {
    Policy {
        fidelity: Some(args.fidelity.into()),
        carrier: args.carrier.into(),
        retry: RetryPolicy { attempts: Some(args.max_attempts), ..RetryPolicy::default() },
        cost_header: Some(args.cost_header),
        ..Policy::default()
    }
}

/// The operator's own price list. A misprint is told with the file's name, so it is looked for here.
fn prices(args: &ServeArgs) -> anyhow::Result<Option<String>> {
    let read = |file: &Path| {
        let name = file.display();
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
        match Prices::built_in().with(&text) {
            Ok(_) => Ok(text),
            Err(misprint) => anyhow::bail!("{name}:{misprint}"),
        }
    };
    args.prices.as_deref().map(read).transpose()
}

fn timeouts(args: &TimeoutArgs) -> AttemptTimeouts {
    AttemptTimeouts {
        connect: args.connect_timeout,
        first_byte: args.first_byte_timeout,
        idle: args.idle_timeout,
        attempt: args.total_timeout,
    }
}
