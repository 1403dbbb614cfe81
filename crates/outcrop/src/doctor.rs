//! `outcrop doctor`: from credentials to one tiny call, what works, what does not, and how to mend it.

mod access;
mod ailment;
mod ask;
pub mod call;
pub mod finding;
pub mod glance;
mod report;
mod way;
mod who;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use outcrop_aws::identity::trace::{Explained, Held};
use outcrop_aws::{AwsClient, ClientConfig, Timeouts};
use outcrop_config::Backend;
use outcrop_core::backend::explained;
use outcrop_core::{Around, Geography};
use serde_json::json;

use self::ailment::Stage;
use self::finding::{Check, Finding};
use self::report::{Marks, Report};
use crate::check;
use crate::cli::{self, CarrierWord, IdentityArgs, geography_word};
use crate::configuration::of_environment;
use crate::print::print_text;

/// Longest wait for an answer of one token.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  outcrop doctor
  outcrop doctor --region eu-west-1 --profile work --model claude-sonnet-4-5
  outcrop doctor -f outcrop.yaml
  outcrop doctor --model us.amazon.nova-lite-v1:0 --model amazon.titan-embed-text-v2:0 --json

Exit codes: 0 healthy (warnings included); otherwise that of the first failure: 11 trouble at AWS, 12 model not
known or not reachable, 15 request refused, 20 wrong setting, 21 access denied, 22 throttled or out of quota,
26 network, 28 credentials missing, wrong or expired. docs/guide/doctor.md lists every problem with its mend.

Each --model is called once for one token, which costs less than a hundredth of a cent. Image models are not called.
The report names the account and the role; with --json account ids are masked.")]
pub struct DoctorArgs {
    /// Look at each backend of this configuration: a file or a folder; may be given several times. The
    /// flags say what it leaves open.
    #[arg(short = 'f', long, value_name = "FILE", conflicts_with_all = ["endpoint_url", "IdentityArgs", "OidcArgs"])]
    pub config: Vec<PathBuf>,
    /// AWS region [default: AWS_REGION, then AWS_DEFAULT_REGION].
    #[arg(long)]
    pub region: Option<String>,
    /// Send Bedrock's requests here, as for `serve`.
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
    #[command(flatten)]
    pub identity: IdentityArgs,
    /// A model to look up and to call for one token, by any name that the gateway takes; may be given
    /// several times.
    #[arg(long, value_name = "MODEL")]
    pub model: Vec<String>,
    /// Whose inference profiles may stand in, as for `serve`.
    #[arg(long, default_value = "home", value_name = "GEOGRAPHY", value_parser = geography_word)]
    pub geography: String,
    /// Which of Bedrock's APIs takes the calls, as for `serve`.
    #[arg(long, value_enum, default_value_t = CarrierWord::Auto)]
    pub carrier: CarrierWord,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
}

/// The backend, and the models to try there.
struct Wishes {
    models: Vec<String>,
    geography: Geography,
    backend: Backend,
}

pub async fn run(args: DoctorArgs) -> anyhow::Result<ExitCode> {
    let json = args.json;
    let mut reports = Vec::new();
    for (name, wishes) in wishes(args)? {
        reports.push(report(name, &wishes).await);
    }
    let code = reports.iter().map(Report::exit_code).find(|code| *code != 0).unwrap_or_default();
    if json {
        let reports: Vec<_> = reports.iter().map(Report::to_json).collect();
        print_text(&format!("{:#}\n", json!({ "reports": reports })))?;
    } else {
        let texts: Vec<_> = reports.iter().map(|report| report.text(Marks::for_stdout())).collect();
        print_text(&texts.join("\n"))?;
    }
    Ok(ExitCode::from(code))
}

/// What is to be looked at: the backends of the configuration, by name, or that of the flags.
fn wishes(args: DoctorArgs) -> anyhow::Result<Vec<(Option<String>, Wishes)>> {
    let DoctorArgs { config, region, endpoint_url, identity, model, geography, carrier, json: _ } =
        args;
    let backends = match config.is_empty() {
        true => {
            let (region, url) = (region.as_deref(), endpoint_url.as_deref());
            vec![(None, of_environment(region, url, identity.identity()?))]
        }
        false => {
            let backends = check::load(config)?.backends;
            backends.into_iter().map(|(name, backend)| (Some(name), backend)).collect()
        }
    };
    let carrier = Option::from(carrier);
    let wish = |(name, backend): (Option<String>, Backend)| {
        let word = backend.geography.clone().unwrap_or_else(|| geography.clone());
        let wishes = Wishes {
            models: model.clone(),
            geography: cli::geography(&word).map_err(anyhow::Error::msg)?,
            backend: Backend {
                region: backend.region.clone().or_else(|| region.clone()),
                carrier: backend.carrier.or(carrier),
                geography: Some(word),
                ..backend
            },
        };
        Ok((name, wishes))
    };
    backends.into_iter().map(wish).collect()
}

async fn report(name: Option<String>, wishes: &Wishes) -> Report {
    progress(name.as_deref().unwrap_or("credentials"));
    let report = match explained(&wishes.backend, &Around::default()).await {
        Ok(explained) => examine(&explained, wishes).await,
        Err(said) => Report {
            region: None,
            backend: None,
            findings: vec![Finding::ill(Check::Settings, "setup", (Stage::Setup, None), said)],
        },
    };
    Report { backend: name, ..report }
}

/// All checks of one backend.
async fn examine(explained: &Explained, wishes: &Wishes) -> Report {
    let mut findings = who::credentials(explained);
    progress("endpoints");
    findings.extend(way::look(explained).await);
    findings.extend(way::settings());
    let held = explained.trace.as_ref().ok().and_then(|trace| trace.outcome.as_ref().ok());
    // Where no client can be made, the look at the endpoints has told why.
    let asker = |held: &Held| made(explained.config(held.credentials.clone()));
    if let Some((held, asker)) = held.and_then(|held| Some((held, asker(held)?))) {
        progress("identity");
        let sts = made(explained.sts_config(held.credentials.clone()));
        if let Some(sts) = sts {
            findings.push(who::identity(&sts, &held.credentials).await);
        }
        progress("models");
        let found = access::look(&asker, wishes).await;
        findings.extend(found.listing);
        for (model, access) in wishes.models.iter().zip(found.models) {
            progress(model);
            let called = call::one(model, &wishes.backend).await;
            // The call is the judge.
            let works = called.status != finding::Status::Failure;
            findings.extend(access.map(|found| if works { found.relieved() } else { found }));
            findings.push(called);
        }
        findings.sort_by_key(|finding| finding.check);
    }
    let region = explained.endpoints.region.as_str().to_owned();
    Report { region: Some(region), backend: None, findings }
}

fn made(config: ClientConfig) -> Option<AwsClient> {
    let timeouts = Timeouts { first_byte: PATIENCE, total: PATIENCE, ..config.timeouts };
    AwsClient::new(ClientConfig { timeouts, ..config }).ok()
}

/// What is being looked at, for whoever waits.
fn progress(what: &str) {
    note!("looking at {what}…");
}
