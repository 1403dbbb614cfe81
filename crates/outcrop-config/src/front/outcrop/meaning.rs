//! What is written to what is meant, and back: a module for each part of a configuration, both ways side
//! by side.

mod admission;
mod backend;
mod limit;
mod policy;
mod route;

pub(super) use route::written_names;

use std::path::{Path, PathBuf};

use super::short::{Many, Short};
use super::written::{self, KubernetesKey, Listener, Prices, Tls, TlsFiles};
use crate::config::{Certificate, ListenerTls};
use crate::document::Node;
use crate::front::{Gaps, Item, Reading};
use crate::origin::{Diagnostic, Origin};
use crate::secret::{Redacted, Secret};
use crate::variables::only_variable;

/// The item that is read.
pub(super) struct Context<'a, 'r> {
    pub(super) node: &'a Node,
    pub(super) reading: &'a mut Reading<'r>,
    /// What is wrong with it so far.
    pub(super) gaps: Gaps,
}

impl Context<'_, '_> {
    fn origin(&self) -> Origin {
        self.node.origin()
    }

    /// Something wrong with the member at `path` of the item; it is not told if it may follow from what
    /// has been.
    fn error(&mut self, path: &str, what: impl Into<String>, hint: Option<&str>) {
        if self.gaps.hide(path) {
            return;
        }
        self.gaps.add(path);
        let node = self.node.nearest(path);
        let mut diagnostic = Diagnostic::error(node.origin(), node.without_value(what.into()));
        diagnostic.hint = hint.map(str::to_owned);
        self.reading.say(diagnostic);
    }

    /// The one of `choices` that is written. More than one is an error, and so is none where `needed`.
    fn only<T>(&mut self, choices: Vec<(&'static str, Option<T>)>, needed: Needed) -> Option<T> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let mut there = choices.into_iter().filter_map(|(name, choice)| Some((name, choice?)));
        match (there.next(), there.next(), needed) {
            (Some((_, only)), None, _) => Some(only),
            (Some((first, _)), Some((second, _)), _) => {
                let last = second.rsplit('.').next().unwrap_or(second);
                let first = first.rsplit('.').next().unwrap_or(first);
                self.error(
                    second,
                    format!("`{last}` beside `{first}`"),
                    Some("choose one of them"),
                );
                None
            }
            (None, _, Needed::Yes) => {
                self.error(
                    "",
                    "something is missing",
                    Some(&format!("add one of {}", names.join(", "))),
                );
                None
            }
            (None, _, Needed::No) => None,
        }
    }

    /// The secret that is written at `path`. One that stands in the file is told of.
    fn secret(&mut self, written: Short<written::Secret>, path: &str) -> Secret {
        let secret = self.quiet_secret(written, path);
        let node = self.node.nearest(path);
        let is_plain = node.raw() == node.text() && !node.is_map();
        if matches!(secret, Secret::Inline(_)) && is_plain && !self.gaps.hide(path) {
            let what = "a secret stands in the file itself";
            let hint = "refer to it: {env: NAME} or {file: PATH}";
            self.reading.say(Diagnostic::notice(node.origin(), what).hint(hint));
        }
        secret
    }

    /// The same for what need not be a secret.
    fn quiet_secret(&mut self, Short(written): Short<written::Secret>, path: &str) -> Secret {
        match written {
            written::Secret::Env(variable) => Secret::Env(variable),
            written::Secret::File(path) => Secret::File(path.into()),
            written::Secret::Kubernetes(KubernetesKey { namespace, name, key }) => {
                let found = self.reading.kubernetes((&namespace, &name), &key);
                found.unwrap_or_else(|(what, hint)| {
                    self.error(path, what, Some(&hint));
                    // The item is left out.
                    Secret::Inline(Redacted::new(""))
                })
            }
            written::Secret::Inline(text) => {
                let raw = self.node.nearest(path).raw().filter(|raw| *raw != text);
                match raw.and_then(only_variable) {
                    Some(variable) => Secret::Env(variable.to_owned()),
                    None => Secret::Inline(Redacted::new(text)),
                }
            }
        }
    }

    pub(super) fn listener(&mut self, written: Short<Listener>) -> Option<Item> {
        let Short(Listener { address, name, tls }) = written;
        let Ok(socket) = address.parse() else {
            let hint = "an IP and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080";
            self.error("address", format!("`{address}` is no address"), Some(hint));
            return None;
        };
        let tls = tls.map(|tls| match tls {
            Tls::SelfSigned => ListenerTls::SelfSigned,
            Tls::Elsewhere => ListenerTls::Elsewhere,
            Tls::Files(TlsFiles { certificate, key }) => {
                let chain = Secret::File(certificate.into());
                let key = Secret::File(key.into());
                ListenerTls::Certificates(vec![Certificate { chain, key }])
            }
            Tls::Certificates(Many(all)) => {
                if all.is_empty() {
                    self.error("tls.certificates", "there is no certificate", None);
                }
                let all = all.into_iter().enumerate();
                ListenerTls::Certificates(all.map(|(i, one)| self.certificate(i, one)).collect())
            }
        });
        let name = name.unwrap_or(address);
        Some(Item::Listener(crate::Listener { name, address: socket, tls }, self.origin()))
    }

    fn certificate(&mut self, index: usize, written: written::Certificate) -> Certificate {
        let written::Certificate { certificate, key } = written;
        let path = format!("tls.certificates[{index}]");
        Certificate {
            // Anyone may see a certificate.
            chain: self.quiet_secret(certificate, &format!("{path}.certificate")),
            key: self.secret(key, &format!("{path}.key")),
        }
    }

    pub(super) fn prices(&mut self, written: Prices) -> Option<Item> {
        let text = match written {
            Prices::Inline(text) => text,
            Prices::File(path) => match self.reading.lookup().file(Path::new(&path)) {
                Ok(text) => text,
                Err(why) => {
                    self.error("file", format!("`{path}` cannot be read: {why}"), None);
                    return None;
                }
            },
        };
        Some(Item::Prices(text, self.origin()))
    }
}

/// Whether one of several things must be there.
#[derive(Clone, Copy)]
enum Needed {
    Yes,
    No,
}

fn path(text: Option<String>) -> Option<PathBuf> {
    text.map(PathBuf::from)
}
