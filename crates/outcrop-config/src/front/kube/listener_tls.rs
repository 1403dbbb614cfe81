//! `tls` of a Gateway's listener: the certificates in Secrets among the files.
//!
//! What cannot be had (a Secret that a certificate manager makes in the cluster, another mode) is told, and is
//! no error: the listener is then not opened, see [`super::gateway`].

use super::object::{Object, Objects, Reference};
use super::{grant, secret};
use crate::config::Certificate;
use crate::document::Node;
use crate::front::Reading;
use crate::origin::Diagnostic;
use crate::secret::{Redacted, Secret};

/// What has the two keys.
const SECRET: &str = "a Secret of the type kubernetes.io/tls, with `tls.crt` and `tls.key`";

/// The certificates of an HTTPS listener that are there.
pub(super) fn certificates(
    gateway: &Object<'_>,
    listener: &Node,
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) -> Vec<Certificate> {
    let Some(tls) = listener.get("tls") else {
        let what = "`tls` is missing, and HTTPS needs a certificate";
        reading.say(Diagnostic::warning(listener.origin(), what).hint(refer()));
        return Vec::new();
    };
    let mode = reading.str(tls, "mode");
    if let Some(mode) = mode.filter(|mode| *mode != "Terminate") {
        let what = format!("the mode {mode} is not honoured: only what ends here can be read");
        reading.say(
            Diagnostic::warning(tls.origin(), what)
                .hint("make it Terminate, with `certificateRefs`"),
        );
        tls.dismiss();
        return Vec::new();
    }
    let refs = reading.list(tls, "certificateRefs");
    if refs.is_empty() {
        let what = "`certificateRefs` is missing, and HTTPS needs a certificate";
        reading.say(Diagnostic::warning(tls.origin(), what).hint(refer()));
    }
    refs.iter().filter_map(|node| certificate(gateway, node, objects, reading)).collect()
}

fn certificate(
    gateway: &Object<'_>,
    node: &Node,
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) -> Option<Certificate> {
    let kind = reading.str(node, "kind").unwrap_or("Secret");
    let group = reading.str(node, "group").unwrap_or_default();
    let namespace = reading.str(node, "namespace").unwrap_or(gateway.namespace);
    let name = reading.need_str(node, "name")?;
    let mut not_used = |what: String, hint: String| {
        reading.say(Diagnostic::warning(node.origin(), what).hint(hint));
        None
    };
    if (kind, group) != ("Secret", "") {
        let what = format!("a {kind} is no certificate: a Secret is");
        return not_used(what, format!("name {SECRET}"));
    }
    let to = Reference { kind, namespace, name };
    if !grant::is_granted(objects, gateway, to) {
        let what = format!(
            "the Secret {namespace}/{name} is in another namespace, and no ReferenceGrant there allows the \
             Gateway to refer to it: it is not used"
        );
        return not_used(what, format!("add a ReferenceGrant to the namespace {namespace}"));
    }
    if objects.find(to, &[""]).is_none() {
        let what = format!("there is no Secret {namespace}/{name}: its certificate is not used");
        return not_used(what, "add the Secret to the files".to_owned());
    }
    let text = |key: &str| secret::key(objects, (namespace, name), &[key]);
    let (chain, key) = (text("tls.crt"), text("tls.key"));
    for (key, text) in [("tls.crt", &chain), ("tls.key", &key)] {
        if text.as_ref().is_none_or(|text| !text.contains("-----BEGIN ")) {
            let what =
                format!("the Secret {namespace}/{name} has no `{key}` in PEM: it is not used");
            return not_used(what, format!("it must be {SECRET}"));
        }
    }
    let inline = |text: String| Secret::Inline(Redacted::new(text));
    Some(Certificate { chain: inline(chain?), key: inline(key?) })
}

fn refer() -> String {
    format!("name {SECRET} in `tls.certificateRefs`")
}
