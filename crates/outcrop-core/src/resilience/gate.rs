//! No more requests at a time than a backend takes: the others wait in a bounded queue, or are turned
//! away.
//!
//! 1. Never more in flight than the limit; those that wait go in the order in which they came.
//! 2. The limit falls when the backend throttles or is overloaded, and grows again with what succeeds, up
//!    to what was configured.
//! 3. Who waits and leaves takes up no room.
//! 4. Other numbers count at once, for those in flight too: they are never counted anew.
//!
//! How long answers take is a sign only where the operator says so: behind the name of a model there is
//! mostly a fleet of Bedrock's, whose pace does not follow what one gateway sends. See [`Pace`] for how it
//! is told from the lengths of prompts.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use outcrop_model::ErrorClass;
use tokio::sync::oneshot;

use super::pace::Pace;

/// How much of the limit is left after the backend throttles.
const FALL: f64 = 0.7;
/// The limit falls once in this time: failures of one moment are one sign.
const FALLS_EVERY: Duration = Duration::from_secs(1);

/// How much a backend takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Room {
    /// Most in flight, at least one.
    pub most: u32,
    /// Most in the queue.
    pub most_waiting: u32,
    /// First tokens that take more than so many times as long as usual are a sign of too many.
    pub slowdown: Option<f64>,
}

/// A backend's gate.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    room: Room,
    limit: f64,
    pace: Pace,
    in_flight: usize,
    waiting: VecDeque<oneshot::Sender<Permit>>,
    fell: Option<Instant>,
}

/// Leave to be in flight, until it is dropped.
#[derive(Debug)]
pub struct Permit {
    gate: Arc<Shared>,
}

/// The queue is full, or the wait was too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Gate {
    /// With all of its room.
    pub fn new(room: Room) -> Self {
        let inner = Inner {
            limit: room.most(),
            room,
            pace: Pace::default(),
            in_flight: 0,
            waiting: VecDeque::new(),
            fell: None,
        };
        Self(Arc::new(Shared { inner: Mutex::new(inner) }))
    }

    /// Other numbers from now on. A limit that has fallen stays where it is.
    pub fn resize(&self, room: Room) {
        let mut inner = self.0.lock();
        let has_fallen = inner.limit < inner.room.most();
        inner.limit = if has_fallen { inner.limit.min(room.most()) } else { room.most() };
        inner.room = room;
        drop(inner);
        Shared::let_in(&self.0);
    }

    /// Leave at once, where there is room and nobody waits for it.
    ///
    /// # Errors
    /// [`Full`].
    pub fn try_enter(&self) -> Result<Permit, Full> {
        match self.0.lock().takes_in() {
            true => Ok(Permit { gate: Arc::clone(&self.0) }),
            false => Err(Full),
        }
    }

    /// Waits for leave, at most this long.
    ///
    /// # Errors
    /// [`Full`].
    pub async fn enter(&self, patience: Duration) -> Result<Permit, Full> {
        let receiver = {
            let mut inner = self.0.lock();
            if inner.takes_in() {
                return Ok(Permit { gate: Arc::clone(&self.0) });
            }
            if inner.waiting.len() >= inner.room.most_waiting as usize {
                return Err(Full);
            }
            let (sender, receiver) = oneshot::channel();
            inner.waiting.push_back(sender);
            receiver
        };
        match tokio::time::timeout(patience, receiver).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Full),
        }
    }

    /// A request that had leave failed.
    pub fn failed(&self, class: ErrorClass, now: Instant) {
        if matches!(class, ErrorClass::Throttled | ErrorClass::Overloaded) {
            self.0.lock().fall(now);
        }
        Shared::let_in(&self.0);
    }

    /// A stream of `model` that had leave has begun after `wait`.
    pub fn began(&self, model: &str, wait: Duration, now: Instant) {
        let mut inner = self.0.lock();
        if let Some(slowdown) = inner.room.slowdown
            && inner.pace.began(model, wait, slowdown)
        {
            inner.fall(now);
        }
    }

    /// A request that had leave was answered to its end.
    pub fn answered(&self) {
        let mut inner = self.0.lock();
        // One more for each round of successes.
        inner.limit = (inner.limit + 1.0 / inner.limit).min(inner.room.most());
        drop(inner);
        Shared::let_in(&self.0);
    }

    /// How many are in flight, and how many wait.
    pub fn load(&self) -> (usize, usize) {
        let inner = self.0.lock();
        let waiting = inner.waiting.iter().filter(|waiting| !waiting.is_closed()).count();
        (inner.in_flight, waiting)
    }

    /// How many may be in flight at present.
    pub fn limit(&self) -> usize {
        self.0.lock().limit() as usize
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives what room there is to those that wait.
    fn let_in(shared: &Arc<Self>) {
        loop {
            let next = {
                let mut inner = shared.lock();
                inner.waiting.retain(|waiting| !waiting.is_closed());
                if !inner.has_room() {
                    return;
                }
                let Some(next) = inner.waiting.pop_front() else { return };
                inner.in_flight += 1;
                next
            };
            // Who has left hands the permit back by dropping it.
            let _left = next.send(Permit { gate: Arc::clone(shared) });
        }
    }
}

