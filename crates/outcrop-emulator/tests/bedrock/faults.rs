//! Every fault, asked for and observed.

use outcrop_emulator::{Exception, Fault};
use serde_json::json;

use crate::client::{Answer, Ask, HAIKU, SONNET, admin, emulator};
use crate::converse::hello;

async fn streamed(fault: &str) -> Answer {
    let emulator = emulator().await;
    Ask::post(HAIKU, "converse-stream", &hello()).fault(fault).send(&emulator).await
}

fn kinds(answer: &Answer) -> Vec<String> {
    answer.messages().iter().map(|message| message.kind().to_owned()).collect()
}

#[tokio::test]
async fn http_errors_have_their_modelled_form() {
    let emulator = emulator().await;
    let cases = [
        ("AccessDeniedException", 403),
        ("InternalServerException", 500),
        ("ModelErrorException", 424),
        ("ModelNotReadyException", 429),
        ("ModelTimeoutException", 408),
        ("ResourceNotFoundException", 404),
        ("ServiceQuotaExceededException", 400),
        ("ServiceUnavailableException", 503),
        ("ThrottlingException", 429),
        ("ValidationException", 400),
    ];
    for (name, status) in cases {
        let fault =
            format!("error={name};message=so%3B it is;retry-after=3;x-amz-retry-after=1500");
        let answer = Ask::post(HAIKU, "converse", &hello()).fault(&fault).send(&emulator).await;
        assert_eq!(answer.refusal(), (status, name.to_owned(), "so; it is".to_owned()));
        assert_eq!(answer.headers["retry-after"], "3");
        assert_eq!(answer.headers["x-amz-retry-after"], "1500");
    }
    let fault = "error=ModelErrorException;original-status=503";
    let answer = Ask::post(HAIKU, "converse", &hello()).fault(fault).send(&emulator).await;
    assert_eq!(answer.json()["originalStatusCode"], 503);
    let fault = "error=ThrottlingException;named-in=body";
    let answer = Ask::post(HAIKU, "converse", &hello()).fault(fault).send(&emulator).await;
    assert!(answer.headers.get("x-amzn-errortype").is_none());
    assert_eq!(answer.json()["__type"], "ThrottlingException");
    let fault = "error=ThrottlingException%3Ahttp://internal.example/coral/;status=429";
    let answer = Ask::post(HAIKU, "converse", &hello()).fault(fault).send(&emulator).await;
    assert_eq!(answer.refusal().1, "ThrottlingException:http://internal.example/coral/");
}

#[tokio::test]
async fn exceptions_and_errors_end_a_stream() {
    let answer = streamed("stream-error=ThrottlingException;after=2;message=slow down").await.ok();
    assert_eq!(kinds(&answer), ["messageStart", "contentBlockDelta", "throttlingException"]);
    let last = answer.messages().pop().unwrap();
    assert_eq!(last.header(":message-type"), "exception");
    assert_eq!(last.payload, json!({"message": "slow down"}).to_string());
    let answer = streamed("error-frame=InternalFailure;message=oh").await.ok();
    let first = answer.messages().pop().unwrap();
    assert_eq!(first.header(":message-type"), "error");
    assert_eq!(
        (first.header(":error-code"), first.header(":error-message")),
        ("InternalFailure", "oh")
    );
    assert!(first.payload.is_empty());
}

#[tokio::test]
async fn streams_end_early_cleanly_or_not() {
    let answer = streamed("end").await.ok();
    assert_eq!(kinds(&answer).last().unwrap(), "contentBlockStop");
    assert!(!answer.broken);
    let answer = streamed("end;after=1").await.ok();
    assert_eq!(kinds(&answer), ["messageStart"]);
    let answer = streamed("drop;after=2").await.ok();
    assert_eq!(kinds(&answer), ["messageStart", "contentBlockDelta"]);
    assert!(answer.broken);
    let answer = streamed("truncate=7;after=1").await.ok();
    assert_eq!(kinds(&answer), ["messageStart"]);
    let first = answer.messages()[0].clone();
    assert!(answer.body.len() > 7 && !answer.broken && first.crc_fits);
    let answer = streamed("cut=5").await.ok();
    assert_eq!(answer.body.len(), 5);
}

