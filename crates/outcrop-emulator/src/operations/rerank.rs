//! Rerank of bedrock-agent-runtime, by shared words: simulated, but the same every time.
//!
//! A document's relevance is the part of the query's words that it has. Ties keep their order.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::refusal::{Exception, Refusal};
use crate::reply::Reply;
use crate::service::Call;

/// The models that Rerank takes (AWS's page on supported rerank models, checked 2026-11-21).
const MODELS: [&str; 2] = ["amazon.rerank-v1:0", "cohere.rerank-v3-5:0"];

pub(super) fn answer(call: &Call<'_>, body: &Value) -> Result<Reply, Refusal> {
    let configuration = &body["rerankingConfiguration"]["bedrockRerankingConfiguration"];
    let arn = configuration["modelConfiguration"]["modelArn"].as_str().unwrap_or_default();
    let model = arn.rsplit("foundation-model/").next().unwrap_or_default();
    if !MODELS.contains(&model) {
        return Err(Refusal::plain(Exception::ResourceNotFound));
    }
    call.caller.check(&super::action(call, body), Some((model, arn)))?;
    let query = words(body["queries"][0]["textQuery"]["text"].as_str().unwrap_or_default());
    let sources = body["sources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut scored = Vec::with_capacity(sources.len());
    for (index, source) in sources.iter().enumerate() {
        scored.push((index, relevance(&query, &words(&text(source, index)?))));
    }
    scored.sort_by(|a, b| b.1.total_cmp(&a.1));
    let most = configuration["numberOfResults"].as_u64().map_or(usize::MAX, |n| n as usize);
    let results: Vec<Value> = scored
        .into_iter()
        .take(most)
        .map(|(index, score)| json!({"index": index, "relevanceScore": score}))
        .collect();
    Ok(Reply::json(json!({"results": results})))
}

fn text(source: &Value, index: usize) -> Result<String, Refusal> {
    let document = &source["inlineDocumentSource"];
    let missing = |member: &str| {
        Refusal::validation(format!(
            "sources.{}.member.inlineDocumentSource has no {member}.",
            index + 1
        ))
    };
    match document["type"].as_str() {
        Some("JSON") if document["jsonDocument"].is_null() => Err(missing("jsonDocument")),
        Some("JSON") => Ok(document["jsonDocument"].to_string()),
        _ => match document["textDocument"]["text"].as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(missing("textDocument")),
        },
    }
}

fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

fn relevance(query: &BTreeSet<String>, document: &BTreeSet<String>) -> f64 {
    query.intersection(document).count() as f64 / query.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relevance_is_the_share_of_the_querys_words() {
        assert_eq!(relevance(&words("red Stone"), &words("a stone")), 0.5);
        assert_eq!(relevance(&words(""), &words("a")), 0.0);
    }
}
