//! When to stop: Ctrl-C or SIGTERM.

/// Resolves at the first request to stop.
pub async fn requested() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = interrupt => {}
                    _ = terminate.recv() => {}
                }
                return;
            }
            Err(error) => tracing::warn!(%error, "SIGTERM is not watched"),
        }
    }
    if let Err(error) = interrupt.await {
        tracing::warn!(%error, "Ctrl-C is not watched");
        std::future::pending::<()>().await;
    }
}
