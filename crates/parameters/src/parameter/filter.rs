//! `ParameterFilters` of DescribeParameters and GetParametersByPath, and the older `Filters`.

use super::{Parameter, ParameterVersion};
use crate::refused::{Refused, quoted};

/// The most values of a filter.
const VALUES_MAX: usize = 50;

/// Which listing a filter is for: each knows other keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    Describe,
    ByPath,
}

/// A filter: one of its values has to fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    key: Property,
    fit: Fit,
    values: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Property {
    Name,
    Type,
    KeyId,
    Path,
    Tier,
    DataType,
    Label,
    Tag(String),
}

/// How a value has to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Equals,
    BeginsWith,
    Contains,
    OneLevel,
    Recursive,
}

impl Filter {
    /// Reads a filter of `ParameterFilters`.
    pub fn parse(key: &str, option: Option<&str>, values: Vec<String>, listing: Listing) -> Result<Self, Refused> {
        let invalid_key =
            || Refused::new("InvalidFilterKey", format!("The filter key {:?} isn't valid here.", quoted(key)));
        let key = Property::parse(key).filter(|key| key.is_known_to(listing)).ok_or_else(invalid_key)?;
        let fit = match option {
            None => key.usual_fit(),
            Some(option) => Fit::parse(option).filter(|fit| key.takes(*fit)).ok_or_else(|| {
                Refused::new("InvalidFilterOption", format!("The filter option {:?} isn't valid here.", quoted(option)))
            })?,
        };
        let may_be_empty = matches!(key, Property::Tag(_));
        let is_path = |value: &String| value.starts_with('/');
        if values.len() > VALUES_MAX
            || (values.is_empty() && !may_be_empty)
            || values.iter().any(String::is_empty)
            || (key == Property::Path && !values.iter().all(is_path))
        {
            return Err(Refused::new(
                "InvalidFilterValue",
                format!("A filter needs 1 to {VALUES_MAX} values; those of Path begin with a slash."),
            ));
        }
        Ok(Filter { key, fit, values })
    }

    /// Reads a filter of the older `Filters`, whose names are beginnings.
    pub fn parse_older(key: &str, values: Vec<String>) -> Result<Self, Refused> {
        let option = if key == "Name" { "BeginsWith" } else { "Equals" };
        match key {
            "Name" | "Type" | "KeyId" => Filter::parse(key, Some(option), values, Listing::Describe),
            other => {
                Err(Refused::new("InvalidFilterKey", format!("The filter key {:?} isn't valid here.", quoted(other))))
            }
        }
    }

    /// Tells whether two filters ask about the same.
    pub fn repeats(&self, other: &Filter) -> bool {
        self.key == other.key
    }

    /// Tells whether a version of a parameter is what is looked for.
    pub fn admits(&self, parameter: &Parameter, version: &ParameterVersion) -> bool {
        let one = |text: &str| self.values.iter().any(|value| self.fit.holds(text, value));
        match &self.key {
            Property::Name | Property::Path => one(parameter.name.as_str()),
            Property::Type => one(version.kind.as_str()),
            Property::KeyId => version.key_id.as_deref().is_some_and(one),
            Property::Tier => one(version.tier.as_str()),
            Property::DataType => one(version.data_type.as_str()),
            Property::Label => parameter.labels_of(version.number).into_iter().any(one),
            Property::Tag(tag) => parameter.tags.get(tag).is_some_and(|text| self.values.is_empty() || one(text)),
        }
    }

    /// Tells whether the filter is about versions, of which an older one than the newest may fit.
    pub fn is_of_versions(&self) -> bool {
        self.key == Property::Label
    }
}

impl Property {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "Name" => Some(Property::Name),
            "Type" => Some(Property::Type),
            "KeyId" => Some(Property::KeyId),
            "Path" => Some(Property::Path),
            "Tier" => Some(Property::Tier),
            "DataType" => Some(Property::DataType),
            "Label" => Some(Property::Label),
            other => other.strip_prefix("tag:").filter(|tag| !tag.is_empty()).map(|tag| Property::Tag(tag.to_owned())),
        }
    }

    fn is_known_to(&self, listing: Listing) -> bool {
        match self {
            Property::Type | Property::KeyId => true,
            Property::Label => listing == Listing::ByPath,
            Property::Name | Property::Path | Property::Tier | Property::DataType | Property::Tag(_) => {
                listing == Listing::Describe
            }
        }
    }

    fn usual_fit(&self) -> Fit {
        if *self == Property::Path { Fit::OneLevel } else { Fit::Equals }
    }

    fn takes(&self, fit: Fit) -> bool {
        match fit {
            Fit::OneLevel | Fit::Recursive => *self == Property::Path,
            Fit::Contains => *self == Property::Name,
            Fit::BeginsWith => !matches!(self, Property::Path | Property::Label),
            Fit::Equals => *self != Property::Path,
        }
    }
}

impl Fit {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "Equals" => Some(Fit::Equals),
            "BeginsWith" => Some(Fit::BeginsWith),
            "Contains" => Some(Fit::Contains),
            "OneLevel" => Some(Fit::OneLevel),
            "Recursive" => Some(Fit::Recursive),
            _ => None,
        }
    }

    fn holds(self, text: &str, wanted: &str) -> bool {
        match self {
            Fit::Equals => text == wanted,
            Fit::BeginsWith => text.starts_with(wanted),
            Fit::Contains => text.contains(wanted),
            Fit::OneLevel => is_below(text, wanted, Depth::OneLevel),
            Fit::Recursive => is_below(text, wanted, Depth::Any),
        }
    }
}

/// How far below a path is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    OneLevel,
    Any,
}

/// Tells whether a name is below a path.
pub fn is_below(name: &str, path: &str, depth: Depth) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    let rest = name.strip_prefix(path).and_then(|rest| rest.strip_prefix('/'));
    // A name that is no path is at the root.
    let rest = rest.or_else(|| (path.is_empty() && !name.starts_with('/')).then_some(name));
    rest.is_some_and(|rest| !rest.is_empty() && (depth == Depth::Any || !rest.contains('/')))
}
