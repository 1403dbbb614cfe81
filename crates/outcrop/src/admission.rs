//! Who may use the gateway, as the command line says it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use outcrop_config::{JwtIssuer, Origin, Scopes};
use outcrop_core::admit::{Issuer, KeyFile, StoredKeys};
use outcrop_core::{Admitter, KeyTable, Strangers};

use crate::cli::AdmissionArgs;

/// The admitter that is asked for; what it knows is kept up to date from here on.
///
/// # Errors
/// When anyone who reaches the address could use the gateway, and that was not asked for; when the file
/// of keys cannot be used, or the issuer's address is none.
pub fn admitter(args: AdmissionArgs, listen: SocketAddr) -> anyhow::Result<Admitter> {
    if args.keys.is_none() && args.jwt_issuer.is_none() {
        if !args.anonymous && !listen.ip().is_loopback() {
            bail!(
                "not listening on {listen}: no client would be asked for a key, so anyone who reaches it could use this gateway's AWS identity. Make a key (`outcrop keys create NAME --store keys.toml`) and serve with `--keys keys.toml`; or say `--anonymous` if that is meant"
            );
        }
        return Ok(Admitter::default());
    }
    let issuer = issuer(&args)?;
    let AdmissionArgs { keys, key_header, anonymous, .. } = args;
    let mut admitter = Admitter::of(KeyTable::default()).with_headers(key_header);
    if let Some(path) = keys {
        let stored = StoredKeys::open(KeyFile::new(&path))?;
        warn_if_open(&path);
        tracing::info!(keys = stored.table().len(), "clients are asked for a key");
        admitter = admitter.with_stored(Arc::new(stored));
    }
    if let Some(issuer) = issuer {
        tracing::info!(issuer = issuer.name(), "tokens of an issuer are taken");
        admitter = admitter.with_issuers(vec![Arc::new(issuer)]);
    }
    admitter.watch();
    Ok(match anonymous {
        true => admitter.with_strangers(Strangers::Welcome),
        false => admitter,
    })
}

fn issuer(args: &AdmissionArgs) -> anyhow::Result<Option<Issuer>> {
    let Some(issuer) = &args.jwt_issuer else { return Ok(None) };
    let config = JwtIssuer {
        issuer: issuer.clone(),
        audiences: args.jwt_audience.clone(),
        jwks_url: args.jwt_jwks_url.clone(),
        tags: args.jwt_tag.clone(),
        name_claim: args.jwt_name_claim.clone(),
        scopes: Scopes::default(),
        origin: Origin { source: "command line".to_owned(), ..Origin::default() },
    };
    Issuer::new(config).map(Some).map_err(anyhow::Error::msg)
}

/// Secrets of key pairs are in the file.
#[cfg(unix)]
fn warn_if_open(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).map_or(0, |data| data.permissions().mode());
    if mode & 0o077 != 0 {
        tracing::warn!("{} can be read by others than its owner; `chmod 600` it", path.display());
    }
}

#[cfg(not(unix))]
fn warn_if_open(_: &Path) {}
