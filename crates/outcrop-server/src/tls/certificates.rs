//! Certificates and their keys, in files as certificate managers write them, or as texts.
//!
//! 1. Of several, the first that is for the name that a client asks for; else the first of all.
//! 2. Whether files have changed is looked at in each handshake, which costs a thousand times more. While
//!    one of the two is still the old one they do not belong together, and the last good pair serves.
//! 3. Others take their place all at once, and only once all of them are known to be good.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// A certificate with what is between it and the root, and its key.
#[derive(Debug, Clone)]
pub struct Pair {
    pub certificate: Pem,
    pub key: Pem,
}

/// A text in PEM.
#[derive(Clone)]
pub enum Pem {
    /// Read again when it changes.
    File(PathBuf),
    Text(String),
}

/// What a listener shows, each of which belongs to its key. Cheap to clone: all clones are the same.
#[derive(Debug, Clone)]
pub struct Certificates(Arc<RwLock<Arc<[Watched]>>>);

/// A pair, and what it was when it was good last.
#[derive(Debug)]
struct Watched {
    pair: Pair,
    provider: Arc<CryptoProvider>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    good: Arc<CertifiedKey>,
    /// What the files looked like when they were read last.
    seen: Look,
}

/// Time of change and length of both files; none where a file is not there, or is none.
type Look = [Option<(SystemTime, u64)>; 2];

// === impl Certificates ===

impl Certificates {
    /// Never of none: without a certificate there is no TLS.
    ///
    /// # Errors
    /// Names what cannot be used, and why.
    pub fn open(pairs: Vec<Pair>) -> Result<Self, String> {
        if pairs.is_empty() {
            return Err("there is no certificate".to_owned());
        }
        let provider = super::provider();
        let opened = pairs.into_iter().map(|pair| Watched::open(pair, &provider));
        let opened = opened.collect::<Result<Arc<[_]>, _>>()?;
        Ok(Self(Arc::new(RwLock::new(opened))))
    }

    /// From the next handshake on `others` are shown in the place of these. Connections stay as they are.
    pub fn give_way_to(&self, others: &Self) {
        let others = others.now();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = others;
    }

    fn now(&self) -> Arc<[Watched]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let watched = self.now();
        let mut all = watched.iter().map(Watched::current);
        let first = all.next();
        let Some(name) = name.filter(|_| watched.len() > 1) else { return first };
        let own = first.iter().cloned().chain(all).find(|certified| is_for(certified, &name));
        own.or(first)
    }
}

fn is_for(certified: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let leaf = certified.end_entity_cert().ok();
    let leaf = leaf.and_then(|leaf| ParsedCertificate::try_from(leaf).ok());
    leaf.is_some_and(|leaf| verify_server_name(&leaf, name).is_ok())
}

// === impl Watched ===

impl Watched {
    fn open(pair: Pair, provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        let seen = pair.look();
        let good = Arc::new(pair.load(provider)?);
        let state = Mutex::new(State { good, seen });
        Ok(Self { pair, provider: Arc::clone(provider), state })
    }

    fn current(&self) -> Arc<CertifiedKey> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at before it is read: a change in between shows the next time.
        let now = self.pair.look();
        if now != state.seen {
            state.seen = now;
            match self.pair.load(&self.provider) {
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

// === impl Pair ===

impl Pair {
    fn look(&self) -> Look {
        [&self.certificate, &self.key].map(Pem::look)
    }

    fn load(&self, provider: &CryptoProvider) -> Result<CertifiedKey, String> {
        let Self { certificate, key } = self;
        let bad = |pem: &Pem, reason: String| format!("cannot use {pem}: {reason}");
        let chain = certificate.chain().map_err(|reason| bad(certificate, reason))?;
        if chain.is_empty() {
            return Err(bad(certificate, "it holds no PEM certificate".to_owned()));
        }
        let private = key.private().map_err(|reason| bad(key, reason))?;
        CertifiedKey::from_der(chain, private, provider).map_err(|error| {
            format!("{certificate} and {key} do not belong together or are not supported: {error}")
        })
    }
}

// === impl Pem ===

impl Pem {
    fn look(&self) -> Option<(SystemTime, u64)> {
        let Self::File(path) = self else { return None };
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    }

    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        let chain = match self {
            Self::File(path) => CertificateDer::pem_file_iter(path).and_then(Iterator::collect),
            Self::Text(text) => CertificateDer::pem_slice_iter(text.as_bytes()).collect(),
        };
        chain.map_err(|error| told(&error))
    }

    fn private(&self) -> Result<PrivateKeyDer<'static>, String> {
        let key = match self {
            Self::File(path) => PrivateKeyDer::from_pem_file(path),
            Self::Text(text) => PrivateKeyDer::from_pem_slice(text.as_bytes()),
        };
        key.map_err(|error| told(&error))
    }
}

/// What is wrong, without a byte of what was read: the library's own words can hold all of it.
fn told(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "there is none in it".to_owned(),
        _ => "it is no whole PEM: are its line breaks real ones?".to_owned(),
    }
}

impl From<&Path> for Pem {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

/// Where it is; never the text.
impl fmt::Display for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Text(_) => f.write_str("the text"),
        }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a Secret in single quotes or a variable of a container has it. The library's own words hold the
    /// whole line, which is the key.
    #[test]
    fn a_key_without_line_breaks_is_not_shown() {
        let key =
            r"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n";
        let said = Pem::Text(key.to_owned()).private().unwrap_err();
        assert_eq!(said, "it is no whole PEM: are its line breaks real ones?");
    }
}
