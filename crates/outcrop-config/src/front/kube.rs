//! Kubernetes objects, as files have them: Envoy AI Gateway's, agentgateway's and kgateway's, and what they
//! refer to.
//!
//! 1. Objects refer to each other by kind, namespace and name, whatever files they are in. Of two that have
//!    the same, the later counts, as with `kubectl apply`.
//! 2. Objects that only make infrastructure are passed over, with one notice for each kind in a file.
//! 3. A secret is in an object of kind Secret among them, or it is missing. Other formats may refer to them too.
//! 4. Objects of a gateway of which no route comes are never taken as a wish for the default route.

mod agentgateway;
mod counter;
mod envoy;
mod gateway;
mod grant;
mod http_route;
mod listener_tls;
mod object;
mod place;
mod secret;

use std::collections::BTreeSet;

use super::{FrontEnd, Reading};
use crate::document::{Document, Node};
use crate::origin::Diagnostic;
use crate::variables::Variables;

use self::object::{Object, Objects};

/// Kubernetes objects.
pub struct Kube;

/// Kinds that make or guard infrastructure that a single process does not have.
const INFRASTRUCTURE: [&str; 18] = [
    "GatewayClass",
    "EnvoyProxy",
    "ClientTrafficPolicy",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "Namespace",
    "Deployment",
    "ConfigMap",
    "GatewayConfig",
    "HorizontalPodAutoscaler",
    "EnvoyPatchPolicy",
    "EnvoyExtensionPolicy",
    "HTTPRouteFilter",
    "GatewayParameters",
    "AgentgatewayParameters",
];

/// Groups of the objects that say what a gateway serves.
const SERVING: [&str; 5] = [
    http_route::GATEWAY,
    envoy::AI,
    envoy::ENVOY,
    agentgateway::GROUPS[0],
    agentgateway::GROUPS[1],
];

impl FrontEnd for Kube {
    fn name(&self) -> &'static str {
        "Kubernetes objects"
    }

    fn claims(&self, root: &Node) -> bool {
        root.peek("apiVersion").is_some() && root.peek("kind").is_some()
    }

    fn variables(&self) -> Variables {
        Variables::Off
    }

    fn read(&self, documents: &[&Document], reading: &mut Reading<'_>) {
        let roots: Vec<&Node> = documents.iter().map(|document| &document.root).collect();
        let objects = Objects::of(&roots, reading);
        let listeners = gateway::listeners(&objects, reading);
        envoy::read(&objects, &listeners, reading);
        agentgateway::read(&objects, &listeners, reading);
        secret::keep(&objects, reading);
        pass_over_the_rest(&objects, reading);
        if objects.all().any(serves) {
            reading.ask_for_a_route();
        }
    }
}

/// Whether the object is for a gateway, and not for a cluster around it.
fn serves(object: &Object<'_>) -> bool {
    SERVING.contains(&object.group)
        && object.kind != "ReferenceGrant"
        && !INFRASTRUCTURE.contains(&object.kind)
}

/// What nobody took: infrastructure with a notice, and kinds that are not known with a warning.
fn pass_over_the_rest(objects: &Objects<'_>, reading: &mut Reading<'_>) {
    let mut told = BTreeSet::new();
    for object in objects.left() {
        let origin = object.root.origin();
        object.root.dismiss();
        if (object.kind, object.group) == ("Secret", "") {
            // Another format may refer to it.
            continue;
        }
        if !told.insert((origin.source.clone(), object.kind.to_owned())) {
            continue;
        }
        let kind = object.kind;
        reading.say(match INFRASTRUCTURE.contains(&kind) {
            true => Diagnostic::notice(
                origin,
                format!("{kind} is for a cluster: nothing of it is needed here"),
            ),
            false => Diagnostic::warning(
                origin,
                format!("{kind} of {} is not honoured", object.group_or_core()),
            ),
        });
    }
}
