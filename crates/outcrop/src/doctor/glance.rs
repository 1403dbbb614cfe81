//! A first look for `outcrop init`: whose credentials, which region, which models.

use outcrop_aws::identity::trace::Verdict;
use outcrop_config::Backend;
use outcrop_core::Around;
use outcrop_core::backend::explained;

use super::ailment::Stage;
use super::finding::{Check, Finding, Status};
use super::{access, made, who};

/// What a backend comes to.
pub struct Glance {
    pub region: String,
    /// Where the credentials are from, in a few words.
    pub source: String,
    pub models: Offer,
}

/// Names of models that the region lists for calling.
#[derive(Debug, Default)]
pub struct Offer {
    pub chat: Vec<String>,
    pub embed: Vec<String>,
}

/// # Errors
/// What stops it: no region, no credentials.
pub async fn glance(backend: &Backend) -> Result<Glance, Finding> {
    let explained = explained(backend, &Around::default())
        .await
        .map_err(|said| Finding::ill(Check::Settings, "setup", (Stage::Setup, None), said))?;
    let region = explained.endpoints.region.as_str().to_owned();
    let held = match &explained.trace {
        Ok(trace) => trace.outcome.as_ref().ok(),
        Err(_) => None,
    };
    let Some(held) = held else {
        let failed = |finding: &Finding| finding.status == Status::Failure;
        let finding = who::credentials(&explained).into_iter().find(failed);
        return Err(finding.unwrap_or_else(|| {
            Finding::ill(Check::Credentials, "credentials", (Stage::Source, None), "there are none")
        }));
    };
    let steps = explained.trace.iter().flat_map(|trace| &trace.steps);
    let taken = steps.filter(|step| step.verdict == Verdict::Taken);
    let source: Vec<String> = taken.map(|step| format!("{}: {}", step.source, step.why)).collect();
    let client = made(explained.config(held.credentials.clone()));
    let models = match &client {
        // Not everyone may list; a call shows what works.
        Some(client) => access::offer(client).await.unwrap_or_default(),
        None => Offer::default(),
    };
    Ok(Glance { region, source: source.join(", "), models })
}
