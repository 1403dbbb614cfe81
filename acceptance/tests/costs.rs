//! What requests cost: in receipts, in the header when it is asked for, in the list of models.

use outcrop_config::{Config, Target};
use outcrop_emulator::{Emulator, Fault};
use outcrop_model::{Fidelity, Prices, Receipt};
use serde_json::{Value, json};

use crate::support::{CLAUDE, EXAMPLE_SECRET, NOVA, Options, Stack, backend, chat, route};

const NOVA_PRO: &str = "amazon.nova-pro-v1:0";
const TITAN: &str = "amazon.titan-embed-text-v2:0";

/// Dollars, for so many tokens at so many pico-dollars.
fn dollars(counted: &[(u64, u64)]) -> String {
    let pico: u64 = counted.iter().map(|(count, price)| count * price).sum();
    let text = format!("{}.{:012}", pico / 1_000_000_000_000, pico % 1_000_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn cost(receipt: &Receipt) -> Option<String> {
    receipt.cost.map(|cost| cost.to_string())
}

/// What input and output of a receipt cost at these prices.
fn expected(receipt: &Receipt, input: u64, output: u64) -> Option<String> {
    let usage = receipt.usage.unwrap();
    assert!(usage.input > 0 && usage.output > 0);
    Some(dollars(&[(usage.input, input), (usage.output, output)]))
}

async fn telling() -> Stack {
    Stack::with(Options { cost_header: true, ..Options::default() }).await
}

#[tokio::test]
async fn whole_answers_tell_their_cost_and_streams_leave_it_to_the_receipt() {
    let mut stack = telling().await;
    for (dialect, model, input, output) in [
        ("openai", NOVA, 60_000, 240_000),
        ("anthropic", NOVA, 60_000, 240_000),
        ("openai", CLAUDE, 3_300_000, 16_500_000),
        ("anthropic", CLAUDE, 3_300_000, 16_500_000),
        ("converse", NOVA, 60_000, 240_000),
    ] {
        for stream in [false, true] {
            let (path, body) = chat(dialect, model, "say:hello there", stream);
            let answer = stack.post(&path, &body).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let receipt = stack.receipt().await;
            let expected = expected(&receipt, input, output);
            assert_eq!(cost(&receipt), expected, "{dialect} {model} {stream}");
            let told = answer.headers.get("x-outcrop-cost").map(|v| v.to_str().unwrap().to_owned());
            assert_eq!(told, expected.filter(|_| !stream), "{dialect} {model} {stream}");
        }
    }
}

#[tokio::test]
async fn the_header_is_there_only_where_the_operator_wants_it_and_the_cost_is_known() {
    let mut stack = Stack::start().await;
    let (path, body) = chat("openai", NOVA, "say:hello", false);
    assert_eq!(stack.post(&path, &body).await.header("x-outcrop-cost"), "");
    assert!(stack.receipt().await.cost.is_some());

    let unknown = Options { prices: Prices::default(), cost_header: true, ..Options::default() };
    let mut stack = Stack::with(unknown).await;
    let (path, body) = chat("openai", NOVA, "say:hello", false);
    let answer = stack.post(&path, &body).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-outcrop-cost")), (200, ""));
    let receipt = stack.receipt().await;
    assert!(receipt.usage.is_some() && receipt.cost.is_none());

    let mut stack = telling().await;
    stack.fault("error=ThrottlingException", 1);
    assert_eq!(stack.post(&path, &body).await.header("x-outcrop-cost"), "");
    assert_eq!(stack.receipt().await.cost, None, "a failure has no cost that is known");
}

#[tokio::test]
async fn the_tier_decides_the_price() {
    let mut stack = Stack::start().await;
    for (word, tier, prices) in [
        ("flex", "flex", Some((400_000, 1_600_000))),
        ("priority", "priority", Some((1_400_000, 5_600_000))),
        ("default", "standard", Some((800_000, 3_200_000))),
    ] {
        for stream in [false, true] {
            let (path, mut body) = chat("openai", NOVA_PRO, "say:hello", stream);
            body["service_tier"] = word.into();
            stack.post(&path, &body).await;
            let receipt = stack.receipt().await;
            let told = receipt.tier.map_or("standard", |tier| tier.as_str());
            assert_eq!(told, tier, "{word} {stream}");
            let expected = prices.and_then(|(input, output)| expected(&receipt, input, output));
            assert_eq!(cost(&receipt), expected, "{word} {stream}");
        }
    }
    // Optimised latency has prices that nobody lists.
    let optimised = json!({
        "messages": [{"role": "user", "content": [{"text": "say:hello"}]}],
        "performanceConfig": {"latency": "optimized"},
    });
    for verb in ["converse", "converse-stream"] {
        let path = format!("/model/{}/{verb}", NOVA_PRO.replace(':', "%3A"));
        stack.post(&path, &optimised).await;
        let receipt = stack.receipt().await;
        assert_eq!((receipt.usage.is_some(), receipt.cost), (true, None), "{verb}");
    }
    for (model, stream) in [(NOVA_PRO, false), (NOVA_PRO, true), (CLAUDE, false), (CLAUDE, true)] {
        let (path, mut body) = chat("openai", model, "say:hello", stream);
        body["performanceConfig"] = json!({"latency": "optimized"});
        stack.post(&path, &body).await;
        let receipt = stack.receipt().await;
        assert_eq!((receipt.usage.is_some(), receipt.cost), (true, None), "{model} {stream}");
    }
    // InvokeModel tells it in a header; this model has no price for it.
    let (path, mut body) = chat("openai", CLAUDE, "say:hello", false);
    body["service_tier"] = "flex".into();
    stack.post(&path, &body).await;
    let receipt = stack.receipt().await;
    assert_eq!((receipt.tier.map(|tier| tier.as_str()), receipt.cost), (Some("flex"), None));
}

#[tokio::test]
async fn what_is_no_chat_costs_by_token_picture_or_query() {
    let mut stack = telling().await;
    let body = json!({"model": TITAN, "input": ["a red fox", "a blue fox"]});
    let answer = stack.post("/v1/embeddings", &body).await;
    let receipt = stack.receipt().await;
    let tokens = receipt.usage.unwrap().input;
    assert_eq!(answer.header("x-outcrop-cost"), dollars(&[(tokens, 20_000)]));

    for (size, quality, price) in [
        (None, None, "0.08"),
        (Some("1024x1024"), Some("hd"), "0.12"),
        (Some("2048x1024"), None, "0.12"),
    ] {
        let body = json!({
            "model": "amazon.nova-canvas-v1:0", "prompt": "a fox", "n": 2,
            "size": size, "quality": quality,
        });
        let answer = stack.post("/v1/images/generations", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-outcrop-cost"), price, "{size:?} {quality:?}");
        assert_eq!(cost(&stack.receipt().await).as_deref(), Some(price));
    }

    for (documents, price) in [(100, "0.002"), (101, "0.004")] {
        let documents = vec!["a fox"; documents];
        let body = json!({"model": "cohere.rerank-v3-5:0", "query": "fox", "documents": documents});
        let answer = stack.post("/v1/rerank", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-outcrop-cost"), price);
        stack.receipt().await;
    }
}

/// In strict mode an answer without the form that the caller set is paid for in vain.
#[tokio::test]
async fn what_was_paid_in_vain_is_not_all_that_an_answer_without_a_price_cost() {
    const PRICED: &str = "anthropic.claude-haiku-4-5-20251001-v1:0";
    let second = Emulator::bind("127.0.0.1:0", outcrop_emulator::Config::default()).await.unwrap();
    let list = format!(
        "[[price]]\nids = [\"{PRICED}\"]\nsource = \"x\"\nchecked = \"2026-11-26\"\nrates = [{{ input = \"1\", output = \"2\" }}]\n"
    );
    let prices = Prices::default().with(&list).unwrap();
    let options =
        Options { prices, fidelity: Fidelity::Strict, cost_header: true, ..Options::default() };
    let first = Target { model: Some(format!("us.{PRICED}")), ..Target::new("bedrock") };
    let later = Target { model: Some(CLAUDE.to_owned()), priority: 1, ..Target::new("second") };
    let config = Config {
        backends: [("second".to_owned(), backend(&second, EXAMPLE_SECRET))].into(),
        routes: vec![route("all", vec![first, later])],
        ..Config::default()
    };
    let mut stack = Stack::routing(options, config).await;
    stack.emulator.set_engine("lorem;tokens=9".parse().unwrap());
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}},
        "required": ["a"], "additionalProperties": false});
    let format = json!({"name": "x", "strict": true, "schema": schema});
    let (path, mut body) = chat("openai", "any", "hi", false);
    body["response_format"] = json!({"type": "json_schema", "json_schema": format});
    let answer = stack.post(&path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-outcrop-cost"), "");
    let receipt = stack.receipt().await;
    assert_eq!((receipt.failed_over.len(), receipt.usage.is_some()), (1, true), "{receipt:?}");
    assert_eq!(receipt.cost, None);
    let metrics = stack.metrics.text(stack.readiness.gateway());
    assert!(metrics.contains("outcrop_unpriced_requests_total{"), "{metrics}");
}

#[tokio::test]
async fn the_operators_prices_count() {
    let list = format!(
        "[[price]]\nids = [\"{NOVA}\"]\nsource = \"contract\"\nchecked = \"2026-11-26\"\nrates = [{{ input = \"1\", output = \"2\" }}]\n"
    );
    let prices = Prices::built_in().with(&list).unwrap();
    let mut stack = Stack::with(Options { prices, ..Options::default() }).await;
    let (path, body) = chat("openai", NOVA, "say:hello", false);
    stack.post(&path, &body).await;
    let receipt = stack.receipt().await;
    assert_eq!(cost(&receipt), expected(&receipt, 1_000_000, 2_000_000));
    let listed = stack.get(&format!("/v1/models/{NOVA}")).await.json();
    let rates = json!([{"tier": "standard", "input": "1", "output": "2"}]);
    assert_eq!(listed["prices"]["rates"], rates);
}

#[tokio::test]
async fn every_listed_model_has_prices() {
    let stack = Stack::start().await;
    let list = stack.get("/v1/models").await.json();
    for model in list["data"].as_array().unwrap() {
        let rates = model["prices"]["rates"].as_array().unwrap();
        assert!(!rates.is_empty(), "{}", model["id"]);
        let is_price =
            |value: &Value| value.as_str().is_some_and(|text| text.parse::<f64>().is_ok());
        let unit = ["input", "image", "query"].iter().find(|unit| is_price(&rates[0][**unit]));
        assert!(unit.is_some(), "{}", model["id"]);
    }
}

/// What was answered before a refusal taught which id to call is charged too, also where the request ends well.
#[tokio::test]
async fn a_list_that_is_asked_for_anew_costs_what_was_answered_before() {
    let list = "[[price]]\nids = [\"cohere.embed-v4:0\"]\nsource = \"x\"\nchecked = \"2026-11-26\"\nrates = [{ input = \"1\" }]\n";
    let prices = Prices::default().with(list).unwrap();
    let mut stack = Stack::with(Options { prices, cost_header: true, ..Options::default() }).await;
    let body = |calls: usize| {
        let input = vec!["a red fox"; calls * 96];
        json!({"model": "cohere.embed-v4:0", "input": input, "dimensions": 256})
    };
    let words = "with%20on-demand%20throughput%20is%20not%20supported";
    let refusal = format!("error=ValidationException;message={words}");
    stack.emulator.inject_each(10, Fault::parse_list(&refusal).unwrap());
    stack.post("/v1/embeddings", &body(1)).await;
    let a_call = stack.receipt().await.usage.unwrap().input;
    // Eight run at once. The ninth is refused, which is sent when another was answered.
    let answer = stack.post("/v1/embeddings", &body(9)).await;
    assert_eq!(answer.header("x-outcrop-model"), "us.cohere.embed-v4:0", "{}", answer.text());
    let receipt = stack.receipt().await;
    let usage = receipt.usage.unwrap().input;
    assert_eq!((receipt.attempts, usage % a_call), (18, 0));
    assert!((10..=17).contains(&(usage / a_call)), "{usage} with {a_call} a call");
    let expected = dollars(&[(usage, 1_000_000)]);
    assert_eq!(cost(&receipt).as_deref(), Some(&*expected));
    assert_eq!(answer.header("x-outcrop-cost"), expected);
}
