//! The flags that say who the gateway is to AWS.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use outcrop_aws::{Address, Role};
use outcrop_config::{
    AssumeRole, CredentialHeaders, Identity, IdentitySource, OidcExchange, Redacted, Secret,
    Without,
};
use outcrop_core::lent::DEFAULT_PREFIX;

/// Who the gateway is to AWS. See docs/guide/aws-identity.md.
#[derive(Debug, Clone, Args)]
pub struct IdentityArgs {
    /// Take the credentials from this profile of the shared AWS files, and from nowhere else.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Assume this role with the credentials found.
    #[arg(long, env = "OUTCROP_ASSUME_ROLE", value_name = "ARN", value_parser = Role::new)]
    pub assume_role: Option<Role>,
    /// External id for --assume-role.
    #[arg(long, value_name = "ID", requires = "assume_role")]
    pub assume_role_external_id: Option<String>,
    /// Session name for --assume-role [default: outcrop].
    #[arg(long, value_name = "NAME", requires = "assume_role")]
    pub assume_role_session_name: Option<String>,
    /// How long a session of --assume-role lasts; 900 to 43200 [default: STS's hour].
    #[arg(long, value_name = "SECONDS", requires = "assume_role", value_parser = session)]
    pub assume_role_duration: Option<Duration>,
    /// Session tag for --assume-role; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", requires = "assume_role", value_parser = tag)]
    pub assume_role_tag: Vec<(String, String)>,
    /// File of a policy in JSON that narrows what --assume-role gives.
    #[arg(long, value_name = "FILE", requires = "assume_role")]
    pub assume_role_policy: Option<PathBuf>,
    #[command(flatten)]
    pub oidc: OidcArgs,
    /// File that holds a Bedrock API key; read again when it changes.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["profile", "assume_role", "oidc_issuer", "mint_api_keys"])]
    pub api_key_file: Option<PathBuf>,
    /// Make short-term Bedrock API keys of the credentials and send those instead of signatures.
    #[arg(long)]
    pub mint_api_keys: bool,
}

/// AWS credentials that callers bring with their requests. See docs/guide/aws-identity.md.
#[derive(Debug, Clone, Args)]
pub struct LentArgs {
    /// Let callers lend AWS credentials for a request, in the headers PREFIXaccess-key-id,
    /// PREFIXsecret-access-key and PREFIXsession-token [default prefix: x-aigw-aws-].
    #[arg(long, value_name = "PREFIX", num_args = 0..=1, default_missing_value = DEFAULT_PREFIX, value_parser = header_prefix)]
    pub credential_headers: Option<String>,
    /// Refuse requests without such credentials, instead of using the gateway's own.
    #[arg(long, requires = "credential_headers")]
    pub credential_headers_only: bool,
}

impl LentArgs {
    /// In which headers callers may lend credentials.
    pub fn credential_headers(&self) -> Option<CredentialHeaders> {
        let without = match self.credential_headers_only {
            true => Without::Refuse,
            false => Without::UseConfigured,
        };
        Some(CredentialHeaders { prefix: self.credential_headers.clone()?, without })
    }
}

/// A role for a token of an OIDC issuer, which the gateway gets by client credentials.
#[derive(Debug, Clone, Args)]
pub struct OidcArgs {
    /// Ask this OIDC issuer who the gateway is, and take the credentials of --oidc-role for its token.
    #[arg(
        long, value_name = "URL", conflicts_with = "profile",
        requires_all = ["oidc_client_id", "oidc_client_secret_file", "oidc_role"]
    )]
    pub oidc_issuer: Option<Address>,
    /// The gateway's client id at the issuer.
    #[arg(long, value_name = "ID", requires = "oidc_issuer")]
    pub oidc_client_id: Option<String>,
    /// File that holds the client's secret; read at each renewal.
    #[arg(long, value_name = "FILE", requires = "oidc_issuer")]
    pub oidc_client_secret_file: Option<PathBuf>,
    /// Role to assume with the issuer's token.
    #[arg(long, value_name = "ARN", requires = "oidc_issuer", value_parser = Role::new)]
    pub oidc_role: Option<Role>,
    /// Scope to ask for; may be given several times.
    #[arg(long, value_name = "SCOPE", requires = "oidc_issuer")]
    pub oidc_scope: Vec<String>,
    /// Whom the token shall be for, for issuers that want to be told (parameter `audience`).
    #[arg(long, value_name = "AUDIENCE", requires = "oidc_issuer")]
    pub oidc_audience: Option<String>,
    /// The same for issuers that follow RFC 8707 (parameter `resource`).
    #[arg(long, value_name = "URI", requires = "oidc_issuer")]
    pub oidc_resource: Option<String>,
    /// Where the issuer gives tokens [default: what its discovery document says].
    #[arg(long, value_name = "URL", requires = "oidc_issuer")]
    pub oidc_token_endpoint: Option<Address>,
}

impl OidcArgs {
    /// `None` without an issuer; clap has seen to the rest.
    fn exchange(&self) -> Option<OidcExchange> {
        Some(OidcExchange {
            issuer: self.oidc_issuer.as_ref()?.to_string(),
            token_endpoint: self.oidc_token_endpoint.as_ref().map(Address::to_string),
            client_id: self.oidc_client_id.clone()?,
            client_secret: Secret::File(self.oidc_client_secret_file.clone()?),
            scopes: self.oidc_scope.clone(),
            audience: self.oidc_audience.clone(),
            resource: self.oidc_resource.clone(),
            role: AssumeRole::of(&self.oidc_role.as_ref()?.arn),
        })
    }
}

impl IdentityArgs {
    /// What is asked for, with the policy read.
    ///
    /// # Errors
    /// When the policy file cannot be read or is no JSON.
    pub fn identity(&self) -> anyhow::Result<Identity> {
        let policy = self.assume_role_policy.as_deref().map(policy).transpose()?;
        let external_id = self.assume_role_external_id.as_deref();
        let role = self.assume_role.as_ref().map(|role| AssumeRole {
            external_id: external_id.map(|id| Secret::Inline(Redacted::new(id))),
            session_name: self.assume_role_session_name.clone(),
            duration: self.assume_role_duration,
            tags: self.assume_role_tag.clone(),
            policy,
            ..AssumeRole::of(&role.arn)
        });
        let source = match (&self.profile, &self.api_key_file, self.oidc.exchange()) {
            (_, Some(file), _) => IdentitySource::ApiKey(Secret::File(file.clone())),
            (_, None, Some(exchange)) => IdentitySource::Oidc(exchange),
            (Some(profile), None, None) => IdentitySource::Profile(profile.clone()),
            (None, None, None) => IdentitySource::Chain,
        };
        Ok(Identity {
            source,
            roles: role.into_iter().collect(),
            mint_api_keys: self.mint_api_keys,
            credential_headers: None,
        })
    }
}

fn header_prefix(text: &str) -> Result<String, String> {
    match http::HeaderName::try_from(format!("{text}access-key-id")) {
        Ok(_) if !text.is_empty() => Ok(text.to_owned()),
        Ok(_) | Err(_) => Err(format!("it cannot begin a header's name, such as {DEFAULT_PREFIX}")),
    }
}

fn policy(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the policy {}", path.display()))?;
    serde_json::from_str::<serde_json::Value>(&text).map_err(|error| {
        anyhow::anyhow!("{}, line {}: the policy is not JSON", path.display(), error.line())
    })?;
    Ok(text)
}

fn session(text: &str) -> Result<Duration, String> {
    Role::session_length(text.parse().map_err(|_| "not a number of seconds".to_owned())?)
}

fn tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a tag is KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}
