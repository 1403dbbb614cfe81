//! One call of a tool, and what may become of it.

use std::time::Duration;

use rmcp::RoleClient;
use rmcp::model::{CallToolRequestParams, CallToolResult};
use rmcp::service::{Peer, ServiceError};
use serde_json::{Map, Value};

use super::fault;

/// What became of it.
#[derive(Debug)]
pub enum Called {
    Result(Box<CallToolResult>),
    /// The server said why not.
    Refused(String),
    Late,
    /// The server wants to know who asks, again.
    WhoAsks,
    /// The server is gone, or its answer cannot be used.
    Lost(String),
}

/// A call that is dropped is cancelled at the server.
pub async fn call(
    peer: Peer<RoleClient>,
    tool: String,
    arguments: Map<String, Value>,
    patience: Duration,
) -> Called {
    let params = CallToolRequestParams::new(tool).with_arguments(arguments);
    match tokio::time::timeout(patience, peer.call_tool(params)).await {
        Err(_) => Called::Late,
        Ok(Ok(result)) => Called::Result(Box::new(result)),
        Ok(Err(ServiceError::McpError(error))) => {
            Called::Refused(format!("The server refused the call: {}", error.message))
        }
        Ok(Err(ServiceError::UnexpectedResponse)) => Called::Refused(
            "The server's answer is no result of a tool; what it did is not known.".to_owned(),
        ),
        Ok(Err(error)) if error.is_authorization_required() => Called::WhoAsks,
        Ok(Err(error)) => Called::Lost(fault::of_request(&error)),
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
