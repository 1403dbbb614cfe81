//! When to stop: Ctrl-C or SIGTERM, and again when it shall be now. When to read the configuration
//! again: SIGHUP.

/// Who asks to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A person (Ctrl-C), who waits for the prompt.
    Interrupt,
    /// A supervisor (SIGTERM), behind which there may be load balancers that have yet to notice.
    Terminate,
}

/// Watches for requests to stop. From its making on, no signal ends the process by itself.
#[derive(Debug)]
pub struct Stop {
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
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Resolves at the next request.
    #[cfg(unix)]
    pub async fn asked(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Interrupt,
            _ = self.terminate.recv() => Asked::Terminate,
        }
    }

    #[cfg(not(unix))]
    pub fn watch() -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Resolves at the next request.
    #[cfg(not(unix))]
    pub async fn asked(&mut self) -> Asked {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "Ctrl-C is not watched");
            std::future::pending::<()>().await;
        }
        Asked::Interrupt
    }
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
