//! Whether tags may be moved, and which are excepted.

use seatrial_model::image::ImageTag;
use serde::{Deserialize, Serialize};

/// The most filters of a repository, as in ECR.
pub const FILTERS_MAX: usize = 5;
/// The longest filter, as in ECR.
const FILTER_LENGTH_MAX: usize = 128;
/// The most wildcards of a filter, as in ECR.
const WILDCARDS_MAX: usize = 2;

/// `imageTagMutability`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MutabilityKind {
    Mutable,
    Immutable,
    MutableWithExclusion,
    ImmutableWithExclusion,
}

impl MutabilityKind {
    pub const ALL: [MutabilityKind; 4] = [
        MutabilityKind::Mutable,
        MutabilityKind::Immutable,
        MutabilityKind::MutableWithExclusion,
        MutabilityKind::ImmutableWithExclusion,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            MutabilityKind::Mutable => "MUTABLE",
            MutabilityKind::Immutable => "IMMUTABLE",
            MutabilityKind::MutableWithExclusion => "MUTABLE_WITH_EXCLUSION",
            MutabilityKind::ImmutableWithExclusion => "IMMUTABLE_WITH_EXCLUSION",
        }
    }

    const fn has_exclusions(self) -> bool {
        match self {
            MutabilityKind::MutableWithExclusion | MutabilityKind::ImmutableWithExclusion => true,
            MutabilityKind::Mutable | MutabilityKind::Immutable => false,
        }
    }
}

impl std::fmt::Display for MutabilityKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether tags of a repository may be moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mutability {
    kind: MutabilityKind,
    exclusions: Vec<TagPattern>,
}

/// Why filters do not go with a kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMutability {
    #[error("imageTagMutabilityExclusionFilters are needed with {0}")]
    FiltersMissing(MutabilityKind),
    #[error("imageTagMutabilityExclusionFilters do not go with {0}")]
    FiltersNotWanted(MutabilityKind),
    #[error("there may be at most {FILTERS_MAX} imageTagMutabilityExclusionFilters")]
    TooManyFilters,
}

impl Mutability {
    pub const MUTABLE: Mutability = Mutability { kind: MutabilityKind::Mutable, exclusions: Vec::new() };

    pub fn new(kind: MutabilityKind, exclusions: Vec<TagPattern>) -> Result<Self, InvalidMutability> {
        match (kind.has_exclusions(), exclusions.len()) {
            (true, 0) => Err(InvalidMutability::FiltersMissing(kind)),
            (false, 1..) => Err(InvalidMutability::FiltersNotWanted(kind)),
            (true, count) if count > FILTERS_MAX => Err(InvalidMutability::TooManyFilters),
            (true | false, _) => Ok(Mutability { kind, exclusions }),
        }
    }

    pub fn kind(&self) -> MutabilityKind {
        self.kind
    }

    pub fn exclusions(&self) -> &[TagPattern] {
        &self.exclusions
    }

    /// Tells whether a tag, once given, stays where it is.
    pub fn is_fixed(&self, tag: &ImageTag) -> bool {
        let is_excluded = self.exclusions.iter().any(|pattern| pattern.matches(tag.as_str()));
        match self.kind {
            MutabilityKind::Mutable => false,
            MutabilityKind::Immutable => true,
            MutabilityKind::MutableWithExclusion => is_excluded,
            MutabilityKind::ImmutableWithExclusion => !is_excluded,
        }
    }
}

/// A pattern of tags in which `*` stands for any text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TagPattern(String);

/// A text that is no pattern of tags.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no pattern of tags: letters, digits, . _ - and up to {WILDCARDS_MAX} times *")]
pub struct InvalidTagPattern(String);

impl TagPattern {
    pub fn parse(text: &str) -> Result<Self, InvalidTagPattern> {
        TagPattern::with_wildcards(text, WILDCARDS_MAX)
    }

