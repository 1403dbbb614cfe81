use std::collections::BTreeSet;

use super::demand::Defaults;
use super::grant::{self, Account, Profile};
use super::*;

const SONNET: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";

fn defaults(models: &[&str]) -> Defaults {
    Defaults {
        region: Some("us-east-1".to_owned()),
        models: models.iter().map(|&model| model.to_owned()).collect(),
        geography: Geography::Home,
        features: BTreeSet::new(),
        guardrails: Vec::new(),
        roles: Vec::new(),
    }
}

#[test]
fn the_accounts_own_list_is_exact() {
    let foundation = |region: &str| format!("arn:aws:bedrock:{region}::foundation-model/{SONNET}");
    let profile = Profile {
        id: format!("us.{SONNET}"),
        arn: format!("arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.{SONNET}"),
        models: vec![foundation("us-east-1"), foundation("us-west-2")],
    };
    let account = Account { id: Some("111122223333".to_owned()), profiles: vec![profile] };
    let demands = defaults(&["claude-sonnet-4-5"]).demands().unwrap();
    let policy = grant::policy(&demands[0], &account);
    let behind =
        policy.statements.iter().find(|one| one.sid == "InvokeModelsBehindProfiles").unwrap();
    assert_eq!(behind.resources, [foundation("us-east-1"), foundation("us-west-2")]);
    assert!(policy.assumptions.is_empty(), "{:?}", policy.assumptions);
}
