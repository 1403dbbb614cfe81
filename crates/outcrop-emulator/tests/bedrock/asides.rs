//! What Bedrock does beside inference: guardrails, asynchronous invocations, reranking.

use serde_json::{Value, json};

use crate::client::{Ask, emulator};

fn post(path: &str, body: &Value) -> Ask {
    let mut ask = Ask::new("POST", path);
    ask.body = body.to_string().into_bytes();
    ask
}

fn apply(text: &str, more: &Value) -> Ask {
    let mut body = json!({"source": "INPUT", "content": [{"text": {"text": text}}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    post("/guardrail/wordfilter/version/DRAFT/apply", &body)
}

#[tokio::test]
async fn the_guardrail_blocks_its_words() {
    let emulator = emulator().await;
    let calm = apply("all is well", &json!({})).send(&emulator).await.ok().json();
    assert_eq!((&calm["action"], &calm["assessments"]), (&json!("NONE"), &json!([])));
    let found = apply("a Forbidden thing", &json!({})).send(&emulator).await.ok().json();
    assert_eq!(found["action"], "GUARDRAIL_INTERVENED");
    assert_eq!(found["usage"]["wordPolicyUnits"], 1);
    let word = json!({"match": "forbidden", "action": "BLOCKED", "detected": true});
    assert_eq!(found["assessments"][0]["wordPolicy"]["customWords"], json!([word]));
    let full = apply("x", &json!({"outputScope": "FULL"})).send(&emulator).await.ok().json();
    assert_eq!(full["assessments"][0]["wordPolicy"]["customWords"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn guardrails_that_are_not_there_and_requests_that_break_rules_are_refused() {
    let emulator = emulator().await;
    let body = json!({"source": "INPUT", "content": []});
    for path in ["/guardrail/other/version/1/apply", "/guardrail/wordfilter/version/2/apply"] {
        let answer = post(path, &body).send(&emulator).await;
        assert_eq!(answer.refusal().1, "ResourceNotFoundException", "{path}");
    }
    for (path, body) in [
        ("/guardrail/wordfilter/version/first/apply", body.clone()),
        ("/guardrail/wordfilter/version/1/apply", json!({"source": "BOTH", "content": []})),
        ("/guardrail-checks/invoke", json!({"messages": [], "checks": {}})),
        ("/async-invoke", json!({"modelId": "amazon.nova-reel-v1:1", "modelInput": {}})),
        ("/rerank", json!({"queries": [], "sources": []})),
    ] {
        let answer = post(path, &body).send(&emulator).await;
        assert_eq!(answer.refusal().1, "ValidationException", "{path} {body}");
    }
}

#[tokio::test]
async fn checks_need_no_guardrail() {
    let emulator = emulator().await;
    let body = json!({
        "messages": [{"role": "user", "content": [{"text": "mail me@here.ch about violence"}]}],
        "checks": {
            "contentFilter": {"categories": [{"category": "VIOLENCE"}, {"category": "HATE"}]},
            "promptAttack": {"categories": [{"category": "JAILBREAK"}]},
            "sensitiveInformation": {"entities": [{"type": "EMAIL"}]},
        },
    });
    let answer = post("/guardrail-checks/invoke", &body).send(&emulator).await.ok().json();
    let results = &answer["results"];
    let scored = |category: &str, score: f64| json!({"category": category, "severityScore": score});
    assert_eq!(
        results["contentFilter"]["results"],
        json!([scored("VIOLENCE", 1.0), scored("HATE", 0.0)])
    );
    assert_eq!(results["promptAttack"]["results"], json!([scored("JAILBREAK", 0.0)]));
    let found = &results["sensitiveInformation"]["results"][0];
    assert_eq!((&found["beginOffset"], &found["endOffset"]), (&json!(5), &json!(15)));
    assert_eq!(answer["usage"]["contentFilter"]["textUnits"], 1);
}

fn job(token: &str, text: &str) -> Ask {
    let output = json!({"s3OutputDataConfig": {"s3Uri": "s3://bucket/out"}});
    post(
        "/async-invoke",
        &json!({"modelId": "amazon.nova-reel-v1:1", "modelInput": {"text": text},
            "outputDataConfig": output, "clientRequestToken": token}),
    )
}

#[tokio::test]
async fn a_job_is_started_once_and_completes_when_looked_at() {
    let emulator = emulator().await;
    let started = job("t1", "a").send(&emulator).await.ok().json();
    let arn = started["invocationArn"].as_str().unwrap().to_owned();
    assert_eq!(job("t1", "a").send(&emulator).await.ok().json(), started);
    assert_eq!(job("t1", "b").send(&emulator).await.refusal().1, "ConflictException");
    job("t2", "a").send(&emulator).await.ok();
    let path = format!("/async-invoke/{}", arn.replace(':', "%3A").replace('/', "%2F"));
    for status in ["InProgress", "Completed", "Completed"] {
        let seen = Ask::get(&path, "").send(&emulator).await.ok().json();
        assert_eq!((&seen["status"], &seen["invocationArn"]), (&json!(status), &json!(arn)));
        assert_eq!(seen["endTime"].is_string(), status == "Completed");
    }
    for (query, count) in [
        ("", 2),
        ("statusEquals=Completed", 1),
        ("maxResults=1", 1),
        ("maxResults=1&nextToken=1", 1),
        ("submitTimeAfter=2999-01-01T00%3A00%3A00Z", 0),
    ] {
        let list = Ask::get("/async-invoke", query).send(&emulator).await.ok().json();
        assert_eq!(list["asyncInvokeSummaries"].as_array().unwrap().len(), count, "{query}");
        assert_eq!(list["nextToken"].is_string(), query == "maxResults=1", "{query}");
    }
    let none = format!("{}000000000000", path.split_at(path.len() - 12).0);
    let answer = Ask::get(&none, "").send(&emulator).await;
    assert_eq!(answer.refusal().1, "ResourceNotFoundException");
    let chat = json!({"modelId": "amazon.nova-micro-v1:0", "modelInput": {},
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://bucket/out"}}});
    let answer = post("/async-invoke", &chat).send(&emulator).await;
    assert_eq!(answer.refusal().1, "ValidationException");
}

#[tokio::test]
async fn documents_are_ranked_by_shared_words() {
    let emulator = emulator().await;
    let text = |text: &str| json!({"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}}});
    let json_source = json!({"type": "INLINE", "inlineDocumentSource": {"type": "JSON", "jsonDocument": {"title": "red stone"}}});
    let ask = |arn: &str, most: u64| {
        json!({
            "queries": [{"type": "TEXT", "textQuery": {"text": "a red stone"}}],
            "sources": [text("blue sky"), text("a stone"), json_source, text("a red stone")],
            "rerankingConfiguration": {"type": "BEDROCK_RERANKING_MODEL", "bedrockRerankingConfiguration": {
                "modelConfiguration": {"modelArn": arn}, "numberOfResults": most}},
        })
    };
    let arn = "arn:aws:bedrock:us-east-1::foundation-model/cohere.rerank-v3-5:0";
    let answer = post("/rerank", &ask(arn, 3)).send(&emulator).await.ok().json();
    let order: Vec<u64> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["index"].as_u64().unwrap())
        .collect();
    assert_eq!(order, [3, 1, 2]);
    assert_eq!(answer["results"][0]["relevanceScore"], 1.0);
    let other = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0";
    let answer = post("/rerank", &ask(other, 1)).send(&emulator).await;
    assert_eq!(answer.refusal().1, "ResourceNotFoundException");
}
