//! A configuration, in whatever format it was written, as `outcrop.yaml`.

use std::path::Path;

use super::hide;
use super::meaning::written_names;
use super::short::{Many, Short, Table};
use super::written::{self, File, Listener, Prices, Tls, TlsFiles};
use super::yaml;
use crate::admission::Admission;
use crate::config::{Certificate, Config, ListenerTls};
use crate::policy::Policy;
use crate::secret::Secret;

/// What becomes of secrets that stand in the configuration itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// They are variables to be set, and a comment says which.
    Hidden,
    Shown,
}

/// `config` as `outcrop.yaml`: to read it gives the same, but for the places, and for secrets that are
/// hidden.
pub fn print(config: &Config, secrets: Secrets) -> String {
    let marked = match secrets {
        Secrets::Hidden => Some(hide::mark(config)),
        Secrets::Shown => None,
    };
    let (config, in_edits) = marked.as_ref().map_or((config, 0), |(marked, many)| (marked, *many));
    let mut printing = Printing { secrets, hidden: in_edits };
    let file = printing.file(config);
    let body = yaml::write(&serde_json::to_value(file).unwrap_or_default());
    let body = hide::variables(body, in_edits);
    match printing.hidden {
        0 => body,
        1 => format!("# A secret stood in the configuration. Set OUTCROP_SECRET_1 to it.\n{body}"),
        many => format!(
            "# {many} secrets stood in the configuration. Set OUTCROP_SECRET_1 to OUTCROP_SECRET_{many} to \
             them.\n{body}"
        ),
    }
}

pub(super) struct Printing {
    secrets: Secrets,
    hidden: usize,
}

impl Printing {
    fn file(&mut self, config: &Config) -> File {
        let Config {
            listeners,
            backends,
            names,
            routes,
            defaults,
            admission,
            limits,
            store,
            prices,
        } = config;
        let Admission { keys, key_headers, issuers, anonymous } = admission;
        let backend = |(name, backend): (&String, &_)| (name.clone(), Short(self.backend(backend)));
        let name = |(name, model)| (name, Short(model));
        File {
            backends: Table(backends.iter().map(backend).collect()),
            listeners: Many(listeners.iter().map(|one| Short(self.listener(one))).collect()),
            models: Table(written_names(names).into_iter().map(name).collect()),
            routes: routes.iter().map(Into::into).collect(),
            defaults: (*defaults != Policy::default()).then(|| defaults.into()),
            keys: keys.iter().map(|key| self.key(key)).collect(),
            key_headers: Many(key_headers.clone()),
            jwt: Many(issuers.iter().map(Into::into).collect()),
            anonymous: *anonymous,
            limits: limits.iter().map(|limit| self.limit(limit)).collect(),
            store: self.store(store),
            prices: prices.clone().map(Prices::Inline),
        }
    }

    fn listener(&mut self, listener: &crate::config::Listener) -> Listener {
        let crate::config::Listener { name, address, tls } = listener;
        let address = address.to_string();
        Listener {
            name: (*name != address).then(|| name.clone()),
            address,
            tls: tls.as_ref().map(|tls| self.tls(tls)),
        }
    }

    fn tls(&mut self, tls: &ListenerTls) -> Tls {
        match tls {
            ListenerTls::SelfSigned => Tls::SelfSigned,
            ListenerTls::Elsewhere => Tls::Elsewhere,
            ListenerTls::Certificates(all) => match &all[..] {
                [Certificate { chain: Secret::File(chain), key: Secret::File(key) }] => {
                    Tls::Files(TlsFiles { certificate: text(chain), key: text(key) })
                }
                all => {
                    Tls::Certificates(Many(all.iter().map(|one| self.certificate(one)).collect()))
                }
            },
        }
    }

    fn certificate(&mut self, certificate: &Certificate) -> written::Certificate {
        let Certificate { chain, key } = certificate;
        written::Certificate { certificate: self.secret(chain), key: self.secret(key) }
    }

    pub(super) fn secret(&mut self, secret: &Secret) -> Short<written::Secret> {
        Short(match secret {
            Secret::Env(variable) => written::Secret::Env(variable.clone()),
            Secret::File(path) => written::Secret::File(text(path)),
            Secret::Inline(text) => match self.secrets {
                Secrets::Shown => written::Secret::Inline(text.reveal().to_owned()),
                Secrets::Hidden => {
                    self.hidden += 1;
                    written::Secret::Env(format!("OUTCROP_SECRET_{}", self.hidden))
                }
            },
        })
    }
}

/// A path that was written as a text.
pub(super) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
