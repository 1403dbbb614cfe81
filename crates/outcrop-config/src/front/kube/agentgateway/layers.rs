//! AgentgatewayPolicy and kgateway's TrafficPolicy, and how what several of them say of the same thing is
//! laid over each other.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

use super::GROUPS;
use crate::document::Node;
use crate::front::Reading;
use crate::front::kube::http_route::{self, Parent};
use crate::front::kube::object::Objects;
use crate::origin::Diagnostic;

/// What kgateway had before it had AgentgatewayPolicy (2.1).
const TRAFFIC_POLICY: &str = "TrafficPolicy";

/// All policies among the objects.
pub(super) struct Policies<'n> {
    all: Vec<Policy<'n>>,
    fates: Rc<Fates<'n>>,
}

/// What was said, and whether it counts anywhere: what is overruled for one route may hold for another.
#[derive(Default)]
struct Fates<'n> {
    won: RefCell<HashSet<usize>>,
    overruled: RefCell<HashMap<usize, &'n Node>>,
    /// Overruled by what another policy says that aims no closer.
    rivals: RefCell<HashMap<usize, Rival<'n>>>,
}

/// What is overruled, by what, and what that is for if it is for something else.
struct Rival<'n> {
    loser: &'n Node,
    winner: &'n Node,
    other: Option<Aim<'n>>,
}

struct Policy<'n> {
    namespace: &'n str,
    root: &'n Node,
    spec: &'n Node,
    /// What it has for traffic and backends stands side by side: a TrafficPolicy.
    is_flat: bool,
    targets: Vec<Aim<'n>>,
    met: Cell<bool>,
}

/// One of `targetRefs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Aim<'n> {
    kind: &'n str,
    name: &'n str,
    section: Option<&'n str>,
}

/// What a policy can aim at of the way that a request takes.
#[derive(Clone, Copy)]
pub(super) struct Way<'a, 'n> {
    pub(super) parents: &'a [Parent<'n>],
    pub(super) route: Option<Place<'a>>,
    pub(super) backend: Option<(&'a str, Place<'a>)>,
}

/// An object by namespace and name, and a section of it.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) section: Option<&'a str>,
}

/// What is said of one thing in several places, with the namespace of each; the last wins.
#[derive(Clone)]
pub(super) struct Layers<'n> {
    layers: Vec<Layer<'n>>,
    fates: Rc<Fates<'n>>,
}

#[derive(Clone)]
struct Layer<'n> {
    node: &'n Node,
    namespace: &'n str,
    /// What stands before the members of `ai` here.
    ai: &'static str,
    /// How closely the policy that says it aims; `None`: no policy does.
    closeness: Option<u8>,
    /// With what it aims so closely.
    aims: Vec<Aim<'n>>,
}

impl<'n> Policies<'n> {
    pub(super) fn of(objects: &Objects<'n>, reading: &mut Reading<'_>) -> Self {
        let mut policies = Vec::new();
        let mut all = objects.every("AgentgatewayPolicy", &GROUPS);
        all.extend(objects.every(TRAFFIC_POLICY, &GROUPS[..1]));
        // The last of those that aim alike counts: the oldest, then the first by name.
        all.sort_by_key(|object| {
            let created = object.root.at("metadata.creationTimestamp").and_then(Node::text);
            Reverse((created.is_none(), created.unwrap_or_default(), object.name))
        });
        for object in all {
            let spec = object.spec();
            let mut targets = Vec::new();
            for node in reading.list(spec, "targetRefs") {
                node.get("group").map(Node::dismiss);
                let kind = reading.need_str(node, "kind");
                let name = reading.need_str(node, "name");
                let section = reading.str(node, "sectionName");
                if let (Some(kind), Some(name)) = (kind, name) {
                    targets.push(Aim { kind, name, section });
                }
            }
            let (namespace, root) = (object.namespace, object.root);
            let is_flat = object.kind == TRAFFIC_POLICY;
            policies.push(Policy {
                namespace,
                root,
                spec,
                is_flat,
                targets,
                met: Cell::new(false),
            });
        }
        Self { all: policies, fates: Rc::default() }
    }

    /// What policies have under `member` (`traffic` or `backend`) for the way.
    pub(super) fn layers(&self, member: &str, way: Way<'_, '_>) -> Layers<'n> {
        let mut layers = Vec::new();
        for policy in &self.all {
            let closeness = |aim: &Aim<'n>| policy.closeness(aim, way);
            let Some(closest) = policy.targets.iter().filter_map(closeness).max() else { continue };
            policy.met.set(true);
            let node = match policy.is_flat {
                true => Some(policy.spec),
                false => policy.spec.get(member),
            };
            if let Some(node) = node {
                let aims = policy.targets.iter().copied();
                let aims = aims.filter(|aim| closeness(aim) == Some(closest)).collect();
                let (closeness, namespace) = (Some(closest), policy.namespace);
                layers.push(Layer { node, namespace, ai: "ai.", closeness, aims });
            }
        }
        layers.sort_by_key(|layer| layer.closeness);
        Layers { layers, fates: Rc::clone(&self.fates) }
    }

    /// Says which of them are for nothing that is served, and what they say in vain because another for the
    /// same says it too. Nothing is told of what is overruled by what is closer, wherever it is said.
    pub(super) fn tell_of_idle(&self, reading: &mut Reading<'_>) {
        self.fates.rivals.borrow().values().for_each(|rival| reading.say(rival.told()));
        let won = self.fates.won.borrow();
        for (id, node) in self.fates.overruled.borrow().iter() {
            if !won.contains(id) {
                node.dismiss();
            }
        }
        for policy in self.all.iter().filter(|policy| !policy.met.get()) {
            let what = match policy.spec.peek("targetSelectors") {
                Some(_) => "this policy holds for nothing: `targetSelectors` are not honoured",
                None => "this policy is for nothing of the files that is served",
            };
            let hint = "`targetRefs` name a Gateway, HTTPRoute or backend of the same namespace";
            reading.say(Diagnostic::warning(policy.root.origin(), what).hint(hint));
            policy.spec.dismiss();
        }
    }
}