    /// Parses a pattern that may have more wildcards, as those of lifecycle policies may.
    pub fn with_wildcards(text: &str, most: usize) -> Result<Self, InvalidTagPattern> {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-*".contains(&byte);
        let fits = (1..=FILTER_LENGTH_MAX).contains(&text.len()) && text.bytes().all(is_known);
        if fits && text.bytes().filter(|byte| *byte == b'*').count() <= most {
            return Ok(TagPattern(text.to_owned()));
        }
        Err(InvalidTagPattern(text.chars().take(FILTER_LENGTH_MAX).collect()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether a text is what the pattern says, from its beginning to its end.
    pub fn matches(&self, text: &str) -> bool {
        let Some((prefix, rest)) = self.0.split_once('*') else { return self.0 == text };
        let Some(mut text) = text.strip_prefix(prefix) else { return false };
        let mut parts: Vec<&str> = rest.split('*').collect();
        let suffix = parts.pop().unwrap_or_default();
        for part in parts {
            // The earliest place leaves most room for the rest.
            let Some(at) = text.find(part) else { return false };
            text = &text[at + part.len()..];
        }
        text.ends_with(suffix)
    }
}

impl TryFrom<String> for TagPattern {
    type Error = InvalidTagPattern;

    fn try_from(text: String) -> Result<Self, InvalidTagPattern> {
        // Patterns of any record were parsed before.
        TagPattern::with_wildcards(&text, FILTER_LENGTH_MAX)
    }
}

impl From<TagPattern> for String {
    fn from(pattern: TagPattern) -> String {
        pattern.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> TagPattern {
        TagPattern::parse(text).expect("a pattern")
    }

    #[test]
    fn an_asterisk_stands_for_any_text() {
        for (text, matching, other) in [
            ("latest", &["latest"][..], &["latest1", "xlatest", ""][..]),
            ("dev-*", &["dev-", "dev-1"], &["dev", "xdev-1"]),
            ("*-rc", &["-rc", "1-rc"], &["1-rc2"]),
            ("*", &["", "anything"], &[]),
            ("a*b", &["ab", "axb", "abb"], &["a", "b", "ba"]),
            ("*a*", &["a", "bab"], &["b"]),
        ] {
            assert!(matching.iter().all(|tag| pattern(text).matches(tag)), "{text}");
            assert!(!other.iter().any(|tag| pattern(text).matches(tag)), "{text}");
        }
        let many = TagPattern::with_wildcards("a*b*c*d", 4).expect("a pattern");
        assert!(many.matches("a1b2c3d") && many.matches("abcbcd") && !many.matches("acbd"));
        for wrong in ["", "a b", "a/b", "***", &"a".repeat(129)] {
            assert!(TagPattern::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn exclusions_turn_the_rule_around() {
        let tag = |text| ImageTag::parse(text).expect("a tag");
        let of = |kind, filters: &[&str]| Mutability::new(kind, filters.iter().map(|text| pattern(text)).collect());
        let fixed = |kind, filters: &[&str]| {
            let mutability = of(kind, filters).expect("they go together");
            (mutability.is_fixed(&tag("latest")), mutability.is_fixed(&tag("v1")))
        };
        assert_eq!(fixed(MutabilityKind::Mutable, &[]), (false, false));
        assert_eq!(fixed(MutabilityKind::Immutable, &[]), (true, true));
        assert_eq!(fixed(MutabilityKind::ImmutableWithExclusion, &["late*"]), (false, true));
        assert_eq!(fixed(MutabilityKind::MutableWithExclusion, &["v*"]), (false, true));
        assert!(of(MutabilityKind::Mutable, &["a"]).is_err());
        assert!(of(MutabilityKind::ImmutableWithExclusion, &[]).is_err());
        assert!(of(MutabilityKind::ImmutableWithExclusion, &["a", "b", "c", "d", "e", "f"]).is_err());
    }
}
