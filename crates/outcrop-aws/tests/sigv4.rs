//! Our signatures are botocore's, header for header, over committed vectors
//! (`tests/data/generate_sigv4.py` writes them).

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use outcrop_aws::sign::{Signable, signature};
use outcrop_aws::{Credentials, Endpoint, Region};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    access_key_id: String,
    secret_access_key: String,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    method: String,
    base_url: String,
    path_and_query: String,
    headers: BTreeMap<String, String>,
    body: Body,
    session_token: Option<String>,
    region: String,
    time: u64,
    expected: BTreeMap<String, String>,
}

/// A body, or the rule that makes one which is too large to be committed.
#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Text(String),
    Rule { repeat: String, times: usize },
}

impl Body {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Rule { repeat, times } => repeat.repeat(*times),
        }
    }
}

#[test]
fn signatures_equal_those_of_botocore() {
    let golden: Golden = serde_json::from_str(include_str!("data/sigv4_botocore.json")).unwrap();
    assert!(golden.vectors.len() >= 22);
    for vector in &golden.vectors {
        let signed = sign(&golden, vector);
        assert_eq!(signed, vector.expected, "{}", vector.name);
    }
}

fn sign(golden: &Golden, vector: &Vector) -> BTreeMap<String, String> {
    let token = vector.session_token.as_deref();
    let credentials =
        Credentials::keys(&golden.access_key_id, &golden.secret_access_key, token).unwrap();
    let Credentials::Keys(keys) = credentials else { panic!("not keys") };
    let endpoint = Endpoint::parse(&vector.base_url, "test").unwrap();
    let target = endpoint.target(&vector.path_and_query).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in &vector.headers {
        headers.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    // Free headers must make no difference.
    headers.insert("accept", HeaderValue::from_static("*/*"));
    headers.insert("user-agent", HeaderValue::from_static("x"));
    let body = vector.body.text();
    let request = Signable {
        service: "bedrock",
        method: &vector.method.parse::<Method>().unwrap(),
        path_and_query: target.path_and_query().unwrap().as_str(),
        host: endpoint.host(),
        headers: &headers,
        body: body.as_bytes(),
    };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(vector.time);
    let region = Region::new(&vector.region, "test").unwrap();
    let added = signature(&request, &keys, &region, now).unwrap();
    added
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect()
}

#[test]
fn one_changed_byte_changes_the_signature() {
    let golden: Golden = serde_json::from_str(include_str!("data/sigv4_botocore.json")).unwrap();
    let first = |edit: fn(&mut Vector)| {
        let mut vector = serde_json::from_str::<Golden>(include_str!("data/sigv4_botocore.json"))
            .unwrap()
            .vectors
            .remove(0);
        edit(&mut vector);
        sign(&golden, &vector).remove("authorization").unwrap()
    };
    let signatures = [
        first(|_| {}),
        first(|v| v.body = Body::Text(v.body.text() + " ")),
        first(|v| v.path_and_query.push('x')),
        first(|v| v.path_and_query.push_str("?a=b")),
        first(|v| v.method = "PUT".into()),
        first(|v| v.base_url = "https://other.example".into()),
        first(|v| v.region = "us-east-2".into()),
        first(|v| v.time += 1),
        first(|v| v.session_token = Some("t".into())),
        first(|v| drop(v.headers.insert("x-amz-extra".into(), "1".into()))),
    ];
    let different: std::collections::BTreeSet<_> = signatures.iter().collect();
    assert_eq!(different.len(), signatures.len());
}
