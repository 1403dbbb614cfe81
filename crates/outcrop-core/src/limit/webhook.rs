//! Alerts to the webhooks that budgets name. No request waits for it.

use std::sync::Arc;

use outcrop_config::Secret;
use outcrop_fetch::Courier;
use tokio::sync::Semaphore;

use super::alert::{Alert, Alerts};

/// Alerts that are on their way at once: each budget has two in a window, so more mean that a webhook
/// hangs.
const AT_ONCE: usize = 64;

/// Alerts that are posted as JSON. `reveal` tells the address behind a reference; it is called on tokio.
pub fn posting(
    courier: Courier,
    reveal: impl Fn(&Secret) -> Result<String, String> + Send + Sync + 'static,
) -> Alerts {
    let (courier, places) = (Arc::new(courier), Arc::new(Semaphore::new(AT_ONCE)));
    Alerts::new(move |alert| {
        let Some(webhook) = &alert.webhook else { return };
        let url = match reveal(webhook) {
            Ok(url) => url,
            Err(why) => return give_up(&alert, &why),
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            return give_up(&alert, "too many are on their way");
        };
        let courier = Arc::clone(&courier);
        tokio::spawn(async move {
            let _place = place;
            let json = alert.json().to_string().into();
            if let Err(failure) = courier.post_json(&url, json).await {
                // Its words are for clients that hold media; what it is says enough.
                give_up(&alert, &format!("{failure:?}"));
            }
        });
    })
}

/// The address may be a secret, and is not told.
fn give_up(alert: &Alert, why: &str) {
    tracing::error!(limit = alert.limit, why, "a webhook was not told of a budget");
}
