//! `outcrop models --all-regions`: where each model can be called.

use std::collections::BTreeMap;
use std::sync::Arc;

use outcrop_model::region;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{is_wanted, lines};
use crate::cli::ListModelsArgs;
use crate::engine::Engine;
use crate::exit::{Exit, Failure};
use crate::print::{print_said, print_text};

/// Regions that are asked at once.
const AT_ONCE: usize = 8;

/// What a region says: ids of the models that were wanted, `None` where it lists nothing.
type Listed = Option<Vec<String>>;

pub(super) async fn list(args: &ListModelsArgs) -> anyhow::Result<()> {
    // Tells what is wrong with the account, once for all.
    let here = Engine::start(&args.engine).await?.region.unwrap_or_default();
    let regions = region::with_bedrock(&here);
    note!("note: asking {} regions", regions.len());
    let mut silent: Vec<String> = Vec::new();
    let mut models: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (region, listed) in all(args, regions).await {
        match listed {
            None => silent.push(region),
            Some(ids) => {
                for id in ids {
                    models.entry(id).or_default().push(region.clone());
                }
            }
        }
    }
    if silent.len() == regions.len() {
        let what = "no region lists this account's models.";
        return Err(Failure::new(Exit::AccessDenied, what)
            .mend("outcrop doctor tells why.")
            .into());
    }
    if !silent.is_empty() {
        note!(
            "note: nothing is listed in {}; `outcrop doctor --region {}` tells why",
            silent.join(", "),
            silent[0]
        );
    }
    if models.is_empty() {
        return Err(Failure::new(Exit::UnknownModel, "No region has a model that fits.").into());
    }
    if args.json {
        let models = models.iter().map(|(id, regions)| json!({ "id": id, "regions": regions }));
        return print_text(&format!("{:#}\n", Value::Array(models.collect())));
    }
    let answering = regions.len() - silent.len();
    let width = models.keys().map(|id| id.chars().count()).max().unwrap_or(0);
    let rows = models.iter().map(|(id, regions)| match regions.len() == answering {
        true => format!("{id:<width$}  all\n"),
        false => format!("{id:<width$}  {}\n", regions.join(" ")),
    });
    let head = format!("{:<width$}  REGIONS\n", "MODEL");
    print_said(&std::iter::once(head).chain(rows).collect::<String>())
}

/// What each region says, in the order of `regions`.
async fn all(args: &ListModelsArgs, regions: &[String]) -> Vec<(String, Listed)> {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut asked = JoinSet::new();
    for (at, region) in regions.iter().cloned().enumerate() {
        let (mut args, turns) = (args.clone(), Arc::clone(&turns));
        args.engine.region = Some(region.clone());
        asked.spawn(async move {
            // It is never closed.
            let _turn = turns.acquire_owned().await;
            (at, region, one(&args).await.ok().flatten())
        });
    }
    let mut all = asked.join_all().await;
    all.sort_by_key(|(at, ..)| *at);
    all.into_iter().map(|(_, region, listed)| (region, listed)).collect()
}

async fn one(args: &ListModelsArgs) -> anyhow::Result<Listed> {
    let engine = Engine::start(&args.engine).await?;
    if !engine.learn_models().await {
        return Ok(None);
    }
    let list: Value = engine.get("/v1/models").await?.json().await?;
    let all = list["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    let wanted: Vec<&Value> = all.iter().filter(|model| is_wanted(model, args)).collect();
    Ok(Some(lines(&wanted).into_iter().map(|line| line.id).collect()))
}
