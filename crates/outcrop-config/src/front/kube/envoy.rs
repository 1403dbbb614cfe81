//! Envoy AI Gateway: AIGatewayRoute, AIServiceBackend, BackendSecurityPolicy, and Envoy Gateway's
//! Backend and BackendTrafficPolicy, in any version of their APIs.
//!
//! Forms that only older documents have are taken too: `schema` as a text, a policy named by its backend,
//! `oidcConfig.roleArn`, services with an `externalName`.

mod backend;
mod cost;
mod identity;
mod limits;
mod mutation;
mod route;
mod traffic;

use super::gateway::Known;
use super::object::Objects;
use crate::front::Reading;

/// The group of the AI objects.
pub(super) const AI: &str = "aigateway.envoyproxy.io";
/// The group of Envoy Gateway's own.
pub(super) const ENVOY: &str = "gateway.envoyproxy.io";
/// The group of the Gateway API.
const GATEWAY: &str = "gateway.networking.k8s.io";
/// The header under which Envoy AI Gateway matches models; it sets it itself, whatever a client sends.
const MODEL: &str = "x-ai-eg-model";

pub(super) fn read(objects: &Objects<'_>, listeners: &[Known], reading: &mut Reading<'_>) {
    let mut routes = Vec::new();
    for object in objects.every("AIGatewayRoute", &[AI]) {
        routes.extend(route::rules(object, objects, listeners, reading));
    }
    let runs = route::ranked(&mut routes);
    traffic::apply(&mut routes, objects, reading);
    route::push(routes, runs, reading);
    // Read where they are referred to; what nobody refers to is told as unread.
    for (kind, group) in [
        ("AIServiceBackend", AI),
        ("BackendSecurityPolicy", AI),
        ("Backend", ENVOY),
        ("BackendTLSPolicy", GATEWAY),
        ("ReferenceGrant", GATEWAY),
    ] {
        objects.every(kind, &[group]);
    }
}
