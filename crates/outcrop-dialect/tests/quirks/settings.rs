//! A.7: parameters, tiers, metadata.

use serde_json::{Value, json};

use crate::sent::*;

const FIELDS: &str = "/additionalModelRequestFields";

#[test]
fn quirk_75_sampling_is_what_the_model_takes() {
    let both = json!({"temperature": 0.5, "top_p": 0.5});
    let one = openai(SONNET_4_5, both.clone());
    assert!(one.has("/temperature") && !one.has("/top_p") && one.losses.contains("dropped top_p"));
    for ask in [openai, anthropic] {
        let none = ask(OPUS_4_8, both.clone());
        assert!(!none.has("/temperature") && !none.has("/top_p"));
        assert!(
            none.losses.contains("dropped temperature") && none.losses.contains("dropped top_p")
        );
    }
    let gpt = openai(GPT, both);
    assert!(!gpt.has("/inferenceConfig/temperature") && gpt.losses.contains("dropped temperature"));
    let relayed = anthropic(SONNET_4_5, json!({"temperature": 0.5, "top_p": 0.5}));
    assert!(relayed.has("/temperature") && !relayed.has("/top_p"));
}

#[test]
fn quirk_76_top_k_stands_where_the_family_looks_for_it() {
    let sent = |model| openai(model, json!({"top_k": 5}));
    assert_eq!(sent(SONNET_4_5).at("/top_k"), 5);
    assert_eq!(sent(NOVA).at(FIELDS), json!({"inferenceConfig": {"topK": 5}}));
    let llama = sent(LLAMA);
    assert!(!llama.has(FIELDS) && llama.losses.contains("dropped top_k"));
}

#[test]
fn quirk_77_stop_sequences_are_a_list_without_empty_ones() {
    let stop = "/inferenceConfig/stopSequences";
    assert_eq!(openai(NOVA, json!({"stop": "x"})).at(stop), json!(["x"]));
    assert_eq!(openai(NOVA, json!({"stop": ["", "x"]})).at(stop), json!(["x"]));
    for model in [GPT, GROK] {
        let sent = openai(model, json!({"stop": "x"}));
        assert!(!sent.has(stop) && sent.losses.contains("dropped stop"), "{model}");
    }
}

#[test]
fn quirk_78_what_the_model_refuses_is_not_sent() {
    let sent = openai(GPT_OSS, json!({"logit_bias": {"1": 2}}));
    assert!(!sent.has(FIELDS) && sent.losses.contains("dropped logit_bias"));
    let sent = openai(GROK, json!({"frequency_penalty": 1, "reasoning_effort": "none"}));
    assert!(!sent.has(FIELDS) && sent.losses.contains("dropped frequency_penalty"));
    let fault = try_openai(GPT, json!({"n": 2})).err().unwrap();
    assert_eq!(fault.param.as_deref(), Some("n"));
}

#[test]
fn quirk_80_tiers_are_bedrocks() {
    let tier = |word: &str| openai(NOVA, json!({"service_tier": word}));
    for word in ["flex", "priority", "reserved"] {
        assert_eq!(tier(word).at("/serviceTier"), json!({"type": word}));
    }
    for word in ["auto", "default"] {
        assert!(!tier(word).has("/serviceTier") && tier(word).losses.is_empty());
    }
    assert!(tier("scale").losses.contains("dropped service_tier"));
    let claude = openai(SONNET_4_5, json!({"service_tier": "flex"}));
    assert_eq!(claude.headers, [("x-amzn-bedrock-service-tier", "flex".to_owned())]);
}

#[test]
fn quirk_82_metadata_keeps_bedrocks_limits() {
    let long = "v".repeat(257);
    let sent = openai(NOVA, json!({"metadata": {"team": "a b", "bad": "ü", "long": long}}));
    assert_eq!(sent.at("/requestMetadata"), json!({"team": "a b"}));
    for key in ["metadata.bad", "metadata.long"] {
        assert!(sent.losses.contains(&format!("dropped {key}")), "{}", sent.losses);
    }
    let many: serde_json::Map<String, Value> =
        (0..17).map(|i| (format!("k{i}"), json!("v"))).collect();
    assert!(openai(NOVA, json!({"metadata": many})).losses.contains("dropped metadata"));
    let claude = openai(SONNET_4_5, json!({"metadata": {"team": "a"}}));
    let (name, value) = &claude.headers[0];
    assert_eq!((*name, &**value), ("x-amzn-bedrock-request-metadata", r#"{"team":"a"}"#));
    // The most that fits the limits above is below the header's own limit of 8500 characters.
    assert!(16 * (256 + 256 + r#""":"","#.len()) + 2 <= 8500);
}

#[test]
fn quirk_84_unknown_parameters_are_reported_not_passed_on() {
    for model in [NOVA, SONNET_4_5] {
        let sent = openai(model, json!({"frobnicate": 1}));
        assert!(!sent.body.to_string().contains("frobnicate"));
        assert!(sent.losses.contains("dropped frobnicate"));
    }
}

#[test]
fn quirk_81_a_guardrail_is_never_left_out_in_silence() {
    for key in ["guardrailConfig", "guardrail_config"] {
        let asked = json!({key: {"guardrailIdentifier": "g", "guardrailVersion": "1"}});
        for model in [NOVA, SONNET_4_5] {
            let fault = try_openai(model, asked.clone()).err().unwrap();
            assert_eq!(fault.param.as_deref(), Some(key), "{model}");
        }
    }
}

#[test]
fn quirk_81_the_latency_mode_goes_where_the_carrier_has_it() {
    let config = |word: &str| json!({"performanceConfig": {"latency": word}});
    assert_eq!(openai(NOVA, config("optimized")).at("/performanceConfig/latency"), "optimized");
    assert!(!openai(NOVA, config("standard")).has("/performanceConfig"));
    let claude = openai(SONNET_4_5, config("optimized"));
    let (name, value) = &claude.headers[0];
    assert_eq!((*name, &**value), ("x-amzn-bedrock-performanceconfig-latency", "optimized"));
    for model in [GPT_OSS, GPT] {
        let sent = relayed(model, config("optimized"));
        assert!(!sent.has("/performanceConfig"), "{model}: {}", sent.body);
        assert!(sent.losses.contains("dropped performanceConfig.latency"), "{}", sent.losses);
    }
    let fault = try_openai(NOVA, config("fast")).err().unwrap();
    assert_eq!(fault.param.as_deref(), Some("performanceConfig.latency"));
}

#[test]
fn quirk_79_openais_own_route_is_told_the_limit_by_its_new_name() {
    for model in [GPT_OSS, GPT] {
        let sent = relayed(model, json!({"max_tokens": 99}));
        assert_eq!(sent.at("/max_completion_tokens"), 99, "{model}: {}", sent.body);
        assert!(!sent.has("/max_tokens"), "{}", sent.body);
    }
}
