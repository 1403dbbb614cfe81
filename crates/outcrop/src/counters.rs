//! Where limits are counted, as the configuration says.

use anyhow::Context;
use outcrop_config::{Secret, Store};
use outcrop_core::limit::{Counters, StoreWish, Timepiece, posting};
use outcrop_fetch::Courier;

/// Needs a running tokio.
///
/// # Errors
/// When the place cannot be used. That Redis is away is no error.
pub fn open(store: &Store) -> anyhow::Result<Counters> {
    let alerts = posting(Courier::default(), reveal);
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

/// The text behind a reference.
fn reveal(secret: &Secret) -> Result<String, String> {
    let text = match secret {
        Secret::Env(name) => std::env::var(name).map_err(|_| format!("{name} is not set"))?,
        Secret::File(path) => {
            let read = std::fs::read_to_string(path);
            read.map_err(|error| format!("cannot read {}: {error}", path.display()))?
        }
        Secret::Inline(text) => text.reveal().to_owned(),
        Secret::Kubernetes { namespace, name, key } => {
            return Err(format!(
                "the Secret {namespace}/{name} with `{key}` is not among the files"
            ));
        }
    };
    let text = text.trim();
    if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
}