#[tokio::test]
async fn frames_can_be_wrong_or_unknown() {
    let answer = streamed("corrupt;after=1").await.ok();
    let fits: Vec<bool> = answer.messages().iter().map(|message| message.crc_fits).collect();
    assert!(fits[0] && !fits[1] && fits[2]);
    let answer = streamed("unknown-event;after=1").await.ok();
    assert_eq!(kinds(&answer)[1], "futureEvent");
    let answer = streamed("unknown-delta;after=2").await.ok();
    assert!(answer.events()[2].1["delta"]["futureDelta"].is_object());
    let answer = streamed("future-fields").await.ok();
    let events = answer.events();
    assert!(events.iter().all(|(_, payload)| payload["futureField"].is_object()));
    assert_eq!(events[1].1["delta"], json!({"text": "You"}), "a union keeps its one member");
    let answer = streamed("padding=off").await.ok();
    assert_eq!(answer.messages()[0].payload, json!({"role": "assistant"}).to_string());
}

#[tokio::test]
async fn faults_know_the_language_of_chunks() {
    let emulator = emulator().await;
    let body = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]});
    let ask = Ask::post(SONNET, "invoke-with-response-stream", &body);
    let chunks = ask.clone().fault("unknown-delta;after=2").send(&emulator).await.ok().chunks();
    assert_eq!(chunks[2]["delta"]["type"], "future_delta");
    let chunks = ask.clone().fault("end").send(&emulator).await.ok().chunks();
    assert_eq!(chunks.last().unwrap()["type"], "message_delta");
    let chunks = ask.fault("future-fields").send(&emulator).await.ok().chunks();
    assert!(chunks.iter().all(|chunk| chunk["futureField"].is_object()));
}

#[tokio::test]
async fn whole_answers_can_be_spoilt_too() {
    let emulator = emulator().await;
    let ask = Ask::post(HAIKU, "converse", &hello());
    let answer = ask.clone().fault("html=502").send(&emulator).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["content-type"]),
        (502, &"text/html".parse().unwrap())
    );
    let answer = ask.clone().fault("empty").send(&emulator).await.ok();
    assert!(answer.body.is_empty());
    let answer = ask.clone().fault("drop").send(&emulator).await;
    assert!(answer.broken);
    let answer = ask.clone().fault("future-fields").send(&emulator).await.ok().json();
    assert!(answer["usage"]["futureField"].is_object());
    let answer = ask.fault("skew=-600").send(&emulator).await.ok();
    let date = httpdate::parse_http_date(answer.headers["date"].to_str().unwrap()).unwrap();
    assert!(date.elapsed().unwrap().as_secs() >= 590);
}

#[tokio::test]
async fn waits_and_pieces_change_no_byte() {
    let plain = streamed("padding=off").await.ok();
    for fault in ["rechunk=1", "stall=1;after=3", "slow=1", "rechunk=7 | stall=1"] {
        let other = streamed(&format!("padding=off | {fault}")).await.ok();
        let strip = |answer: &Answer| {
            let mut events = answer.events();
            events.last_mut().unwrap().1["metrics"] = json!(null);
            events
        };
        assert_eq!(strip(&plain), strip(&other), "{fault}");
    }
}

#[tokio::test]
async fn injected_faults_hit_the_next_matching_requests() {
    let emulator = emulator().await;
    let injection = json!({"fault": "error=ThrottlingException", "times": 2, "operation": "Converse", "model": "haiku"});
    admin(&emulator, "POST", "faults", &injection).await.ok();
    let listed = admin(&emulator, "GET", "faults", &json!(null)).await.ok().json();
    assert_eq!(listed["faults"][0]["times"], 2);
    let ask = Ask::post(HAIKU, "converse", &hello());
    Ask::post(SONNET, "converse", &hello()).send(&emulator).await.ok();
    assert_eq!(ask.send(&emulator).await.status, 429);
    assert_eq!(ask.send(&emulator).await.status, 429);
    ask.send(&emulator).await.ok();
    emulator.inject(vec![Fault::error(Exception::ServiceUnavailable)], 1);
    assert_eq!(ask.send(&emulator).await.status, 503);
    emulator.inject(vec![Fault::Empty], 5);
    admin(&emulator, "DELETE", "faults", &json!(null)).await.ok();
    assert!(!ask.send(&emulator).await.ok().body.is_empty());
    let requests = admin(&emulator, "GET", "requests", &json!(null)).await.ok().json();
    let statuses: Vec<u64> = requests["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [200, 429, 429, 200, 503, 200]);
    let refused = admin(&emulator, "POST", "faults", &json!({"fault": "x"})).await;
    assert_eq!(refused.status, 400);
}
