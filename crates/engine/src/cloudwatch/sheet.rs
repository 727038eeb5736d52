//! Data of AWS's own namespaces, gathered before they are put.

use seatrial_cloudwatch::metric::{DimensionSpec, MetricSpec};
use seatrial_cloudwatch::{Datum, Invalid, Metric, MetricStore, Unit};
use seatrial_model::Timestamp;

/// The dimensions of a metric: names and values.
pub(super) type Dimensions<'a> = &'a [(&'static str, &'a str)];

/// Data of one namespace and one instant.
#[derive(Debug)]
pub(super) struct Sheet {
    namespace: &'static str,
    at: Timestamp,
    data: Vec<Datum>,
}

impl Sheet {
    pub fn new(namespace: &'static str, at: Timestamp) -> Self {
        Sheet { namespace, at, data: Vec::new() }
    }

    /// Adds a count, unless it is zero: there are no data of what did not happen.
    pub fn count(&mut self, name: &str, dimensions: Dimensions<'_>, count: u64) {
        if count > 0 {
            self.value(name, dimensions, Unit::Count, count as f64);
        }
    }

    pub fn value(&mut self, name: &str, dimensions: Dimensions<'_>, unit: Unit, value: f64) {
        self.values(name, dimensions, unit, vec![(value, 1.0)]);
    }

    /// Adds values with how often each occurred; none at all are passed over.
    pub fn values(&mut self, name: &str, dimensions: Dimensions<'_>, unit: Unit, values: Vec<(f64, f64)>) {
        if values.is_empty() {
            return;
        }
        match self.datum(name, dimensions, unit, values) {
            Ok(datum) => self.data.push(datum),
            Err(error) => tracing::debug!(name, %error, "a measurement cannot be a datum"),
        }
    }

    /// Puts the data; what there is no room for is dropped.
    pub fn put(&self, metrics: &mut MetricStore, now: Timestamp) {
        let refused = self.data.iter().filter_map(|datum| metrics.put(datum, now).err()).last();
        if let Some(error) = refused {
            tracing::warn!(namespace = self.namespace, %error, "measurements were dropped");
        }
    }

    fn datum(
        &self,
        name: &str,
        dimensions: Dimensions<'_>,
        unit: Unit,
        values: Vec<(f64, f64)>,
    ) -> Result<Datum, Invalid> {
        let dimension = |(name, value): &(&'static str, &str)| DimensionSpec {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        let metric = Metric::parse(&MetricSpec {
            namespace: self.namespace.to_owned(),
            name: name.to_owned(),
            dimensions: dimensions.iter().map(dimension).collect(),
        })?;
        Datum::of_values(metric, self.at, unit, values)
    }
}
