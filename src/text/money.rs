//! Amounts of money in US dollars, as whole numbers of a unit so small that prices of single tokens
//! are exact. No floating-point arithmetic.

use std::fmt;
use std::ops::AddAssign;

use serde::{Serialize, Serializer};

use super::grouped;

/// How many units a dollar has, as a power of ten: the unit is a femtodollar. A price of $0.000001
/// for a million tokens, of which a cached one costs 1/40, is a whole number of them per token.
const DECIMALS: u32 = 15;

/// Units in a dollar.
const DOLLAR: u128 = 10_u128.pow(DECIMALS);

/// Number of decimals that programs get. A double holds them exactly up to a million dollars.
const JSON_DECIMALS: u32 = 9;

/// An amount of US dollars that is not negative. Sums and products stop at the largest amount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Money(u128);

impl Money {
    /// No money.
    pub(crate) const ZERO: Self = Self(0);

    /// Returns the price of one of a million tokens that cost so many thousandths of a dollar.
    pub(crate) const fn per_token(thousandths_per_million: u64) -> Self {
        Self(thousandths_per_million as u128 * (DOLLAR / 1_000 / 1_000_000))
    }

    /// Parses a decimal number of dollars, such as `0.25`; `None` if it is not one, or has more
    /// decimals than are kept.
    pub(crate) fn from_decimal(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let is_number =
            |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let missing = usize::try_from(DECIMALS).ok()?.checked_sub(part.len())?;
        if !is_number(whole) || !is_number(part) {
            return None;
        }
        let part: u128 = format!("{part}{}", "0".repeat(missing)).parse().ok()?;
        let whole: u128 = whole.parse().ok()?;
        Some(Self(whole.checked_mul(DOLLAR)?.checked_add(part)?))
    }

    /// Returns this amount so many times.
    pub(crate) fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(u128::from(count)))
    }

    /// Returns so many thousandths of this amount, rounded down.
    pub(crate) const fn per_mille(self, thousandths: u64) -> Self {
        Self(self.0.saturating_mul(thousandths as u128) / 1_000)
    }

    /// Returns one part of this amount in so many, rounded up; all of it where there are none.
    pub(crate) fn divided_by(self, parts: u64) -> Self {
        Self(self.0.div_ceil(u128::from(parts.max(1))))
    }

    /// Returns the sum.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Returns how much this is more than another amount.
    pub(crate) fn minus(self, other: Self) -> SignedMoney {
        SignedMoney {
            is_negative: self < other,
            amount: Self(self.0.abs_diff(other.0)),
        }
    }

    /// Returns the amount in units of ten to the minus `decimals` dollars, rounded half up.
    fn rounded(self, decimals: u32) -> u128 {
        let unit = 10_u128.pow(DECIMALS - decimals);
        self.0.saturating_add(unit / 2) / unit
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = self.plus(other);
    }
}

/// Shows the amount to people: to the cent, or to four decimals if it is less than a dollar.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_small = *self != Self::ZERO && self.rounded(4) < 10_000;
        let decimals = if is_small { 4 } else { 2 };
        let rounded = self.rounded(decimals);
        if rounded == 0 && *self != Self::ZERO {
            return f.write_str("<$0.0001");
        }
        let unit = 10_u128.pow(decimals);
        let width = usize::try_from(decimals).unwrap_or_default();
        write!(f, "${}.{:0width$}", grouped(rounded / unit), rounded % unit)
    }
}

/// Writes a number of dollars with up to nine decimals.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.minus(Self::ZERO).serialize(serializer)
    }
}

/// A difference of two amounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SignedMoney {
    is_negative: bool,
    amount: Money,
}

impl SignedMoney {
    /// Returns the sum.
    pub(crate) fn plus(self, other: Self) -> Self {
        if self.is_negative == other.is_negative {
            return Self {
                amount: self.amount.plus(other.amount),
                ..self
            };
        }
        let (gained, lost) = if self.is_negative {
            (other.amount, self.amount)
        } else {
            (self.amount, other.amount)
        };
        gained.minus(lost)
    }
}

impl fmt::Display for SignedMoney {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Less than is shown is neither a gain nor a loss.
        if self.amount.rounded(4) == 0 {
            return Money::ZERO.fmt(f);
        }
        let sign = if self.is_negative { "-" } else { "" };
        write!(f, "{sign}{}", self.amount)
    }
}

/// Writes a number of dollars with up to nine decimals.
impl Serialize for SignedMoney {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rounded = self.amount.rounded(JSON_DECIMALS);
        let unit = 10_u128.pow(JSON_DECIMALS);
        let sign = if self.is_negative { "-" } else { "" };
        let text = format!("{sign}{}.{:09}", rounded / unit, rounded % unit);
        // JSON has no other numbers; the shortest one that is read as this double has these digits.
        let number: f64 = text.parse().unwrap_or_default();
        serializer.serialize_f64(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        Money::from_decimal(text).expect(text)
    }

    #[test]
    fn a_decimal_number_of_dollars_is_exact() {
        assert_eq!(money("0.1").plus(money("0.2")), money("0.3"));
        assert_eq!(money("2"), money("2.00"));
        assert_eq!(Money::per_token(100).times(10_000_000), money("1"));
        assert_eq!(
            Money::per_token(100).per_mille(25).times(1_000_000),
            money("0.0025")
        );
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "1e3",
            "1,000",
            "0.0000000000000001",
            "$1",
        ] {
            assert_eq!(Money::from_decimal(text), None, "{text}");
        }
    }

    #[test]
    fn people_see_cents_and_of_small_amounts_more() {
        for (text, expected) in [
            ("0", "$0.00"),
            ("0.00001", "<$0.0001"),
            ("0.01234", "$0.0123"),
            ("0.99995", "$1.00"),
            ("1.005", "$1.01"),
            ("12345.6", "$12,345.60"),
        ] {
            assert_eq!(money(text).to_string(), expected, "{text}");
        }
        assert_eq!(money("1").minus(money("3.5")).to_string(), "-$2.50");
    }

    #[test]
    fn programs_get_a_number_with_the_same_digits() {
        let json = |amount: SignedMoney| serde_json::to_string(&amount).expect("a number");
        for (text, expected) in [
            ("0.012345678", "0.012345678"),
            ("0.3", "0.3"),
            ("999999.999999999", "999999.999999999"),
        ] {
            assert_eq!(serde_json::to_string(&money(text)).expect(text), expected);
        }
        assert_eq!(json(money("0.1").minus(money("0.3"))), "-0.2");
    }

    #[test]
    fn gains_and_losses_add_up() {
        let difference = |more: &str, less: &str| money(more).minus(money(less));
        let sum = difference("1", "3").plus(difference("5", "1"));
        assert_eq!(sum, difference("2", "0"));
        let sum = difference("1", "3").plus(difference("1", "2"));
        assert_eq!(sum, difference("0", "3"));
        assert_eq!(Money(u128::MAX).times(2), Money(u128::MAX));
    }
}
