//! Kubernetes Secrets among the documents, for whatever format refers to one.
//!
//! 1. The front end of Kubernetes objects puts them here, and is the first that reads. Where the documents come
//!    from does not matter: what is read from a cluster is given to [`crate::load`] as another source.
//! 2. One that nothing refers to is told of, once in a source.

use std::collections::BTreeSet;

use crate::origin::{Diagnostic, Origin};
use crate::secret::Secret;
use crate::words;

/// One of them.
pub(crate) struct KubernetesSecret {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) keys: Vec<(String, Held)>,
    pub(crate) origin: Origin,
    /// Whether something refers to it.
    pub(crate) is_used: bool,
}

/// What a key holds.
pub(crate) struct Held {
    /// `None` where it is no text.
    pub(crate) secret: Option<Secret>,
    /// To be said where the key is used.
    pub(crate) warning: Option<Diagnostic>,
}

/// All of them.
#[derive(Default)]
pub(crate) struct KubernetesSecrets(Vec<KubernetesSecret>);

/// What is wrong with a reference, and what to do about it.
pub(crate) type Dangling = (String, String);

impl KubernetesSecrets {
    pub(crate) fn keep(&mut self, secret: KubernetesSecret) {
        self.0.push(secret);
    }

    /// What the key of a Secret holds, which counts as used. There is something in it.
    pub(crate) fn find(
        &mut self,
        (namespace, name): (&str, &str),
        key: &str,
    ) -> Result<(Secret, Option<Diagnostic>), Dangling> {
        let known =
            self.0.iter_mut().find(|one| (&*one.namespace, &*one.name) == (namespace, name));
        let Some(known) = known else {
            let what = format!("there is no Secret {namespace}/{name} among the files");
            let elsewhere = self.0.iter().find(|one| one.name == name);
            let hint = match elsewhere {
                Some(one) => format!("one is in the namespace `{}`: write it", one.namespace),
                None => "add the Secret to the files".to_owned(),
            };
            return Err((what, hint));
        };
        known.is_used = true;
        let Some((_, held)) = known.keys.iter().find(|(known, _)| known == key) else {
            let what = format!("the Secret {namespace}/{name} has no key `{key}`");
            let keys = known.keys.iter().map(|(key, _)| key.as_str());
            let hint = words::instead(key, keys);
            return Err((what, hint.unwrap_or_else(|| "add the key to the Secret".to_owned())));
        };
        let Held { secret, warning } = held;
        let of = format!("`{key}` of the Secret {namespace}/{name}");
        match secret {
            None => {
                let hint = "`data` of a Secret is in base64, and texts are quoted";
                Err((format!("{of} is no text"), hint.to_owned()))
            }
            Some(Secret::Inline(text)) if text.reveal().is_empty() => {
                Err((format!("{of} is empty"), "write what it is to hold".to_owned()))
            }
            Some(secret) => Ok((secret.clone(), warning.clone())),
        }
    }

    /// What is to be said of those that nothing refers to.
    pub(crate) fn unused(&self) -> Vec<Diagnostic> {
        let mut told = BTreeSet::new();
        let unused = self.0.iter().filter(|one| !one.is_used);
        let first_of_source = unused.filter(|one| told.insert(&one.origin.source));
        let what = "Secret of the core group is not honoured: nothing refers to it";
        first_of_source.map(|one| Diagnostic::warning(one.origin.clone(), what)).collect()
    }
}
