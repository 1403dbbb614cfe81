//! The task that holds a connection and works off what is to be done.
//!
//! 1. All that has gathered goes in one call, so that settlements keep up with reservations, whatever the
//!    way to the store takes.
//! 2. A batch whose answer is lost is tried again until it is answered, and changes nothing twice.
//! 3. Requests ask the store again only after all that was to be done has been done there: while it is
//!    away nothing gathers but of requests that were under way.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use tokio::sync::mpsc;

use super::job::{Batch, Job};
use super::script::Leases;
use super::{Link, lock, script};

/// Waits between attempts to connect: the first, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Three beats in a lease: two may get lost.
const BEAT: Duration = Duration::from_secs(10);
/// Jobs of one call. As many reservations take the store many times as long, so that jobs cannot come
/// faster than they go; and it works on them for a few milliseconds, in which all others wait.
const BATCH: usize = 4096;

enum Over {
    /// Nobody asks any more.
    Closed,
    /// A request found the connection broken.
    Lost,
}

/// What outlasts a connection.
struct Upkeep {
    link: Arc<Link>,
    todo: mpsc::UnboundedReceiver<Job>,
    /// Taken from `todo`, and not known to be done.
    undone: Vec<Job>,
}

/// Until nobody is left who could ask, and nothing is left to be done.
pub(super) async fn keep_up(link: Arc<Link>, todo: mpsc::UnboundedReceiver<Job>) {
    let mut upkeep = Upkeep { link, todo, undone: Vec::new() };
    let mut wait = FIRST_WAIT;
    loop {
        match upkeep.link.connect().await {
            Ok(mut connection) => match upkeep.stay_up(&mut connection).await {
                Ok(Over::Closed) => return,
                Ok(Over::Lost) => wait = FIRST_WAIT,
                Err(error) => upkeep.link.lose(error.category()),
            },
            Err(error) => upkeep.link.tell_away(error.category()),
        }
        if upkeep.todo.is_closed() && upkeep.todo.is_empty() && upkeep.undone.is_empty() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)) => {}
            () = upkeep.link.hurry.notified() => {}
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

// === impl Upkeep ===

impl Upkeep {
    /// While the connection lasts.
    async fn stay_up(&mut self, connection: &mut MultiplexedConnection) -> RedisResult<Over> {
        // A store that cannot be written to is none: the beat writes. It may have forgotten what is in
        // flight, or taken it for ended.
        self.beat(connection, Leases::Restored).await?;
        let mut beats = tokio::time::interval_at(tokio::time::Instant::now() + BEAT, BEAT);
        let mut is_up = false;
        loop {
            if !self.undone.is_empty() {
                self.work_off(connection).await?;
            }
            // Before requests ask there again, it must know what was spent without it; what was granted
            // in that moment follows after.
            self.undone.extend(self.link.hand_over());
            if !is_up {
                self.take_waiting();
            }
            if !self.undone.is_empty() {
                continue;
            }
            if !std::mem::replace(&mut is_up, true) {
                self.link.come_up(connection);
                continue;
            }
            tokio::select! {
                count = self.todo.recv_many(&mut self.undone, BATCH) => if count == 0 {
                    return Ok(Over::Closed);
                },
                () = self.link.lost.notified() => {
                    // The word may be of an earlier connection.
                    if lock(&self.link.connection).is_none() {
                        return Ok(Over::Lost);
                    }
                }
                // What was counted here goes there now.
                () = self.link.hurry.notified() => {}
                _ = beats.tick() => self.beat(connection, Leases::Renewed).await?,
            }
        }
    }

    async fn beat(&self, connection: &mut MultiplexedConnection, how: Leases) -> RedisResult<()> {
        let Link { instance, leases, instances, now, .. } = &*self.link;
        let in_flight: Vec<(Arc<str>, String)> = lock(leases)
            .iter()
            .flat_map(|(ticket, counters)| {
                counters.iter().map(|counter| (Arc::clone(counter), ticket.clone()))
            })
            .collect();
        let asked = now.own_millis();
        let (alive, time) = script::beat(connection, instance, (how, &in_flight)).await?;
        now.go_by(time, asked);
        instances.store(alive, Ordering::Relaxed);
        Ok(())
    }

    async fn work_off(&mut self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let Link { now, alerts, waiting, .. } = &*self.link;
        let now = now.millis();
        let batch = Batch::of(&self.undone);
        let after = script::adjust(connection, &batch, now).await?;
        for ((watch, scale), sum) in batch.watched().zip(after) {
            let spent = u128::from(sum) * scale;
            if watch.is_reached(spent)
                && let Some(alert) = watch.alert()
                && script::first_to_tell(connection, &watch.mark(), alert.life(now)).await?
            {
                alerts.tell(alert, spent);
            }
        }
        waiting.fetch_sub(self.undone.len(), Ordering::Relaxed);
        self.undone.clear();
        Ok(())
    }

    fn take_waiting(&mut self) {
        while self.undone.len() < BATCH {
            let Ok(job) = self.todo.try_recv() else { break };
            self.undone.push(job);
        }
    }
}