impl Room {
    fn most(&self) -> f64 {
        f64::from(self.most.max(1))
    }
}

impl Inner {
    fn fall(&mut self, now: Instant) {
        if self.fell.is_none_or(|fell| now.duration_since(fell) >= FALLS_EVERY) {
            self.limit = (self.limit * FALL).max(1.0);
            self.fell = Some(now);
        }
    }

    /// Takes one more in flight, if that is possible at once.
    fn takes_in(&mut self) -> bool {
        self.waiting.retain(|waiting| !waiting.is_closed());
        let may = self.waiting.is_empty() && self.has_room();
        self.in_flight += usize::from(may);
        may
    }

    fn has_room(&self) -> bool {
        self.in_flight as f64 + 1.0 <= self.limit()
    }

    fn limit(&self) -> f64 {
        self.limit.floor().max(1.0)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.lock().in_flight -= 1;
        Shared::let_in(&self.gate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn room(most: u32, most_waiting: u32) -> Room {
        Room { most, most_waiting, slowdown: None }
    }

    #[tokio::test(start_paused = true)]
    async fn rule_1_the_limit_holds_and_the_first_waits_least() {
        let gate = Gate::new(room(2, 2));
        let one = gate.enter(LONG).await.unwrap();
        let _two = gate.enter(LONG).await.unwrap();
        let waiting = |gate: &Gate| {
            let gate = gate.clone();
            tokio::spawn(async move { gate.enter(LONG).await })
        };
        let three = waiting(&gate);
        tokio::task::yield_now().await;
        let four = waiting(&gate);
        tokio::task::yield_now().await;
        assert_eq!(gate.load(), (2, 2));
        assert_eq!(gate.enter(LONG).await.unwrap_err(), Full);
        drop(one);
        let three = three.await.unwrap().unwrap();
        assert_eq!(gate.load(), (2, 1));
        drop(three);
        four.await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn rule_3_who_leaves_takes_up_no_room() {
        let gate = Gate::new(room(1, 1));
        let one = gate.enter(LONG).await.unwrap();
        assert_eq!(gate.enter(Duration::from_secs(1)).await.unwrap_err(), Full);
        let waiting = {
            let gate = gate.clone();
            tokio::spawn(async move { gate.enter(LONG).await })
        };
        tokio::task::yield_now().await;
        drop(one);
        let two = waiting.await.unwrap().unwrap();
        assert_eq!(gate.load(), (1, 0));
        drop(two);
        assert_eq!(gate.load(), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn rule_2_the_limit_follows_the_backend() {
        let gate = Gate::new(room(10, 0));
        let now = Instant::now();
        for _ in 0..50 {
            gate.failed(ErrorClass::Throttled, now);
        }
        let mut permits = Vec::new();
        while let Ok(permit) = gate.enter(LONG).await {
            permits.push(permit);
        }
        assert_eq!(permits.len(), 7);
        for _ in 0..100 {
            gate.answered();
        }
        while let Ok(permit) = gate.enter(LONG).await {
            permits.push(permit);
        }
        assert_eq!(permits.len(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn rule_4_other_numbers_count_those_in_flight() {
        let gate = Gate::new(room(2, 1));
        let held = [gate.enter(LONG).await.unwrap(), gate.enter(LONG).await.unwrap()];
        gate.resize(room(3, 0));
        let third = gate.try_enter().unwrap();
        assert_eq!(gate.try_enter().unwrap_err(), Full);
        gate.resize(room(1, 0));
        drop((third, held));
        let _one = gate.try_enter().unwrap();
        assert_eq!(gate.try_enter().unwrap_err(), Full);
    }

    #[test]
    fn rule_2_and_what_is_slow_where_that_is_a_sign() {
        let limit_after = |slowdown| {
            let (gate, now) = (Gate::new(Room { slowdown, ..room(10, 0) }), Instant::now());
            for seconds in [1; 10].into_iter().chain([4; 10]) {
                gate.began("model", Duration::from_secs(seconds), now);
            }
            gate.limit()
        };
        assert_eq!(limit_after(Some(3.0)), 7);
        assert_eq!(limit_after(Some(5.0)), 10);
        assert_eq!(limit_after(None), 10);
    }
}
