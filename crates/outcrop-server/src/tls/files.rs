//! A certificate and its key in two files, as certificate managers write them.
//!
//! Whether they have changed is looked at in each handshake, which costs a thousand times more. While
//! one of the two is still the old one they do not belong together, and the last good pair serves.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

#[derive(Debug)]
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    good: Arc<CertifiedKey>,
    /// What the files looked like when they were read last.
    seen: Look,
}

/// Time of change and length of both files; none where a file is not there.
type Look = [Option<(SystemTime, u64)>; 2];

// === impl Files ===

impl Files {
    pub(super) fn open(
        certificate: &Path,
        key: &Path,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let seen = [certificate, key].map(look);
        let good = Arc::new(load(certificate, key, &provider)?);
        let state = Mutex::new(State { good, seen });
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), provider, state })
    }

    fn current(&self) -> Arc<CertifiedKey> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at before it is read: a change in between shows the next time.
        let now = [&self.certificate, &self.key].map(|path| look(path));
        if now != state.seen {
            state.seen = now;
            match load(&self.certificate, &self.key, &self.provider) {
                Ok(certified) => {
                    tracing::info!("the TLS certificate changed");
                    state.good = Arc::new(certified);
                }
                Err(reason) => tracing::warn!(
                    reason,
                    "the TLS certificate changed but cannot be used; the last good one serves on"
                ),
            }
        }
        Arc::clone(&state.good)
    }
}

impl ResolvesServerCert for Files {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

// === helpers ===

fn look(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn load(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, String> {
    let bad = |path: &Path, reason: String| format!("cannot use {}: {reason}", path.display());
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let chain = chain.map_err(|error| bad(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(bad(certificate, "it holds no PEM certificate".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| bad(key, error.to_string()))?;
    CertifiedKey::from_der(chain, private, provider).map_err(|error| {
        let (certificate, key) = (certificate.display(), key.display());
        format!("{certificate} and {key} do not belong together or are not supported: {error}")
    })
}
