//! `catalog/iam.toml`: actions, destinations of profiles, partitions.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

const BUILT_IN: &str = include_str!("../../../../catalog/iam.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    #[expect(dead_code, reason = "a record for readers of the file")]
    source: String,
    pub checked: String,
    partitions: Vec<Partition>,
    destinations: BTreeMap<String, Vec<String>>,
    pub actions: Actions,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Partition {
    beginning: String,
    id: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actions {
    pub invoke: Vec<String>,
    pub count_tokens: Vec<String>,
    pub guardrail: Vec<String>,
    pub rerank: Vec<String>,
    pub api_keys: Vec<String>,
    pub mantle: Vec<String>,
    pub mantle_api_keys: Vec<String>,
    pub list_models: Vec<String>,
    pub doctor: Vec<String>,
}

// === impl Table ===

impl Table {
    pub fn built_in() -> &'static Self {
        static TABLE: OnceLock<Table> = OnceLock::new();
        #[expect(clippy::expect_used, reason = "compiled in and parsed by every test of a policy")]
        TABLE.get_or_init(|| toml::from_str(BUILT_IN).expect("the built-in table parses"))
    }

    /// The partition in the ARNs of a region.
    pub fn partition(&self, region: &str) -> &str {
        let row = self.partitions.iter().find(|row| region.starts_with(&row.beginning));
        row.map_or("aws", |row| &row.id)
    }

    /// Where profiles of a geography may send requests; `None` where that is not known.
    pub fn destinations(&self, geography: &str) -> Option<&[String]> {
        self.destinations.get(geography).map(Vec::as_slice)
    }
}
