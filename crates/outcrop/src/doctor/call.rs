//! One tiny call of a model, on the gateway's own way: plan, carrier, profile, price and all.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use outcrop_config::{Backend, Severity};
use outcrop_core::{Gateway, Inbound, Operation, ReceiptSink, Settings, Specialty};
use outcrop_model::{Catalog, Outcome, Receipt, Specialist, alias};
use serde_json::json;

use crate::configuration::{single, told as told_of};

use super::ailment::Stage;
use super::finding::{Check, Finding, Status};

/// What is asked, and its body.
type Question = (Operation, Bytes);

const REQUEST_ID: &str = "doctor";

/// Calls the model for what it is known to do.
pub async fn one(model: &str, backend: &Backend) -> Finding {
    match question(model) {
        Some(question) => ask(model, question, backend).await,
        None => {
            let said = "not called: an image costs too much for a test";
            Finding::new(Check::Calls, Status::Note, model, said)
        }
    }
}

/// Calls the model as one that chats.
pub async fn chat(model: &str, backend: &Backend) -> Finding {
    ask(model, of_chat(model), backend).await
}

/// Calls the model as one that makes vectors.
pub async fn vectors(model: &str, backend: &Backend) -> Finding {
    ask(model, of_vectors(model), backend).await
}

async fn ask(model: &str, (operation, body): Question, backend: &Backend) -> Finding {
    let check = Check::Calls;
    let receipt = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&receipt);
    let sink = ReceiptSink::new(move |receipt| {
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(receipt);
    });
    let gateway = Gateway::new(Settings::default(), sink);
    let mut config = single(backend.clone());
    config.defaults.retry.attempts = Some(1);
    if let Err(found) = gateway.reload(&config).await {
        let said = told_of(&found, Severity::Error);
        return Finding::ill(check, model, (Stage::Setup, None), one_line(&said));
    }
    let settlement = gateway.begin(&operation, REQUEST_ID);
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let inbound = Inbound { headers, ..Inbound::post(operation, body, REQUEST_ID) };
    // What it says to a client is in the receipt too, in the operator's words.
    drop(gateway.handle(&gateway.present(), inbound, settlement).await);
    let receipt = receipt.lock().unwrap_or_else(PoisonError::into_inner).take();
    match receipt {
        Some(receipt) => told(model, &receipt),
        None => Finding::new(check, Status::Warning, model, "the call left no receipt"),
    }
}

fn told(model: &str, receipt: &Receipt) -> Finding {
    let finding = match receipt.outcome {
        Outcome::Completed(_) => Finding::new(Check::Calls, Status::Fine, model, answered(receipt)),
        Outcome::Failed(class) => {
            let said = receipt.detail.as_deref().unwrap_or(class.as_str());
            Finding::ill(Check::Calls, model, (Stage::Call, Some(class)), one_line(said))
        }
        Outcome::ClientLeft => {
            Finding::new(Check::Calls, Status::Warning, model, "the call was broken off")
        }
    };
    Finding { request_id: receipt.upstream_request_id.clone(), ..finding }
}

fn answered(receipt: &Receipt) -> String {
    let mut said = format!("answered in {} ms", receipt.duration.as_millis());
    if let Some(carrier) = receipt.carrier {
        said.push_str(&format!(" over {}", carrier.as_str()));
    }
    if let Some(target) = &receipt.target {
        said.push_str(&format!(" as {target}"));
    }
    if let Some(usage) = &receipt.usage {
        said.push_str(&format!(", {} tokens", usage.total()));
    }
    if let Some(cost) = receipt.cost {
        said.push_str(&format!(", ${cost}"));
    }
    said
}

/// The smallest question for the kind of model; `None` where none is small.
fn question(model: &str) -> Option<Question> {
    let id = alias::resolve(model).id;
    match Catalog::built_in().specialist(&id) {
        None => Some(of_chat(model)),
        Some(Specialist::Embeddings(_)) => Some(of_vectors(model)),
        Some(Specialist::Rerank(_)) => {
            let body = json!({"model": model, "query": "hi", "documents": ["hi"]});
            let operation = Operation::Special(Specialty::Rerank { version: 2 });
            Some((operation, body.to_string().into()))
        }
        Some(Specialist::Images(_)) => None,
    }
}

fn of_chat(model: &str) -> Question {
    let messages = json!([{"role": "user", "content": "hi"}]);
    let body = json!({"model": model, "max_tokens": 1, "messages": messages});
    (Operation::ChatCompletions, body.to_string().into())
}

fn of_vectors(model: &str) -> Question {
    let body = json!({"model": model, "input": "hi"});
    (Operation::Special(Specialty::Embeddings), body.to_string().into())
}

/// A proxy may answer with a page.
fn one_line(text: &str) -> String {
    const MOST: usize = 400;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
