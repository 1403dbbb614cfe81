//! What one account can call in one region: the lists, ready for look-up.
//!
//! 1. A value: it is made whole and swapped whole.
//! 2. An id is found by what clients write: a foundation id, a profile id, an ARN, or an ARN without
//!    its partition, region and account.

use std::collections::{BTreeSet, HashMap};

use outcrop_model::{Behind, Catalog, Charge};

use super::arn;
use super::lists::{Lists, Profile, Routed};

/// See the module.
#[derive(Debug)]
pub struct AccountModels {
    lists: Lists,
    /// By the id of a foundation model that cannot be called by it: its system profiles.
    profiles: HashMap<String, Vec<String>>,
    /// By opaque ARN.
    behind: HashMap<String, Behind>,
    /// By the resource that an opaque ARN names: the ARN.
    short: HashMap<String, String>,
}

// === impl AccountModels ===

impl AccountModels {
    pub fn new(lists: Lists, catalog: &Catalog) -> Self {
        let profiles = profiles(&lists);
        let behind = behind(&lists, catalog);
        let arns = lists
            .profiles
            .iter()
            .map(|profile| &profile.inference_profile_arn)
            .chain(lists.deployments.iter().map(|one| &one.custom_model_deployment_arn))
            .chain(lists.imported.iter().map(|one| &one.model_arn))
            .chain(lists.provisioned.iter().map(|one| &one.provisioned_model_arn))
            .chain(lists.routers.iter().map(|one| &one.prompt_router_arn));
        let short = arns
            .filter(|arn| arn::kind(arn).is_some())
            .filter_map(|arn| Some((arn::resource(arn)?.to_owned(), arn.clone())))
            .collect();
        Self { lists, profiles, behind, short }
    }

    pub fn lists(&self) -> &Lists {
        &self.lists
    }

    /// The model behind an opaque ARN of the lists.
    pub fn behind(&self, arn: &str) -> Option<&Behind> {
        self.behind.get(arn)
    }

    /// The whole ARN behind a short form.
    pub fn whole(&self, short: &str) -> Option<&str> {
        self.short.get(short).map(String::as_str)
    }

    /// The profile to call for a model that cannot be called by its own id, of the first geography that
    /// has one.
    pub fn profile_for(&self, id: &str, geographies: &[String]) -> Option<&str> {
        let profiles = self.profiles.get(id)?;
        geographies.iter().find_map(|geography| {
            let is_there = |profile: &&String| {
                profile.strip_prefix(geography.as_str()).is_some_and(|rest| rest.starts_with('.'))
            };
            profiles.iter().find(is_there).map(String::as_str)
        })
    }
}

fn profiles(lists: &Lists) -> HashMap<String, Vec<String>> {
    let active = || lists.profiles.iter().filter(|p| p.is_system_defined() && p.is_active());
    let of = |id: &str| {
        let open = active().filter(|profile| leads_to(&profile.models, id));
        open.map(|profile| profile.inference_profile_id.clone()).collect()
    };
    let needy = lists.foundation.iter().filter(|model| !model.is_on_demand());
    needy.map(|model| (model.model_id.clone(), of(&model.model_id))).collect()
}

fn leads_to(models: &[Routed], id: &str) -> bool {
    models.iter().any(|model| foundation(&model.model_arn) == Some(id))
}

/// The id in the ARN of a foundation model.
fn foundation(arn: &str) -> Option<&str> {
    arn::resource(arn)?.strip_prefix("foundation-model/")
}

fn behind(lists: &Lists, catalog: &Catalog) -> HashMap<String, Behind> {
    let systems: Vec<&Profile> = lists.profiles.iter().filter(|p| p.is_system_defined()).collect();
    let own = lists.profiles.iter().filter(|p| !p.is_system_defined()).filter_map(|profile| {
        let model = place(&profile.models, &systems, catalog)?;
        Some((profile.inference_profile_arn.clone(), Behind { model, charge: Charge::Use }))
    });
    let deployments = lists.deployments.iter().filter_map(|one| {
        let model = arn::base(&one.model_arn)?.to_owned();
        Some((one.custom_model_deployment_arn.clone(), Behind { model, charge: Charge::Use }))
    });
    let provisioned = lists.provisioned.iter().map(|one| {
        let model = one.foundation_model_arn.clone();
        (one.provisioned_model_arn.clone(), Behind { model, charge: Charge::Other })
    });
    let routers = lists.routers.iter().map(|one| {
        let model = arn::plain(&one.fallback_model.model_arn).to_owned();
        (one.prompt_router_arn.clone(), Behind { model, charge: Charge::Other })
    });
    own.chain(deployments).chain(provisioned).chain(routers).collect()
}

