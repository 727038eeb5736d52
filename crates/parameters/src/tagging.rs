//! Tags of parameters and secrets: what a tag may be, and how many there may be.

use std::collections::BTreeMap;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// The most tags a parameter or secret may have.
pub const TAGS_MAX: usize = 50;
/// The longest key of a tag, in characters.
pub const KEY_LENGTH_MAX: usize = 128;
/// The longest value of a tag, in characters.
pub const VALUE_LENGTH_MAX: usize = 256;

/// Why tags cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagProblem {
    TooMany,
    /// A key or value that is too long, empty, or reserved.
    Malformed,
}

/// Adds tags to those there are, or changes their values.
pub fn add(tags: &mut Tags, given: Tags) -> Result<(), TagProblem> {
    for (key, value) in &given {
        let fits = (1..=KEY_LENGTH_MAX).contains(&key.chars().count()) && value.chars().count() <= VALUE_LENGTH_MAX;
        if !fits || key.to_ascii_lowercase().starts_with("aws:") {
            return Err(TagProblem::Malformed);
        }
    }
    let fresh = given.keys().filter(|key| !tags.contains_key(*key)).count();
    if tags.len() + fresh > TAGS_MAX {
        return Err(TagProblem::TooMany);
    }
    tags.extend(given);
    Ok(())
}

impl TagProblem {
    /// Says what the problem is.
    pub fn describe(self) -> String {
        match self {
            TagProblem::TooMany => format!("At most {TAGS_MAX} tags are allowed."),
            TagProblem::Malformed => format!(
                "A tag needs a key of 1 to {KEY_LENGTH_MAX} characters that does not begin with aws: and a value of up to \
                 {VALUE_LENGTH_MAX}."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changing_a_tag_takes_no_room() {
        let mut tags: Tags = (0..TAGS_MAX).map(|number| (format!("k{number}"), String::new())).collect();
        let one = |key: &str| Tags::from([(key.to_owned(), "v".to_owned())]);
        assert_eq!(add(&mut tags, one("k0")), Ok(()));
        assert_eq!(add(&mut tags, one("new")), Err(TagProblem::TooMany));
        assert_eq!(add(&mut Tags::new(), one("AWS:x")), Err(TagProblem::Malformed));
    }
}
