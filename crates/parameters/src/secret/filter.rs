//! `Filters` of ListSecrets.

use super::Secret;
use crate::refused::{Refused, quoted};

/// The most values of a filter.
const VALUES_MAX: usize = 10;
/// What turns a value into its opposite.
const NOT: char = '!';

/// A filter: one of its values has to fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    property: Property,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Property {
    Name,
    Description,
    TagKey,
    TagValue,
    PrimaryRegion,
    OwningService,
    All,
}

impl Filter {
    pub fn parse(key: &str, values: Vec<String>) -> Result<Self, Refused> {
        let property = match key {
            "name" => Property::Name,
            "description" => Property::Description,
            "tag-key" => Property::TagKey,
            "tag-value" => Property::TagValue,
            "primary-region" => Property::PrimaryRegion,
            "owning-service" => Property::OwningService,
            "all" => Property::All,
            other => {
                return Err(Refused::invalid_parameter(format!("The filter key {:?} isn't valid.", quoted(other))));
            }
        };
        if !(1..=VALUES_MAX).contains(&values.len()) {
            return Err(Refused::invalid_parameter(format!("A filter needs 1 to {VALUES_MAX} values.")));
        }
        Ok(Filter { property, values })
    }

    /// Tells whether a secret is what is looked for.
    pub fn admits(&self, secret: &Secret) -> bool {
        self.values.iter().any(|value| match value.strip_prefix(NOT) {
            Some(value) => !self.property.fits(secret, value),
            None => self.property.fits(secret, value),
        })
    }
}

impl Property {
    /// Values are beginnings; those of descriptions and of `all` in any case.
    fn fits(self, secret: &Secret, value: &str) -> bool {
        let lower = value.to_lowercase();
        match self {
            Property::Name => secret.name.as_str().starts_with(value),
            Property::Description => {
                secret.description.as_ref().is_some_and(|text| text.to_lowercase().starts_with(&lower))
            }
            Property::TagKey => secret.tags.keys().any(|key| key.starts_with(value)),
            Property::TagValue => secret.tags.values().any(|text| text.starts_with(value)),
            // Neither replicas nor secrets of other services exist here.
            Property::PrimaryRegion | Property::OwningService => false,
            Property::All => lower.split_whitespace().all(|word| {
                let texts = [Some(secret.name.as_str()), secret.description.as_deref()];
                let tags = secret.tags.iter().flat_map(|(key, text)| [key.as_str(), text.as_str()]);
                texts.into_iter().flatten().chain(tags).any(|text| text.to_lowercase().contains(word))
            }),
        }
    }
}
