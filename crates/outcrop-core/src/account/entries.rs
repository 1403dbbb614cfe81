//! What an account can call, as entries of the model list.
//!
//! 1. Each entry is an id that this gateway takes. Ids hold no account: what only an ARN names stands
//!    there by what the ARN names, such as `imported-model/ab12`.
//! 2. A foundation model that can be called in no way is not listed.

use std::collections::HashSet;

use outcrop_model::catalog::Listed;
use outcrop_model::{Behind, Catalog, Charge, alias};

use super::arn;
use super::lists::{Foundation, Profile};
use super::models::AccountModels;
use crate::models::Entry;

/// States in which nothing can be called yet, or any more. Others, also unknown ones, are listed.
const IDLE: [&str; 2] = ["Creating", "Failed"];
/// Who has what is the account's own.
const ACCOUNT: &str = "account";

impl AccountModels {
    /// All entries, for gateways that may call profiles of these geographies.
    pub(crate) fn entries(&self, catalog: &Catalog, geographies: &[String]) -> Vec<Entry> {
        let lists = self.lists();
        let callable = |model: &&Foundation| {
            model.is_on_demand() || self.profile_for(&model.model_id, geographies).is_some()
        };
        let foundation = lists.foundation.iter().filter(callable).flat_map(|model| {
            let profile = self.profile_for(&model.model_id, geographies);
            named(model, profile, catalog)
        });
        let active = || lists.profiles.iter().filter(|profile| profile.is_active());
        let system = active().filter(|p| p.is_system_defined()).map(|p| profile(p, catalog));
        let applications = active().filter(|p| !p.is_system_defined()).map(|one| {
            self.owned(&one.inference_profile_arn, &one.inference_profile_name, &one.created_at)
        });
        let is_live = |status: &str| !IDLE.contains(&status);
        let deployments = lists.deployments.iter().filter(|one| is_live(&one.status)).map(|one| {
            let (arn, name) = (&one.custom_model_deployment_arn, &one.custom_model_deployment_name);
            self.owned(arn, name, &one.created_at)
        });
        let imported = lists.imported.iter();
        let imported = imported.map(|m| self.owned(&m.model_arn, &m.model_name, &m.creation_time));
        let provisioned = lists.provisioned.iter().filter(|one| is_live(&one.status)).map(|one| {
            let (arn, name) = (&one.provisioned_model_arn, &one.provisioned_model_name);
            self.owned(arn, name, &one.creation_time)
        });
        let routers = lists.routers.iter();
        let routers =
            routers.map(|m| self.owned(&m.prompt_router_arn, &m.prompt_router_name, &m.created_at));
        let all = foundation.chain(system).chain(applications).chain(deployments);
        let all = all.chain(imported).chain(provisioned).chain(routers);
        let mut seen = HashSet::new();
        all.filter(|entry| seen.insert(entry.id.clone())).collect()
    }

    fn owned(&self, arn: &str, name: &str, created: &Option<String>) -> Entry {
        let nobody = Behind { model: arn.to_owned(), charge: Charge::Other };
        let Behind { model, charge } = self.behind(arn).cloned().unwrap_or(nobody);
        let id = arn::shown(arn).to_owned();
        let (name, created) = (name.to_owned(), created.clone().unwrap_or_default());
        let target = arn.to_owned();
        Entry { id, name, created, owner: ACCOUNT.to_owned(), target, model, charge }
    }
}

/// A foundation model by its id, and by its name at Anthropic where it has one; `profile` stands in for
/// one that cannot be called by its id.
fn named(model: &Foundation, profile: Option<&str>, catalog: &Catalog) -> Vec<Entry> {
    let id = &model.model_id;
    let known = listed(catalog, id);
    let began = model.model_lifecycle.as_ref().and_then(|life| life.start_of_life_time.clone());
    let entry = Entry {
        id: id.clone(),
        name: known
            .map(|known| known.name.clone())
            .or(model.model_name.clone())
            .unwrap_or_default(),
        created: known.map(|known| known.created.clone()).or(began).unwrap_or_default(),
        owner: owner(id),
        target: profile.unwrap_or(id).to_owned(),
        model: profile.unwrap_or(id).to_owned(),
        charge: Charge::Use,
    };
    let name = known.and_then(|known| known.alias.as_deref()).or_else(|| alias::name_of(id));
    let alias = name.map(|name| Entry { id: name.to_owned(), ..entry.clone() });
    [Some(entry), alias].into_iter().flatten().collect()
}

fn profile(profile: &Profile, catalog: &Catalog) -> Entry {
    let id = &profile.inference_profile_id;
    let foundation = catalog.foundation_id(id);
    let known = listed(catalog, foundation).map(|known| known.created.clone());
    Entry {
        id: id.clone(),
        name: profile.inference_profile_name.clone(),
        created: known.or(profile.created_at.clone()).unwrap_or_default(),
        owner: owner(foundation),
        target: id.clone(),
        model: id.clone(),
        charge: Charge::Use,
    }
}

fn listed<'c>(catalog: &'c Catalog, id: &str) -> Option<&'c Listed> {
    catalog.listed().iter().find(|listed| catalog.foundation_id(&listed.id) == id)
}

/// The word for the provider in a foundation id.
fn owner(id: &str) -> String {
    id.split('.').next().unwrap_or_default().to_owned()
}
