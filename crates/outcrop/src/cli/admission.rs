//! The flags that say who may use the gateway.

use std::path::PathBuf;

use clap::Args;
use http::HeaderName;

/// Who may use the gateway. See docs/guide/client-keys.md.
#[derive(Debug, Clone, Args)]
#[group(id = "AdmissionArgs")]
pub struct AdmissionArgs {
    /// Ask clients for a key of this file, which `outcrop keys` makes; a change of it counts at once.
    #[arg(long, alias = "store", env = "OUTCROP_KEYS", value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// Look for keys in this header too, such as apikey; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub key_header: Vec<HeaderName>,
    /// Take tokens (JWT) of this issuer too: an address of https, as their `iss` says it. Its keys are
    /// found by its discovery document and renewed.
    #[arg(long, value_name = "URL", requires = "jwt_audience")]
    pub jwt_issuer: Option<String>,
    /// For whom such a token must be (`aud`); may be given several times, one is enough.
    #[arg(long, value_name = "NAME", requires = "jwt_issuer")]
    pub jwt_audience: Vec<String>,
    /// Where the issuer's keys are, if it has no discovery document.
    #[arg(long, value_name = "URL", requires = "jwt_issuer")]
    pub jwt_jwks_url: Option<String>,
    /// The claim that names the client.
    #[arg(long, value_name = "CLAIM", requires = "jwt_issuer", default_value = "sub")]
    pub jwt_name_claim: String,
    /// A claim that becomes a tag; may be given several times.
    #[arg(long, value_name = "CLAIM=TAG", requires = "jwt_issuer", value_parser = super::keys::tag)]
    pub jwt_tag: Vec<(String, String)>,
    /// Serve clients that show no valid key, on any address. Without this and without keys, only
    /// loopback is listened on.
    #[arg(long)]
    pub anonymous: bool,
}
