//! Money as a whole number of pico-dollars: a price per million tokens with six decimals is a whole
//! number of them per token, so no sum of prices is ever rounded.

use std::fmt;
use std::ops::{Add, Mul};

/// A trillionth of a US dollar, times so many.
///
/// Sums and products stop at the largest number there is. Prices from a file are bounded so that no
/// count of 64 bits comes near it (see [`PicoUsd::MOST_PER_UNIT`]).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PicoUsd(u128);

/// Decimal digits of a dollar that a pico-dollar has.
const DIGITS: usize = 12;

// === impl PicoUsd ===

impl PicoUsd {
    pub const ZERO: Self = Self(0);
    /// The highest price of one unit (a token, a picture, a query): a million dollars. Eight units at
    /// it, each counted with 64 bits, are below 2^128.
    pub const MOST_PER_UNIT: Self = Self(1_000_000 * 1_000_000_000_000);

    pub const fn new(pico_dollars: u128) -> Self {
        Self(pico_dollars)
    }

    pub const fn get(self) -> u128 {
        self.0
    }

    /// Reads the price of one unit from dollars for `units` of them, a power of ten.
    ///
    /// # Errors
    /// Says what is wrong with the text: no decimal number, too fine to be exact, or too high.
    pub fn per_unit(dollars: &str, units: Units) -> Result<Self, String> {
        let most = units.decimals();
        let (whole, fraction) = dollars.split_once('.').unwrap_or((dollars, ""));
        let is_number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
        let ends_in_point = dollars.ends_with('.');
        if whole.is_empty() || ends_in_point || !is_number(whole) || !is_number(fraction) {
            return Err(format!("`{dollars}` is no price: write dollars, such as \"3.75\""));
        }
        if fraction.len() > most {
            return Err(format!("`{dollars}` has more than {most} decimals"));
        }
        let digits = format!("{whole}{fraction:0<most$}");
        match digits.parse().map(Self) {
            Ok(price) if price <= Self::MOST_PER_UNIT => Ok(price),
            Ok(_) | Err(_) => Err(format!("`{dollars}` is too high to be a price")),
        }
    }
}

/// What a price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    One,
    Million,
}

impl Units {
    /// How many decimals of a dollar for so many are whole pico-dollars for one.
    const fn decimals(self) -> usize {
        match self {
            Units::One => DIGITS,
            Units::Million => DIGITS - 6,
        }
    }

    /// `price` of one unit as dollars for so many.
    pub fn dollars(self, price: PicoUsd) -> String {
        decimal(price.0, self.decimals())
    }
}

impl Add for PicoUsd {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self(self.0.saturating_add(more.0))
    }
}

impl Mul<u64> for PicoUsd {
    type Output = Self;

    fn mul(self, count: u64) -> Self {
        Self(self.0.saturating_mul(u128::from(count)))
    }
}

/// Dollars, exact, with no zeros at the end: `0.00105`.
impl fmt::Display for PicoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal(self.0, DIGITS))
    }
}

fn decimal(number: u128, decimals: usize) -> String {
    let digits = format!("{number:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_and_written_exactly() {
        for (text, units, pico) in [
            ("3.75", Units::Million, 3_750_000),
            ("0.00875", Units::Million, 8_750),
            ("0.000001", Units::Million, 1),
            ("137.5", Units::Million, 137_500_000),
            ("0.04", Units::One, 40_000_000_000),
            ("0", Units::One, 0),
            ("1000000", Units::One, PicoUsd::MOST_PER_UNIT.get()),
        ] {
            let price = PicoUsd::per_unit(text, units).unwrap();
            assert_eq!((price.get(), units.dollars(price)), (pico, text.to_owned()));
        }
    }

    #[test]
    fn what_is_no_exact_price_is_refused() {
        for text in ["", ".5", "5.", "1,5", "-1", "1e3", "$3", " 3", "0.0000001", "1000001"] {
            let million = text == "1000001";
            let units = if million { Units::One } else { Units::Million };
            assert!(PicoUsd::per_unit(text, units).is_err(), "{text}");
        }
        assert!(PicoUsd::per_unit(&"9".repeat(60), Units::Million).is_err());
    }

    #[test]
    fn sums_are_shown_in_dollars() {
        assert_eq!(PicoUsd::ZERO.to_string(), "0");
        assert_eq!(PicoUsd::new(1).to_string(), "0.000000000001");
        assert_eq!((PicoUsd::new(3_750_000) * 280).to_string(), "0.00105");
        assert_eq!((PicoUsd::new(2_000_000_000_000) + PicoUsd::ZERO).to_string(), "2");
    }
}
