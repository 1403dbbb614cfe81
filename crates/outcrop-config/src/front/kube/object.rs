//! Objects by kind, namespace and name.

use std::cell::Cell;

use crate::document::Node;
use crate::front::Reading;
use crate::origin::Diagnostic;

/// Namespace of objects that name none.
const DEFAULT_NAMESPACE: &str = "default";

/// The group of what kustomize reads itself: such files have no name and are no objects of a cluster.
const KUSTOMIZE: &str = "kustomize.config.k8s.io";

/// One object.
pub(super) struct Object<'n> {
    pub(super) kind: &'n str,
    /// Before the slash of `apiVersion`; empty for the core group.
    pub(super) group: &'n str,
    pub(super) namespace: &'n str,
    pub(super) name: &'n str,
    pub(super) root: &'n Node,
    taken: Cell<bool>,
}

/// All of them.
pub(super) struct Objects<'n>(Vec<Object<'n>>);

/// Kind and name of what an object is for, or refers to within its namespace.
pub(super) fn aim<'n>(
    node: &'n Node,
    reading: &mut Reading<'_>,
) -> (Option<&'n str>, Option<&'n str>) {
    node.get("group").map(Node::dismiss);
    (reading.str(node, "kind"), reading.str(node, "name"))
}

/// A name among those of all namespaces.
pub(super) fn title(namespace: &str, name: &str) -> String {
    match namespace {
        DEFAULT_NAMESPACE => name.to_owned(),
        namespace => format!("{namespace}/{name}"),
    }
}

/// What refers to an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reference<'n> {
    pub(super) kind: &'n str,
    pub(super) namespace: &'n str,
    pub(super) name: &'n str,
}

impl<'n> Object<'n> {
    fn of(root: &'n Node, reading: &mut Reading<'_>) -> Option<Self> {
        let version = root.get("apiVersion")?.text()?;
        let kind = root.get("kind")?.text()?;
        let group = version.split_once('/').map_or("", |(group, _)| group);
        if group == KUSTOMIZE {
            root.dismiss();
            let what = format!("{kind} is for kustomize: what it changes and adds is not honoured");
            let hint = "`kustomize build` writes the objects as they come out of it";
            reading.say(Diagnostic::notice(root.origin(), what).hint(hint));
            return None;
        }
        let metadata = root.get("metadata");
        let member = |key: &str| metadata.and_then(|metadata| metadata.get(key)?.text());
        let Some(name) = member("name") else {
            reading.missing(root.origin(), "metadata.name");
            root.dismiss();
            return None;
        };
        let namespace = member("namespace").unwrap_or(DEFAULT_NAMESPACE);
        for key in ["labels", "creationTimestamp", "uid", "resourceVersion", "generation"] {
            metadata.and_then(|metadata| metadata.get(key)).map(Node::dismiss);
        }
        metadata.and_then(|metadata| metadata.get("managedFields")).map(Node::dismiss);
        metadata.and_then(|metadata| metadata.get("annotations")).map(Node::dismiss);
        root.get("status").map(Node::dismiss);
        Some(Self { kind, group, namespace, name, root, taken: Cell::new(false) })
    }

    pub(super) fn spec(&self) -> &'n Node {
        self.root.get("spec").unwrap_or(self.root)
    }

    /// Its name among backends and routes.
    pub(super) fn title(&self) -> String {
        title(self.namespace, self.name)
    }

    /// An annotation.
    pub(super) fn annotation(&self, name: &str) -> Option<&'n Node> {
        self.annotations()?.peek(name)
    }

    pub(super) fn annotations(&self) -> Option<&'n Node> {
        self.root.peek("metadata")?.peek("annotations")
    }

    /// Whether something refers to it.
    pub(super) fn is_taken(&self) -> bool {
        self.taken.get()
    }

    pub(super) fn group_or_core(&self) -> &str {
        if self.group.is_empty() { "the core group" } else { self.group }
    }
}

impl<'n> Objects<'n> {
    pub(super) fn of(roots: &[&'n Node], reading: &mut Reading<'_>) -> Self {
        let mut objects: Vec<Object<'n>> = Vec::new();
        for root in roots {
            let is_list = root.peek("kind").and_then(Node::text) == Some("List");
            let items = match is_list {
                true => {
                    for key in ["apiVersion", "kind", "metadata"] {
                        root.get(key).map(Node::dismiss);
                    }
                    reading.list(root, "items")
                }
                false => std::slice::from_ref(*root),
            };
            for item in items {
                let Some(object) = Object::of(item, reading) else { continue };
                let earlier = objects.iter().position(|known| {
                    (known.kind, known.group, known.namespace, known.name)
                        == (object.kind, object.group, object.namespace, object.name)
                });
                if let Some(earlier) = earlier {
                    let earlier = objects.remove(earlier);
                    earlier.root.dismiss();
                    let what = format!(
                        "{} {} is written again at {}: that one counts",
                        object.kind,
                        object.name,
                        object.root.origin()
                    );
                    reading.say(Diagnostic::notice(earlier.root.origin(), what));
                }
                objects.push(object);
            }
        }
        Self(objects)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Object<'n>> {
        self.0.iter()
    }

    /// Those of a kind, in order, of any of these groups; they count as taken.
    pub(super) fn every(&self, kind: &str, groups: &[&str]) -> Vec<&Object<'n>> {
        let of_kind =
            self.0.iter().filter(|object| object.kind == kind && groups.contains(&object.group));
        of_kind.inspect(|object| object.taken.set(true)).collect()
    }

    /// The one that is referred to, of any of these groups; it counts as taken.
    pub(super) fn find(&self, reference: Reference<'_>, groups: &[&str]) -> Option<&Object<'n>> {
        let found = self.look(reference, groups)?;
        found.taken.set(true);
        Some(found)
    }

    /// The same, and it is not taken.
    pub(super) fn look(&self, reference: Reference<'_>, groups: &[&str]) -> Option<&Object<'n>> {
        let Reference { kind, namespace, name } = reference;
        self.0.iter().find(|object| {
            (object.kind, object.namespace, object.name) == (kind, namespace, name)
                && groups.contains(&object.group)
        })
    }

    /// Those of a kind that have all these labels.
    pub(super) fn labelled(
        &self,
        kind: &str,
        wanted: &[(&str, &str)],
    ) -> impl Iterator<Item = &Object<'n>> {
        let fits = move |object: &&Object<'n>| {
            let labels = object.root.peek("metadata").and_then(|metadata| metadata.peek("labels"));
            object.kind == kind
                && wanted.iter().all(|(name, value)| {
                    labels.and_then(|labels| labels.peek(name)?.text()) == Some(value)
                })
        };
        self.0.iter().filter(fits)
    }

    /// Those that nobody took.
    pub(super) fn left(&self) -> impl Iterator<Item = &Object<'n>> {
        self.0.iter().filter(|object| !object.taken.get())
    }
}
