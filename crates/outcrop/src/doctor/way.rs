//! The way to AWS: names, connections, TLS, clocks, and what is set that bends it.

use std::time::{Duration, SystemTime};

use outcrop_aws::Service;
use outcrop_aws::identity::trace::Explained;
use outcrop_aws::reach::{Hindrance, Reached};

use super::ailment::Stage;
use super::finding::{Check, Finding, Status};

/// A smaller difference is the age of the answer.
const SMALLEST_SKEW: Duration = Duration::from_secs(60);
/// The services that are asked, and whether the gateway is nothing without them.
const SERVICES: [(Service, &str, Need); 3] = [
    (Service::Runtime, "runtime", Need::Must),
    (Service::Control, "control plane", Need::May),
    (Service::Sts, "STS", Need::May),
];
/// Variables that bend the way.
const BENDS: [&str; 20] = [
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_BEDROCK",
    "AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME",
    "AWS_ENDPOINT_URL_BEDROCK_MANTLE",
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    "AWS_ENDPOINT_URL_STS",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "all_proxy",
    "https_proxy",
    "http_proxy",
    "no_proxy",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Must,
    May,
}

/// Each endpoint, then the clock.
pub async fn look(explained: &Explained) -> Vec<Finding> {
    let prober = match explained.prober() {
        Ok(prober) => prober,
        Err(error) => {
            let stage = (Stage::Setup, None);
            return vec![Finding::ill(Check::Endpoints, "TLS", stage, error.to_string())];
        }
    };
    let mut findings = Vec::new();
    let mut reached = None;
    for (service, name, need) in SERVICES {
        let endpoint = explained.endpoints.of(service);
        let finding = match prober.reach(endpoint).await {
            Ok(answer) => {
                let said = format!("{endpoint} answered in {} ms", answer.took.as_millis());
                reached.get_or_insert(answer);
                Finding::new(Check::Endpoints, Status::Fine, name, said)
            }
            Err(unreached) => {
                let word = match unreached.hindrance {
                    Hindrance::Name => "name not resolved",
                    Hindrance::Refused => "connection refused",
                    Hindrance::Tls => "TLS failed",
                    Hindrance::Proxy => "proxy failed",
                    Hindrance::Silence => "no answer",
                    Hindrance::Other => "failed",
                };
                let said = format!("{endpoint}: {word} ({})", unreached.detail);
                let ill = Finding::ill(Check::Endpoints, name, (Stage::Way, None), said);
                if need == Need::Must { ill } else { ill.mild() }
            }
        };
        findings.push(finding);
    }
    findings.extend(reached.as_ref().map(clock));
    findings
}

fn clock(reached: &Reached) -> Finding {
    let Reached { date, here, took: _ } = reached;
    let Some(date) = date else {
        let said = "the endpoint does not tell its time";
        return Finding::new(Check::Clock, Status::Note, "difference", said);
    };
    let apart = apart(*date, *here);
    if apart < SMALLEST_SKEW {
        let said = "less than a minute from AWS's";
        return Finding::new(Check::Clock, Status::Fine, "difference", said);
    }
    let side = if date > here { "behind" } else { "ahead of" };
    let said = format!("this machine is {} seconds {side} AWS", apart.as_secs());
    Finding::ill(Check::Clock, "difference", (Stage::Clock, None), said).mild()
}

fn apart(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).or_else(|_| other.duration_since(one)).unwrap_or_default()
}

/// What is set, without what a URL may hold of a password.
pub fn settings() -> Vec<Finding> {
    let told = |name: &&str| {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
        let shown = match value.rsplit_once('@') {
            Some((_, host)) => format!("…@{host}"),
            None => value,
        };
        Some(Finding::new(Check::Settings, Status::Note, *name, shown))
    };
    BENDS.iter().filter_map(told).collect()
}
