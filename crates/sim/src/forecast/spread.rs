//! Durations that vary.

use std::time::Duration;

use crate::draw::Draw;

/// How a duration varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    Exactly(Duration),
    /// Each in between is as likely.
    Between(Duration, Duration),
    /// Logarithmically normal: half are below the median, one in twenty above the second.
    Around {
        median: Duration,
        high: Duration,
    },
}

/// How many standard deviations the 95th percentile is above the median.
const HIGH: f64 = 1.644_853_6;

impl Spread {
    pub const NONE: Spread = Spread::Exactly(Duration::ZERO);

    pub const fn seconds(seconds: u64) -> Spread {
        Spread::Exactly(Duration::from_secs(seconds))
    }

    pub const fn between_seconds(low: u64, high: u64) -> Spread {
        Spread::Between(Duration::from_secs(low), Duration::from_secs(high))
    }

    /// Draws one.
    pub fn draw(self, draw: &mut Draw) -> Duration {
        match self {
            Spread::Exactly(duration) => duration,
            Spread::Between(low, high) => low + high.saturating_sub(low).mul_f64(fraction(draw)),
            Spread::Around { median, high } if median < high && !median.is_zero() => {
                let deviation = (high.as_secs_f64() / median.as_secs_f64()).ln() / HIGH;
                median.mul_f64((normal(draw) * deviation).exp())
            }
            Spread::Around { median, .. } => median,
        }
    }
}

/// Draws a number from 0 to 1, without 1.
pub(crate) fn fraction(draw: &mut Draw) -> f64 {
    (draw.number() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Draws a normally distributed number (Box and Muller).
fn normal(draw: &mut Draw) -> f64 {
    let radius = (-2.0 * (1.0 - fraction(draw)).ln()).sqrt();
    radius * (std::f64::consts::TAU * fraction(draw)).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_has_the_percentiles_that_were_asked_for() {
        let percentile = |spread: Spread, percent: usize| {
            let mut draw = Draw::new(1);
            let mut drawn: Vec<f64> = (0..20_000).map(|_| spread.draw(&mut draw).as_secs_f64()).collect();
            drawn.sort_by(f64::total_cmp);
            drawn[drawn.len() * percent / 100]
        };
        let around = Spread::Around { median: Duration::from_secs(16), high: Duration::from_secs(22) };
        let near = |value: f64, expected: f64| assert!((value / expected - 1.0).abs() < 0.03, "{value} {expected}");
        near(percentile(around, 50), 16.0);
        near(percentile(around, 95), 22.0);
        near(percentile(Spread::between_seconds(10, 20), 50), 15.0);
        near(percentile(Spread::seconds(7), 99), 7.0);
    }
}
