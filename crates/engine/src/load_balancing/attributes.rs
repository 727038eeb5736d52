//! The attributes of load balancers, listeners and target groups: their keys, defaults and values.
//!
//! An attribute whose effect this engine lacks is taken as long as its value asks for nothing: what a request or a target would notice
//! is refused, what concerns AWS's own surroundings (access logs, zones, firewalls) is kept for readers.

mod tables;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::refusals::{invalid_configuration, validation};
use crate::refusal::Refusal;

pub use tables::{
    ALGORITHM, DELETION_PROTECTION, DEREGISTRATION_DELAY, LISTENER, LOAD_BALANCER, SLOW_START, STICKINESS_ENABLED,
    TARGET_GROUP,
};

/// The longest value of an attribute, in characters.
const VALUE_LENGTH_MAX: usize = 1024;

/// The attributes of one kind of resource.
#[derive(Clone, Copy, Debug)]
pub struct AttributeTable {
    noun: &'static str,
    attributes: &'static [Attribute],
}

#[derive(Clone, Copy, Debug)]
struct Attribute {
    key: &'static str,
    /// Absent when the attribute is shown only where it was set.
    default: Option<&'static str>,
    values: Values,
}

#[derive(Clone, Copy, Debug)]
enum Values {
    Number(&'static [RangeInclusive<u32>]),
    OneOf(&'static [&'static str]),
    Text,
    /// Only the value that asks for nothing; the others are ELB's and have no effect here.
    Only {
        value: &'static str,
        others: Option<&'static [&'static str]>,
    },
    /// `off`, or a number.
    NumberOrOff(&'static [RangeInclusive<u32>]),
}

impl AttributeTable {
    /// Refuses keys that do not exist and values that cannot be.
    pub fn check(&self, changes: &BTreeMap<String, String>) -> Result<(), Refusal> {
        for (key, value) in changes {
            let Some(attribute) = self.attributes.iter().find(|attribute| attribute.key == key) else {
                let shown: String = key.chars().take(128).collect();
                return Err(validation(format!("{} attribute key '{shown}' is not recognized", self.noun)));
            };
            attribute.check(value)?;
        }
        Ok(())
    }

    /// Returns every attribute, those that were never set with their defaults.
    pub fn shown(&self, set: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let defaults = self.attributes.iter().filter_map(|attribute| Some((attribute.key, attribute.default?)));
        let mut all: BTreeMap<String, String> =
            defaults.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        all.extend(set.clone());
        all
    }
}

impl Attribute {
    fn check(&self, value: &str) -> Result<(), Refusal> {
        let key = self.key;
        let is_in = |ranges: &[RangeInclusive<u32>]| {
            value.parse::<u32>().is_ok_and(|number| ranges.iter().any(|range| range.contains(&number)))
        };
        let refuse = |rule: String| Err(invalid_configuration(format!("The value of '{key}' must be {rule}")));
        match self.values {
            Values::Number(ranges) if !is_in(ranges) => refuse(format!("{} inclusive", list(ranges))),
            Values::NumberOrOff(ranges) if value != "off" && !is_in(ranges) => {
                refuse(format!("'off' or {} inclusive", list(ranges)))
            }
            Values::OneOf(values) if !values.contains(&value) => refuse(format!("one of '{}'", values.join("', '"))),
            Values::Text if value.chars().count() > VALUE_LENGTH_MAX => {
                refuse(format!("at most {VALUE_LENGTH_MAX} characters long"))
            }
            Values::Only { value: only, others } if value != only => {
                if others.is_some_and(|others| !others.contains(&value)) {
                    return refuse(format!("one of '{only}', '{}'", others.unwrap_or_default().join("', '")));
                }
                let shown: String = value.chars().take(128).collect();
                Err(invalid_configuration(format!(
                    "'{shown}' for '{key}' is not implemented by this engine; it has only '{only}'"
                )))
            }
            Values::Number(_) | Values::NumberOrOff(_) | Values::OneOf(_) | Values::Text | Values::Only { .. } => {
                Ok(())
            }
        }
    }
}

/// Tells whether an attribute was set to `true`; for attributes that are off by default.
pub(super) fn is_on(attributes: &BTreeMap<String, String>, key: &str) -> bool {
    attributes.get(key).is_some_and(|value| value == "true")
}

