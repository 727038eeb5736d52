//! CreateLogGroup, DeleteLogGroup, DescribeLogGroups, PutRetentionPolicy, DeleteRetentionPolicy.

use std::collections::BTreeMap;

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::logs::{self, RETENTION_DAYS, group_arn};
use seatrial_engine::state::LogGroup;
use seatrial_engine::{Engine, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{check_group_name, invalid, invalid_token, limit, name_in};
use super::tags;
use crate::operations::OperationError;

/// The largest page of log groups.
const PAGE_MAX: usize = 50;
/// The only class of log groups here.
const CLASS: &str = "STANDARD";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateLogGroup {
    log_group_name: String,
    kms_key_id: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

pub(super) fn create(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: CreateLogGroup = input.read()?;
    check_group_name(&request.log_group_name)?;
    if request.kms_key_id.is_some() {
        return Err(invalid("Encryption with kmsKeyId is not implemented by this engine.").into());
    }
    let tags = tags::check(request.tags)?;
    engine.transact(|tx| logs::create_group(tx, &request.log_group_name, tags))?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NamedGroup {
    log_group_name: String,
}

pub(super) fn delete(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: NamedGroup = input.read()?;
    engine.transact(|tx| logs::delete_group(tx, &request.log_group_name))?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PutRetentionPolicy {
    log_group_name: String,
    retention_in_days: i64,
}

pub(super) fn put_retention(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: PutRetentionPolicy = input.read()?;
    let days = RETENTION_DAYS.into_iter().find(|days| i64::from(*days) == request.retention_in_days);
    let Some(days) = days else {
        let choices = RETENTION_DAYS.map(|days| days.to_string()).join(", ");
        return Err(invalid(format!("retentionInDays must be one of {choices}.")).into());
    };
    engine.transact(|tx| logs::set_retention(tx, &request.log_group_name, Some(days)))?;
    Ok(json!({}))
}

pub(super) fn delete_retention(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: NamedGroup = input.read()?;
    engine.transact(|tx| logs::set_retention(tx, &request.log_group_name, None))?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeLogGroups {
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    log_group_identifiers: Option<Vec<String>>,
    log_group_class: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeLogGroups = input.read()?;
    let size = limit(request.limit, PAGE_MAX)?;
    let (prefix, pattern) = (request.log_group_name_prefix.as_deref(), request.log_group_name_pattern.as_deref());
    if prefix.is_some() && pattern.is_some() {
        let message = "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.";
        return Err(invalid(message).into());
    }
    let identifiers = request.log_group_identifiers.as_deref();
    let class = request.log_group_class.as_deref();
    engine.read(|state| {
        let is_asked = |group: &&LogGroup| {
            prefix.is_none_or(|prefix| group.name.starts_with(prefix))
                && pattern.is_none_or(|pattern| group.name.contains(pattern))
                && identifiers.is_none_or(|list| list.iter().any(|identifier| name_in(identifier) == group.name))
                && class.is_none_or(|class| class == CLASS)
        };
        let groups = state.log_groups.values().filter(is_asked);
        let filters = [prefix, pattern, class].map(Option::unwrap_or_default).into_iter();
        let filters = filters.chain(identifiers.unwrap_or_default().iter().map(String::as_str));
        let page = Listing::new("DescribeLogGroups", filters)
            .page(groups, |group| group.name.clone(), request.next_token.as_deref(), size)
            .map_err(|_| invalid_token())?;
        let mut answer = json!({ "logGroups": page.items.iter().map(|group| show(state, group)).collect::<Vec<_>>() });
        if let Some(token) = page.next_token {
            answer["nextToken"] = json!(token);
        }
        Ok(answer)
    })
}

fn show(state: &State, group: &LogGroup) -> Value {
    let arn = group_arn(&state.scope, &group.name);
    let mut shown = json!({
        "logGroupName": group.name,
        "creationTime": group.created_at.as_millis(),
        "metricFilterCount": 0,
        "arn": format!("{arn}:*"),
        "logGroupArn": arn,
        "storedBytes": 0,
        "logGroupClass": CLASS,
    });
    if let Some(days) = group.retention_days {
        shown["retentionInDays"] = json!(days);
    }
    shown
}
