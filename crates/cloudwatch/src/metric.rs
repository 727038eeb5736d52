//! The identity of a metric: namespace, name and dimensions, with CloudWatch's limits.

mod datum;
mod unit;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::datum::{
    Datum, DatumSpec, FUTURE_MAX, PAST_MAX, Samples, StatisticSet, StorageResolution, VALUE_ABSOLUTE_MAX, VALUES_MAX,
};
pub use self::unit::Unit;
use crate::invalid::{Invalid, quoted};

/// The longest namespace, metric name and dimension name, in characters (shapes `Namespace`, `MetricName`, `DimensionName`).
pub const NAME_LENGTH_MAX: usize = 255;
/// The longest value of a dimension, in characters (shape `DimensionValue`).
pub const DIMENSION_VALUE_LENGTH_MAX: usize = 1024;
/// The most dimensions of a metric (shape `Dimensions`).
pub const DIMENSIONS_MAX: usize = 30;

/// What the namespaces of AWS's own services begin with; PutMetricData of a user must not use it.
pub const RESERVED_NAMESPACE_PREFIX: &str = "AWS/";

/// A namespace such as `AWS/ApplicationELB`: 1 to 255 characters, not beginning with a colon.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Namespace(String);

/// The name of a metric within its namespace: 1 to 255 characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MetricName(String);

/// A name and value that set a metric apart from others of its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "DimensionSpec", into = "DimensionSpec")]
pub struct Dimension {
    name: String,
    value: String,
}

/// A dimension as requests have it, not yet checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DimensionSpec {
    pub name: String,
    pub value: String,
}

/// The identity of a metric. Dimensions are sorted by name: their order in a request does not matter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "MetricSpec", into = "MetricSpec")]
pub struct Metric {
    namespace: Namespace,
    name: MetricName,
    dimensions: Vec<Dimension>,
}

/// A metric as requests have it, not yet checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricSpec {
    pub namespace: String,
    pub name: String,
    #[serde(default)]
    pub dimensions: Vec<DimensionSpec>,
}

impl Namespace {
    pub fn parse(value: &str) -> Result<Self, Invalid> {
        check_name("Namespace", value)?;
        if value.starts_with(':') {
            return Err(Invalid::value(format!(
                "The parameter Namespace must not begin with a colon: {:?}.",
                quoted(value)
            )));
        }
        Ok(Namespace(value.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reports whether the namespace belongs to AWS's own services, where users cannot put data.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with(RESERVED_NAMESPACE_PREFIX)
    }
}

impl MetricName {
    pub fn parse(value: &str) -> Result<Self, Invalid> {
        check_name("MetricName", value)?;
        Ok(MetricName(value.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Dimension {
    /// Parses a name (1 to 255) and a value (1 to 1024) of ASCII without control characters, with something beside white space; the
    /// name must not begin with a colon.
    pub fn parse(name: &str, value: &str) -> Result<Self, Invalid> {
        check_dimension("Name", name, NAME_LENGTH_MAX)?;
        check_dimension("Value", value, DIMENSION_VALUE_LENGTH_MAX)?;
        if name.starts_with(':') {
            return Err(Invalid::value(format!("A dimension's Name must not begin with a colon: {:?}.", quoted(name))));
        }
        Ok(Dimension { name: name.to_owned(), value: value.to_owned() })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn value(&self) -> &str {
        &self.value
    }
}

impl Metric {
    /// Puts an identity together from parts that are valid; refuses too many dimensions and two of one name.
    pub fn new(namespace: Namespace, name: MetricName, mut dimensions: Vec<Dimension>) -> Result<Self, Invalid> {
        if dimensions.len() > DIMENSIONS_MAX {
            return Err(Invalid::value(format!(
                "The collection Dimensions must not have more than {DIMENSIONS_MAX} items."
            )));
        }
        dimensions.sort_unstable();
        if let Some(pair) = dimensions.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(Invalid::value(format!("The dimension {:?} is given more than once.", quoted(&pair[0].name))));
        }
        Ok(Metric { namespace, name, dimensions })
    }

    pub fn parse(spec: &MetricSpec) -> Result<Self, Invalid> {
        let dimensions = spec.dimensions.iter().map(|spec| Dimension::parse(&spec.name, &spec.value));
        Metric::new(
            Namespace::parse(&spec.namespace)?,
            MetricName::parse(&spec.name)?,
            dimensions.collect::<Result<_, _>>()?,
        )
    }

    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    pub fn name(&self) -> &MetricName {
        &self.name
    }

    /// Returns the dimensions, sorted by name.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// Returns an estimate of the bytes the identity occupies.
    pub(crate) fn bytes(&self) -> usize {
        let texts = self.dimensions.iter().map(|dimension| dimension.name.len() + dimension.value.len());
        let fixed = size_of::<Metric>() + self.dimensions.len() * size_of::<Dimension>();
        fixed + self.namespace.0.len() + self.name.0.len() + texts.sum::<usize>()
    }
}

fn check_name(member: &str, value: &str) -> Result<(), Invalid> {
    let length = value.chars().count();
    if !(1..=NAME_LENGTH_MAX).contains(&length) {
        return Err(Invalid::value(format!("The parameter {member} must have 1 to {NAME_LENGTH_MAX} characters.")));
    }
    if value.chars().any(char::is_control) || value.trim().is_empty() {
        return Err(Invalid::value(format!(
            "The parameter {member} must contain something beside white space and no control characters."
        )));
    }
    Ok(())
}

fn check_dimension(part: &str, value: &str, length_max: usize) -> Result<(), Invalid> {
    if !(1..=length_max).contains(&value.len()) {
        return Err(Invalid::value(format!("A dimension's {part} must have 1 to {length_max} characters.")));
    }
    if value.bytes().any(|byte| !byte.is_ascii() || byte.is_ascii_control()) || value.trim().is_empty() {
        return Err(Invalid::value(format!(
            "A dimension's {part} must be ASCII without control characters and not blank: {:?}.",
            quoted(value)
        )));
    }
    Ok(())
}

macro_rules! text {
    ($type:ident) => {
        impl TryFrom<String> for $type {
            type Error = Invalid;

            fn try_from(value: String) -> Result<Self, Invalid> {
                $type::parse(&value)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text!(Namespace);
text!(MetricName);

impl TryFrom<DimensionSpec> for Dimension {
    type Error = Invalid;

    fn try_from(spec: DimensionSpec) -> Result<Self, Invalid> {
        Dimension::parse(&spec.name, &spec.value)
    }
}

impl From<Dimension> for DimensionSpec {
    fn from(dimension: Dimension) -> DimensionSpec {
        DimensionSpec { name: dimension.name, value: dimension.value }
    }
}

impl TryFrom<MetricSpec> for Metric {
    type Error = Invalid;

    fn try_from(spec: MetricSpec) -> Result<Self, Invalid> {
        Metric::parse(&spec)
    }
}

impl From<Metric> for MetricSpec {
    fn from(metric: Metric) -> MetricSpec {
        let dimensions = metric.dimensions.into_iter().map(DimensionSpec::from).collect();
        MetricSpec { namespace: metric.namespace.0, name: metric.name.0, dimensions }
    }
}

#[cfg(test)]
mod tests;
