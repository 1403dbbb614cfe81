//! The model behind an id that does not name it.

/// What is known of such an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// A foundation model, by its id, its ARN in one region, or the id of a profile of it: what its card
    /// and its prices are looked up by.
    pub model: String,
    pub charge: Charge,
}

/// What is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// Use, at the prices of the model behind.
    Use,
    /// Something that no single request tells, such as an hour of reserved throughput.
    Other,
}
