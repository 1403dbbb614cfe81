//! What the operator is told at the admin address.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context;
use outcrop_config::Secrets;
use outcrop_server::{Admin, Operator, View};
use serde_json::{Value, json};

use crate::running::{AtWork, Running, Trouble};

/// Serves there, as long as the process runs.
///
/// # Errors
/// When the address cannot be used.
pub async fn start(address: SocketAddr, running: &Arc<Running>) -> anyhow::Result<()> {
    let admin = Admin::bind(address)
        .await
        .with_context(|| format!("cannot listen for the operator on {address} (--admin)"))?;
    let address = admin.local_addr()?;
    match admin.view() {
        View::All => tracing::info!("the operator may ask http://{address}/admin/config"),
        View::Metrics => tracing::info!(
            "anyone who can reach it may ask http://{address}/metrics; the configuration is shown and loaded at a loopback address only"
        ),
    }
    tokio::spawn(admin.serve(Arc::clone(running)));
    Ok(())
}

impl Operator for Running {
    fn config(&self) -> Value {
        let AtWork { config, generation, since, trouble } = self.at_work();
        json!({
            "generation": generation,
            "since": when(since),
            "sources": self.names(),
            "last_error": trouble.map(|Trouble { when: at, what }| json!({ "when": when(at), "what": what })),
            "config": outcrop_config::print(&config, Secrets::Hidden),
        })
    }

    fn metrics(&self) -> String {
        self.metrics().text(self.gateway())
    }

    async fn reload(self: Arc<Self>) -> Result<Value, Value> {
        let outcome = Running::reload(&self, "POST /admin/reload").await;
        outcome
            .map(|generation| json!({ "generation": generation }))
            .map_err(|what| json!({ "generation": self.at_work().generation, "error": what }))
    }
}

fn when(time: SystemTime) -> Option<String> {
    jiff::Timestamp::try_from(time).ok().map(|time| format!("{time:.0}"))
}
