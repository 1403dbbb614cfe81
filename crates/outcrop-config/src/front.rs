//! Front ends: the formats in which an operator can say what is meant.
//!
//! To add one: a module with a type that is a [`FrontEnd`], and a row in [`FRONT_ENDS`].
//!
//! 1. A document is given to every front end that [claims](FrontEnd::claims) it, by its content and
//!    never by its file's name. One that nobody claims is an error.
//! 2. A front end gets all its documents at once, whatever files they are in, so they can refer to each
//!    other. It pushes [`Item`]s, and what it has to say, into the [`Reading`].
//! 3. What a lenient front end did not read of its documents is reported for it, once per file and path.
//! 4. Names need only be unique and known in the end: [`crate::compile`] checks that for all of them.

mod gaps;
mod item;
pub mod kong;
pub mod kube;
pub mod mcp_cli;
pub mod outcrop;
mod reading;
mod secrets;

pub use gaps::Gaps;
pub use item::{Item, Kind};
pub use reading::Reading;
pub(crate) use secrets::{Held, KubernetesSecret};

use crate::document::{Document, Node};
use crate::variables::Variables;

/// One format.
pub trait FrontEnd: Sync {
    /// The format's name, for messages.
    fn name(&self) -> &'static str;

    /// Whether the document is for it. Look with [`Node::peek`]: it marks nothing as read.
    fn claims(&self, root: &Node) -> bool;

    /// What the format makes of variables in texts. They are in when [`FrontEnd::read`] is called. Of
    /// several front ends that claim a document, the first decides.
    fn variables(&self) -> Variables;

    /// Reads all documents of the format: never empty.
    fn read(&self, documents: &[&Document], reading: &mut Reading<'_>);
}

/// All of them. Kubernetes objects are the first: others may refer to Secrets among them. Our own is the last: it
/// takes any document that has one of its keys.
pub const FRONT_ENDS: &[&dyn FrontEnd] =
    &[&kube::Kube, &kong::Kong, &mcp_cli::McpCli, &outcrop::Outcrop];
