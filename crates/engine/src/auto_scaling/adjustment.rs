//! How a policy changes a capacity. Pure arithmetic, rounded as Application Auto Scaling documents it.

/// What a policy asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Adjustment {
    /// As many as bring a metric that falls in proportion to its target: the metric over the target.
    Proportional(f64),
    Change(i32),
    Percent {
        percent: i32,
        magnitude_min: u32,
    },
    Exact(u32),
}

impl Adjustment {
    /// Returns the capacity that is asked for in the place of `capacity`, whatever the bounds.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts of floats saturate")]
    pub fn of(self, capacity: u32) -> u32 {
        match self {
            Adjustment::Proportional(ratio) => {
                // What is above a whole number by no more than the error of a division is that number.
                (f64::from(capacity) * ratio - 1e-9).ceil().max(0.0) as u32
            }
            Adjustment::Change(by) => capacity.saturating_add_signed(by),
            Adjustment::Percent { percent, magnitude_min } => {
                let change = percent_of(capacity, percent);
                let magnitude = change.unsigned_abs().max(magnitude_min);
                if percent < 0 { capacity.saturating_sub(magnitude) } else { capacity.saturating_add(magnitude) }
            }
            Adjustment::Exact(capacity) => capacity,
        }
    }
}

/// A share of a capacity: cut to a whole number, but at least one unless it is nothing.
#[allow(clippy::cast_possible_truncation, reason = "the share of a u32 by an i32 is clamped")]
fn percent_of(capacity: u32, percent: i32) -> i32 {
    let hundredths = i64::from(capacity) * i64::from(percent);
    let whole = hundredths / 100;
    let change = if whole == 0 { hundredths.signum() } else { whole };
    change.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proportional_rounds_up() {
        let cases = [
            (2, 70.0 / 70.0, 2),
            (2, 71.0 / 70.0, 3),
            (4, 140.0 / 70.0, 8),
            (10, 30.0 / 70.0, 5),
            (10, 7.0 / 70.0, 1),
            (3, 0.0, 0),
            (0, 5.0, 0),
            (7, 0.3 / 0.1, 21),
            (u32::MAX, 9.0, u32::MAX),
        ];
        for (capacity, ratio, wanted) in cases {
            assert_eq!(Adjustment::Proportional(ratio).of(capacity), wanted, "{capacity} × {ratio}");
        }
    }

    /// The examples of the user guide: 12.7 → 12, 0.67 → 1, -0.58 → -1, -6.67 → -6.
    #[test]
    fn percentages_are_cut_towards_nothing_but_do_something() {
        let percent = |percent, magnitude_min| Adjustment::Percent { percent, magnitude_min };
        let cases = [
            (100, 12, 0, 112),
            (127, 10, 0, 139),
            (67, 1, 0, 68),
            (58, -1, 0, 57),
            (66, -10, 0, 60),
            (4, 25, 2, 6),
            (4, -25, 2, 2),
            (1, -100, 5, 0),
            (0, 50, 0, 0),
        ];
        for (capacity, share, magnitude_min, wanted) in cases {
            assert_eq!(percent(share, magnitude_min).of(capacity), wanted, "{capacity} {share} % {magnitude_min}");
        }
    }

    #[test]
    fn changes_and_exact_capacities_stay_whole_numbers() {
        assert_eq!(Adjustment::Change(3).of(2), 5);
        assert_eq!(Adjustment::Change(-3).of(2), 0);
        assert_eq!(Adjustment::Exact(7).of(2), 7);
    }
}
