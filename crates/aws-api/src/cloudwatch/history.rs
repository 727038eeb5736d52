//! DescribeAlarmHistory.

use std::cmp::Reverse;

use seatrial_aws_wire::{AnyTimestamp, Input};
use seatrial_cloudwatch::AlarmName;
use seatrial_cloudwatch::alarm::{HistoryItem, HistoryItemType};
use seatrial_engine::{Engine, Refusal};
use seatrial_model::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{invalid_token, invalid_value, listing, size};
use super::describe::alarm_types;
use crate::operations::OperationError;

/// The largest page, and the one given when the request names no size.
const PAGE_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeAlarmHistory {
    alarm_name: Option<String>,
    alarm_types: Option<Vec<String>>,
    history_item_type: Option<String>,
    start_date: Option<AnyTimestamp>,
    end_date: Option<AnyTimestamp>,
    max_records: Option<i64>,
    next_token: Option<String>,
    scan_by: Option<String>,
}

/// In which order points or items are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScanBy {
    TimestampDescending,
    TimestampAscending,
}

impl ScanBy {
    /// Reads `ScanBy`; newest first unless told otherwise.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, Refusal> {
        match text {
            None | Some("TimestampDescending") => Ok(ScanBy::TimestampDescending),
            Some("TimestampAscending") => Ok(ScanBy::TimestampAscending),
            Some(_) => Err(invalid_value("Valid values for ScanBy are TimestampDescending and TimestampAscending.")),
        }
    }
}

/// An item's place among all: its instant, its alarm, and its number among that alarm's items of the same instant.
type Place = (Timestamp, AlarmName, usize);

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeAlarmHistory = input.read()?;
    let size = size("MaxRecords", request.max_records, PAGE_MAX, PAGE_MAX)?;
    let name = request.alarm_name.as_deref().map(AlarmName::parse).transpose()?;
    let types = alarm_types(request.alarm_types.as_deref())?;
    let item_type = request.history_item_type.as_deref().map(parse_item_type).transpose()?;
    let scan_by = ScanBy::parse(request.scan_by.as_deref())?;
    let is_asked = |item: &HistoryItem| {
        name.as_ref().is_none_or(|name| item.alarm_name == *name)
            // Whoever names an alarm means it, whatever its kind.
            && (name.is_some() && request.alarm_types.is_none() || types.contains(&item.alarm_type))
            && item_type.is_none_or(|item_type| item.item_type == item_type)
            && request.start_date.is_none_or(|AnyTimestamp(start)| item.timestamp >= start)
            && request.end_date.is_none_or(|AnyTimestamp(end)| item.timestamp <= end)
    };
    engine.read_monitoring(|monitoring| {
        let mut items = placed(monitoring.alarms().histories());
        items.retain(|(_, item)| is_asked(item));
        items.sort_by(|(one, _), (other, _)| one.cmp(other));
        let (listing, token) = (listing("DescribeAlarmHistory", input), request.next_token.as_deref());
        let page = match scan_by {
            ScanBy::TimestampAscending => listing.page(items, |(place, _)| place.clone(), token, size),
            ScanBy::TimestampDescending => {
                listing.page(items.into_iter().rev(), |(place, _)| Reverse(place.clone()), token, size)
            }
        };
        let page = page.map_err(|_| invalid_token())?;
        let mut answer =
            json!({ "AlarmHistoryItems": page.items.iter().map(|(_, item)| show(item)).collect::<Vec<_>>() });
        if let Some(token) = page.next_token {
            answer["NextToken"] = json!(token);
        }
        Ok(answer)
    })
}

fn placed<'a>(items: impl Iterator<Item = &'a HistoryItem>) -> Vec<(Place, &'a HistoryItem)> {
    let mut placed: Vec<(Place, &HistoryItem)> = Vec::new();
    for item in items {
        let number = match placed.last() {
            Some(((timestamp, name, number), _)) if *timestamp == item.timestamp && *name == item.alarm_name => {
                number + 1
            }
            Some(_) | None => 0,
        };
        placed.push(((item.timestamp, item.alarm_name.clone(), number), item));
    }
    placed
}

fn parse_item_type(text: &str) -> Result<HistoryItemType, Refusal> {
    let known = [HistoryItemType::ConfigurationUpdate, HistoryItemType::StateUpdate, HistoryItemType::Action];
    let found = known.into_iter().find(|known| known.as_str() == text);
    found.ok_or_else(|| {
        invalid_value("Valid values for HistoryItemType are ConfigurationUpdate, StateUpdate and Action.")
    })
}

fn show(item: &HistoryItem) -> Value {
    json!({
        "AlarmName": item.alarm_name.as_str(),
        "AlarmType": item.alarm_type.as_str(),
        "Timestamp": AnyTimestamp(item.timestamp).to_json(),
        "HistoryItemType": item.item_type.as_str(),
        "HistorySummary": item.summary,
        "HistoryData": item.data,
    })
}
