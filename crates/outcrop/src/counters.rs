//! Where limits are counted, as the configuration says.

use std::sync::Arc;

use anyhow::Context;
use outcrop_config::Store;
use outcrop_core::limit::{Counters, StoreWish, Timepiece, posting};
use outcrop_fetch::Courier;
use outcrop_server::Metrics;

use crate::secrets::reveal;

/// Needs a running tokio.
///
/// # Errors
/// When the place cannot be used. That Redis is away is no error.
pub fn open(store: &Store, metrics: Arc<Metrics>) -> anyhow::Result<Counters> {
    let alerts = posting(Courier::default(), reveal);
    let alerts = alerts.also(move |alert| metrics.alert(alert));
    let clock = Timepiece::default();
    match store {
        Store::Memory => Ok(Counters::open(StoreWish::Memory, alerts, clock)?),
        Store::File(path) => Counters::open(StoreWish::File(path), alerts, clock)
            .with_context(|| format!("cannot keep limits in {}", path.display())),
        Store::Redis { url, on_loss } => {
            let context = "cannot share limits: the store's url";
            let url = reveal(url).map_err(anyhow::Error::msg).context(context)?;
            let wish = StoreWish::Redis { url: &url, on_loss: *on_loss };
            Counters::open(wish, alerts, clock).context(context)
        }
    }
}
