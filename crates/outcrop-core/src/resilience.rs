//! What keeps an outage small: targets that fail are left alone for a while, retries never multiply, and
//! no more goes to a backend at a time than it takes.
//!
//! Each of the three is plain state with the time given from outside.

pub mod budget;
pub mod gate;
pub mod health;
mod pace;
mod ward;

pub use budget::RetryBudget;
pub use gate::{Full, Gate, Permit, Room};
pub use health::{Condition, Health, Probe, Verdict};
pub(crate) use ward::{Ward, ward_key};
