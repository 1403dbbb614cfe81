//! What makes a running gateway load its configuration anew: a change of its files, and SIGHUP.
//!
//! Files are looked at, rather than asked to report: that notices every way in which they change (written,
//! renamed, mounted, a link that points elsewhere, as Kubernetes does it), on every file system.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::running::Running;
use crate::stop::Hangup;

/// How often files are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Watches from now on, as long as the process runs.
///
/// # Errors
/// When SIGHUP cannot be watched.
pub fn start(running: &Arc<Running>) -> std::io::Result<()> {
    let mut hangup = Hangup::watch()?;
    let running = Arc::clone(running);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = hangup.next() => {
                    // What went wrong has been said.
                    let _told = running.reload("SIGHUP").await;
                }
                _ = ticks.tick() => running.look().await,
            }
        }
    });
    Ok(())
}
