//! Small messages to addresses that the operator named: told again until they are taken.
//!
//! 1. The address is the operator's own word: any host, http too, and it is not judged. Nothing that a
//!    client says becomes one.
//! 2. A message that is not taken is sent again, with growing waits, a few times; then it is given up.
//! 3. The answer is read for its status alone. Redirects are not followed.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::connect::{Tls, connect};
use crate::failure::{Blame, Failure};
use crate::fetcher::USER_AGENT;
use crate::place::Place;
use crate::resolve::{Resolve, System};

/// Delivers messages.
#[derive(Debug)]
pub struct Courier {
    tls: Tls,
    resolver: System,
    /// Before the second attempt; each further wait is twice as long.
    wait: Duration,
}

/// Attempts in all: with the waits, about half a minute.
const ATTEMPTS: u32 = 6;
const WAIT: Duration = Duration::from_secs(1);
/// Longest time of one attempt.
const PATIENCE: Duration = Duration::from_secs(10);

// === impl Courier ===

impl Default for Courier {
    fn default() -> Self {
        Self::waiting(WAIT)
    }
}

impl Courier {
    /// Waits so long before a second attempt.
    pub fn waiting(wait: Duration) -> Self {
        Self { tls: Tls::new(Vec::new()), resolver: System::default(), wait }
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// What the last attempt failed with.
    pub async fn post_json(&self, url: &str, json: Bytes) -> Result<(), Failure> {
        let place = Place::parse(url)?;
        let mut wait = self.wait;
        for attempt in 1.. {
            let outcome = timeout(PATIENCE, self.attempt(&place, json.clone())).await;
            let Err(failure) = outcome.unwrap_or(Err(Failure::TimedOut)) else { return Ok(()) };
            let may_pass = failure == Failure::NoWay
                || matches!(failure.blame(), Blame::FarServer | Blame::FarSlowness);
            if attempt == ATTEMPTS || !may_pass {
                return Err(failure);
            }
            sleep(wait).await;
            wait *= 2;
        }
        Ok(())
    }

    async fn attempt(&self, place: &Place, json: Bytes) -> Result<(), Failure> {
        let addresses = match place.ip() {
            Some(ip) => vec![ip],
            None => self.resolver.resolve(&place.host).await.map_err(|_| Failure::NoWay)?,
        };
        let stream = connect(place, &addresses, &self.tls).await?;
        let handshake = http1::Builder::new().handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|_| Failure::Broken)?;
        // Ends with this function, whatever way that ends.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let response = sender.send_request(request(place, json)?).await;
        match response.map_err(|_| Failure::Broken)?.status().as_u16() {
            200..300 => Ok(()),
            status => Err(Failure::Status(status)),
        }
    }
}

fn request(place: &Place, json: Bytes) -> Result<Request<Full<Bytes>>, Failure> {
    let host = HeaderValue::from_str(&place.authority())
        .map_err(|_| Failure::Malformed("its host is not legal"))?;
    Request::post(&place.path_and_query)
        .header(header::HOST, host)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONNECTION, "close")
        .body(Full::new(json))
        .map_err(|_| Failure::Malformed("its characters are not legal"))
}
