//! agentgateway and kgateway: Backend of type AI, AgentgatewayBackend, AgentgatewayPolicy, TrafficPolicy
//! and AgentgatewayModel, and the HTTPRoutes that lead to them, under both groups and in the shapes of all
//! their versions.
//!
//! 1. A backend takes the place of the whole path: without `routes` every path of its rule is chat
//!    completions.
//! 2. Policies are laid over each other, field by field: those that aim at a Gateway are the lowest, then
//!    its listener, a route, its rule, a backend, a provider of it; then what the backend says itself, then
//!    the provider.
//! 3. What is said of a backend or provider becomes part of its targets. What Outcrop has for routes only
//!    (guardrail, cache points, aliases, paths) must be the same for all backends of a rule.

mod ai;
mod backend;
mod guard;
mod identity;
mod keys;
mod layers;
mod model;
mod route;
mod surface;

use super::gateway::Known;
use super::http_route::GATEWAY;
use super::object::Objects;
use crate::front::Reading;

/// The groups of its objects, the older first.
pub(super) const GROUPS: [&str; 2] = ["gateway.kgateway.dev", "agentgateway.dev"];

pub(super) fn read(objects: &Objects<'_>, listeners: &[Known], reading: &mut Reading<'_>) {
    let policies = layers::Policies::of(objects, reading);
    let served = route::serve((objects, listeners), &policies, reading);
    // Their paths are exact: they come before any prefix.
    let mut guarded = model::serve((objects, listeners), &policies, reading);
    let names = route::push(&served, reading);
    guarded.extend(served.into_iter().map(|one| one.traffic).zip(names));
    guard::apply(&guarded, objects, reading);
    policies.tell_of_idle(reading);
    // Read where they are referred to; what nobody refers to is told as unread.
    for kind in ["Backend", "AgentgatewayBackend"] {
        objects.every(kind, &GROUPS);
    }
    objects.every("ReferenceGrant", &[GATEWAY]);
}
