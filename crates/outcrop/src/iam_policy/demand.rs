//! What is to be allowed, and to whom.
//!
//! The credentials that are found first and each role assumed with them are principals of their own, each
//! with a policy of its own.

use std::collections::BTreeSet;

use clap::ValueEnum;
use outcrop_core::Geography;

/// What the gateway does beside inference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Feature {
    /// Count tokens by Bedrock (POST /v1/messages/count_tokens and the like).
    CountTokens,
    /// Ask for the account's models and profiles.
    ListModels,
    /// What `outcrop doctor` asks beside that.
    Doctor,
    /// Bedrock's own POST /rerank; rerank models by /v1/rerank need no more than their model.
    Rerank,
    /// Bedrock API keys (--api-key-file, --mint-api-keys, AWS_BEARER_TOKEN_BEDROCK).
    ApiKeys,
    /// The carrier mantle.
    Mantle,
}

/// One principal, and all that it is to be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// Who: `outcrop`, `role NAME`, …
    pub principal: String,
    pub places: Vec<Place>,
    pub features: BTreeSet<Feature>,
    /// Roles that it assumes, and whether with tags.
    pub roles: Vec<(String, Tagged)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tagged {
    Yes,
    No,
}

/// Models in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub region: String,
    /// Ids, profile ids, ARNs; with `*` for any run of characters.
    pub models: Vec<String>,
    pub geography: Geography,
    /// Ids or ARNs.
    pub guardrails: Vec<String>,
    /// Whether bedrock-mantle takes all requests.
    pub mantle_only: bool,
}

/// What the flags say, for whatever the configuration leaves open.
#[derive(Debug, Clone)]
pub struct Defaults {
    pub region: Option<String>,
    pub models: Vec<String>,
    pub geography: Geography,
    pub features: BTreeSet<Feature>,
    pub guardrails: Vec<String>,
    pub roles: Vec<String>,
}

// === impl Defaults ===

impl Defaults {
    /// The demands of a gateway that is run by flags alone.
    pub fn demands(self) -> Result<Vec<Demand>, String> {
        if self.models.is_empty() {
            return Err("which models? Name each with --model".to_owned());
        }
        let place = Place {
            region: self.region.ok_or(NO_REGION)?,
            models: self.models,
            geography: self.geography,
            guardrails: self.guardrails,
            mantle_only: false,
        };
        let roles = self.roles.into_iter().map(|arn| (arn, Tagged::No)).collect();
        let base = Demand::of("outcrop");
        Ok(chain(base, roles, vec![place], self.features))
    }
}

pub(super) const NO_REGION: &str = "no AWS region: give one with --region, or set AWS_REGION";

// === impl Demand ===

impl Demand {
    pub(super) fn of(principal: impl Into<String>) -> Self {
        Self {
            principal: principal.into(),
            places: Vec::new(),
            features: BTreeSet::new(),
            roles: Vec::new(),
        }
    }
}

/// Everybody who acts, each with what is asked of them: who comes first assumes the first role, and so on;
/// the last one calls Bedrock.
pub(super) fn chain(
    first: Demand,
    roles: Vec<(String, Tagged)>,
    places: Vec<Place>,
    features: BTreeSet<Feature>,
) -> Vec<Demand> {
    let mut demands = vec![first];
    for (arn, tagged) in roles {
        let role = Demand::of(format!("role {}", role_name(&arn)));
        if let Some(before) = demands.last_mut() {
            before.roles.push((arn, tagged));
        }
        demands.push(role);
    }
    if let Some(last) = demands.last_mut() {
        (last.places, last.features) = (places, features);
    }
    // Whoever signs in with a token needs no policy to assume its role.
    demands.retain(|demand| !(demand.places.is_empty() && demand.roles.is_empty()));
    demands
}

pub(super) fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
