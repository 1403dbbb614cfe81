//! StartAsyncInvoke, GetAsyncInvoke and ListAsyncInvokes, in memory.
//!
//! 1. Nothing is computed or written to S3: a job is in progress until it has been looked at once,
//!    and completed from then on.
//! 2. A client token gives the same job again, and a conflict when it comes with another request.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::config::{EXAMPLE_ACCOUNT, EXAMPLE_REGION};
use crate::refusal::{Exception, Refusal};
use crate::reply::Reply;
use crate::route::query_pairs;
use crate::service::{Call, State};

/// The models that are invoked asynchronously (AWS's page on supported models, checked 2026-11-21).
const MODELS: [&str; 5] = [
    "amazon.nova-reel-v1:0",
    "amazon.nova-reel-v1:1",
    "luma.ray-v2:0",
    "twelvelabs.marengo-embed-2-7-v1:0",
    "amazon.nova-2-multimodal-embeddings-v1:0",
];
/// Jobs of one page unless the caller asks for another number.
const PAGE: usize = 100;

/// All jobs of one emulator, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Jobs(Mutex<Vec<Job>>);

#[derive(Debug, Clone)]
struct Job {
    arn: String,
    model_arn: String,
    token: Option<String>,
    /// The whole request, to compare with another of the same token.
    request: Value,
    submitted: Timestamp,
    ended: Option<Timestamp>,
}

pub(super) fn start(state: &State, call: &Call<'_>, body: &Value) -> Result<Reply, Refusal> {
    let region = call.caller.region.as_deref().unwrap_or(EXAMPLE_REGION);
    let id = body["modelId"].as_str().unwrap_or_default();
    let model = known(state, call, id)?;
    let model_arn = super::foundation_model(region, model);
    call.caller.check(&super::action(call, body), Some((model, &model_arn)))?;
    let token = body["clientRequestToken"].as_str().map(str::to_owned);
    let mut jobs = state.jobs.lock();
    if let Some(before) = jobs.iter().find(|job| token.is_some() && job.token == token) {
        return match before.request == *body {
            true => Ok(Reply::json(json!({"invocationArn": before.arn}))),
            false => Err(Refusal::plain(Exception::Conflict)),
        };
    }
    let name = &call.id.simple().to_string()[..12];
    let arn = format!("arn:aws:bedrock:{region}:{EXAMPLE_ACCOUNT}:async-invoke/{name}");
    jobs.push(Job {
        arn: arn.clone(),
        model_arn,
        token,
        request: body.clone(),
        submitted: Timestamp::now(),
        ended: None,
    });
    Ok(Reply::json(json!({"invocationArn": arn})))
}

/// The foundation model that `id` names, if it is one for jobs.
fn known<'i>(state: &State, call: &Call<'_>, id: &'i str) -> Result<&'i str, Refusal> {
    let base = id.rsplit("foundation-model/").next().unwrap_or(id);
    if MODELS.contains(&base) {
        return Ok(base);
    }
    state.catalog.resolve(id, call.caller.region.as_deref())?;
    Err(Refusal::validation("The provided model doesn't support asynchronous invocation."))
}

pub(super) fn get(state: &State, call: &Call<'_>) -> Result<Reply, Refusal> {
    let mut jobs = state.jobs.lock();
    let job = jobs.iter_mut().find(|job| job.arn == call.routed.id).ok_or_else(|| {
        Refusal::new(Exception::ResourceNotFound, "The requested async invocation was not found.")
    })?;
    let seen = job.describe();
    job.ended.get_or_insert_with(Timestamp::now);
    Ok(Reply::json(seen))
}

pub(super) fn list(state: &State, call: &Call<'_>) -> Reply {
    let query = query_pairs(call.raw_query);
    let asked =
        |name: &str| query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    let moment = |name: &str| asked(name).and_then(|text| text.parse::<Timestamp>().ok());
    let (after, before) = (moment("submitTimeAfter"), moment("submitTimeBefore"));
    let mut all: Vec<Job> = state
        .jobs
        .lock()
        .iter()
        .filter(|job| after.is_none_or(|after| job.submitted > after))
        .filter(|job| before.is_none_or(|before| job.submitted < before))
        .filter(|job| asked("statusEquals").is_none_or(|status| status == job.status()))
        .cloned()
        .collect();
    if asked("sortOrder") != Some("Ascending") {
        all.reverse();
    }
    let start = asked("nextToken").and_then(|token| token.parse().ok()).unwrap_or(0);
    let size = asked("maxResults").and_then(|size| size.parse().ok()).unwrap_or(PAGE);
    let page: Vec<Value> = all.iter().skip(start).take(size).map(Job::describe).collect();
    let end = start + page.len();
    let mut body = json!({"asyncInvokeSummaries": page});
    if end < all.len() {
        body["nextToken"] = Value::from(end.to_string());
    }
    Reply::json(body)
}

// === impl Jobs ===

impl Jobs {
    fn lock(&self) -> MutexGuard<'_, Vec<Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Job ===

impl Job {
    fn status(&self) -> &'static str {
        if self.ended.is_some() { "Completed" } else { "InProgress" }
    }

    fn describe(&self) -> Value {
        let mut job = json!({
            "invocationArn": self.arn,
            "modelArn": self.model_arn,
            "status": self.status(),
            "submitTime": self.submitted.to_string(),
            "lastModifiedTime": self.ended.unwrap_or(self.submitted).to_string(),
            "outputDataConfig": self.request["outputDataConfig"],
        });
        if let Some(token) = &self.token {
            job["clientRequestToken"] = json!(token);
        }
        if let Some(ended) = self.ended {
            job["endTime"] = json!(ended.to_string());
        }
        job
    }
}
