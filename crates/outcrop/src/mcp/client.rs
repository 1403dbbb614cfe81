//! What servers are told of us, and what we hear of them beside answers.
//!
//! They may ask neither our model (sampling) nor our user (elicitation) anything, and are told of no folders
//! (roots): we say so at the start, and refuse who asks all the same. What they log is not shown.

use std::sync::atomic::{AtomicBool, Ordering};

use rmcp::model::{
    ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult,
    ElicitationCreateRequestMethod, Implementation, ListRootsRequestMethod,
    ProgressNotificationParam, ProgressToken,
};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{ClientHandler, ErrorData, RoleClient};
use tokio::sync::broadcast;

/// Most signs of progress that a call may not have seen yet.
const SIGNS: usize = 64;

#[derive(Debug)]
pub struct Client {
    signs: broadcast::Sender<ProgressToken>,
    has_other_tools: AtomicBool,
}

// === impl Client ===

impl Client {
    /// Tells of calls whose server says that they get on.
    pub fn signs(&self) -> broadcast::Sender<ProgressToken> {
        self.signs.clone()
    }

    /// Whether the server said, since this was last asked, that its tools are others now.
    pub fn has_other_tools(&self) -> bool {
        self.has_other_tools.swap(false, Ordering::Relaxed)
    }
}

impl Default for Client {
    fn default() -> Self {
        let (signs, _) = broadcast::channel(SIGNS);
        Self { signs, has_other_tools: AtomicBool::new(false) }
    }
}

impl ClientHandler for Client {
    fn get_info(&self) -> ClientConfig {
        let us = Implementation::new("outcrop", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), us)
    }

    #[expect(deprecated, reason = "servers of older versions of MCP may ask")]
    async fn list_roots(
        &self,
        _context: RequestContext<RoleClient>,
    ) -> Result<rmcp::model::ListRootsResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListRootsRequestMethod>())
    }

    async fn create_elicitation(
        &self,
        _request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        Err(ErrorData::method_not_found::<ElicitationCreateRequestMethod>())
    }

    async fn on_progress(
        &self,
        params: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        // No call may wait for it any more.
        let _nobody_waits = self.signs.send(params.progress_token);
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.has_other_tools.store(true, Ordering::Relaxed);
    }
}
