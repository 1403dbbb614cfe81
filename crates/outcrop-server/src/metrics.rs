//! What the operator counts by, in OpenMetrics' text.
//!
//! 1. Of a request, its receipt is read and nothing else; each counts once.
//! 2. Labels are bounded: words of the gateway's own, names out of the configuration, models of the price
//!    list. What a client wrote is no label, and what is secret neither.
//! 3. States (in flight, health, generation) are read when they are asked for.
//!
//! Names are those of OpenTelemetry's conventions for generative AI where these fit (checked 2026-11-26).

mod labels;
mod names;
mod state;

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use outcrop_core::Gateway;
use outcrop_core::limit::Alert;
use outcrop_model::{Outcome, PicoUsd, Receipt, Usage};
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};

use self::labels::{
    AlertLabels, CallLabels, DialectLabels, FailoverLabels, LimitLabels, ModelLabels,
    OutcomeLabels, PROVIDER, RequestLabels, RouteLabels, TokenLabels, UsageLabels,
};
use self::names::{Names, genai_operation, model_label};

/// The content type of what [`Metrics::text`] gives.
pub(crate) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Boundaries that the conventions advise, in seconds.
const DURATIONS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// The same for the first chunk.
const FIRST_CHUNKS: [f64; 16] =
    [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// The same for tokens: powers of four.
const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
const PICO: f64 = 1e12;

type Count<L> = Family<L, Counter>;
type Spread<L> = Family<L, Histogram, fn() -> Histogram>;

/// See the module.
pub struct Metrics {
    registry: Registry,
    routes: Names,
    backends: Names,
    limits: Names,
    requests: Count<RequestLabels>,
    attempts: Count<RouteLabels>,
    retries: Count<RouteLabels>,
    failovers: Count<FailoverLabels>,
    losses: Count<DialectLabels>,
    refusals: Count<LimitLabels>,
    alerts: Count<AlertLabels>,
    tokens: Count<TokenLabels>,
    cost: Family<ModelLabels, Counter<f64, AtomicU64>>,
    unpriced: Count<ModelLabels>,
    usage: Spread<UsageLabels>,
    duration: Spread<CallLabels>,
    first_chunk: Spread<CallLabels>,
    reloads: Count<OutcomeLabels>,
    reloaded: Gauge<f64, AtomicU64>,
    failed: Gauge<f64, AtomicU64>,
    is_current: Gauge,
}

// === impl Metrics ===

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            routes: Names::default(),
            backends: Names::default(),
            limits: Names::default(),
            requests: Family::default(),
            attempts: Family::default(),
            retries: Family::default(),
            failovers: Family::default(),
            losses: Family::default(),
            refusals: Family::default(),
            alerts: Family::default(),
            tokens: Family::default(),
            cost: Family::default(),
            unpriced: Family::default(),
            usage: Family::new_with_constructor(|| Histogram::new(TOKENS)),
            duration: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
            first_chunk: Family::new_with_constructor(|| Histogram::new(FIRST_CHUNKS)),
            reloads: Family::default(),
            reloaded: Gauge::default(),
            failed: Gauge::default(),
            is_current: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        self.registry.register("outcrop_build", "This program", version);
        self.add("outcrop_requests", "Requests that have ended", self.requests.clone());
        self.add("outcrop_attempts", "Requests sent to Bedrock", self.attempts.clone());
        let what = "Attempts after a failed one at the same backend";
        self.add("outcrop_retries", what, self.retries.clone());
        self.add("outcrop_failovers", "Backends that were asked in vain", self.failovers.clone());
        let what = "What did not arrive as it was sent";
        self.add("outcrop_losses", what, self.losses.clone());
        self.add("outcrop_limit_refusals", "Requests refused by a limit", self.refusals.clone());
        let what = "Budgets that came to their soft threshold, or to their end";
        self.add("outcrop_budget_alerts", what, self.alerts.clone());
        self.add("outcrop_tokens", "Tokens by kind", self.tokens.clone());
        self.add("outcrop_cost_usd", "What answers cost, in US dollars", self.cost.clone());
        let what = "Answers whose cost is not known";
        self.add("outcrop_unpriced_requests", what, self.unpriced.clone());
        let what = "Tokens of one request";
        self.add("gen_ai_client_token_usage", what, self.usage.clone());
        let what = "From a request to its end";
        self.add_seconds("gen_ai_client_operation_duration", what, self.duration.clone());
        let (name, what) = (
            "gen_ai_client_operation_time_to_first_chunk",
            "From a request to the first bytes of its stream",
        );
        self.add_seconds(name, what, self.first_chunk.clone());
        let what = "Configurations that were loaded, or could not be";
        self.add("outcrop_config_loads", what, self.reloads.clone());
        let what = "When a configuration was last loaded";
        self.add_seconds("outcrop_config_last_success_timestamp", what, self.reloaded.clone());
        let what = "When one could last not be loaded; 0 if that never was";
        self.add_seconds("outcrop_config_last_failure_timestamp", what, self.failed.clone());
        let what = "1 unless the last attempt to load a configuration failed";
        self.add("outcrop_config_is_current", what, self.is_current.clone());
    }

    fn add(&mut self, name: &str, what: &str, metric: impl Metric) {
        self.registry.register(name, what, metric);
    }

    fn add_seconds(&mut self, name: &str, what: &str, metric: impl Metric) {
        self.registry.register_with_unit(name, what, Unit::Seconds, metric);
    }

    /// Counts a request that has ended.
    pub fn receipt(&self, receipt: &Receipt) {
        let route = self.routes.of(receipt.route.as_deref());
        let backend = self.backends.of(receipt.backend.as_deref());
        let of_route = RouteLabels { route: route.clone() };
        let labels = RequestLabels {
            dialect: receipt.dialect.as_str(),
            operation: receipt.operation,
            outcome: receipt.outcome.as_str(),
            status: names::status_class(receipt.status),
            route: route.clone(),
            backend: backend.clone(),
        };
        self.requests.get_or_create(&labels).inc();
        count(&self.attempts, &of_route, receipt.attempts.into());
        count(&self.retries, &of_route, receipt.retries.into());
        for (name, class) in &receipt.failed_over {
            let (backend, class) = (self.backends.of(Some(name)), class.as_str());
            let labels = FailoverLabels { route: route.clone(), backend, class };
            self.failovers.get_or_create(&labels).inc();
        }
        for name in &receipt.limits {
            let limit = self.limits.of(Some(name));
            self.refusals.get_or_create(&LimitLabels { limit }).inc();
        }
        let labels = DialectLabels { dialect: receipt.dialect.as_str(), route: route.clone() };
        count(&self.losses, &labels, receipt.losses as u64);
        let call = CallLabels {
            gen_ai_operation_name: genai_operation(receipt.operation),
            gen_ai_provider_name: PROVIDER,
            gen_ai_request_model: model_label(receipt),
            error_type: names::error_type(&receipt.outcome),
            backend,
        };
        self.duration.get_or_create(&call).observe(receipt.duration.as_secs_f64());
        if let Some(first) = receipt.first_byte.filter(|_| receipt.stream) {
            self.first_chunk.get_or_create(&call).observe(first.as_secs_f64());
        }
        let model = ModelLabels { route, model: call.gen_ai_request_model.clone() };
        self.spent(receipt, &model);
        if let Some(usage) = &receipt.usage {
            self.used(usage, &model, &call);
        }
    }

    fn spent(&self, receipt: &Receipt, model: &ModelLabels) {
        match receipt.cost {
            Some(cost) => drop(self.cost.get_or_create(model).inc_by(dollars(cost))),
            None if matches!(receipt.outcome, Outcome::Completed(_)) && receipt.usage.is_some() => {
                self.unpriced.get_or_create(model).inc();
            }
            None => {}
        }
    }

    fn used(&self, usage: &Usage, model: &ModelLabels, call: &CallLabels) {
        let kinds = [
            ("input", usage.input),
            ("cache_read", usage.cache_read),
            ("cache_write", usage.cache_write()),
            ("output", usage.output),
        ];
        for (kind, tokens) in kinds {
            let ModelLabels { route, model } = model.clone();
            count(&self.tokens, &TokenLabels { route, model, kind }, tokens);
        }
        for (kind, tokens) in [("input", usage.prompt()), ("output", usage.output)] {
            let CallLabels { gen_ai_operation_name, gen_ai_request_model, backend, .. } =
                call.clone();
            let labels = UsageLabels {
                gen_ai_operation_name,
                gen_ai_provider_name: PROVIDER,
                gen_ai_request_model,
                gen_ai_token_type: kind,
                backend,
            };
            self.usage.get_or_create(&labels).observe(tokens as f64);
        }
    }

    /// Counts what is told of a budget.
    pub fn alert(&self, alert: &Alert) {
        let (limit, event) = (self.limits.of(Some(&alert.limit)), alert.event.as_str());
        self.alerts.get_or_create(&AlertLabels { limit, event }).inc();
    }

    /// A configuration was put to work at `when`.
    pub fn loaded(&self, when: SystemTime) {
        self.reloads.get_or_create(&OutcomeLabels { outcome: "ok" }).inc();
        self.reloaded.set(seconds(when));
        self.is_current.set(1);
    }

    /// One could not be put to work, at `when`.
    pub fn not_loaded(&self, when: SystemTime) {
        self.reloads.get_or_create(&OutcomeLabels { outcome: "failed" }).inc();
        self.failed.set(seconds(when));
        self.is_current.set(0);
    }

    /// All of it, with how `gateway` stands now.
    pub fn text(&self, gateway: &Gateway) -> String {
        let mut text = String::new();
        let written = encode_registry(&mut text, &self.registry)
            .and_then(|()| encode_registry(&mut text, &state::registry(gateway, &self.backends)))
            .and_then(|()| encode_eof(&mut text));
        if let Err(error) = written {
            // Without its end nobody takes it for whole.
            tracing::error!(%error, "metrics could not be written");
        }
        text
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

// === helpers ===

/// What never happened has no line.
fn count<L: labels::Labels>(family: &Count<L>, labels: &L, by: u64) {
    if by > 0 {
        family.get_or_create(labels).inc_by(by);
    }
}

fn dollars(cost: PicoUsd) -> f64 {
    cost.get() as f64 / PICO
}

fn seconds(when: SystemTime) -> f64 {
    when.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
