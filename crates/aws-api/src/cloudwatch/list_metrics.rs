//! ListMetrics.

use seatrial_aws_wire::Input;
use seatrial_cloudwatch::metric::MetricSpec;
use seatrial_cloudwatch::store::{METRICS_PER_PAGE, MetricFilter, Recency};
use seatrial_cloudwatch::{Metric, MetricName, Namespace};
use seatrial_engine::Engine;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{invalid_token, invalid_value, listing, required};
use super::show;
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListMetrics {
    namespace: Option<String>,
    metric_name: Option<String>,
    #[serde(default)]
    dimensions: Vec<DimensionFilter>,
    recently_active: Option<String>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DimensionFilter {
    name: Option<String>,
    value: Option<String>,
}

pub(super) fn list(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: ListMetrics = input.read()?;
    let dimension = |filter: DimensionFilter| Ok((required("Dimensions.Name", filter.name)?, filter.value));
    let recency = match request.recently_active.as_deref() {
        None => Recency::Listed,
        Some("PT3H") => Recency::RecentlyActive,
        Some(_) => return Err(invalid_value("The only valid value for RecentlyActive is PT3H.").into()),
    };
    let filter = MetricFilter {
        namespace: request.namespace.as_deref().map(Namespace::parse).transpose()?,
        name: request.metric_name.as_deref().map(MetricName::parse).transpose()?,
        dimensions: request.dimensions.into_iter().map(dimension).collect::<Result<_, OperationError>>()?,
        recency,
    };
    let listing = listing("ListMetrics", input);
    let after: Option<MetricSpec> =
        request.next_token.as_deref().map(|token| listing.open(token)).transpose().map_err(|_| invalid_token())?;
    let after = after.as_ref().map(Metric::parse).transpose()?;
    let now = engine.now();
    Ok(engine.read_monitoring(|monitoring| {
        let mut metrics = monitoring.metrics().list(&filter, after.as_ref(), now);
        let page: Vec<&Metric> = metrics.by_ref().take(METRICS_PER_PAGE).collect();
        let mut answer = json!({ "Metrics": page.iter().map(|metric| show::metric(metric)).collect::<Vec<_>>() });
        if let (Some(_), Some(last)) = (metrics.next(), page.last()) {
            answer["NextToken"] = json!(listing.seal(*last));
        }
        answer
    }))
}
