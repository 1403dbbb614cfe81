//! A demand → the statements that allow it, and no more.
//!
//! 1. A foundation model that is reached through a profile is allowed through that profile alone
//!    (`bedrock:InferenceProfileArn`).
//! 2. Whatever could not be said exactly is among the policy's assumptions.

use std::collections::BTreeSet;

use outcrop_core::Geography;
use outcrop_model::{Catalog, alias};

use super::demand::{Demand, Feature, Place, Tagged};
use super::table::Table;

/// The condition key for the profile through which a model is reached.
const PROFILE_ARN: &str = "bedrock:InferenceProfileArn";
/// What a request to a global profile says of the region in which the model answers.
const REQUESTED_REGION: &str = "aws:RequestedRegion";
const GLOBAL: &str = "global";
const ANY: &str = "*";

/// A policy document with what had to be assumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub principal: String,
    pub statements: Vec<Statement>,
    pub assumptions: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub sid: &'static str,
    pub actions: Vec<String>,
    pub resources: Vec<String>,
    pub conditions: Vec<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub test: &'static str,
    pub key: &'static str,
    pub values: Vec<String>,
}

/// What is known of the account beyond the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Twelve digits; a wildcard otherwise.
    pub id: Option<String>,
    /// The account's own list: profiles (by id and by ARN), each with the ARNs of the models behind it.
    pub profiles: Vec<Profile>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub id: String,
    pub arn: String,
    pub models: Vec<String>,
}

/// Resources by the way in which they are called.
#[derive(Default)]
struct Resources {
    by_id: BTreeSet<String>,
    profiles: BTreeSet<String>,
    behind: BTreeSet<String>,
    global: BTreeSet<String>,
    counted: BTreeSet<String>,
    guardrails: BTreeSet<String>,
    projects: BTreeSet<String>,
    assumptions: BTreeSet<String>,
}

/// Where the ARNs of a place begin.
struct Here<'a> {
    partition: &'a str,
    region: &'a str,
    account: &'a str,
}

/// The policy of a principal.
pub fn policy(demand: &Demand, account: &Account) -> Policy {
    let table = Table::built_in();
    let Demand { principal, places, features, roles } = demand;
    let mut resources = Resources::default();
    for place in places {
        resources.add(place, account, features);
    }
    if account.id.is_none() && resources.names_an_account() {
        resources.assumptions.insert(
            "The account is not known: ARNs hold a wildcard in its place (--account)".to_owned(),
        );
    }
    let Resources { by_id, profiles, behind, global, counted, guardrails, projects, assumptions } =
        resources;
    let through = || Condition {
        test: "StringLike",
        key: PROFILE_ARN,
        values: profiles.iter().cloned().collect(),
    };
    let elsewhere = Condition {
        test: "StringEquals",
        key: REQUESTED_REGION,
        values: vec!["unspecified".to_owned()],
    };
    let actions = &table.actions;
    let plain = |sid, actions: &[String], resources: &BTreeSet<String>| {
        statement(sid, actions, resources, Vec::new())
    };
    let any = BTreeSet::from([ANY.to_owned()]);
    let when = |feature| if features.contains(&feature) { any.clone() } else { BTreeSet::new() };
    let no_projects = projects.is_empty();
    let mantle_keys = if no_projects { BTreeSet::new() } else { when(Feature::ApiKeys) };
    let statements = [
        plain("InvokeModels", &actions.invoke, &by_id),
        plain("InvokeProfiles", &actions.invoke, &profiles),
        statement("InvokeModelsBehindProfiles", &actions.invoke, &behind, vec![through()]),
        statement("InvokeModelsAnywhere", &actions.invoke, &global, vec![elsewhere, through()]),
        plain("CountTokens", &actions.count_tokens, &counted),
        plain("ApplyGuardrails", &actions.guardrail, &guardrails),
        plain("InvokeMantle", &actions.mantle, &projects),
        plain("CallMantleWithApiKeys", &actions.mantle_api_keys, &mantle_keys),
        plain("CallWithApiKeys", &actions.api_keys, &when(Feature::ApiKeys)),
        plain("ListModels", &actions.list_models, &when(Feature::ListModels)),
        plain("Diagnose", &actions.doctor, &when(Feature::Doctor)),
        plain("Rerank", &actions.rerank, &when(Feature::Rerank)),
        plain("AssumeRoles", &assuming(roles), &roles.iter().map(|(arn, _)| arn.clone()).collect()),
    ];
    Policy {
        principal: principal.clone(),
        statements: statements.into_iter().flatten().collect(),
        assumptions: assumptions.into_iter().collect(),
    }
}

/// `None` where there is nothing to allow.
fn statement(
    sid: &'static str,
    actions: &[String],
    resources: &BTreeSet<String>,
    conditions: Vec<Condition>,
) -> Option<Statement> {
    (!resources.is_empty()).then(|| Statement {
        sid,
        actions: actions.to_vec(),
        resources: resources.iter().cloned().collect(),
        conditions,
    })
}

fn assuming(roles: &[(String, Tagged)]) -> Vec<String> {
    let tags = roles.iter().any(|(_, tagged)| *tagged == Tagged::Yes);
    let mut actions = vec!["sts:AssumeRole".to_owned()];
    actions.extend(tags.then(|| "sts:TagSession".to_owned()));
    actions
}

// === impl Resources ===

