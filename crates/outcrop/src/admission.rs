//! Who may use the gateway, as the command line and the configuration say it together.
//!
//! A key leaves by its entry: that its file cannot be read, or holds nothing that is a key, takes none away.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderName;
use outcrop_config::{
    self as config, ClientKey, JwtIssuer, KeyProof, Origin, Redacted, Scopes, Secret,
};
use outcrop_core::admit::{Issuer, KeyFile, StoredKeys, Unusable};
use outcrop_core::{Admitter, KeyTable, Strangers};

use crate::cli::AdmissionArgs;
use crate::secrets::reveal;

/// What the files of keys' secrets said when they could be used last, by the name of the key and the path: what one
/// key was let in with is nothing to another that names the same file.
type Files = HashMap<(String, PathBuf), Redacted>;

/// What the command line says, with its file of keys open, and the issuers and files that are known.
#[derive(Debug)]
pub struct Admission {
    stored: Option<Arc<StoredKeys>>,
    issuer: Option<JwtIssuer>,
    headers: Vec<HeaderName>,
    anonymous: bool,
    /// Of the configuration at work: the next takes over their keys.
    issuers: Mutex<Vec<Arc<Issuer>>>,
    /// Of the configuration at work.
    files: Mutex<Files>,
}

/// Who would be let in; nothing has changed yet.
#[derive(Debug)]
pub struct Prepared {
    admitter: Admitter,
    issuers: Vec<Arc<Issuer>>,
    files: Files,
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
        let (issuers, files) = (Mutex::default(), Mutex::default());
        Ok(Self { stored, issuer, headers, anonymous, issuers, files })
    }

    /// Whether whoever shows no key is served, by the word of the command line or of `wanted`.
    pub fn is_anonymous(&self, wanted: &config::Admission) -> bool {
        self.anonymous || wanted.anonymous == Some(true)
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
        let config::Admission { keys, key_headers, issuers, anonymous: said } = wanted;
        let anonymous = self.is_anonymous(wanted);
        let issuers = self.issuers(issuers)?;
        let has_keys = self.stored.is_some() || !keys.is_empty() || !issuers.is_empty();
        let asks = *said == Some(false) && !anonymous;
        if !has_keys && asks {
            tracing::warn!("keys are asked for, and there are none: nobody is let in");
        }
        if !has_keys && !asks {
            let foreign = addresses.iter().find(|address| !address.ip().is_loopback());
            return match foreign {
                Some(address) if !anonymous => Err(open_door(*address)),
                Some(_) | None => {
                    if !anonymous {
                        tracing::info!(
                            "there are no keys: whoever is on this machine is served, and nobody else"
                        );
                    }
                    Ok(Prepared { admitter: Admitter::default(), issuers, files: Files::new() })
                }
            };
        }
        let (keys, files) = self.known(keys);
        let (table, unusable) = KeyTable::of(&keys, &reveal);
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
        let mut admitter = Admitter::of(table).with_headers(headers).with_issuers(issuers.clone());
        if let Some(stored) = &self.stored {
            admitter = admitter.with_stored(Arc::clone(stored));
        }
        if anonymous {
            admitter = admitter.with_strangers(Strangers::Welcome);
        }
        Ok(Prepared { admitter, issuers, files })
    }

    /// From now on its issuers and files are the ones that are known; keys of new issuers are watched.
    pub fn keep(&self, Prepared { admitter, issuers, files }: Prepared) -> Admitter {
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = files;
        let mut known = self.issuers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut new: Vec<Arc<Issuer>> = Vec::new();
        for issuer in &issuers {
            if !known.iter().chain(&new).any(|other| other.shares_keys(issuer)) {
                tracing::info!(issuer = issuer.name(), "tokens of an issuer are taken");
                new.push(Arc::clone(issuer));
            }
        }
        Admitter::default().with_issuers(new).watch();
        *known = issuers;
        admitter
    }

    /// `keys` with what their files say; where that is nothing that could be used, with what they said last.
    fn known(&self, keys: &[ClientKey]) -> (Vec<ClientKey>, Files) {
        let known = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut keys, mut files) = (keys.to_vec(), Files::new());
        for key in &mut keys {
            let mut proof = key.proof.clone();
            for secret in secrets_of(&mut proof) {
                let Secret::File(path) = &*secret else { continue };
                let place = (key.name.clone(), path.clone());
                let text = match (usable(key, secret), known.get(&place)) {
                    (Ok(text), _) => Redacted::new(text),
                    (Err(why), Some(last)) => {
                        tracing::error!(
                            "{}: of the key {}: {why}. What was read there last counts on, until the key's entry is removed",
                            key.origin,
                            key.name
                        );
                        last.clone()
                    }
                    // Whoever needs it is told.
                    (Err(_), None) => continue,
                };
                files.insert(place, text.clone());
                *secret = Secret::Inline(text);
            }
            key.proof = proof;
        }
        (keys, files)
    }

    /// The issuers that are wanted, with the keys of those that are known already.
    fn issuers(&self, wanted: &[JwtIssuer]) -> Result<Vec<Arc<Issuer>>, String> {
        let mut known = self.issuers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut next = Vec::new();
        for config in self.issuer.iter().chain(wanted) {
            let again = self.issuer.as_ref().filter(|own| !std::ptr::eq(*own, config));
            if let Some(audience) = again.and_then(|own| own.shared_audience(config)) {
                return Err(format!(
                    "{}: tokens of {} for `{audience}` are taken by `--jwt-issuer` already: name them in one place",
                    config.origin, config.issuer
                ));
            }
            let issuer = Issuer::beside(config.clone(), &known);
            let issuer = Arc::new(issuer.map_err(|why| format!("{}: {why}", config.origin))?);
            known.push(Arc::clone(&issuer));
            next.push(issuer);
        }
        Ok(next)
    }
}

