//! When to stop: Ctrl-C or SIGTERM, and again when it shall be now. When to read the configuration
//! again: SIGHUP.

use std::time::{Duration, Instant};

/// Who asks to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A person (Ctrl-C), who waits for the prompt.
    Interrupt,
    /// A supervisor (SIGTERM), behind which there may be load balancers that have yet to notice.
    Terminate,
}

/// The same signal again within this time is the same request: a supervisor sends it to the process and
/// then to its group, as GNU timeout does.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Watches for requests to stop. From its making on, no signal ends the process by itself.
#[derive(Debug)]
pub struct Stop {
    /// The last request, and when it came.
    last: Option<(Asked, Instant)>,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    #[cfg(unix)]
    pub fn watch() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            last: None,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Resolves at the next request.
    #[cfg(unix)]
    pub async fn asked(&mut self) -> Asked {
        loop {
            let asked = tokio::select! {
                _ = self.interrupt.recv() => Asked::Interrupt,
                _ = self.terminate.recv() => Asked::Terminate,
            };
            let now = Instant::now();
            if !is_same(self.last, (asked, now)) {
                self.last = Some((asked, now));
                return asked;
            }
        }
    }

    #[cfg(not(unix))]
    pub fn watch() -> std::io::Result<Self> {
        Ok(Self { last: None })
    }

    /// Resolves at the next request.
    #[cfg(not(unix))]
    pub async fn asked(&mut self) -> Asked {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "Ctrl-C is not watched");
            std::future::pending::<()>().await;
        }
        self.last = Some((Asked::Interrupt, Instant::now()));
        Asked::Interrupt
    }
}

/// Whether `next` is the last request once more.
#[cfg(unix)]
fn is_same(last: Option<(Asked, Instant)>, (asked, now): (Asked, Instant)) -> bool {
    last.is_some_and(|(before, when)| before == asked && now.duration_since(when) < AT_ONCE)
}

/// Watches for SIGHUP, which asks to read the configuration again. From its making on, it does not end
/// the process.
#[derive(Debug)]
pub struct Hangup {
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl Hangup {
    pub fn watch() -> std::io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            hangup: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?,
        })
    }

    /// Resolves at the next request; never where there is no such signal.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        if self.hangup.recv().await.is_some() {
            return;
        }
        std::future::pending::<()>().await;
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn one_signal_to_process_and_group_is_one_request() {
        let begun = Instant::now();
        let last = Some((Asked::Terminate, begun));
        let after = |milliseconds| begun + Duration::from_millis(milliseconds);
        assert!(!is_same(None, (Asked::Terminate, begun)));
        assert!(is_same(last, (Asked::Terminate, after(1))));
        assert!(!is_same(last, (Asked::Terminate, after(500))));
        assert!(!is_same(last, (Asked::Interrupt, after(1))), "a person does not wait");
    }
}
