//! What is asked of Redis, and how its answers are read. One round trip each; a script runs as a whole or
//! not at all, and is sent by its hash once Redis knows it.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisResult, Script, ServerErrorKind, Value};

use super::job::{Batch, How, Slot};
use crate::limit::alert::Watch;
use crate::limit::book::{Adjustment, Claim, Standing, standing_of};

/// All keys have this hash tag, so that a cluster keeps them together.
const PREFIX: &str = "outcrop:{limits}:";
/// Life of a ticket: no request takes as long.
const TICKET_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long an instance, and what it has in flight, counts after its last beat.
pub(super) const LEASE: Duration = Duration::from_secs(30);

static RESERVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("reserve.lua")));
static ADJUST: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("adjust.lua")));
static BEAT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("beat.lua")));

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) ticket: &'a str,
    pub(super) claims: &'a [Claim],
    /// The ticket that this one takes the place of, and what is given back with it.
    pub(super) earlier: Option<(&'a str, &'a [Adjustment])>,
}

fn key(counter: &str) -> String {
    format!("{PREFIX}c:{counter}")
}

fn ticket_key(ticket: &str) -> String {
    format!("{PREFIX}t:{ticket}")
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

fn kind(is_in_flight: bool) -> &'static str {
    if is_in_flight { "flight" } else { "window" }
}

/// Redis counts with 64 bits, and compares exactly up to 2^53.
fn number(amount: u128) -> u64 {
    const EXACT: u128 = 1 << 53;
    u64::try_from(amount.min(EXACT)).unwrap_or(u64::MAX)
}

/// What the counter changes by.
pub(super) fn difference(change: &Adjustment) -> i64 {
    let Adjustment { taken, truth, scale, .. } = change;
    let number = |amount: &u128| number(amount.div_ceil(*scale)).cast_signed();
    number(truth) - number(taken)
}

/// A call of a script, to which its keys and then its arguments are added.
fn call_of(script: &Script, keys: usize) -> Cmd {
    let mut call = redis::cmd("EVALSHA");
    call.arg(script.get_hash()).arg(keys);
    call
}

/// Runs a script, which Redis is told first where it does not know it.
async fn run<T: FromRedisValue>(
    script: &Script,
    call: &Cmd,
    connection: &mut MultiplexedConnection,
) -> RedisResult<T> {
    match call.query_async(connection).await {
        Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
            script.load_async(connection).await?;
            call.query_async(connection).await
        }
        outcome => outcome,
    }
}

/// Whether it is granted, and how each counter stood before.
pub(super) async fn reserve(
    connection: &mut MultiplexedConnection,
    Ask { ticket, claims, earlier }: Ask<'_>,
    now: u64,
) -> RedisResult<(bool, Vec<Standing>)> {
    let (earlier, back) = earlier.unwrap_or_default();
    let mut call = call_of(&RESERVE, 2 + claims.len() + back.len());
    call.arg(ticket_key(ticket)).arg(ticket_key(earlier));
    for counter in claims.iter().map(|c| &c.counter).chain(back.iter().map(|c| &c.counter)) {
        call.arg(key(counter));
    }
    call.arg(millis(TICKET_LIFE)).arg(millis(LEASE)).arg(ticket).arg(earlier).arg(claims.len());
    call.arg(now);
    for Claim { counter: _, span, most, take, scale } in claims {
        let life = span.gone(span.slot).map_or(millis(LEASE), |end| end.saturating_sub(now).max(1));
        call.arg(kind(span.is_in_flight())).arg(span.slot).arg(span.oldest).arg(span.newest);
        call.arg(span.kept());
        call.arg(number(most / scale)).arg(number(take.div_ceil(*scale))).arg(life);
    }
    for change in back {
        let Adjustment { span, .. } = change;
        call.arg(kind(span.is_in_flight())).arg(span.slot).arg(difference(change));
    }
    let (granted, slots) = read(run(&RESERVE, &call, connection).await?)?;
    let standings = claims.iter().zip(slots).map(|(claim, slots)| {
        let mut slots: Vec<(u64, u128)> = slots
            .into_iter()
            .map(|(slot, amount)| (slot, u128::from(amount) * claim.scale))
            .collect();
        slots.sort_unstable();
        let total = slots.iter().map(|(_, amount)| amount).sum();
        let Claim { most, take, scale, .. } = claim;
        let fits = total / scale + take.div_ceil(*scale) <= most / scale;
        Standing { fits, is_spent: !fits, ..standing_of(claim, total, slots.into_iter()) }
    });
    Ok((granted, standings.collect()))
}

