//! One call of a tool, and what may become of it.
//!
//! 1. A call that is given up, however that comes, is cancelled at the server, also when the server is
//!    ended right after.
//! 2. A server that says that it gets on has more time, but not for ever.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResult, CancelledNotification,
    CancelledNotificationParam, ClientRequest, ProgressToken, RequestId, ServerResult,
};
use rmcp::service::{Peer, PeerRequestOptions, RequestHandle, ServiceError};
use serde_json::{Map, Value};
use tokio::sync::broadcast::{self, Receiver};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::fault;

/// How many times its patience a call may take in all whose server says that it gets on.
const LONGEST: u32 = 10;

/// What became of it.
#[derive(Debug)]
pub enum Called {
    Result(Box<CallToolResult>),
    /// The server said why not.
    Refused(String),
    /// There was nothing within this time.
    Late(Duration),
    /// The server wants to know who asks, again.
    WhoAsks,
    /// The server is gone, or its answer cannot be used.
    Lost(String),
}

/// Whoever may call a server's tools.
#[derive(Debug, Clone)]
pub struct Caller {
    pub peer: Peer<RoleClient>,
    /// Calls whose server said that it gets on.
    pub signs: broadcast::Sender<ProgressToken>,
    pub running: Running,
}

/// The calls of a server that have no result yet.
#[derive(Debug, Clone, Default)]
pub struct Running(Arc<Mutex<Calls>>);

#[derive(Debug, Default)]
struct Calls {
    waiting: HashSet<RequestId>,
    /// Those that were given up, on their way to the server.
    given_up: Vec<JoinHandle<()>>,
}

/// A call that waits for its result; dropped before it came, it is given up.
struct Waiting<'c> {
    caller: &'c Caller,
    id: RequestId,
}

// === impl Caller ===

impl Caller {
    pub async fn call(
        self,
        tool: String,
        arguments: Map<String, Value>,
        patience: Duration,
    ) -> Called {
        let params = CallToolRequestParams::new(tool).with_arguments(arguments);
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let mut signs = self.signs.subscribe();
        let options = PeerRequestOptions::no_options();
        let sending = self.peer.send_request_with_option(request, options);
        let Ok(sent) = timeout(patience, sending).await else { return Called::Late(patience) };
        let RequestHandle { rx, id, progress_token, .. } = match sent {
            Ok(sent) => sent,
            Err(error) => return became(Err(error)),
        };
        let waiting = self.running.begin(&self, id);
        let received = tokio::select! {
            received = rx => received,
            late = silence(&mut signs, &progress_token, patience) => return Called::Late(late),
        };
        waiting.end();
        became(received.unwrap_or(Err(ServiceError::TransportClosed)))
    }

    /// Cancels all calls that have no result yet.
    pub async fn give_up(&self) {
        let (waiting, given_up) = {
            let mut calls = self.running.calls();
            (std::mem::take(&mut calls.waiting), std::mem::take(&mut calls.given_up))
        };
        for id in waiting {
            self.clone().cancel(id).await;
        }
        for sending in given_up {
            // One that cannot be sent need not be: the server is gone.
            let _sent = sending.await;
        }
    }

    async fn cancel(self, id: RequestId) {
        let params = CancelledNotificationParam::new(Some(id), Some("given up".to_owned()));
        let notification = CancelledNotification::new(params);
        // A server that is gone has nothing to cancel.
        let _gone = self.peer.send_notification(notification.into()).await;
    }
}

/// Waits for the end of `patience` without a sign that the call of `token` gets on, or of all its time.
async fn silence(
    signs: &mut Receiver<ProgressToken>,
    token: &ProgressToken,
    patience: Duration,
) -> Duration {
    let most = patience.saturating_mul(LONGEST);
    let begun = Instant::now();
    let mut last = begun;
    loop {
        let (until, time) = match last + patience {
            until if until < begun + most => (until, patience),
            _ => (begun + most, most),
        };
        tokio::select! {
            () = sleep_until(until) => return time,
            sign = signs.recv() => match sign {
                Ok(sign) if sign != *token => {}
                // So many came that some are lost: one may have been of this call.
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => last = Instant::now(),
                Err(broadcast::error::RecvError::Closed) => {
                    sleep_until(until).await;
                    return time;
                }
            },
        }
    }
}

fn became(received: Result<ServerResult, ServiceError>) -> Called {
    match received {
        Ok(ServerResult::CallToolResult(result)) => Called::Result(Box::new(result)),
        Ok(ServerResult::EmptyResult(_)) => Called::Result(Box::default()),
        Ok(_) | Err(ServiceError::UnexpectedResponse) => Called::Refused(
            "The server's answer is no result of a tool; what it did is not known.".to_owned(),
        ),
        Err(ServiceError::McpError(error)) => {
            Called::Refused(format!("The server refused the call: {}", error.message))
        }
        Err(error) if error.is_authorization_required() => Called::WhoAsks,
        Err(error) => Called::Lost(fault::of_request(&error)),
    }
}

// === impl Running ===

impl Running {
    fn begin<'c>(&self, caller: &'c Caller, id: RequestId) -> Waiting<'c> {
        self.calls().waiting.insert(id.clone());
        Waiting { caller, id }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Waiting ===

impl Waiting<'_> {
    /// The result is there.
    fn end(self) {
        self.caller.running.calls().waiting.remove(&self.id);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut calls = self.caller.running.calls();
        calls.given_up.retain(|sending| !sending.is_finished());
        if calls.waiting.remove(&self.id) {
            let sending = self.caller.clone().cancel(self.id.clone());
            calls.given_up.push(tokio::spawn(sending));
        }
    }
}

/// The arguments as the model wrote them.
///
/// # Errors
/// What the model is told.
pub fn arguments(written: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(written) {
        _ if written.trim().is_empty() => Ok(Map::new()),
        Ok(Value::Object(arguments)) => Ok(arguments),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err("The arguments are no JSON object: write one.".to_owned()),
        Err(error) => Err(format!("The arguments are not JSON ({error}): write a JSON object.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn signs_give_more_time_but_not_for_ever() {
        let token = |number: i64| ProgressToken(rmcp::model::NumberOrString::Number(number));
        let second = Duration::from_secs(1);
        for (of, every, expected) in [(1, 900, 10), (2, 900, 1), (1, 1100, 1)] {
            let (signs, mut heard) = broadcast::channel(1);
            let telling = async {
                loop {
                    tokio::time::sleep(Duration::from_millis(every)).await;
                    let _heard = signs.send(token(of));
                }
            };
            let begun = Instant::now();
            let ours = token(1);
            let late = tokio::select! {
                late = silence(&mut heard, &ours, second) => late,
                () = telling => panic!("it is told for ever"),
            };
            assert_eq!(late, second * expected);
            assert_eq!(begun.elapsed().as_secs(), u64::from(expected));
        }
    }
}
