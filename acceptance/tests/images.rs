//! Pictures: every family, sizes, several at once, filters, faults.

use serde_json::{Value, json};

use crate::support::{CLAUDE, Options, Stack};

const PATH: &str = "/v1/images/generations";
const CANVAS: &str = "amazon.nova-canvas-v1:0";
const TITAN: &str = "amazon.titan-image-generator-v2:0";
const STABILITY: [&str; 3] = [
    "stability.sd3-5-large-v1:0",
    "stability.stable-image-core-v1:1",
    "stability.stable-image-ultra-v1:1",
];

fn pictures(answer: &Value) -> Vec<String> {
    let data = answer["data"].as_array().unwrap_or_else(|| panic!("{answer}"));
    data.iter().map(|item| item["b64_json"].as_str().unwrap().to_owned()).collect()
}

/// The base64 of a PNG that begins with this width and height.
fn has_size(picture: &str, size: &str) -> bool {
    // 24 bytes are 32 characters; the size is in the last 8 of them.
    let bytes: Vec<u32> = picture[..32].bytes().map(sextet).collect();
    let bits = |from: usize| {
        (from..from + 32)
            .fold(0_u64, |all, bit| all << 1 | u64::from(bytes[bit / 6] >> (5 - bit % 6) & 1))
    };
    format!("{}x{}", bits(128), bits(160)) == size
}

fn sextet(c: u8) -> u32 {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    u32::try_from(digits.iter().position(|d| *d == c).unwrap()).unwrap()
}

#[tokio::test]
async fn every_family_draws_in_the_size_that_is_asked_for() {
    let mut stack = Stack::start().await;
    let asked = [(CANVAS, "1280x720"), (CANVAS, "320x1280"), (TITAN, "768x1152")];
    for (model, size) in asked.into_iter().chain(STABILITY.map(|model| (model, "1024x1024"))) {
        let answer =
            stack.post(PATH, &json!({"model": model, "prompt": "a fox", "size": size})).await;
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        let answer = answer.json();
        assert!(answer["created"].as_u64().unwrap() > 1_700_000_000);
        let drawn = pictures(&answer);
        assert!(drawn.len() == 1 && has_size(&drawn[0], size), "{model} {size}");
        let receipt = stack.receipt().await;
        assert_eq!((receipt.attempts, receipt.outcome.as_str()), (1, "completed"));
    }
}

#[tokio::test]
async fn several_pictures_take_as_few_calls_as_the_model_allows() {
    let mut stack = Stack::start().await;
    for (model, calls) in [(CANVAS, 2), (TITAN, 2), (STABILITY[0], 7)] {
        let body = json!({"model": model, "prompt": "a fox", "n": 7, "seed": 100});
        let answer = stack.post("/openai/v1/images/generations", &body).await;
        assert!(answer.header("x-outcrop-loss").contains("seed"), "{model}");
        let drawn = pictures(&answer.json());
        assert_eq!(drawn.len(), 7, "{model}");
        let different: std::collections::BTreeSet<_> = drawn.iter().collect();
        assert_eq!(different.len(), 7, "{model}");
        assert_eq!(stack.receipt().await.attempts, calls, "{model}");
        let seedless = json!({"model": model, "prompt": "a fox", "n": 7});
        let seedless = pictures(&stack.post(PATH, &seedless).await.json());
        let different: std::collections::BTreeSet<_> = seedless.iter().collect();
        assert_eq!(different.len(), 7, "{model}: without a seed");
        stack.receipt().await;
        let again = stack.post(PATH, &body).await.json();
        assert_eq!(pictures(&again), drawn, "{model}: the same seeds");
        stack.receipt().await;
    }
}

#[tokio::test]
async fn what_the_filter_holds_back_is_an_error() {
    let stack = Stack::start().await;
    for model in [CANVAS, TITAN, STABILITY[0]] {
        for prompt in ["filter:prompt", "filter:output"] {
            let answer = stack.post(PATH, &json!({"model": model, "prompt": prompt})).await;
            assert_eq!(answer.status, 400, "{model} {prompt}: {}", answer.text());
            let code = answer.json()["error"]["code"].clone();
            assert_eq!(code, "content_policy_violation", "{model} {prompt}");
        }
    }
}

#[tokio::test]
async fn settings_reach_the_model() {
    let stack = Stack::start().await;
    let body = json!({"model": CANVAS, "prompt": "a fox", "quality": "hd", "negative_prompt": "hens", "output_format": "png", "user": "u"});
    let answer = stack.post(PATH, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.header("x-outcrop-loss").starts_with("dropped user"));
    let sent = stack.upstream_body();
    assert_eq!(sent["imageGenerationConfig"]["quality"], "premium");
    assert_eq!(sent["textToImageParams"]["negativeText"], "hens");
}

#[tokio::test]
async fn refusals_and_faults() {
    let mut stack = Stack::with(Options { attempts: 2, ..Options::default() }).await;
    for (body, place) in [
        (json!({"model": CANVAS, "prompt": "a", "response_format": "url"}), "b64_json"),
        (json!({"model": CANVAS, "prompt": "a", "size": "100x100"}), "size"),
        (json!({"model": CLAUDE, "prompt": "a"}), "/v1/chat/completions"),
        (json!({"model": CANVAS}), "prompt"),
    ] {
        let answer = stack.post(PATH, &body).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.text().contains(place), "{}", answer.text());
        stack.receipt().await;
    }
    let chat = json!({"model": CANVAS, "messages": [{"role": "user", "content": "x"}]});
    let answer = stack.post("/v1/chat/completions", &chat).await;
    assert!(answer.status == 400 && answer.text().contains(PATH), "{}", answer.text());
    stack.receipt().await;
    for (fault, times, status, attempts) in [
        ("error=ThrottlingException", 1, 200, 2),
        ("cut=100", 1, 200, 2),
        ("error=ServiceUnavailableException", 2, 503, 2),
        ("empty", 2, 502, 2),
    ] {
        stack.fault(fault, times);
        let answer = stack.post(PATH, &json!({"model": CANVAS, "prompt": "a"})).await;
        assert_eq!(answer.status, status, "{fault}: {}", answer.text());
        assert_eq!(stack.receipt().await.attempts, attempts, "{fault}");
    }
}
