//! DescribeAccountLimits.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::Engine;
use seatrial_engine::load_balancing::quotas;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{PageRequest, page};
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeAccountLimits {
    marker: Option<String>,
    page_size: Option<i64>,
}

pub(super) fn describe(_: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeAccountLimits = input.read()?;
    page(
        &Listing::new("DescribeAccountLimits", []),
        "Limits",
        quotas::ALL.iter().enumerate(),
        |(index, _)| *index,
        |(_, quota)| json!({ "Name": quota.name, "Max": quota.max.to_string() }),
        PageRequest { marker: request.marker.as_deref(), size: request.page_size },
    )
}
