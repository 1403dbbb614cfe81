//! What the operator asked for: one immutable [`Config`], whatever file it was written in.
//!
//! 1. Pure: texts and a lookup of variables come in, a value and [`Diagnostic`]s come out. Nothing here
//!    reads a file, the environment or the clock.
//! 2. What is written and what is meant are different types: the front ends hold the first, this crate's
//!    root the second.
//! 3. A secret is a reference until it is needed, and is never printed.

pub mod admission;
pub mod backend;
pub mod compile;
pub mod config;
pub mod document;
pub mod edit;
pub mod edit_text;
pub mod excerpt;
pub mod front;
pub mod limit;
pub mod load;
pub mod name;
pub mod origin;
pub mod policy;
pub mod route;
pub mod secret;
pub mod variables;
pub mod words;

pub use admission::{Admission, ClientKey, JwtIssuer, KeyProof, Scopes};
pub use backend::{
    ANY_SERVICE, AssumeRole, Backend, CredentialHeaders, Identity, IdentitySource, OidcExchange,
    Without,
};
pub use config::{Certificate, Config, Listener, ListenerTls};
pub use edit::{BodyEdit, BodyEdits, HeaderEdit, HeaderEdits, Message, Mode};
pub use edit_text::{EditText, each_text};
pub use excerpt::Excerpts;
pub use front::outcrop::{Secrets, print};
pub use limit::{Budget, Limit, Measure, OnStoreLoss, Per, Selector, Store, Unless, Window};
pub use load::{Source, has_errors, load};
pub use name::ModelName;
pub use origin::{Diagnostic, Origin, Severity};
pub use policy::{AttemptTimeouts, CacheRule, Guardrail, Policy, RetryPolicy, Timeouts};
pub use route::{
    HeaderMatch, Match, ModelIs, PathMatch, Pattern, Route, Surface, SurfaceWord, Target,
};
pub use secret::{Redacted, Secret, is_secret_name};
pub use variables::Lookup;
