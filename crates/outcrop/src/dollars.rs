//! A cost as programs read it: a JSON number with all of its digits, which no float would keep.

use std::fmt;

use outcrop_model::PicoUsd;
use serde::ser::Error;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Dollars. For people they are the same digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dollars(pub PicoUsd);

impl Serialize for Dollars {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string()).map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_digit_is_lost() {
        for (pico, text) in [
            (1, "0.000000000001"),
            (1_050_000, "0.00000105"),
            (2_000_000_000_000, "2"),
            (123_456_789_012_345_678_901, "123456789.012345678901"),
        ] {
            assert_eq!(serde_json::to_string(&Dollars(PicoUsd::new(pico))).unwrap(), text);
        }
    }
}
