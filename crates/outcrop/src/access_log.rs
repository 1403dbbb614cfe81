//! Logging to stderr, and one line for each receipt: metadata only.

use std::io::IsTerminal;
use std::sync::Arc;

use anyhow::Context;
use outcrop_core::ReceiptSink;
use outcrop_model::{Caller, Outcome, Receipt};
use outcrop_server::Metrics;
use tracing_subscriber::EnvFilter;

use crate::cli::LogFormat;

/// Overrides what is logged, in `tracing`'s filter syntax, e.g. `outcrop=debug`.
const LOG_VARIABLE: &str = "OUTCROP_LOG";

/// The AWS crates log key ids, ARNs and file contents in places; what matters of theirs is in our own
/// messages. [`LOG_VARIABLE`] can still ask for them by name.
const QUIET: &str = "aws_config=off,aws_credential_types=off,aws_runtime=off,aws_sdk_signin=off,\
    aws_sdk_sso=off,aws_sdk_ssooidc=off,aws_sdk_sts=off,aws_smithy_runtime=off,\
    aws_smithy_runtime_api=off,aws_sigv4=off";

/// Starts logging; at `default` unless [`LOG_VARIABLE`] says otherwise.
///
/// # Errors
/// When [`LOG_VARIABLE`] holds no filter.
pub fn start(format: LogFormat, default: &str) -> anyhow::Result<()> {
    let wish = std::env::var(LOG_VARIABLE).ok().filter(|wish| !wish.is_empty());
    let filter = EnvFilter::builder()
        .parse(format!("{QUIET},{}", wish.as_deref().unwrap_or(default)))
        .with_context(|| format!("{LOG_VARIABLE} is not a log filter, such as debug"))?;
    let colour = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A log that nobody reads any more must end no request: it would be told of by `eprintln!`.
    let builder = builder.log_internal_errors(false);
    match format {
        LogFormat::Text => builder.with_ansi(colour).with_target(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}

/// A sink that counts and logs each receipt.
pub fn receipts(metrics: Arc<Metrics>) -> ReceiptSink {
    ReceiptSink::new(move |receipt| {
        metrics.receipt(&receipt);
        log(&receipt);
    })
}

/// Which backends failed before the last, and why.
fn failed_over(receipt: &Receipt) -> Option<String> {
    let tries =
        receipt.failed_over.iter().map(|(name, class)| format!("{name} {}", class.as_str()));
    let tries: Vec<String> = tries.collect();
    (!tries.is_empty()).then(|| tries.join(", "))
}

fn log(receipt: &Receipt) {
    let usage = receipt.usage.unwrap_or_default();
    let stop = match &receipt.outcome {
        Outcome::Completed(stop) => stop.as_deref(),
        Outcome::Failed(_) | Outcome::ClientLeft => None,
    };
    tracing::info!(
        request_id = receipt.request_id,
        caller = receipt.caller.as_ref().map(|caller| &caller.name),
        owner = receipt.caller.as_ref().and_then(|caller| caller.owner.as_ref()),
        tags = receipt.caller.as_ref().and_then(|caller| tags(caller)),
        operation = receipt.operation,
        dialect = receipt.dialect.as_str(),
        route = receipt.route,
        backend = receipt.backend,
        failed_over = failed_over(receipt),
        carrier = receipt.carrier.map(outcrop_model::Carrier::as_str),
        model = receipt.model,
        target = receipt.target,
        behind = receipt.behind.as_ref().map(|behind| behind.model.as_str()),
        stream = receipt.stream,
        attempts = receipt.attempts,
        retries = receipt.retries,
        status = receipt.status,
        outcome = receipt.outcome.as_str(),
        stop,
        input_tokens = receipt.usage.map(|_| usage.input),
        cache_read_tokens = receipt.usage.map(|_| usage.cache_read),
        cache_write_tokens = receipt.usage.map(|_| usage.cache_write()),
        output_tokens = receipt.usage.map(|_| usage.output),
        tier = receipt.tier.map(outcrop_model::Tier::as_str),
        cost_usd = receipt.cost.map(|cost| cost.to_string()),
        losses = receipt.losses,
        limits = (!receipt.limits.is_empty()).then(|| receipt.limits.join(",")),
        first_byte_ms = receipt.first_byte.map(|d| d.as_millis() as u64),
        duration_ms = receipt.duration.as_millis() as u64,
        upstream_request_id = receipt.upstream_request_id,
        detail = receipt.detail,
        "request"
    );
}

/// `team=search env=prod`
fn tags(caller: &Caller) -> Option<String> {
    let tags: Vec<String> =
        caller.tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
    (!tags.is_empty()).then(|| tags.join(" "))
}
