//! Who the gateway is, worked out from flags, environment and files; what has to be fetched is fetched
//! by AWS's own crates.
//!
//! 1. The order is that of `docs/guide/aws-identity.md`, and the first source that is configured decides:
//!    when it fails, the sources after it are not asked.
//! 2. Two wishes that contradict each other are an error at the start, never a silent choice.
//! 3. Files, token files among them, are read anew at each fetch.

mod chain;
mod container;
mod given;
mod http;
mod keeper;
mod key_file;
mod mint;
mod oidc;
mod role;
pub mod trace;
mod web_identity;

use std::path::Path;

use crate::clock::Clock;
use crate::credentials::{BEARER_TOKEN, CredentialSource, Credentials};
use crate::endpoint::Endpoints;
use crate::environment::Environment;
use crate::setup::{SetupError, read};

use self::chain::Chain;
pub(crate) use self::chain::story;
pub use self::given::{Given, Text};
pub(crate) use self::http::Wire;
pub use self::keeper::Keeper;
pub(crate) use self::keeper::Miss;
use self::key_file::KeyFile;
use self::mint::Mint;
pub use self::oidc::{Address, Oidc};
pub use self::role::Role;
pub use self::web_identity::TokenRole;

/// What the operator asked for.
#[derive(Debug, Clone, Default)]
pub struct IdentityWish {
    /// These access keys, and nothing else.
    pub given: Option<Given>,
    /// This Bedrock API key, and nothing else; `--api-key-file` names a file, read again when it changes.
    pub api_key: Option<Text>,
    /// `--profile`: this profile of the shared files, and nothing else.
    pub profile: Option<String>,
    /// `--assume-role` and what belongs to it.
    pub role: Option<Role>,
    /// Roles to assume after that one, each with the credentials of the one before.
    pub further_roles: Vec<Role>,
    /// `--oidc-issuer` and what belongs to it: a role for a token of this issuer, and nothing else.
    pub oidc: Option<Oidc>,
    /// `--mint-api-keys`: make short-term Bedrock API keys and send those instead of signatures.
    pub mint_api_keys: bool,
}

/// What else a source must know.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings<'a> {
    pub(crate) endpoints: &'a Endpoints,
    pub(crate) environment: &'a Environment<'a>,
    pub(crate) clock: Clock,
    pub(crate) wire: Wire,
}

/// A source that was found.
enum Found {
    KeyFile(KeyFile),
    Bearer(Credentials),
    Chain(Chain),
    Mint(Mint),
}

/// Finds the source; fetches nothing yet.
pub(crate) fn resolve(
    wish: &IdentityWish,
    around: &Surroundings<'_>,
) -> Result<CredentialSource, SetupError> {
    let clock = around.clock.clone();
    Ok(match find(wish, around)? {
        Found::KeyFile(file) => kept(file, clock),
        Found::Bearer(credentials) => CredentialSource::Static(credentials),
        Found::Mint(mint) => kept(mint, clock),
        Found::Chain(chain) => match chain.fixed() {
            Some(credentials) => CredentialSource::Static(credentials),
            None => kept(chain, clock),
        },
    })
}

fn find(wish: &IdentityWish, around: &Surroundings<'_>) -> Result<Found, SetupError> {
    let IdentityWish { given, api_key, profile, role, further_roles: _, oidc, mint_api_keys } =
        wish;
    match api_key {
        Some(Text::File(path)) => return Ok(Found::KeyFile(KeyFile::new(path))),
        Some(Text::Value(key)) => return Credentials::bearer(key).map(Found::Bearer),
        None => {}
    }
    let token = read(around.environment.lookup(), BEARER_TOKEN);
    if let Some(token) = token.filter(|_| given.is_none()) {
        let contradictions = [
            ("--profile", profile.is_some()),
            ("--assume-role", role.is_some()),
            ("--oidc-issuer", oidc.is_some()),
            ("--mint-api-keys", *mint_api_keys),
        ];
        if let Some((flag, _)) = contradictions.into_iter().find(|(_, asked)| *asked) {
            return Err(SetupError::KeyAndFlag { flag });
        }
        return Credentials::bearer(&token).map(Found::Bearer);
    }
    let chain = Chain::new(wish, around)?;
    Ok(match mint_api_keys {
        true => Found::Mint(Mint::new(chain, &around.endpoints.region, around.clock.clone())),
        false => Found::Chain(chain),
    })
}

fn kept(source: impl keeper::Fetch + 'static, clock: Clock) -> CredentialSource {
    CredentialSource::Kept(Keeper::new(Box::new(source), clock))
}

/// The whole text of a small file of secrets, or why not, naming the file.
pub(crate) fn secret_file(path: &Path) -> Result<String, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
    }
}