impl Resources {
    fn add(&mut self, place: &Place, account: &Account, features: &BTreeSet<Feature>) {
        let here = Here {
            partition: Table::built_in().partition(&place.region),
            region: &place.region,
            account: account.id.as_deref().unwrap_or(ANY),
        };
        for guardrail in &place.guardrails {
            let is_arn = guardrail.starts_with("arn:");
            let arn = if is_arn { guardrail.clone() } else { here.own("guardrail", guardrail) };
            self.guardrails.insert(arn);
        }
        if features.contains(&Feature::Mantle) {
            self.projects.insert(here.arn("bedrock-mantle", here.account, "project/*"));
            self.assume(
                "bedrock-mantle knows projects, not models: all models there are allowed, in every project",
            );
        }
        if place.mantle_only {
            return;
        }
        for model in &place.models {
            let named = alias::resolve(model);
            self.add_model(&named.id, &place.geography, &here, account);
            if features.contains(&Feature::CountTokens) {
                let counted = match named.id.starts_with("arn:") {
                    true => named.id.into_owned(),
                    false => here.foundation(Catalog::built_in().foundation_id(&named.id)),
                };
                self.counted.insert(counted);
            }
        }
    }

    fn add_model(&mut self, id: &str, geography: &Geography, here: &Here<'_>, account: &Account) {
        let catalog = Catalog::built_in();
        if id.starts_with("arn:") {
            return self.add_arn(id, here, account);
        }
        let base = catalog.foundation_id(id);
        if base != id {
            let prefix = id.strip_suffix(base).unwrap_or_default().trim_end_matches('.');
            return self.add_profile(prefix, base, here, account);
        }
        self.by_id.insert(here.foundation(id));
        let geographies = match geography {
            Geography::Home => catalog.homes(here.region).to_vec(),
            Geography::Named(name) => vec![name.clone()],
            Geography::Off => return,
        };
        let listed = |prefix: &String| account.lists(&format!("{prefix}.{id}"));
        // The account's list says which of them there are.
        let known: Vec<String> = geographies.iter().filter(|one| listed(one)).cloned().collect();
        let geographies = if account.profiles.is_empty() { geographies } else { known };
        if !geographies.is_empty() && account.profiles.is_empty() {
            self.assume(
                "Whether a model that is named by its plain id is called by that id or through a profile is not \
                 known: both are allowed (a profile's own id, or --geography off, allows one)",
            );
        }
        for prefix in geographies {
            self.add_profile(&prefix, id, here, account);
        }
    }

    fn add_profile(&mut self, prefix: &str, base: &str, here: &Here<'_>, account: &Account) {
        let id = format!("{prefix}.{base}");
        self.profiles.insert(here.own("inference-profile", &id));
        if let Some(profile) = account.profiles.iter().find(|profile| profile.id == id) {
            return self.add_behind(profile);
        }
        if prefix == GLOBAL {
            self.behind.insert(here.foundation(base));
            self.global.insert(format!("arn:{}:bedrock:::foundation-model/{base}", here.partition));
            return;
        }
        match Table::built_in().destinations(prefix) {
            Some(regions) => {
                let checked = &Table::built_in().checked;
                self.assume(&format!(
                    "Where profiles of {prefix} send requests is from the built-in table of {checked}: {}; a \
                     single profile may name fewer, and AWS may add some",
                    regions.join(", ")
                ));
                let at = |region: &String| Here { region, ..*here }.foundation(base);
                self.behind.extend(regions.iter().map(at));
                // A request may come from a region beside those, such as Canada.
                self.behind.insert(here.foundation(base));
            }
            None => {
                self.assume(&format!(
                    "Where profiles of {prefix} send requests is not known: the region is a wildcard"
                ));
                self.behind.insert(Here { region: ANY, ..*here }.foundation(base));
            }
        }
    }

    /// The models of a profile as the account lists them; global ones name a model without a region too.
    fn add_behind(&mut self, profile: &Profile) {
        for model in &profile.models {
            match model.contains(":bedrock:::") {
                true => self.global.insert(model.clone()),
                false => self.behind.insert(model.clone()),
            };
        }
    }

    fn add_arn(&mut self, arn: &str, here: &Here<'_>, account: &Account) {
        let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
        let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
        if kind == "inference-profile" {
            let base = Catalog::built_in().foundation_id(name);
            let prefix = name.strip_suffix(base).unwrap_or_default().trim_end_matches('.');
            self.add_profile(prefix, base, here, account);
            self.profiles.insert(arn.to_owned());
            return;
        }
        if kind != "application-inference-profile" {
            self.by_id.insert(arn.to_owned());
            return;
        }
        self.profiles.insert(arn.to_owned());
        match account.profiles.iter().find(|profile| profile.arn == arn) {
            Some(profile) => self.add_behind(profile),
            None => {
                self.assume(
                    "Which models are behind an application inference profile is not known: any is allowed, \
                     through that profile alone",
                );
                self.behind.insert(Here { region: ANY, ..*here }.foundation(ANY));
            }
        }
    }

    fn names_an_account(&self) -> bool {
        let all = self.profiles.iter().chain(&self.guardrails).chain(&self.projects);
        all.into_iter().any(|arn| arn.split(':').nth(4) == Some(ANY))
    }

    fn assume(&mut self, what: &str) {
        self.assumptions.insert(what.to_owned());
    }
}

// === impl Account ===

impl Account {
    fn lists(&self, id: &str) -> bool {
        self.profiles.iter().any(|profile| profile.id == id)
    }
}

// === impl Here ===

impl Here<'_> {
    fn arn(&self, service: &str, account: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{account}:{resource}", self.partition, self.region)
    }

    fn foundation(&self, id: &str) -> String {
        self.arn("bedrock", "", &format!("foundation-model/{id}"))
    }

    /// Something of the account's.
    fn own(&self, kind: &str, id: &str) -> String {
        self.arn("bedrock", self.account, &format!("{kind}/{id}"))
    }
}
