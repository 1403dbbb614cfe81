//! Who may use the gateway, as the command line and the configuration say it together.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderName;
use outcrop_config::{self as config, JwtIssuer, Origin, Scopes};
use outcrop_core::admit::{Issuer, KeyFile, StoredKeys};
use outcrop_core::{Admitter, KeyTable, Strangers};

use crate::cli::AdmissionArgs;
use crate::secrets::reveal;

/// What the command line says, with its file of keys open, and the issuers that are known.
#[derive(Debug)]
pub struct Admission {
    stored: Option<Arc<StoredKeys>>,
    issuer: Option<JwtIssuer>,
    headers: Vec<HeaderName>,
    anonymous: bool,
    /// Kept from one configuration to the next, with their keys.
    issuers: Mutex<Vec<KnownIssuer>>,
}

/// What was made of it, without the place where that was written.
type KnownIssuer = (JwtIssuer, Arc<Issuer>);

/// Who would be let in; nothing has changed yet.
#[derive(Debug)]
pub struct Prepared {
    admitter: Admitter,
    issuers: Vec<KnownIssuer>,
}

// === impl Admission ===

impl Admission {
    /// The file of keys is watched from here on.
    ///
    /// # Errors
    /// When the file of keys cannot be used.
    pub fn open(args: AdmissionArgs) -> anyhow::Result<Self> {
        let issuer = issuer(&args);
        let AdmissionArgs { keys, key_header: headers, anonymous, .. } = args;
        let mut stored = None;
        if let Some(path) = keys {
            let keys = Arc::new(StoredKeys::open(KeyFile::new(&path))?);
            warn_if_open(&path);
            tracing::info!(keys = keys.table().len(), "clients are asked for a key");
            Admitter::default().with_stored(Arc::clone(&keys)).watch();
            stored = Some(keys);
        }
        Ok(Self { stored, issuer, headers, anonymous, issuers: Mutex::default() })
    }

    /// Whether whoever shows no key is served, by the word of the command line or of `wanted`.
    pub fn is_anonymous(&self, wanted: &config::Admission) -> bool {
        self.anonymous || wanted.anonymous
    }

    /// Who is to be let in, with what `wanted` says too.
    ///
    /// # Errors
    /// When anyone who reaches one of `addresses` could use the gateway, and that was not asked for; when
    /// an issuer's address is none.
    pub fn prepare(
        &self,
        wanted: &config::Admission,
        addresses: &[SocketAddr],
    ) -> Result<Prepared, String> {
        let config::Admission { keys, key_headers, issuers, anonymous: _ } = wanted;
        let anonymous = self.is_anonymous(wanted);
        let issuers = self.issuers(issuers)?;
        if self.stored.is_none() && keys.is_empty() && issuers.is_empty() {
            let foreign = addresses.iter().find(|address| !address.ip().is_loopback());
            return match foreign {
                Some(address) if !anonymous => Err(open_door(*address)),
                Some(_) | None => {
                    if !anonymous {
                        tracing::info!(
                            "there are no keys: whoever is on this machine is served, and nobody else"
                        );
                    }
                    Ok(Prepared { admitter: Admitter::default(), issuers })
                }
            };
        }
        let (table, unusable) = KeyTable::of(keys, &reveal);
        for one in unusable {
            tracing::warn!("{one}");
        }
        let mut headers = self.headers.clone();
        headers.extend(key_headers.iter().filter_map(|name| match name.parse() {
            Ok(name) => Some(name),
            Err(_) => {
                tracing::warn!("`{name}` is no header's name: no key is looked for there");
                None
            }
        }));
        let taken = issuers.iter().map(|(_, issuer)| Arc::clone(issuer)).collect();
        let mut admitter = Admitter::of(table).with_headers(headers).with_issuers(taken);
        if let Some(stored) = &self.stored {
            admitter = admitter.with_stored(Arc::clone(stored));
        }
        if anonymous {
            admitter = admitter.with_strangers(Strangers::Welcome);
        }
        Ok(Prepared { admitter, issuers })
    }

