//! Names of the operator's own for models.

use crate::origin::Origin;
use crate::route::Pattern;

/// A name that stands for another.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelName {
    pub pattern: Pattern,
    /// The id or built-in name that is meant. A `*` in it takes what the pattern's `*` matched.
    pub model: String,
    /// Whether `GET /v1/models` lists it.
    pub listed: bool,
    pub origin: Origin,
}
