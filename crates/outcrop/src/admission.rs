//! Who may use the gateway, as the command line says it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use outcrop_core::admit::{KeyFile, StoredKeys};
use outcrop_core::{Admitter, KeyTable, Strangers};

use crate::cli::AdmissionArgs;

/// The admitter that is asked for; its file of keys is watched from here on.
///
/// # Errors
/// When anyone who reaches the address could use the gateway, and that was not asked for; or when the
/// file of keys cannot be used.
pub fn admitter(args: AdmissionArgs, listen: SocketAddr) -> anyhow::Result<Admitter> {
    let AdmissionArgs { keys, key_header, anonymous } = args;
    let Some(path) = keys else {
        if !anonymous && !listen.ip().is_loopback() {
            bail!(
                "not listening on {listen}: no client would be asked for a key, so anyone who reaches it could use this gateway's AWS identity. Make a key (`outcrop keys create NAME --store keys.toml`) and serve with `--keys keys.toml`; or say `--anonymous` if that is meant"
            );
        }
        return Ok(Admitter::default());
    };
    let stored = Arc::new(StoredKeys::open(KeyFile::new(&path))?);
    warn_if_open(&path);
    tracing::info!(keys = stored.table().len(), "clients are asked for a key");
    tokio::spawn(StoredKeys::watch(Arc::downgrade(&stored)));
    let admitter = Admitter::of(KeyTable::default()).with_stored(stored).with_headers(key_header);
    Ok(match anonymous {
        true => admitter.with_strangers(Strangers::Welcome),
        false => admitter,
    })
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