    /// From now on its issuers are the ones that are known; new ones are watched.
    pub fn keep(&self, Prepared { admitter, issuers }: Prepared) -> Admitter {
        let mut known = self.issuers.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = |issuer: &&Arc<Issuer>| !known.iter().any(|(_, old)| Arc::ptr_eq(old, issuer));
        let new = issuers.iter().map(|(_, issuer)| issuer).filter(is_new).cloned();
        let new: Vec<Arc<Issuer>> = new.collect();
        for issuer in &new {
            tracing::info!(issuer = issuer.name(), "tokens of an issuer are taken");
        }
        Admitter::default().with_issuers(new).watch();
        *known = issuers;
        admitter
    }

    /// The issuers that are wanted: those that are known already, and new ones.
    fn issuers(&self, wanted: &[JwtIssuer]) -> Result<Vec<KnownIssuer>, String> {
        let known = self.issuers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Vec::new();
        for config in self.issuer.iter().chain(wanted) {
            let placeless = JwtIssuer { origin: Origin::default(), ..config.clone() };
            let issuer = match known.iter().find(|(of, _)| *of == placeless) {
                Some((_, issuer)) => Arc::clone(issuer),
                None => {
                    let issuer = Issuer::new(config.clone());
                    Arc::new(issuer.map_err(|why| format!("{}: {why}", config.origin))?)
                }
            };
            next.push((placeless, issuer));
        }
        Ok(next)
    }
}

fn issuer(args: &AdmissionArgs) -> Option<JwtIssuer> {
    Some(JwtIssuer {
        issuer: args.jwt_issuer.clone()?,
        audiences: args.jwt_audience.clone(),
        jwks_url: args.jwt_jwks_url.clone(),
        tags: args.jwt_tag.clone(),
        name_claim: args.jwt_name_claim.clone(),
        scopes: Scopes::default(),
        origin: Origin { source: "command line".to_owned(), ..Origin::default() },
    })
}

fn open_door(address: SocketAddr) -> String {
    format!(
        "not listening on {address}: no client would be asked for a key, so anyone who reaches it could use this gateway's AWS identity. Make a key (`outcrop keys create NAME --store keys.toml`) and serve with `--keys keys.toml`; or say `--anonymous` if that is meant"
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(names: &[&str]) -> config::Admission {
        let issuer = |name: &&str| JwtIssuer {
            issuer: format!("https://{name}.example"),
            audiences: vec!["outcrop".to_owned()],
            jwks_url: None,
            tags: Vec::new(),
            name_claim: "sub".to_owned(),
            scopes: Scopes::default(),
            origin: Origin::default(),
        };
        config::Admission {
            issuers: names.iter().map(issuer).collect(),
            ..config::Admission::default()
        }
    }

    fn issuers(prepared: &Prepared) -> Vec<Arc<Issuer>> {
        prepared.issuers.iter().map(|(_, issuer)| Arc::clone(issuer)).collect()
    }

    #[tokio::test]
    async fn what_is_not_put_to_work_makes_no_issuer_anew() {
        let issuer = None;
        let (stored, headers, issuers_known) = (None, Vec::new(), Mutex::default());
        let admission =
            Admission { stored, issuer, headers, anonymous: false, issuers: issuers_known };
        let prepare = |names: &[&str]| admission.prepare(&wanted(names), &[]).unwrap();
        let first = prepare(&["a", "b"]);
        let known = issuers(&first);
        admission.keep(first);
        // A configuration that is refused after this.
        drop(prepare(&["c"]));
        let again = issuers(&prepare(&["b", "a"]));
        assert!(Arc::ptr_eq(&again[0], &known[1]) && Arc::ptr_eq(&again[1], &known[0]));
    }
}
