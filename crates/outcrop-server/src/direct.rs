//! The gateway without a socket: requests from the same process.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use outcrop_core::Gateway;

use crate::outflow::Outflow;
use crate::patience::Work;
use crate::serve::ServerConfig;
use crate::service::{Door, Entry};

/// A gateway that is asked directly, by the paths that clients use.
#[derive(Debug, Clone)]
pub struct Direct {
    door: Arc<Door>,
    entry: Entry,
}

impl Direct {
    pub fn new(gateway: Gateway) -> Self {
        let door = Arc::new(Door::new(Arc::new(gateway), &ServerConfig::default()));
        Self { door, entry: Entry::default() }
    }

    /// As if requests came in at the listener of this name; else they are at none, and the routes of all hold.
    pub fn at(self, listener: Option<&str>) -> Self {
        Self { entry: Entry { listener: listener.map(Arc::from), ..self.entry }, ..self }
    }

    /// Answers one request. Dropping the answer ends the call behind it.
    pub async fn call(&self, request: Request<Full<Bytes>>) -> Response<Outflow> {
        let busy = Arc::new(Work::default()).begin();
        Arc::clone(&self.door).answer(request, self.entry.clone(), busy).await
    }
}