fn secrets_of(proof: &mut KeyProof) -> &mut [Secret] {
    match proof {
        KeyProof::Tokens(tokens) => tokens,
        KeyProof::Pair { access_key_id: _, secret_access_key } => {
            std::slice::from_mut(secret_access_key)
        }
        KeyProof::TokenHash(_) => &mut [],
    }
}

/// The text of `secret`, one of `key`'s.
///
/// # Errors
/// When nobody could be let in with it.
fn usable(key: &ClientKey, secret: &Secret) -> Result<String, String> {
    let text = reveal(secret)?;
    let mut alone = key.clone();
    if let KeyProof::Tokens(tokens) = &mut alone.proof {
        tokens.truncate(1);
    }
    secrets_of(&mut alone.proof).fill(Secret::Inline(Redacted::new(&*text)));
    let (_, unusable) = KeyTable::of(&[alone], &reveal);
    match unusable.into_iter().next() {
        Some(Unusable { why, name: _, origin: _ }) => Err(why),
        None => Ok(text),
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

    fn issuer(name: &str, audience: &str) -> JwtIssuer {
        JwtIssuer {
            issuer: format!("https://{name}.example"),
            audiences: vec![audience.to_owned()],
            jwks_url: None,
            tags: Vec::new(),
            name_claim: "sub".to_owned(),
            scopes: Scopes::default(),
            origin: Origin::default(),
        }
    }

    fn wanted(issuers: Vec<JwtIssuer>) -> config::Admission {
        config::Admission { issuers, ..config::Admission::default() }
    }

    fn admission(issuer: Option<JwtIssuer>) -> Admission {
        let (issuers, files) = (Mutex::default(), Mutex::default());
        Admission { stored: None, issuer, headers: Vec::new(), anonymous: false, issuers, files }
    }

    #[tokio::test]
    async fn an_issuer_keeps_its_keys_whatever_else_is_said_of_it() {
        let admission = admission(None);
        let prepare = |issuers| admission.prepare(&wanted(issuers), &[]).unwrap().issuers;
        let (a, b) = (issuer("a", "outcrop"), issuer("b", "outcrop"));
        let first = admission.prepare(&wanted(vec![a.clone(), b.clone()]), &[]).unwrap();
        let known = first.issuers.clone();
        admission.keep(first);
        // A configuration that is refused after this.
        drop(prepare(vec![issuer("c", "outcrop")]));
        let tags = vec![("groups".to_owned(), "team".to_owned())];
        let tagged = JwtIssuer { tags, audiences: vec!["other".to_owned()], ..a.clone() };
        let moved = JwtIssuer { jwks_url: Some("https://a.example/keys".to_owned()), ..a };
        let again =
            prepare(vec![b, tagged, moved.clone(), JwtIssuer { tags: Vec::new(), ..moved }]);
        assert!(again[0].shares_keys(&known[1]) && again[1].shares_keys(&known[0]));
        assert!(!again[2].shares_keys(&known[0]) && again[2].shares_keys(&again[3]));
    }

    #[test]
    fn an_audience_of_the_command_line_is_not_named_again() {
        let admission = admission(Some(issuer("a", "outcrop")));
        let said = admission.prepare(&wanted(vec![issuer("a", "outcrop")]), &[]).unwrap_err();
        assert!(said.contains("`outcrop`") && said.contains("--jwt-issuer"), "{said}");
        let others = vec![issuer("a", "other"), issuer("b", "outcrop")];
        assert_eq!(admission.prepare(&wanted(others), &[]).unwrap().issuers.len(), 3);
    }
}
