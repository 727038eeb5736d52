//! DescribeAlarms and DescribeAlarmsForMetric.

use seatrial_aws_wire::Input;
use seatrial_cloudwatch::alarm::{Actions, AlarmType};
use seatrial_cloudwatch::{Alarm, AlarmName, Alarms, Definition, MetricStat, Period, StateValue, Statistic, Unit};
use seatrial_engine::{Engine, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{combination, invalid_token, invalid_value, listing, required, size, validation};
use super::request::{self, Dimension, alarm_names};
use super::show::{self, Extent};
use crate::operations::OperationError;

/// The largest page, and the one given when the request names no size.
const PAGE_MAX: usize = 100;
const PAGE_DEFAULT: usize = 50;
/// The most alarms a request can name (shape `AlarmNames`).
const NAMES_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeAlarms {
    alarm_names: Option<Vec<String>>,
    alarm_name_prefix: Option<String>,
    alarm_types: Option<Vec<String>>,
    children_of_alarm_name: Option<String>,
    parents_of_alarm_name: Option<String>,
    state_value: Option<String>,
    action_prefix: Option<String>,
    max_records: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn alarms(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeAlarms = input.read()?;
    let size = size("MaxRecords", request.max_records, PAGE_DEFAULT, PAGE_MAX)?;
    let selection = Selection::parse(&request)?;
    engine.read_monitoring(|monitoring| {
        let all = monitoring.alarms();
        let page = listing("DescribeAlarms", input)
            .page(selection.of(all)?, |alarm| alarm.name().clone(), request.next_token.as_deref(), size)
            .map_err(|_| invalid_token())?;
        let mut answer = json!({ "MetricAlarms": [], "CompositeAlarms": [] });
        for alarm in page.items {
            if let Some(list) = answer[show::member(alarm)].as_array_mut() {
                list.push(show::alarm(alarm, selection.extent()));
            }
        }
        if let Some(token) = page.next_token {
            answer["NextToken"] = json!(token);
        }
        Ok(answer)
    })
}

/// Which alarms are wanted.
enum Selection {
    Children(AlarmName),
    Parents(AlarmName),
    Matching(Filter),
}

/// What all wanted alarms have in common.
struct Filter {
    names: Option<Vec<AlarmName>>,
    prefix: Option<String>,
    types: Vec<AlarmType>,
    state: Option<StateValue>,
    action_prefix: Option<String>,
}

impl Selection {
    fn parse(request: &DescribeAlarms) -> Result<Self, OperationError> {
        let has_filter = request.alarm_names.is_some()
            || request.alarm_name_prefix.is_some()
            || request.state_value.is_some()
            || request.action_prefix.is_some();
        match (&request.children_of_alarm_name, &request.parents_of_alarm_name) {
            (None, None) => Filter::parse(request).map(Selection::Matching),
            (Some(name), None) if !has_filter => Ok(Selection::Children(AlarmName::parse_name_or_arn(name)?)),
            (None, Some(name)) if !has_filter => Ok(Selection::Parents(AlarmName::parse_name_or_arn(name)?)),
            (Some(_), _) | (_, Some(_)) => Err(validation(
                "ChildrenOfAlarmName and ParentsOfAlarmName can be given with MaxRecords and NextToken only.",
            )
            .into()),
        }
    }

    /// Returns the alarms, ascending by name.
    fn of<'a>(&'a self, all: &'a Alarms) -> Result<Vec<&'a Alarm>, Refusal> {
        match self {
            Selection::Matching(filter) => Ok(all.iter().filter(|alarm| filter.takes(alarm)).collect()),
            Selection::Parents(name) => Ok(all.parents(name).filter_map(|name| all.get(name)).collect()),
            Selection::Children(name) => match all.get(name).map(Alarm::definition) {
                Some(Definition::Composite(composite)) => {
                    Ok(composite.rule().children().iter().filter_map(|name| all.get(name)).collect())
                }
                Some(Definition::Metric(_)) => Err(validation(format!("{name} is not a composite alarm."))),
                None => Err(Refusal::new("ResourceNotFound", format!("The alarm {name} does not exist."))),
            },
        }
    }

    fn extent(&self) -> Extent {
        match self {
            Selection::Children(_) => Extent::Child,
            Selection::Parents(_) => Extent::Parent,
            Selection::Matching(_) => Extent::Whole,
        }
    }
}

impl Filter {
    fn parse(request: &DescribeAlarms) -> Result<Self, OperationError> {
        if request.alarm_names.is_some() && request.alarm_name_prefix.is_some() {
            return Err(validation("AlarmNames and AlarmNamePrefix cannot be given together.").into());
        }
        if request.alarm_names.as_ref().is_some_and(|names| names.len() > NAMES_MAX) {
            let message = format!("The parameter AlarmNames must not name more than {NAMES_MAX} alarms.");
            return Err(invalid_value(message).into());
        }
        Ok(Filter {
            names: request.alarm_names.as_deref().map(alarm_names).transpose()?.filter(|names| !names.is_empty()),
            prefix: request.alarm_name_prefix.clone(),
            types: alarm_types(request.alarm_types.as_deref())?,
            state: request.state_value.as_deref().map(StateValue::parse).transpose()?,
            action_prefix: request.action_prefix.clone(),
        })
    }

    fn takes(&self, alarm: &Alarm) -> bool {
        let Actions { ok, alarm: alarming, insufficient_data, .. } = alarm.definition().actions();
        let mut actions = ok.iter().chain(alarming).chain(insufficient_data);
        self.types.contains(&alarm.definition().alarm_type())
            && self.names.as_ref().is_none_or(|names| names.contains(alarm.name()))
            && self.prefix.as_ref().is_none_or(|prefix| alarm.name().as_str().starts_with(prefix))
            && self.state.is_none_or(|state| alarm.state().value == state)
            && self.action_prefix.as_ref().is_none_or(|prefix| actions.any(|action| action.starts_with(prefix)))
    }
}

/// Reads `AlarmTypes`; unless told otherwise, metric alarms only.
pub(super) fn alarm_types(asked: Option<&[String]>) -> Result<Vec<AlarmType>, Refusal> {
    let known = [AlarmType::MetricAlarm, AlarmType::CompositeAlarm];
    let parse = |text: &String| {
        let found = known.into_iter().find(|known| known.as_str() == text);
        found.ok_or_else(|| invalid_value("Valid values for AlarmTypes are MetricAlarm and CompositeAlarm."))
    };
    match asked {
        None | Some([]) => Ok(vec![AlarmType::MetricAlarm]),
        Some(asked) => asked.iter().map(parse).collect(),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeAlarmsForMetric {
    metric_name: Option<String>,
    namespace: Option<String>,
    statistic: Option<String>,
    extended_statistic: Option<String>,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    period: Option<i64>,
    unit: Option<String>,
}

pub(super) fn for_metric(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeAlarmsForMetric = input.read()?;
    let name = required("MetricName", request.metric_name)?;
    let metric = request::metric(required("Namespace", request.namespace)?, name, request.dimensions)?;
    let statistic = match (request.statistic.as_deref(), request.extended_statistic.as_deref()) {
        (None, None) => None,
        (Some(simple), None) => Some(Statistic::parse_simple(simple)?),
        (None, Some(extended)) => Some(Statistic::parse_extended(extended)?),
        (Some(_), Some(_)) => {
            return Err(combination("Statistic and ExtendedStatistic cannot be given together.").into());
        }
    };
    let period = request.period.map(Period::parse).transpose()?;
    let unit = request.unit.as_deref().map(Unit::parse).transpose()?;
    let is_asked = |stat: &MetricStat| {
        stat.metric == metric
            && statistic.as_ref().is_none_or(|statistic| stat.statistic == *statistic)
            && period.is_none_or(|period| stat.period == period)
            && unit.is_none_or(|unit| stat.unit == Some(unit))
    };
    let watches = |alarm: &&Alarm| match alarm.definition() {
        Definition::Metric(alarm) => alarm.watched().metric().is_some_and(is_asked),
        Definition::Composite(_) => false,
    };
    Ok(engine.read_monitoring(|monitoring| {
        let alarms = monitoring.alarms().iter().filter(watches).map(|alarm| show::alarm(alarm, Extent::Whole));
        json!({ "MetricAlarms": alarms.collect::<Vec<_>>() })
    }))
}
