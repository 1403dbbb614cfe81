//! Fetching: the limits, the redirects, and the bytes.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::connect::{Tls, connect};
use crate::failure::Failure;
use crate::place::{Place, Transport};
use crate::reach::{Allowed, Reach, may_connect, may_look_up, standing};
use crate::resolve::{Resolve, System};

/// Redirects that are followed: a shortener, a host's canonical name, https, and a signed address.
const REDIRECTS: usize = 5;
/// Fetches that run at once in the whole process.
const AT_ONCE: usize = 64;
pub(crate) const USER_AGENT: &str = concat!("outcrop/", env!("CARGO_PKG_VERSION"));

/// What may be fetched, and how much of it.
#[derive(Debug, Clone)]
pub struct Limits {
    pub reach: Reach,
    pub allowed: Vec<Allowed>,
    /// Whether `http:` is fetched too.
    pub plain_http: bool,
    /// Bytes of one file.
    pub max_item: usize,
    /// Bytes of all files of one request.
    pub max_total: usize,
    /// Different addresses of one request.
    pub max_count: usize,
    /// Fetched bytes that the whole process holds: media are asked for with a few words each, so the
    /// size of requests says nothing about their weight.
    pub max_held: usize,
    /// For all fetches of one batch.
    pub timeout: Duration,
}

/// What tests put in place of the world around.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// In place of the operating system's resolver.
    pub resolver: Option<Arc<dyn Resolve>>,
    /// Trusted beside the platform's roots.
    pub roots: Vec<CertificateDer<'static>>,
}

/// Fetches within limits. Clones share the process's room.
#[derive(Debug, Clone)]
pub struct Fetcher(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: Limits,
    resolver: Arc<dyn Resolve>,
    tls: Tls,
    at_once: Semaphore,
    room: Arc<Semaphore>,
}

/// Fetches of one request at one target: one deadline, and one sum of bytes with what was fetched before.
#[derive(Debug)]
pub struct Batch {
    shared: Arc<Shared>,
    deadline: Instant,
    purse: Mutex<Purse>,
}

#[derive(Debug)]
struct Purse {
    left: usize,
    held: Held,
}

/// Room in the process that fetched bytes take, until this is dropped.
#[derive(Debug, Default)]
pub struct Held(Option<OwnedSemaphorePermit>);

/// What an address led to.
#[derive(Clone)]
pub struct Fetched {
    pub bytes: Bytes,
    /// The server's `content-type`: a hint, never the truth.
    pub declared: Option<String>,
}

enum Hop {
    Arrived(Fetched),
    Redirected(Place),
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self {
            reach: Reach::default(),
            allowed: Vec::new(),
            plain_http: false,
            // Twice what Bedrock takes of a picture or a document, for models that take more.
            max_item: 10_000_000,
            // As base64 this fills the 25 000 000 bytes that Bedrock takes as a body.
            max_total: 18_000_000,
            // Bedrock's own bound on pictures per message.
            max_count: 20,
            // A dozen requests with all that one may have, or hundreds with a picture each.
            max_held: 256_000_000,
            timeout: Duration::from_secs(20),
        }
    }
}

// === impl Fetched ===

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched").field("len", &self.bytes.len()).finish_non_exhaustive()
    }
}

// === impl Fetcher ===

impl Default for Fetcher {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Fetcher {
    pub fn new(limits: Limits) -> Self {
        Self::within(limits, Surroundings::default())
    }

    pub fn within(limits: Limits, surroundings: Surroundings) -> Self {
        let Surroundings { resolver, roots } = surroundings;
        let room = limits.max_held.min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Shared {
            limits,
            resolver: resolver.unwrap_or_else(|| Arc::new(System::default())),
            tls: Tls::new(roots),
            at_once: Semaphore::new(AT_ONCE),
            room: Arc::new(Semaphore::new(room)),
        }))
    }

    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The clock starts.
    pub fn begin(&self) -> Batch {
        self.begin_after(0)
    }

    /// The same for a request for which so many bytes were fetched before.
    pub fn begin_after(&self, before: usize) -> Batch {
        let limits = &self.0.limits;
        Batch {
            shared: Arc::clone(&self.0),
            deadline: Instant::now() + limits.timeout,
            purse: Mutex::new(Purse {
                left: limits.max_total.saturating_sub(before),
                held: Held::default(),
            }),
        }
    }
}

// === impl Batch ===

impl Batch {
    pub async fn fetch(&self, url: &str) -> Result<Fetched, Failure> {
        if self.shared.limits.reach == Reach::Off {
            return Err(Failure::Off);
        }
        timeout_at(self.deadline, self.follow(url)).await.unwrap_or(Err(Failure::TimedOut))
    }