fn list(ranges: &[RangeInclusive<u32>]) -> String {
    let range = |range: &RangeInclusive<u32>| {
        if range.start() == range.end() {
            range.start().to_string()
        } else {
            format!("between {} and {}", range.start(), range.end())
        }
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(table: AttributeTable, key: &str, value: &str) -> Option<Refusal> {
        table.check(&BTreeMap::from([(key.to_owned(), value.to_owned())])).err()
    }

    #[test]
    fn every_default_is_a_value_its_attribute_takes() {
        for table in [LOAD_BALANCER, LISTENER, TARGET_GROUP] {
            assert_eq!(table.check(&table.shown(&BTreeMap::new())), Ok(()));
        }
    }

    #[test]
    fn values_have_elbs_ranges() {
        let good = [
            (TARGET_GROUP, "deregistration_delay.timeout_seconds", "0"),
            (TARGET_GROUP, "deregistration_delay.timeout_seconds", "3600"),
            (TARGET_GROUP, "slow_start.duration_seconds", "0"),
            (TARGET_GROUP, "slow_start.duration_seconds", "30"),
            (TARGET_GROUP, "stickiness.lb_cookie.duration_seconds", "604800"),
            (TARGET_GROUP, "load_balancing.algorithm.type", "weighted_random"),
            (TARGET_GROUP, "seatrial.settle_time.seconds", "5"),
            (TARGET_GROUP, "target_group_health.dns_failover.minimum_healthy_targets.percentage", "50"),
            (LOAD_BALANCER, "idle_timeout.timeout_seconds", "4000"),
            (LOAD_BALANCER, "access_logs.s3.bucket", "logs"),
        ];
        for (table, key, value) in good {
            assert_eq!(refusal(table, key, value), None, "{key}={value}");
        }
        let bad = [
            (TARGET_GROUP, "deregistration_delay.timeout_seconds", "3601"),
            (TARGET_GROUP, "deregistration_delay.timeout_seconds", "soon"),
            (TARGET_GROUP, "slow_start.duration_seconds", "29"),
            (TARGET_GROUP, "stickiness.enabled", "yes"),
            (TARGET_GROUP, "stickiness.type", "cookie"),
            (TARGET_GROUP, "target_group_health.dns_failover.minimum_healthy_targets.percentage", "101"),
            (LOAD_BALANCER, "idle_timeout.timeout_seconds", "0"),
            (LOAD_BALANCER, "deletion_protection.enabled", ""),
        ];
        for (table, key, value) in bad {
            assert_eq!(
                refusal(table, key, value).map(|refusal| refusal.code),
                Some("InvalidConfigurationRequest"),
                "{key}={value}"
            );
        }
    }

    #[test]
    fn unknown_keys_and_missing_features_are_refused_by_name() {
        let unknown = refusal(TARGET_GROUP, "stickiness", "true").expect("unknown");
        assert_eq!(unknown.code, "ValidationError");
        assert_eq!(unknown.message, "Target group attribute key 'stickiness' is not recognized");
        let missing = refusal(TARGET_GROUP, "stickiness.type", "app_cookie").expect("missing");
        assert_eq!(
            missing.message,
            "'app_cookie' for 'stickiness.type' is not implemented by this engine; it has only 'lb_cookie'"
        );
        let wrong = refusal(LOAD_BALANCER, "idle_timeout.timeout_seconds", "9999").expect("too long");
        assert_eq!(wrong.message, "The value of 'idle_timeout.timeout_seconds' must be between 1 and 4000 inclusive");
    }

    #[test]
    fn what_was_set_is_shown_over_the_defaults_and_extensions_only_where_set() {
        let none = TARGET_GROUP.shown(&BTreeMap::new());
        assert_eq!(none.get("deregistration_delay.timeout_seconds").map(String::as_str), Some("300"));
        assert!(!none.contains_key("seatrial.settle_time.seconds"));
        let set = BTreeMap::from([("seatrial.settle_time.seconds".to_owned(), "2".to_owned())]);
        assert_eq!(TARGET_GROUP.shown(&set).get("seatrial.settle_time.seconds").map(String::as_str), Some("2"));
    }
}
