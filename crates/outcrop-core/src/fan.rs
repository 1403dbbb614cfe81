//! Several futures at once, so many at a time; after the first failure none is begun.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Runs `start(0)` … `start(count - 1)`, at most `width` at a time, and gives their values in that order.
///
/// # Errors
/// The first failure in time; what still runs is dropped.
pub async fn fan_out<T, E, F: Future<Output = Result<T, E>>>(
    count: usize,
    width: usize,
    start: impl Fn(usize) -> F,
) -> Result<Vec<T>, E> {
    Fan::new(count, width).values(start).await
}

/// The same in two steps, for whom it is not all one what becomes of those that still run after a failure.
pub(crate) struct Fan<T, F> {
    count: usize,
    width: usize,
    running: Vec<(usize, Pin<Box<F>>)>,
    /// By index; all are there once nothing runs.
    values: Vec<Option<T>>,
}

// === impl Fan ===

impl<T, E, F: Future<Output = Result<T, E>>> Fan<T, F> {
    pub(crate) fn new(count: usize, width: usize) -> Self {
        let mut values = Vec::new();
        values.resize_with(count, || None);
        Self { count, width, running: Vec::with_capacity(width.min(count)), values }
    }

    /// See [`fan_out`]. What still runs after a failure is kept.
    pub(crate) async fn values(&mut self, start: impl Fn(usize) -> F) -> Result<Vec<T>, E> {
        let mut next = 0;
        poll_fn(|cx| {
            loop {
                while next < self.count && self.running.len() < self.width.max(1) {
                    self.running.push((next, Box::pin(start(next))));
                    next += 1;
                }
                let before = self.running.len();
                self.poll_all(cx)?;
                if self.running.is_empty() && next == self.count {
                    return Poll::Ready(Ok(()));
                }
                // New places are filled at once; otherwise a running future will wake this task.
                if self.running.len() == before || next == self.count {
                    return Poll::Pending;
                }
            }
        })
        .await?;
        Ok(std::mem::take(&mut self.values).into_iter().flatten().collect())
    }

    /// Lets run on what still runs until `is_enough`.
    pub(crate) async fn run_on(&mut self, is_enough: impl Fn() -> bool) {
        poll_fn(|cx| {
            // Each failure may be followed by others.
            while self.poll_all(cx).is_err() {}
            match self.running.is_empty() || is_enough() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    fn poll_all(&mut self, cx: &mut Context<'_>) -> Result<(), E> {
        let mut at = 0;
        while let Some((index, future)) = self.running.get_mut(at) {
            match future.as_mut().poll(cx) {
                Poll::Pending => at += 1,
                Poll::Ready(value) => {
                    let index = *index;
                    self.running.swap_remove(at);
                    self.values[index] = Some(value?);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn values_keep_their_order_and_no_more_run_than_may() {
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let values = fan_out(20, 3, |index| {
            let (running, most) = (&running, &most);
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                sleep(Duration::from_millis(100 - index as u64)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, ()>(index)
            }
        });
        assert_eq!(values.await.unwrap(), (0..20).collect::<Vec<_>>());
        assert_eq!(most.into_inner(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_failure_ends_the_rest() {
        let started = AtomicUsize::new(0);
        let outcome: Result<Vec<()>, usize> = fan_out(20, 4, |index| {
            started.fetch_add(1, Ordering::SeqCst);
            async move {
                sleep(Duration::from_millis(100 - index as u64)).await;
                if index == 2 { Err(index) } else { Ok(()) }
            }
        })
        .await;
        assert_eq!(outcome.unwrap_err(), 2);
        assert!(started.into_inner() <= 6);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_failure_what_runs_may_run_on() {
        let ended = AtomicUsize::new(0);
        let mut fan = Fan::new(20, 4);
        let outcome: Result<Vec<()>, usize> = fan
            .values(|index| {
                let ended = &ended;
                async move {
                    sleep(Duration::from_millis(10 + index as u64)).await;
                    ended.fetch_add(1, Ordering::SeqCst);
                    if index < 2 { Err(index) } else { Ok(()) }
                }
            })
            .await;
        assert_eq!((outcome.unwrap_err(), ended.load(Ordering::SeqCst)), (0, 1));
        fan.run_on(|| ended.load(Ordering::SeqCst) == 3).await;
        assert_eq!(ended.load(Ordering::SeqCst), 3);
        fan.run_on(|| false).await;
        assert_eq!(ended.load(Ordering::SeqCst), 4);
    }

    #[tokio::test]
    async fn none_are_none() {
        assert!(fan_out(0, 8, |_| async { Ok::<(), ()>(()) }).await.unwrap().is_empty());
    }
}
