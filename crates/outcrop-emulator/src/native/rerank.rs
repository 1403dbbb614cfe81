//! Bodies of rerank models. A document's score is the share of the query's words that it holds, weighed a
//! little by how much else it says; equal scores keep the order of the documents.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::reader::{Node, Parsed, Voice};
use crate::tokens;

const MOST_DOCUMENTS: usize = 1000;

/// Answers a body of a rerank family with the tokens it cost; `None` for any other family. The error is
/// the message of the `ValidationException`.
pub(crate) fn answer(family: &str, body: &Value) -> Option<Parsed<(Value, u64)>> {
    let root = Node::root(body, Voice::Schema);
    match family {
        "cohere-rerank" => Some(versioned(&root).and_then(|()| ranked(&root))),
        "amazon-rerank" => {
            Some(root.only(&["documents", "query", "top_n"]).and_then(|()| ranked(&root)))
        }
        _ => None,
    }
}

fn versioned(root: &Node<'_>) -> Parsed<()> {
    root.need("api_version")?.at_least(2)?;
    root.only(&["api_version", "documents", "query", "top_n"])
}

fn ranked(root: &Node<'_>) -> Parsed<(Value, u64)> {
    let query = filled(&root.need("query")?)?;
    let list = root.need("documents")?;
    let documents = list.items()?.iter().map(filled).collect::<Parsed<Vec<_>>>()?;
    match documents.len() {
        0 => return Err(list.fail("expected minItems: 1, actual: 0")),
        many if many > MOST_DOCUMENTS => {
            return Err(list.fail(&format!("expected maxItems: {MOST_DOCUMENTS}, actual: {many}")));
        }
        _ => {}
    }
    let most = match root.get("top_n") {
        None => documents.len(),
        Some(top_n) => usize::try_from(top_n.at_least(1)?).unwrap_or(usize::MAX),
    };
    if most > documents.len() {
        return Err(root.fail("top_n must not be greater than the number of documents"));
    }
    let wanted = words(query);
    let mut scores: Vec<(usize, f64)> =
        documents.iter().map(|text| score(&wanted, text)).enumerate().collect();
    scores.sort_by(|a, b| b.1.total_cmp(&a.1));
    let result = |(index, score): &(usize, f64)| json!({"index": index, "relevance_score": score});
    let results: Vec<Value> = scores.iter().take(most).map(result).collect();
    let cost = documents.iter().map(|text| tokens::count(text)).sum::<u64>() + tokens::count(query);
    Ok((json!({"results": results}), cost))
}

fn filled<'a>(node: &Node<'a>) -> Parsed<&'a str> {
    match node.text()? {
        "" => Err(node.fail("expected minLength: 1, actual: 0")),
        text => Ok(text),
    }
}

fn words(text: &str) -> HashSet<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// From 0 to 1, in millionths.
fn score(wanted: &HashSet<String>, document: &str) -> f64 {
    let said = words(document);
    let shared = wanted.intersection(&said).count() as f64;
    let share = shared / wanted.len().max(1) as f64;
    let focus = shared / said.len().max(1) as f64;
    ((0.9 * share + 0.1 * focus) * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(family: &str, body: Value) -> Parsed<(Value, u64)> {
        answer(family, &body).unwrap()
    }

    #[test]
    fn shared_words_come_first() {
        let documents = ["taxes are due", "the red fox sleeps", "a fox"];
        let body = json!({"query": "Red fox?", "documents": documents, "top_n": 2});
        let (answer, cost) = ask("amazon-rerank", body).unwrap();
        let order: Vec<u64> = answer["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["index"].as_u64().unwrap())
            .collect();
        assert_eq!(order, [1, 2]);
        assert!(cost > 5);
    }

    #[test]
    fn bodies_are_read_strictly() {
        for (family, body, place) in [
            (
                "cohere-rerank",
                json!({"query": "a", "documents": ["b"]}),
                "required key [api_version]",
            ),
            (
                "amazon-rerank",
                json!({"query": "a", "documents": ["b"], "api_version": 2}),
                "extraneous key",
            ),
            ("amazon-rerank", json!({"query": "", "documents": ["b"]}), "#/query"),
            ("amazon-rerank", json!({"query": "a", "documents": []}), "minItems"),
            ("amazon-rerank", json!({"query": "a", "documents": ["b"], "top_n": 2}), "top_n"),
            ("amazon-rerank", json!({"query": "a", "documents": [{"text": "b"}]}), "#/documents/0"),
        ] {
            let refusal = ask(family, body.clone()).unwrap_err();
            assert!(refusal.contains(place), "{family} {body}: {refusal}");
        }
        assert!(answer("nova", &json!({})).is_none());
    }
}