impl Rival<'_> {
    fn told(&self) -> Diagnostic {
        let Self { loser, winner, other } = self;
        let winner = winner.origin();
        let (what, hint) = match other {
            None => (
                "another policy for the same target says this too, and takes the place of this one"
                    .to_owned(),
                format!("it is older, or its name comes first ({winner}): say it in one of them"),
            ),
            Some(Aim { kind, name, section }) => {
                let section = section.map(|name| format!(", section {name}")).unwrap_or_default();
                (
                    format!(
                        "the policy for {kind} {name}{section} says this too, and takes the place of this one"
                    ),
                    format!(
                        "one holds for a route, by whichever Gateway or listener a request comes ({winner}): make a route for each"
                    ),
                )
            }
        };
        Diagnostic::warning(loser.origin(), what).hint(hint)
    }
}

impl Policy<'_> {
    /// How closely it aims at the way; `None`: not at all.
    fn closeness(&self, aim: &Aim<'_>, way: Way<'_, '_>) -> Option<u8> {
        let hits = |namespace: &str, name: &str, section: Option<&str>| {
            (namespace, name) == (self.namespace, aim.name)
                && aim.section.is_none_or(|own| Some(own) == section)
        };
        let one_more = u8::from(aim.section.is_some());
        match aim.kind {
            "Gateway" => {
                let mut parents = way.parents.iter();
                // A route that names no listener is for all of them.
                let hit = parents.any(|parent| {
                    hits(parent.namespace, parent.name, parent.section.or(aim.section))
                });
                hit.then_some(one_more)
            }
            "HTTPRoute" => {
                let Place { namespace, name, section } = way.route?;
                hits(namespace, name, section).then_some(2 + one_more)
            }
            kind => {
                let (own, Place { namespace, name, section }) = way.backend?;
                (kind == own && hits(namespace, name, section)).then_some(4 + one_more)
            }
        }
    }
}

impl<'n> Layers<'n> {
    /// With `node` over them.
    pub(super) fn under(mut self, node: Option<&'n Node>, namespace: &'n str) -> Self {
        self.push(node, namespace, "ai.");
        self
    }

    /// The same, with the policies of a model, whose members of `ai` stand beside the others.
    pub(super) fn under_model(mut self, node: Option<&'n Node>, namespace: &'n str) -> Self {
        self.push(node, namespace, "");
        self
    }

    fn push(&mut self, node: Option<&'n Node>, namespace: &'n str, ai: &'static str) {
        self.layers.extend(node.map(|node| Layer {
            node,
            namespace,
            ai,
            closeness: None,
            aims: Vec::new(),
        }));
    }

    /// The member at `path` of the last that has one, and the namespace that it speaks of.
    pub(super) fn get(&self, path: &str) -> Option<(&'n Node, &'n str)> {
        self.last(|layer| layer.node.at(path))
    }

    /// The member of `ai` of the last that has it.
    pub(super) fn ai(&self, member: &str) -> Option<&'n Node> {
        let found = self.last(|layer| layer.node.at(&format!("{}{member}", layer.ai)));
        found.map(|(node, _)| node)
    }

    fn last(&self, of: impl Fn(&Layer<'n>) -> Option<&'n Node>) -> Option<(&'n Node, &'n str)> {
        let said = |layer| Some((of(layer)?, layer));
        let mut said: Vec<(&'n Node, &Layer<'n>)> = self.layers.iter().filter_map(said).collect();
        let (node, layer) = said.pop()?;
        for (overruled, lower) in said {
            self.fates.overruled.borrow_mut().insert(id(overruled), overruled);
            if layer.closeness.is_some() && layer.closeness == lower.closeness {
                // What the winner does not aim at is without a policy of its own.
                let is_same = layer.namespace == lower.namespace
                    && lower.aims.iter().all(|aim| layer.aims.contains(aim));
                let other = if is_same { None } else { layer.aims.first().copied() };
                let rival = Rival { loser: overruled, winner: node, other };
                self.fates.rivals.borrow_mut().insert(id(overruled), rival);
            }
        }
        self.fates.won.borrow_mut().insert(id(node));
        Some((node, layer.namespace))
    }

    /// The timeout at `path` of the last that has one.
    pub(super) fn duration(&self, path: &str, reading: &mut Reading<'_>) -> Option<Duration> {
        self.get(path)?;
        let last = self.layers.iter().rev().find(|layer| layer.node.at(path).is_some())?;
        http_route::timeout(last.node, path, reading)
    }

    /// As [`Layers::get`], without the namespace.
    pub(super) fn node(&self, path: &str) -> Option<&'n Node> {
        self.get(path).map(|(node, _)| node)
    }
}

/// Nodes stay where they are.
fn id(node: &Node) -> usize {
    std::ptr::from_ref(node).addr()
}