/// The model behind those that a profile sends requests to, in a form that tells its price: the system
/// profile with the same ones, else what their regions tell.
pub(super) fn place(models: &[Routed], systems: &[&Profile], catalog: &Catalog) -> Option<String> {
    let first = models.first()?.model_arn.as_str();
    let is_everywhere = models.iter().any(|model| arn::region(&model.model_arn) == Some(""));
    if models.len() == 1 && !is_everywhere {
        return Some(first.to_owned());
    }
    let wanted = arns(models);
    if let Some(same) = systems.iter().find(|profile| arns(&profile.models) == wanted) {
        return Some(same.inference_profile_id.clone());
    }
    let id = catalog.foundation_id(first);
    let widest = match is_everywhere {
        true => Some("global"),
        // All of these geographies cost the same where they cost more than one region.
        false => catalog.homes(arn::region(first)?).last().map(String::as_str),
    };
    Some(widest.map_or_else(|| first.to_owned(), |geography| format!("{geography}.{id}")))
}

fn arns(models: &[Routed]) -> BTreeSet<&str> {
    models.iter().map(|model| model.model_arn.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::lists::Foundation;
    use serde_json::{Value, json};

    const SONNET: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";

    fn model(id: &str, types: &[&str]) -> Foundation {
        serde_json::from_value(json!({"modelId": id, "inferenceTypesSupported": types})).unwrap()
    }

    fn models(id: &str, regions: &[&str]) -> Vec<Routed> {
        let arn = |at: &&str| format!("arn:aws:bedrock:{at}::foundation-model/{id}");
        regions.iter().map(|at| Routed { model_arn: arn(at) }).collect()
    }

    fn profile(kind: &str, id: &str, models: &[Routed], status: &str) -> Profile {
        let arn = format!("arn:aws:bedrock:us-east-1:111122223333:{kind}/{id}");
        let word = if kind == "inference-profile" { "SYSTEM_DEFINED" } else { "APPLICATION" };
        let models: Vec<Value> =
            models.iter().map(|model| json!({"modelArn": model.model_arn})).collect();
        serde_json::from_value(json!({
            "inferenceProfileId": id, "inferenceProfileArn": arn, "models": models,
            "status": status, "type": word,
        }))
        .unwrap()
    }

    fn account(profiles: Vec<Profile>) -> AccountModels {
        let foundation =
            vec![model(SONNET, &["INFERENCE_PROFILE"]), model("a.on-demand", &["ON_DEMAND"])];
        let lists = Lists { foundation, profiles, ..Lists::default() };
        AccountModels::new(lists, Catalog::built_in())
    }

    #[test]
    fn a_profile_of_the_first_geography_that_has_one_stands_in() {
        let of = |geography: &str, status: &str| {
            let id = format!("{geography}.{SONNET}");
            profile("inference-profile", &id, &models(SONNET, &["x"]), status)
        };
        let account = account(vec![of("us", "ACTIVE"), of("jp", "DREAMING"), of("apac", "ACTIVE")]);
        let check = |id: &str, geographies: &[&str], expected: Option<&str>| {
            let geographies: Vec<String> = geographies.iter().map(|g| (*g).to_owned()).collect();
            let expected = expected.map(|geography| format!("{geography}.{SONNET}"));
            assert_eq!(account.profile_for(id, &geographies), expected.as_deref());
        };
        check(SONNET, &["us"], Some("us"));
        check(SONNET, &["jp", "apac"], Some("apac"));
        check(SONNET, &["eu"], None);
        check(SONNET, &[], None);
        check("a.on-demand", &["us"], None);
        check("not.listed", &["us"], None);
    }

    #[test]
    fn the_place_of_an_application_profile_tells_its_price() {
        let us = models(SONNET, &["us-east-1", "us-west-2"]);
        let all = models(SONNET, &["us-east-1", ""]);
        let system = profile("inference-profile", &format!("us.{SONNET}"), &us, "ACTIVE");
        for (models, expected) in [
            (us.clone(), format!("us.{SONNET}")),
            (models(SONNET, &["us-west-2"]), us[1].model_arn.clone()),
            (all, format!("global.{SONNET}")),
            (models(SONNET, &["eu-west-1", "eu-north-1"]), format!("eu.{SONNET}")),
        ] {
            let own = profile("application-inference-profile", "ab12", &models, "ACTIVE");
            let arn = own.inference_profile_arn.clone();
            let account = account(vec![system.clone(), own]);
            let expected = Behind { model: expected, charge: Charge::Use };
            assert_eq!(account.behind(&arn), Some(&expected));
            assert_eq!(account.whole("application-inference-profile/ab12"), Some(arn.as_str()));
        }
        assert_eq!(account(vec![system]).whole(&format!("inference-profile/us.{SONNET}")), None);
    }
}
