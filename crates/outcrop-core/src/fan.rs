//! Several futures at once, so many at a time; the first failure ends them all.

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
    let mut fan = Fan { running: Vec::with_capacity(width.min(count)), values: Vec::new() };
    fan.values.resize_with(count, || None);
    let mut next = 0;
    poll_fn(|cx| {
        loop {
            while next < count && fan.running.len() < width.max(1) {
                fan.running.push((next, Box::pin(start(next))));
                next += 1;
            }
            let before = fan.running.len();
            fan.poll_all(cx)?;
            if fan.running.is_empty() && next == count {
                return Poll::Ready(Ok(()));
            }
            // New places are filled at once; otherwise a running future will wake this task.
            if fan.running.len() == before || next == count {
                return Poll::Pending;
            }
        }
    })
    .await?;
    Ok(fan.values.into_iter().flatten().collect())
}

struct Fan<T, F> {
    running: Vec<(usize, Pin<Box<F>>)>,
    /// By index; all are there once nothing runs.
    values: Vec<Option<T>>,
}

// === impl Fan ===

impl<T, E, F: Future<Output = Result<T, E>>> Fan<T, F> {
    fn poll_all(&mut self, cx: &mut Context<'_>) -> Result<(), E> {
        let mut at = 0;
        while let Some((index, future)) = self.running.get_mut(at) {
            match future.as_mut().poll(cx) {
                Poll::Pending => at += 1,
                Poll::Ready(value) => {
                    self.values[*index] = Some(value?);
                    self.running.swap_remove(at);
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

    #[tokio::test]
    async fn none_are_none() {
        assert!(fan_out(0, 8, |_| async { Ok::<(), ()>(()) }).await.unwrap().is_empty());
    }
}
