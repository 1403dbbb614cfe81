//! Fetches what an address in a request leads to, so that a client cannot use the gateway to look into
//! the network that it stands in.
//!
//! 1. The address that is judged ([`reach`]) is the one that is connected to: names are looked up once
//!    per connection, and a name that changes its mind changes nothing.
//! 2. Every redirect is judged as if the client had asked for it.
//! 3. Size, number and time are bounded, per request and for the whole process.
//! 4. Nothing of the client's is sent along: no header, no cookie, no credential.
//! 5. A [`Failure`] names neither an address that a name led to nor anything the other side said, and
//!    a name that is not known fails in the same words as one that leads to a forbidden address.
//!
//! Messages that the operator wants delivered go by the [`Courier`], to the address that they named.
//!
//! It knows nothing of dialects, models or kinds of media.

mod address;
mod connect;
mod courier;
mod failure;
mod fetcher;
mod place;
pub mod reach;
mod resolve;

pub use courier::Courier;
pub use failure::{Blame, Failure};
pub use fetcher::{Batch, Fetched, Fetcher, Held, Limits, Surroundings};
pub use reach::{Allowed, Reach};
pub use resolve::{Lookup, Resolve};