/// Makes the changes of a batch. What is in each window that is watched, after.
pub(super) async fn adjust(
    connection: &mut MultiplexedConnection,
    batch: &Batch<'_>,
    now: u64,
) -> RedisResult<Vec<u64>> {
    let mut call = call_of(&ADJUST, batch.jobs.len() + batch.slots.len());
    for job in batch.jobs {
        call.arg(ticket_key(&job.ticket));
    }
    for slot in &batch.slots {
        call.arg(key(&slot.change.counter));
    }
    call.arg(millis(TICKET_LIFE)).arg(batch.jobs.len()).arg(batch.slots.len());
    for Slot { change, watch } in &batch.slots {
        let Adjustment { span, .. } = change;
        let life = span.gone(span.slot).map_or(millis(LEASE), |end| end.saturating_sub(now).max(1));
        call.arg(kind(span.is_in_flight())).arg(span.slot).arg(life);
        match watch {
            Some(Watch { span, .. }) => call.arg(span.oldest).arg(span.newest),
            None => call.arg("").arg(""),
        };
    }
    for (job, changes) in batch.by_job() {
        let how = match job.how {
            How::Settle => "settle",
            How::Charge => "charge",
        };
        call.arg(&job.ticket).arg(how).arg(changes.len());
        for (slot, difference) in changes {
            // Lua counts from one.
            call.arg(slot + 1).arg(*difference);
        }
    }
    run(&ADJUST, &call, connection).await
}

/// What becomes of the leases of requests in flight.
#[derive(Debug, Clone, Copy)]
pub(super) enum Leases {
    /// Those that are there last on: a request may end at this moment.
    Renewed,
    /// They come back where they are gone. Only while no request asks.
    Restored,
}

/// Says that the instance lives, and holds these in flight. Returns how many instances do, and the time of
/// the store in milliseconds since 1970.
pub(super) async fn beat(
    connection: &mut MultiplexedConnection,
    instance: &str,
    (leases, in_flight): (Leases, &[(Arc<str>, String)]),
) -> RedisResult<(u32, u64)> {
    let mut call = call_of(&BEAT, 1 + in_flight.len());
    call.arg(format!("{PREFIX}instances"));
    for (counter, _) in in_flight {
        call.arg(key(counter));
    }
    call.arg(instance).arg(millis(LEASE)).arg(match leases {
        Leases::Renewed => "renewed",
        Leases::Restored => "restored",
    });
    for (_, ticket) in in_flight {
        call.arg(ticket);
    }
    run(&BEAT, &call, connection).await
}

/// Whether this is the first to say so.
pub(super) async fn first_to_tell(
    connection: &mut MultiplexedConnection,
    name: &str,
    life: u64,
) -> RedisResult<bool> {
    let mut call = redis::cmd("SET");
    call.arg(format!("{PREFIX}told:{name}")).arg(1).arg("NX").arg("PX").arg(life.max(1));
    let done: Option<String> = call.query_async(connection).await?;
    Ok(done.is_some())
}

/// Slots of a counter and what is in each.
type Slots = Vec<(u64, u64)>;

/// The reply to a reservation: a number, then for each counter a flat list of slots and amounts: all where
/// it is refused, else their sum under the newest.
fn read(reply: Value) -> RedisResult<(bool, Vec<Slots>)> {
    let mut parts = redis::from_redis_value::<Vec<Value>>(reply)?.into_iter();
    let granted: Option<u64> = parts.next().map(redis::from_redis_value).transpose()?;
    let slots = parts.map(|part| {
        let flat: Vec<u64> = redis::from_redis_value(part)?;
        Ok(flat.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
    });
    Ok((granted == Some(1), slots.collect::<RedisResult<_>>()?))
}
