//! The names of statistics: `p95`, `tm90`, `TM(10%:90%)`, `PR(:300)`, …

use std::fmt;

use super::{Bounds, Decimal, Statistic, ValueRange};
use crate::invalid::{Invalid, quoted};

impl Statistic {
    /// Parses any statistic: one of the shape `Statistic`, or an extended one.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let simple = match text {
            "SampleCount" => Some(Statistic::SampleCount),
            "Average" => Some(Statistic::Average),
            "Sum" => Some(Statistic::Sum),
            "Minimum" => Some(Statistic::Minimum),
            "Maximum" => Some(Statistic::Maximum),
            _ => None,
        };
        simple.or_else(|| extended(text)).ok_or_else(|| {
            Invalid::value(format!("The value {:?} is not a valid statistic or extended statistic.", quoted(text)))
        })
    }

    /// Parses one of SampleCount, Average, Sum, Minimum and Maximum.
    pub fn parse_simple(text: &str) -> Result<Self, Invalid> {
        Statistic::parse(text).ok().filter(Statistic::is_simple).ok_or_else(|| {
            Invalid::value(format!(
                "Invalid value for Statistic: {:?}. Valid values are SampleCount, Average, Sum, Minimum and Maximum.",
                quoted(text)
            ))
        })
    }

    /// Parses a percentile, a trimmed or winsorized statistic, a percentile rank or IQM.
    pub fn parse_extended(text: &str) -> Result<Self, Invalid> {
        extended(text).ok_or_else(|| {
            Invalid::value(format!("The value {:?} for parameter ExtendedStatistic is not supported.", quoted(text)))
        })
    }
}

fn extended(text: &str) -> Option<Statistic> {
    if text == "IQM" {
        return Some(Statistic::InterquartileMean);
    }
    if let Some(share) = text.strip_prefix('p') {
        return Some(Statistic::Percentile(percentage(share)?));
    }
    let (name, rest) = text.split_at_checked(2)?;
    match name {
        "tm" => Some(Statistic::TrimmedMean(Bounds::UpTo(percentage(rest)?))),
        "tc" => Some(Statistic::TrimmedCount(Bounds::UpTo(percentage(rest)?))),
        "ts" => Some(Statistic::TrimmedSum(Bounds::UpTo(percentage(rest)?))),
        "wm" => Some(Statistic::WinsorizedMean(Bounds::UpTo(percentage(rest)?))),
        "TM" => Some(Statistic::TrimmedMean(bounds(rest)?)),
        "TC" => Some(Statistic::TrimmedCount(bounds(rest)?)),
        "TS" => Some(Statistic::TrimmedSum(bounds(rest)?)),
        "WM" => Some(Statistic::WinsorizedMean(bounds(rest)?)),
        "PR" => Some(Statistic::PercentileRank(values(range(rest)?)?)),
        _ => None,
    }
}

fn percentage(text: &str) -> Option<Decimal> {
    let share: Decimal = text.parse().ok()?;
    (share.value() <= 100.0).then_some(share)
}

/// Takes `(low:high)` apart; either side may be empty, not both.
fn range(text: &str) -> Option<(&str, &str)> {
    let (low, high) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(':')?;
    (!low.is_empty() || !high.is_empty()).then_some((low, high))
}

fn bounds(text: &str) -> Option<Bounds> {
    let (low, high) = range(text)?;
    if !text.contains('%') {
        return Some(Bounds::Value(values((low, high))?));
    }
    let share = |text: &str| match text {
        "" => Some(None),
        text => Some(Some(percentage(text.strip_suffix('%')?)?)),
    };
    let (low, high) = (share(low)?, share(high)?);
    ascending(low, high).then_some(Bounds::Percent { low, high })
}

fn values((low, high): (&str, &str)) -> Option<ValueRange> {
    let number = |text: &str| match text {
        "" => Some(None),
        text => Some(Some(text.parse::<Decimal>().ok()?)),
    };
    let (low, high) = (number(low)?, number(high)?);
    ascending(low, high).then_some(ValueRange { low, high })
}

fn ascending(low: Option<Decimal>, high: Option<Decimal>) -> bool {
    match (low, high) {
        (Some(low), Some(high)) => low.value() < high.value(),
        (None, _) | (_, None) => true,
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Statistic::SampleCount => f.write_str("SampleCount"),
            Statistic::Average => f.write_str("Average"),
            Statistic::Sum => f.write_str("Sum"),
            Statistic::Minimum => f.write_str("Minimum"),
            Statistic::Maximum => f.write_str("Maximum"),
            Statistic::Percentile(share) => write!(f, "p{share}"),
            Statistic::TrimmedMean(bounds) => bounds.write(f, ["tm", "TM"]),
            Statistic::TrimmedCount(bounds) => bounds.write(f, ["tc", "TC"]),
            Statistic::TrimmedSum(bounds) => bounds.write(f, ["ts", "TS"]),
            Statistic::WinsorizedMean(bounds) => bounds.write(f, ["wm", "WM"]),
            Statistic::PercentileRank(ValueRange { low, high }) => {
                write!(f, "PR({}:{})", optional(*low, ""), optional(*high, ""))
            }
            Statistic::InterquartileMean => f.write_str("IQM"),
        }
    }
}

impl Bounds {
    fn write(&self, f: &mut fmt::Formatter<'_>, [lower, upper]: [&str; 2]) -> fmt::Result {
        match self {
            Bounds::UpTo(high) => write!(f, "{lower}{high}"),
            Bounds::Percent { low, high } => write!(f, "{upper}({}:{})", optional(*low, "%"), optional(*high, "%")),
            Bounds::Value(ValueRange { low, high }) => {
                write!(f, "{upper}({}:{})", optional(*low, ""), optional(*high, ""))
            }
        }
    }
}

fn optional(number: Option<Decimal>, suffix: &str) -> String {
    number.map_or_else(String::new, |number| format!("{number}{suffix}"))
}
