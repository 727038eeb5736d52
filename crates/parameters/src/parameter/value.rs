//! What a parameter's value may be.

use super::{DataType, Tier, pattern};
use crate::refused::Refused;

/// Refuses a value that its tier, its data type or its pattern does not admit. No refusal repeats the value.
pub(super) fn check(value: &str, tier: Tier, data_type: DataType, allowed: Option<&str>) -> Result<(), Refused> {
    if value.is_empty() {
        return Err(Refused::validation("Value at 'value' failed to satisfy constraint: at least one character"));
    }
    if value.len() > tier.value_bytes_max() {
        let advice = match tier {
            Tier::Standard => " To create a larger parameter value, use the advanced-parameter tier.",
            Tier::Advanced => "",
        };
        return Err(Refused::validation(format!(
            "{} tier parameters support a maximum parameter value of {} characters.{advice}",
            tier.as_str(),
            tier.value_bytes_max()
        )));
    }
    if value.find("{{").is_some_and(|start| value[start..].contains("}}")) {
        return Err(Refused::validation(
            "Parameter value can't nest another parameter: do not use \"{{}}\" in the value.",
        ));
    }
    if !data_type.admits(value) {
        return Err(Refused::validation(format!("The value is not of the data type {}.", data_type.as_str())));
    }
    match allowed {
        Some(allowed) if !pattern::matches(allowed, value)? => Err(Refused::new(
            "ParameterPatternMismatchException",
            format!("Parameter value can't be validated against allowedPattern: {allowed}"),
        )),
        Some(_) | None => Ok(()),
    }
}
