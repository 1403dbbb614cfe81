//! The region, and where it is told.

use outcrop_model::region;

use crate::environment::Environment;
use crate::setup::SetupError;

const VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// An AWS region, of valid syntax; whether it exists is for DNS to say.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Region(String);

// === impl Region ===

impl Region {
    /// Checks the syntax of `value`; `origin` is named in the error.
    ///
    /// # Errors
    /// [`SetupError::BadRegion`].
    pub fn new(value: &str, origin: &'static str) -> Result<Self, SetupError> {
        if !region::is_well_formed(value) {
            return Err(SetupError::BadRegion { value: value.to_owned(), origin });
        }
        Ok(Self(value.to_owned()))
    }

    /// The flag if given, else `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's `region`.
    ///
    /// # Errors
    /// [`SetupError::BadRegion`].
    pub fn told(
        flag: Option<&str>,
        environment: &Environment<'_>,
    ) -> Result<Option<Self>, SetupError> {
        if let Some(value) = flag {
            return Self::new(value.trim(), "--region").map(Some);
        }
        let found = environment.value(&VARIABLES, "region");
        found.map(|(value, origin)| Self::new(&value, origin)).transpose()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}
