//! What a request costs: `llmRequestCosts` of routes, `globalLLMRequestCosts` of GatewayConfigs.

use super::{AI, GATEWAY};
use crate::document::Node;
use crate::front::Reading;
use crate::front::kube::object::{Objects, Reference};
use crate::limit::Measure;
use crate::origin::Diagnostic;

/// The annotation of a Gateway that names its GatewayConfig.
const CONFIG: &str = "aigateway.envoyproxy.io/gateway-config";

/// What the GatewayConfigs of the Gateways say is counted, for routes that say nothing of the key.
pub(super) fn common(
    gateways: &[(String, String)],
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) -> Vec<(String, Measure)> {
    let mut all = Vec::new();
    for (namespace, name) in gateways {
        let gateway = objects.find(Reference { kind: "Gateway", namespace, name }, &[GATEWAY]);
        let Some(named) = gateway.and_then(|gateway| gateway.annotation(CONFIG)) else { continue };
        let name = named.text().unwrap_or_default();
        let config = Reference { kind: "GatewayConfig", namespace, name };
        match objects.find(config, &[AI]) {
            Some(config) => all.extend(of(config.spec(), "globalLLMRequestCosts", reading)),
            None => {
                let what = format!("there is no GatewayConfig {namespace}/{name}");
                let told = Diagnostic::warning(named.origin(), what);
                reading.say(told.hint("add it to the files, if limits count what it names"));
            }
        }
    }
    all
}

/// What is counted, by key.
pub(super) fn of(spec: &Node, member: &str, reading: &mut Reading<'_>) -> Vec<(String, Measure)> {
    let mut costs = Vec::new();
    for node in reading.list(spec, member) {
        let Some(key) = reading.need_str(node, "metadataKey").map(str::to_owned) else { continue };
        let measure = match reading.need_str(node, "type") {
            Some("InputToken") => Measure::InputTokens,
            Some("OutputToken") => Measure::OutputTokens,
            Some("TotalToken") => Measure::TotalTokens,
            Some("CachedInputToken") => Measure::CachedInputTokens,
            Some("CacheCreationInputToken") => Measure::CacheWriteTokens,
            Some("ReasoningToken") => Measure::ReasoningTokens,
            Some("CEL") => match reading.need_str(node, "cel") {
                Some(expression) => Measure::Cel(expression.to_owned()),
                None => continue,
            },
            Some(other) => {
                let what = format!("`{other}` is nothing that is counted");
                reading.say(Diagnostic::error(node.origin(), what));
                continue;
            }
            None => continue,
        };
        costs.push((key, measure));
    }
    costs
}
