//! AWS's rules for hosts, from `catalog/endpoints.toml`.
//!
//! 1. Every region has a partition; one of unknown form is taken for one of the first, as in botocore.
//! 2. A host that AWS's rules could have made tells its region, behind a VPC endpoint's name too.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::endpoint::Service;

const TABLE: &str = include_str!("../../../../catalog/endpoints.toml");
/// Stands between the region and the suffix in the host of a VPC endpoint.
const VPC_ENDPOINT: &str = ".vpce";
const FIPS: &str = "-fips";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    #[expect(dead_code, reason = "for the reader of the table")]
    source: String,
    #[expect(dead_code, reason = "for the reader of the table")]
    checked: String,
    #[expect(dead_code, reason = "for what tells whether a name is likely one")]
    directions: Vec<String>,
    partitions: Vec<Partition>,
    services: Services,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Partition {
    id: String,
    beginnings: Vec<String>,
    #[expect(dead_code, reason = "for what asks all regions")]
    #[serde(default)]
    bedrock: Vec<String>,
    suffix: String,
    dualstack_suffix: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Services {
    runtime: ServiceRule,
    control: ServiceRule,
    agent: ServiceRule,
    agent_runtime: ServiceRule,
    mantle: ServiceRule,
    sts: ServiceRule,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceRule {
    pub(super) id: String,
    pub(super) signing_name: String,
    #[serde(default)]
    only_dualstack: bool,
    /// Partitions where the plain host is a FIPS host.
    #[serde(default)]
    plain_is_fips: Vec<String>,
}

/// Which of a service's hosts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Variant {
    pub(super) fips: bool,
    pub(super) dualstack: bool,
}

// === impl Rules ===

impl Rules {
    /// The table that comes with the binary. Each test of an endpoint proves that it parses.
    pub(super) fn built_in() -> &'static Self {
        static RULES: OnceLock<Rules> = OnceLock::new();
        #[expect(
            clippy::expect_used,
            reason = "compiled in and parsed by every test of an endpoint"
        )]
        RULES.get_or_init(|| toml::from_str(TABLE).expect("the built-in endpoint rules parse"))
    }

    pub(super) fn service(&self, service: Service) -> &ServiceRule {
        let Services { runtime, control, agent, agent_runtime, mantle, sts } = &self.services;
        match service {
            Service::Runtime => runtime,
            Service::Control => control,
            Service::Agent => agent,
            Service::AgentRuntime => agent_runtime,
            Service::Mantle => mantle,
            Service::Sts => sts,
        }
    }

    fn partition(&self, region: &str) -> Option<&Partition> {
        let known = self.partitions.iter().find(|partition| partition.holds(region));
        known.or(self.partitions.first())
    }

    /// The id of a region's partition.
    pub(super) fn partition_id(&self, region: &str) -> &str {
        self.partition(region).map_or("", |partition| &partition.id)
    }

    /// The host of `service` in `region`.
    pub(super) fn host(&self, service: Service, region: &str, variant: Variant) -> String {
        let Some(partition) = self.partition(region) else { return String::new() };
        let rule = self.service(service);
        let dualstack = variant.dualstack || rule.only_dualstack;
        let suffix = if dualstack { &partition.dualstack_suffix } else { &partition.suffix };
        let plain = !variant.fips || (!dualstack && rule.plain_is_fips.contains(&partition.id));
        let fips = if plain { "" } else { FIPS };
        format!("{}{fips}.{region}.{suffix}", rule.id)
    }

    /// The region that `host` names, if it is one of AWS's hosts for a service of the table.
    pub(super) fn region_in<'a>(&self, host: &'a str) -> Option<&'a str> {
        self.partitions.iter().find_map(|partition| {
            let suffixes = [&partition.suffix, &partition.dualstack_suffix];
            let rest = suffixes
                .into_iter()
                .find_map(|suffix| host.strip_suffix(suffix.as_str())?.strip_suffix('.'))?;
            let rest = rest.strip_suffix(VPC_ENDPOINT).unwrap_or(rest);
            let (before, region) = rest.rsplit_once('.')?;
            let service = before.rsplit('.').next().unwrap_or(before);
            let service = service.strip_suffix(FIPS).unwrap_or(service);
            (partition.holds(region) && self.is_service(service)).then_some(region)
        })
    }

    fn is_service(&self, id: &str) -> bool {
        let Services { runtime, control, agent, agent_runtime, mantle, sts } = &self.services;
        [runtime, control, agent, agent_runtime, mantle, sts].iter().any(|rule| rule.id == id)
    }
}

// === impl Partition ===

impl Partition {
    /// Whether `region` is BEGINNING-NAME-NUMBER.
    fn holds(&self, region: &str) -> bool {
        let Some((front, number)) = region.rsplit_once('-') else { return false };
        let Some((beginning, name)) = front.rsplit_once('-') else { return false };
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number && !name.is_empty() && self.beginnings.iter().any(|known| known == beginning)
    }
}
