//! ReferenceGrants: who may refer across namespaces.

use super::object::{Object, Objects, Reference};
use crate::document::Node;
use crate::front::Reading;
use crate::origin::{Diagnostic, Origin};

/// Whether `from` may refer to an object; where it is in another namespace, a grant there must allow it.
/// If none does, that is said.
pub(super) fn allows(
    objects: &Objects<'_>,
    from: &Object<'_>,
    to: Reference<'_>,
    (origin, reading): (Origin, &mut Reading<'_>),
) -> bool {
    let granted = is_granted(objects, from, to);
    if !granted {
        let what = format!(
            "{} {}/{} is in another namespace, and no ReferenceGrant there allows the reference",
            to.kind, to.namespace, to.name
        );
        let hint = format!("add a ReferenceGrant to the namespace {}", to.namespace);
        reading.say(Diagnostic::error(origin, what).hint(hint));
    }
    granted
}

/// The same, and nothing is said.
pub(super) fn is_granted(objects: &Objects<'_>, from: &Object<'_>, to: Reference<'_>) -> bool {
    if from.namespace == to.namespace {
        return true;
    }
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
    let granted = objects.every("ReferenceGrant", &["gateway.networking.k8s.io"]);
    granted.iter().filter(|grant| grant.namespace == to.namespace).any(|grant| {
        let spec = grant.spec();
        let list = |key: &str| spec.get(key).map(Node::list).unwrap_or_default();
        let sources = list("from").iter().any(|node| {
            text(node, "group").as_deref() == Some(from.group)
                && text(node, "kind").as_deref() == Some(from.kind)
                && text(node, "namespace").as_deref() == Some(from.namespace)
        });
        let aims = list("to").iter().any(|node| {
            let _any_group = node.get("group");
            text(node, "kind").as_deref() == Some(to.kind)
                && text(node, "name").is_none_or(|name| name == to.name)
        });
        sources && aims
    })
}