    /// The room that all fetched bytes take, to be kept as long as they are.
    pub fn into_held(self) -> Held {
        self.purse.into_inner().unwrap_or_else(PoisonError::into_inner).held
    }

    async fn follow(&self, url: &str) -> Result<Fetched, Failure> {
        // The semaphore is never closed.
        let _slot = self.shared.at_once.acquire().await.map_err(|_| Failure::Busy)?;
        let mut place = Place::parse(url)?;
        for _ in 0..=REDIRECTS {
            match self.hop(&place).await? {
                Hop::Arrived(fetched) => return Ok(fetched),
                Hop::Redirected(next) => place = next,
            }
        }
        Err(Failure::Redirects { most: REDIRECTS })
    }

    async fn hop(&self, place: &Place) -> Result<Hop, Failure> {
        if place.scheme == Transport::Http && !self.shared.limits.plain_http {
            return Err(Failure::PlainHttp);
        }
        let addresses = self.judged(place).await?;
        let stream = connect(place, &addresses, &self.shared.tls).await?;
        let handshake = http1::Builder::new().handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|_| Failure::Broken)?;
        // Ends with this function, whatever way that ends.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let response = sender.send_request(request(place)?).await.map_err(|_| Failure::Broken)?;
        self.read(place, response).await
    }

    /// The addresses of a place that may be connected to.
    async fn judged(&self, place: &Place) -> Result<Vec<IpAddr>, Failure> {
        let Limits { reach, allowed, .. } = &self.shared.limits;
        let standing = standing(&place.host, allowed);
        let mut addresses = match place.ip() {
            Some(ip) => vec![ip],
            None if !may_look_up(standing, *reach, allowed) => return Err(Failure::NoWay),
            None => {
                let found = self.shared.resolver.resolve(&place.host).await;
                found.map_err(|_| Failure::NoWay)?
            }
        };
        addresses.retain(|ip| may_connect(*ip, standing, *reach, allowed));
        if addresses.is_empty() { Err(Failure::NoWay) } else { Ok(addresses) }
    }

    async fn read(&self, place: &Place, response: Response<Incoming>) -> Result<Hop, Failure> {
        let (head, body) = response.into_parts();
        match head.status.as_u16() {
            200 | 203 => {}
            301 | 302 | 303 | 307 | 308 => {
                let location =
                    text(&head.headers, &header::LOCATION).ok_or(Failure::LostRedirect)?;
                return Ok(Hop::Redirected(place.join(location)?));
            }
            status => return Err(Failure::Status(status)),
        }
        let coding = head.headers.get(header::CONTENT_ENCODING);
        if coding.is_some_and(|coding| coding != "identity") {
            return Err(Failure::Encoded);
        }
        let bytes = self.collect(body).await?;
        let declared = text(&head.headers, &header::CONTENT_TYPE).map(str::to_owned);
        Ok(Hop::Arrived(Fetched { bytes, declared }))
    }

    async fn collect(&self, mut body: Incoming) -> Result<Bytes, Failure> {
        let most = self.shared.limits.max_item;
        let told = body.size_hint().lower();
        if told > most as u64 {
            return Err(Failure::TooLarge { most });
        }
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Failure::Broken)?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > most {
                return Err(Failure::TooLarge { most });
            }
            self.charge(data.len())?;
            bytes.extend_from_slice(&data);
        }
        if bytes.is_empty() { Err(Failure::Empty) } else { Ok(bytes.into()) }
    }

    /// Takes room for `count` more bytes.
    fn charge(&self, count: usize) -> Result<(), Failure> {
        let most = self.shared.limits.max_total;
        let mut purse = self.purse.lock().unwrap_or_else(PoisonError::into_inner);
        purse.left = purse.left.checked_sub(count).ok_or(Failure::TotalTooLarge { most })?;
        let permits = u32::try_from(count).map_err(|_| Failure::Busy)?;
        let room = Arc::clone(&self.shared.room).try_acquire_many_owned(permits);
        let room = room.map_err(|_| Failure::Busy)?;
        match &mut purse.held.0 {
            Some(held) => held.merge(room),
            none => *none = Some(room),
        }
        Ok(())
    }
}

fn request(place: &Place) -> Result<Request<Empty<Bytes>>, Failure> {
    let illegal = |_| Failure::Malformed("its characters are not legal");
    let host = HeaderValue::from_str(&place.authority())
        .map_err(|_| Failure::Malformed("its host is not legal"))?;
    Request::get(&place.path_and_query)
        .header(header::HOST, host)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, "*/*")
        .header(header::ACCEPT_ENCODING, "identity")
        .header(header::CONNECTION, "close")
        .body(Empty::new())
        .map_err(illegal)
}

fn text<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
