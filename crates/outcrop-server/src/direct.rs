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
pub struct Direct(Arc<Door>);

impl Direct {
    pub fn new(gateway: Gateway) -> Self {
        Self(Arc::new(Door::new(Arc::new(gateway), &ServerConfig::default())))
    }

    /// Answers one request. Dropping the answer ends the call behind it.
    pub async fn call(&self, request: Request<Full<Bytes>>) -> Response<Outflow> {
        let busy = Arc::new(Work::default()).begin();
        Arc::clone(&self.0).answer(request, Entry::default(), busy).await
    }
}
