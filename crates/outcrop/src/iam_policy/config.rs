//! What a compiled configuration wants allowed.
//!
//! A route that lets its callers name any model is an error unless the models are listed: a policy for all
//! models would not be the least.

use std::collections::{BTreeMap, BTreeSet};

use outcrop_config::{
    Backend, Config, Identity, IdentitySource, ModelIs, Pattern, Route, Surface, SurfaceWord,
};
use outcrop_core::Geography;
use outcrop_model::Carrier;

use super::demand::{Defaults, Demand, Feature, NO_REGION, Place, Tagged, chain, role_name};

// === impl Demand ===

impl Demand {
    fn merge(&mut self, other: Demand) {
        let Demand { principal: _, places, features, roles } = other;
        for place in places {
            if !self.places.contains(&place) {
                self.places.push(place);
            }
        }
        self.features.extend(features);
        for role in roles {
            if !self.roles.contains(&role) {
                self.roles.push(role);
            }
        }
    }
}

/// The demands of a configuration.
///
/// # Errors
/// When a route's models or a backend's region are not known.
pub fn of_config(config: &Config, defaults: &Defaults) -> Result<Vec<Demand>, String> {
    let mut demands: Vec<Demand> = Vec::new();
    for (name, backend) in &config.backends {
        let place = place(config, (name, backend), defaults)?;
        if place.models.is_empty() {
            continue;
        }
        let (base, roles) = principals(name, &backend.identity);
        let mut features = defaults.features.clone();
        if place.mantle_only {
            features.insert(Feature::Mantle);
        }
        if backend.identity.mint_api_keys
            || matches!(backend.identity.source, IdentitySource::ApiKey(_))
        {
            features.insert(Feature::ApiKeys);
        }
        if counts(config) {
            features.insert(Feature::CountTokens);
        }
        for demand in chain(base, roles, vec![place], features) {
            match demands.iter_mut().find(|known| known.principal == demand.principal) {
                Some(known) => known.merge(demand),
                None => demands.push(demand),
            }
        }
    }
    match demands.is_empty() {
        true => {
            Err("the configuration has no route to a backend: there is nothing to allow".to_owned())
        }
        false => Ok(demands),
    }
}

/// Whether a route is for nothing but counting, so that Bedrock's count is surely wanted.
fn counts(config: &Config) -> bool {
    config.routes.iter().any(|route| match &route.surface {
        Surface::Fixed(word) => *word == SurfaceWord::CountMessages,
        Surface::BySuffix { suffixes, otherwise } => {
            *otherwise == SurfaceWord::CountMessages
                || suffixes.iter().any(|(_, word)| *word == SurfaceWord::CountMessages)
        }
        Surface::ByPath | Surface::Under(_) => false,
    })
}

/// Who comes first, and the roles after.
fn principals(backend: &str, identity: &Identity) -> (Demand, Vec<(String, Tagged)>) {
    let tagged = |tags: &[(String, String)]| match tags.is_empty() {
        true => Tagged::No,
        false => Tagged::Yes,
    };
    let first = match &identity.source {
        IdentitySource::Chain => "identity of the environment".to_owned(),
        IdentitySource::Profile(name) => format!("profile {name}"),
        IdentitySource::Keys { .. } | IdentitySource::CredentialsFile { .. } => {
            format!("keys of {backend}")
        }
        IdentitySource::ApiKey(_) => format!("API key of {backend}"),
        IdentitySource::WebIdentity { token_file: _, role } => {
            format!("role {}", role_name(&role.arn))
        }
        IdentitySource::Oidc(exchange) => format!("role {}", role_name(&exchange.role.arn)),
    };
    let roles = identity.roles.iter().map(|role| (role.arn.clone(), tagged(&role.tags))).collect();
    (Demand::of(first), roles)
}

fn place(
    config: &Config,
    (name, backend): (&str, &Backend),
    defaults: &Defaults,
) -> Result<Place, String> {
    let mut models = BTreeSet::new();
    let mut guardrails = BTreeSet::new();
    let mut is_mantle = true;
    for route in &config.routes {
        for target in route.targets.iter().filter(|target| target.backend == name) {
            let caller = match (&target.model, target.model_is) {
                (Some(_), ModelIs::Set) => Vec::new(),
                (Some(_), ModelIs::Default) | (None, _) => asked_for(config, route, defaults)?,
            };
            models.extend(target.model.iter().map(|model| named(config, model)).chain(caller));
            let guardrail = route.policy.guardrail.as_ref().or(config.defaults.guardrail.as_ref());
            guardrails.extend(guardrail.map(|guardrail| guardrail.id.clone()));
            let carrier = route.policy.carrier.or(backend.carrier).or(config.defaults.carrier);
            is_mantle &= carrier == Some(Carrier::Mantle);
        }
    }
    let region = backend.region.clone().or_else(|| defaults.region.clone());
    Ok(Place {
        region: region.ok_or_else(|| format!("backend {name}: {NO_REGION}"))?,
        models: models.into_iter().collect(),
        geography: backend
            .geography
            .as_deref()
            .map_or_else(|| defaults.geography.clone(), geography),
        guardrails: guardrails.into_iter().chain(defaults.guardrails.iter().cloned()).collect(),
        mantle_only: is_mantle,
    })
}

fn geography(word: &str) -> Geography {
    match word {
        "home" => Geography::Home,
        "off" => Geography::Off,
        other => Geography::Named(other.to_owned()),
    }
}

/// The models that callers of a route may name.
fn asked_for(config: &Config, route: &Route, defaults: &Defaults) -> Result<Vec<String>, String> {
    let patterns: Vec<Option<&Pattern>> = match route.matches.is_empty() {
        true => vec![None],
        false => route.matches.iter().map(|one| one.model.as_ref()).collect(),
    };
    let mut models = Vec::new();
    for pattern in patterns {
        match pattern.and_then(ids) {
            Some(id) => models.push(named(config, &id)),
            None if defaults.models.is_empty() => {
                return Err(format!(
                    "route {} ({}) lets callers name any model: list those that are to be allowed with --model",
                    route.name, route.origin
                ));
            }
            None => models.extend(defaults.models.iter().map(|model| named(config, model))),
        }
    }
    Ok(models)
}

/// The ids that a pattern stands for, in IAM's wildcards; `None` where those cannot say it: a wildcard
/// over friendly names says nothing of ids.
fn ids(pattern: &Pattern) -> Option<String> {
    let id = match pattern {
        Pattern::Exact(id) => return Some(id.clone()),
        Pattern::Prefix(beginning) => format!("{beginning}*"),
        Pattern::Wildcard(text) => text.clone(),
        Pattern::Suffix(_) | Pattern::Regex(_) | Pattern::Any => return None,
    };
    let fixed = id.split('*').next().unwrap_or_default();
    fixed.contains('.').then_some(id)
}

/// The id behind a name of the operator's own.
fn named(config: &Config, name: &str) -> String {
    let exact: BTreeMap<&str, &str> = config
        .names
        .iter()
        .filter_map(|row| match &row.pattern {
            Pattern::Exact(name) => Some((name.as_str(), row.model.as_str())),
            Pattern::Prefix(_)
            | Pattern::Suffix(_)
            | Pattern::Wildcard(_)
            | Pattern::Regex(_)
            | Pattern::Any => None,
        })
        .collect();
    exact.get(name).copied().unwrap_or(name).to_owned()
}
