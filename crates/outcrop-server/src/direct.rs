//! The gateway without a socket: requests from the same process.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use outcrop_core::Gateway;

use crate::body::{Limits, Outflow};
use crate::cors::Cors;
use crate::patience::Work;
use crate::serve::ServerConfig;
use crate::service::{Door, Entry};

/// A gateway that is asked directly, by the paths that clients use.
#[derive(Debug, Clone)]
pub struct Direct(Arc<Door>);

impl Direct {
    pub fn new(gateway: Gateway) -> Self {
        let ServerConfig { max_body, body_idle, body_total, .. } = ServerConfig::default();
        let limits = Limits { max_body, body_idle, body_total };
        let (cors, draining) = (Cors::default(), AtomicBool::new(false));
        Self(Arc::new(Door { gateway: Arc::new(gateway), limits, cors, draining }))
    }

    /// Answers one request. Dropping the answer ends the call behind it.
    pub async fn call(&self, request: Request<Full<Bytes>>) -> Response<Outflow> {
        let busy = Arc::new(Work::default()).begin();
        Arc::clone(&self.0).answer(request, Entry::default(), busy).await
    }
}
