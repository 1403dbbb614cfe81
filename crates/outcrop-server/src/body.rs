//! Bodies at the door: requests are read whole, within limits.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use outcrop_model::{ErrorClass, Fault, Phase};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Most bytes that are read and thrown away of a refused body: many clients read no answer before they
/// have sent all.
const MOST_DISCARDED: usize = 128 * 1024 * 1024;
/// Longest time for that, and longest silence within it: whoever is still sending then is not worth more.
const DISCARD_TOTAL: Duration = Duration::from_secs(10);
const DISCARD_IDLE: Duration = Duration::from_secs(1);

/// How much and how long the gateway reads.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest body in bytes.
    pub max_body: usize,
    /// Longest silence while a body is being sent.
    pub body_idle: Duration,
    /// Longest time for a whole body.
    pub body_total: Duration,
}

/// Bytes in which room for bodies is given out.
const UNIT: usize = 4096;
/// After how long there may be room again: most answers take seconds.
const FULL: Duration = Duration::from_secs(1);

/// Room for the bodies of all requests together. A body has its room until nobody holds its bytes.
#[derive(Debug, Clone)]
pub struct Room(Arc<Semaphore>);

/// A body and its room.
struct Housed {
    body: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Room {
    /// For so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.div_ceil(UNIT).clamp(1, Semaphore::MAX_PERMITS))))
    }

    /// Enlarges what a body has to `len` bytes.
    fn enlarge(&self, had: &mut Option<OwnedSemaphorePermit>, len: usize) -> Result<(), Fault> {
        let units = len.div_ceil(UNIT) - had.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if units == 0 {
            return Ok(());
        }
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let more = Arc::clone(&self.0).try_acquire_many_owned(units).map_err(|_| full())?;
        match had {
            Some(had) => had.merge(more),
            None => *had = Some(more),
        }
        Ok(())
    }
}

impl AsRef<[u8]> for Housed {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

fn housed(body: Bytes, room: Option<OwnedSemaphorePermit>) -> Bytes {
    match room {
        Some(room) => Bytes::from_owner(Housed { body, _room: room }),
        None => body,
    }
}

fn full() -> Fault {
    let message = "The gateway holds as many request bodies as it may at a time. Try again.";
    let mut fault = Fault::new(ErrorClass::Overloaded, Phase::BeforeSend, message);
    fault.retry_after = Some(FULL);
    fault
}

/// Whether the whole body was taken from the connection, which then can serve again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    Taken,
    Left,
}

/// Reads a whole request body.
///
/// # Errors
/// `TooLarge`, `ClientTimeout`, `Overloaded` when there is no room for it, `InvalidRequest` when the bytes break HTTP, or `ClientLeft` when the
/// connection broke.
pub async fn read<B>(body: &mut B, limits: Limits, room: &Room) -> Result<Bytes, Fault>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
{
    let all = timeout(limits.body_total, gather(body, limits, room));
    all.await.unwrap_or_else(|_| Err(endless(limits.body_total)))
}

async fn gather<B>(body: &mut B, limits: Limits, room: &Room) -> Result<Bytes, Fault>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
{
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limits.max_body {
        return Err(too_large(limits.max_body));
    }
    let mut all = BytesMut::new();
    // What is announced takes no room yet: nobody may shut others out by words alone.
    let mut taken = None;
    loop {
        let frame =
            timeout(limits.body_idle, body.frame()).await.map_err(|_| stalled(limits.body_idle))?;
        let Some(frame) = frame else { return Ok(housed(all.freeze(), taken)) };
        let data = frame.map_err(|e| broken(&e))?.into_data().unwrap_or_default();
        if all.len() + data.len() > limits.max_body {
            return Err(too_large(limits.max_body));
        }
        room.enlarge(&mut taken, all.len() + data.len())?;
        if all.is_empty() && announced == data.len() {
            return Ok(housed(data, taken));
        }
        all.reserve(data.len().max(announced.saturating_sub(all.len())));
        all.extend_from_slice(&data);
    }
}

/// Reads what is left of a refused body and keeps nothing of it, so that its sender comes to read why.
pub async fn discard<B>(body: &mut B) -> Rest
where
    B: Body<Data = Bytes> + Unpin,
{
    let all = async {
        let mut count = 0;
        while count < MOST_DISCARDED {
            match timeout(DISCARD_IDLE, body.frame()).await {
                Ok(Some(Ok(frame))) => count += frame.data_ref().map_or(0, Bytes::len),
                Ok(None) => return Rest::Taken,
                Ok(Some(Err(_))) | Err(_) => return Rest::Left,
            }
        }
        Rest::Left
    };
    timeout(DISCARD_TOTAL, all).await.unwrap_or(Rest::Left)
}

fn too_large(limit: usize) -> Fault {
    let message =
        format!("The request body is larger than {limit} bytes, the most that this gateway takes.");
    Fault::new(ErrorClass::TooLarge, Phase::BeforeSend, message)
}

fn stalled(after: Duration) -> Fault {
    let message =
        format!("The request body did not arrive: nothing came for {} seconds.", after.as_secs());
    Fault::new(ErrorClass::ClientTimeout, Phase::BeforeSend, message)
}

fn endless(after: Duration) -> Fault {
    let message = format!("The request body was not complete after {} seconds.", after.as_secs());
    Fault::new(ErrorClass::ClientTimeout, Phase::BeforeSend, message)
}

fn broken(error: &(dyn Error + 'static)) -> Fault {
    let detail = error.to_string();
    if breaks_http(error) {
        let message = "The request body is not sent as HTTP demands: its chunks are malformed.";
        return Fault::new(ErrorClass::InvalidRequest, Phase::BeforeSend, message)
            .with_detail(detail);
    }
    Fault::new(ErrorClass::ClientLeft, Phase::BeforeSend, "The request body broke off.")
        .with_detail(detail)
}

/// Whether the bytes that came are wrong, and not merely too few.
fn breaks_http(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return matches!(io.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData);
        }
        cause = error.source();
    }
    false
}
