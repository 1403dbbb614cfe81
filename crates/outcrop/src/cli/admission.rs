//! The flags that say who may use the gateway.

use std::path::PathBuf;

use clap::Args;
use http::HeaderName;

/// Who may use the gateway. See docs/guide/client-keys.md.
#[derive(Debug, Clone, Args)]
pub struct AdmissionArgs {
    /// Ask clients for a key of this file, which `outcrop keys` makes; a change of it counts at once.
    #[arg(long, env = "OUTCROP_KEYS", value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// Look for keys in this header too, such as apikey; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub key_header: Vec<HeaderName>,
    /// Serve clients that show no valid key, on any address. Without this and without keys, only
    /// loopback is listened on.
    #[arg(long)]
    pub anonymous: bool,
}
