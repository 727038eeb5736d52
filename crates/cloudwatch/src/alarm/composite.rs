//! A composite alarm that satisfies PutCompositeAlarm's rules.

use seatrial_model::{Timestamp, arn::Scope};
use serde::{Deserialize, Serialize};

use super::definition::description;
use super::{Actions, AlarmName, AlarmRule, AlarmState, StateValue};
use crate::calendar;
use crate::invalid::Invalid;

/// The members of PutCompositeAlarm, not yet checked. Tags are kept by the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CompositeAlarmSpec {
    pub alarm_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarm_description: Option<String>,
    #[serde(flatten)]
    pub actions: Actions,
    pub alarm_rule: String,
    /// The name or ARN of the alarm during whose ALARM no actions are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions_suppressor: Option<String>,
    /// Seconds; kept, but not acted upon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions_suppressor_wait_period: Option<i64>,
    /// Seconds; kept, but not acted upon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions_suppressor_extension_period: Option<i64>,
}

/// The definition of a composite alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CompositeAlarmSpec", into = "CompositeAlarmSpec")]
pub struct CompositeAlarm {
    name: AlarmName,
    description: Option<String>,
    actions: Actions,
    rule: AlarmRule,
    suppressor: Option<AlarmName>,
    spec: SuppressorSpec,
}

/// What was said of the suppressor, as it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SuppressorSpec {
    suppressor: Option<String>,
    wait_period: Option<i64>,
    extension_period: Option<i64>,
}

impl CompositeAlarm {
    /// Parses the members of PutCompositeAlarm.
    pub fn parse(spec: CompositeAlarmSpec) -> Result<Self, Invalid> {
        if spec.alarm_rule.trim().is_empty() {
            return Err(Invalid::missing("AlarmRule"));
        }
        let periods = [spec.actions_suppressor_wait_period, spec.actions_suppressor_extension_period];
        let needed = spec.actions_suppressor.is_some();
        if periods.iter().any(|period| period.is_some() != needed) {
            return Err(Invalid::combination(
                "ActionsSuppressor, ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod must be given together.",
            ));
        }
        if periods.iter().flatten().any(|period| *period < 0) {
            return Err(Invalid::value(
                "ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod must be 0 or more.",
            ));
        }
        Ok(CompositeAlarm {
            name: AlarmName::parse(&spec.alarm_name)?,
            description: description(spec.alarm_description)?,
            actions: spec.actions.checked()?,
            rule: AlarmRule::parse(&spec.alarm_rule).map_err(|error| Invalid::value(error.to_string()))?,
            suppressor: spec.actions_suppressor.as_deref().map(AlarmName::parse_name_or_arn).transpose()?,
            spec: SuppressorSpec {
                suppressor: spec.actions_suppressor,
                wait_period: spec.actions_suppressor_wait_period,
                extension_period: spec.actions_suppressor_extension_period,
            },
        })
    }

    pub fn name(&self) -> &AlarmName {
        &self.name
    }

    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    pub fn actions(&self) -> &Actions {
        &self.actions
    }

    pub(crate) fn actions_mut(&mut self) -> &mut Actions {
        &mut self.actions
    }

    pub fn rule(&self) -> &AlarmRule {
        &self.rule
    }

    /// Returns the alarm during whose ALARM no actions are taken.
    pub fn suppressor(&self) -> Option<&AlarmName> {
        self.suppressor.as_ref()
    }

    /// Returns the definition as DescribeAlarms shows it.
    pub fn to_spec(&self) -> CompositeAlarmSpec {
        CompositeAlarmSpec {
            alarm_name: self.name.as_str().to_owned(),
            alarm_description: self.description.clone(),
            actions: self.actions.clone(),
            alarm_rule: self.rule.as_str().to_owned(),
            actions_suppressor: self.spec.suppressor.clone(),
            actions_suppressor_wait_period: self.spec.wait_period,
            actions_suppressor_extension_period: self.spec.extension_period,
        }
    }
}

/// Why a composite alarm is evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    Created,
    Updated,
    /// A watched alarm went into a state at an instant.
    Child(AlarmName, StateValue, Timestamp),
}

/// Evaluates a composite alarm: its new state when the state value changes, `None` when it stays.
pub(crate) fn evaluate(
    alarm: &CompositeAlarm,
    current: StateValue,
    occasion: &Occasion,
    child: &impl Fn(&AlarmName) -> Option<(StateValue, Timestamp)>,
    scope: &Scope,
) -> Option<AlarmState> {
    let state_of = |name: &AlarmName| child(name).map(|(value, _)| value);
    let value = if alarm.rule.holds(&state_of) { StateValue::Alarm } else { StateValue::Ok };
    if value == current {
        return None;
    }
    let reason = match occasion {
        Occasion::Created => format!("{} was created and its alarm rule evaluates to {value}", arn(scope, &alarm.name)),
        Occasion::Updated => format!("{} was updated and its alarm rule evaluates to {value}", arn(scope, &alarm.name)),
        Occasion::Child(name, value, at) => {
            format!("{} transitioned to {value} at {}", arn(scope, name), calendar::long(*at))
        }
    };
    let reason_data = Some(reason_data(alarm, value, child, scope));
    Some(AlarmState { value, reason, reason_data })
}

/// The ARN of an alarm.
pub(crate) fn arn(scope: &Scope, name: &AlarmName) -> String {
    scope.arn("cloudwatch", format_args!("alarm:{name}")).as_str().to_owned()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReasonData {
    triggering_alarms: Vec<TriggeringAlarm>,
}

#[derive(Serialize)]
struct TriggeringAlarm {
    arn: String,
    state: TriggeringState,
}

#[derive(Serialize)]
struct TriggeringState {
    value: StateValue,
    timestamp: String,
}

/// Names the alarms that made the rule hold, or, when it does not, all it watches.
fn reason_data(
    alarm: &CompositeAlarm,
    value: StateValue,
    child: &impl Fn(&AlarmName) -> Option<(StateValue, Timestamp)>,
    scope: &Scope,
) -> String {
    let matching = alarm.rule.matching(&|name| child(name).map(|(value, _)| value));
    let named = match value {
        StateValue::Alarm if !matching.is_empty() => &matching,
        StateValue::Alarm | StateValue::Ok | StateValue::InsufficientData => alarm.rule.children(),
    };
    let triggering = named.iter().filter_map(|name| {
        let (value, at) = child(name)?;
        Some(TriggeringAlarm { arn: arn(scope, name), state: TriggeringState { value, timestamp: calendar::iso(at) } })
    });
    let data = ReasonData { triggering_alarms: triggering.collect() };
    serde_json::to_string(&data).expect("texts serialise")
}

impl TryFrom<CompositeAlarmSpec> for CompositeAlarm {
    type Error = Invalid;

    fn try_from(spec: CompositeAlarmSpec) -> Result<Self, Invalid> {
        CompositeAlarm::parse(spec)
    }
}

impl From<CompositeAlarm> for CompositeAlarmSpec {
    fn from(alarm: CompositeAlarm) -> CompositeAlarmSpec {
        alarm.to_spec()
    }
}
