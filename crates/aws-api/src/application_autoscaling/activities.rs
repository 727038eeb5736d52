//! DescribeScalingActivities.

use std::cmp::Reverse;

use seatrial_aws_wire::Input;
use seatrial_engine::Engine;
use seatrial_engine::auto_scaling::ScalingActivity;
use seatrial_engine::auto_scaling::activity::newest_first;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{Narrowed, invalid_token, listing, size};
use super::show;
use crate::operations::OperationError;

/// The largest page, which is the usual one.
const PAGE_MAX: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeScalingActivities {
    #[serde(flatten)]
    narrowed: Narrowed,
    #[serde(default)]
    include_not_scaled_activities: bool,
}

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let DescribeScalingActivities { narrowed, include_not_scaled_activities } = input.read()?;
    let resource = narrowed.resource()?;
    let size = size(narrowed.max_results, PAGE_MAX)?;
    let is_wanted = |activity: &ScalingActivity| {
        resource.as_ref().is_none_or(|resource| activity.resource == *resource)
            && (include_not_scaled_activities || activity.not_scaled.is_none())
    };
    let listing = listing("DescribeScalingActivities", input);
    let page = engine.read(|state| {
        let found = newest_first(state).filter(|(_, activity)| is_wanted(activity));
        let page = listing.page(found, |(key, _)| Reverse((*key).clone()), narrowed.next_token.as_deref(), size);
        page.map(|page| {
            let shown = page.items.iter().map(|(_, activity)| show::activity(activity));
            (shown.collect::<Vec<Value>>(), page.next_token)
        })
    });
    let (shown, next_token) = page.map_err(|_| invalid_token())?;
    Ok(show::page("ScalingActivities", shown, next_token))
}
