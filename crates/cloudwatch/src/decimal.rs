//! Decimal numbers as they were written, so that a statistic is answered as it was asked for.

use std::fmt;
use std::str::FromStr;

/// The most digits after the point that a statistic's boundary may have.
pub const DECIMAL_PLACES_MAX: usize = 10;

/// The most digits before the point: enough for any metric value worth a boundary, and the whole fits 64 bits.
pub const INTEGER_DIGITS_MAX: usize = 8;

/// A number of 0 or more with up to ten places after the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    units: u64,
    places: u8,
}

/// A text that is no such number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a number of up to {INTEGER_DIGITS_MAX} digits, with up to {DECIMAL_PLACES_MAX} more after the point, is expected"
)]
pub struct InvalidDecimal;

impl Decimal {
    pub fn value(self) -> f64 {
        self.units as f64 / 10_f64.powi(i32::from(self.places))
    }
}

impl FromStr for Decimal {
    type Err = InvalidDecimal;

    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return Err(InvalidDecimal),
            None => (text, ""),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let fits = (1..=INTEGER_DIGITS_MAX).contains(&whole.len()) && fraction.len() <= DECIMAL_PLACES_MAX;
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if !fits || leading_zero || !digits(whole) || !digits(fraction) {
            return Err(InvalidDecimal);
        }
        let units = whole.bytes().chain(fraction.bytes()).fold(0_u64, |sum, byte| sum * 10 + u64::from(byte - b'0'));
        Ok(Decimal { units, places: fraction.len() as u8 })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let power = 10_u64.pow(u32::from(self.places));
        write!(f, "{}", self.units / power)?;
        match self.places {
            0 => Ok(()),
            places => write!(f, ".{:0width$}", self.units % power, width = usize::from(places)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_as_they_were_written() {
        for text in ["0", "5", "99.9", "99.90", "0.005", "0.0000000001", "12345678.0123456789"] {
            let decimal: Decimal = text.parse().expect(text);
            assert_eq!(decimal.to_string(), text);
            let exact = text.parse::<f64>().expect(text);
            assert!((decimal.value() - exact).abs() <= exact * 1e-15, "{text} became {}", decimal.value());
        }
        for text in ["", ".", "5.", ".5", "-1", "+1", "01", "1e3", "1.00000000000", "123456789", "٣", "1.2.3"] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }
}
