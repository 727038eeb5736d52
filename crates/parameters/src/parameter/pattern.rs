//! `AllowedPattern`: a regular expression that values have to match.
//!
//! AWS has Java's expressions, this is Rust's `regex`: the common ground, without look-around and back-references, which are refused
//! rather than read differently. A pattern is looked for anywhere in the value, so one that is meant for the whole of it says `^…$`.

use regex::RegexBuilder;

use crate::refused::{Refused, quoted};

/// The longest pattern.
const PATTERN_LENGTH_MAX: usize = 1024;
/// The most memory a compiled pattern may take: some patterns of a few letters would take all there is.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// Tells whether a value matches; refuses what is no pattern.
pub fn matches(pattern: &str, value: &str) -> Result<bool, Refused> {
    let invalid = |why: &str| Refused::new("InvalidAllowedPatternException", why.to_owned());
    if pattern.chars().count() > PATTERN_LENGTH_MAX {
        return Err(invalid("The pattern has more than 1024 characters."));
    }
    let compiled = RegexBuilder::new(pattern).size_limit(COMPILED_BYTES_MAX).build().map_err(|_| {
        invalid(&format!(
            "The request does not meet the regular expression requirement: {} cannot be read (look-around and back-references are \
             not known to this engine).",
            quoted(pattern)
        ))
    })?;
    Ok(compiled.is_match(value))
}
