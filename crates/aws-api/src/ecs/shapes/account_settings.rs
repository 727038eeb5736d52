//! Requests on account settings.

use seatrial_aws_wire::{Input, ServiceError};
use serde::Deserialize;

use super::listing::{PageRequest, WirePage};
use super::{Request, one_of, required};

/// The settings ECS knows.
pub const SETTINGS: [&str; 11] = [
    "awsvpcTrunking",
    "containerInsights",
    "containerInstanceLongArnFormat",
    "defaultLogDriverMode",
    "fargateEventWindows",
    "fargateFIPSMode",
    "fargateTaskRetirementWaitPeriod",
    "guardDutyActivate",
    "serviceLongArnFormat",
    "tagResourceAuthorization",
    "taskLongArnFormat",
];

/// Whether defaults are listed beside what was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffectiveSettings {
    No,
    Yes,
}

/// ListAccountSettings.
#[derive(Clone, Debug, PartialEq)]
pub struct ListAccountSettings {
    pub name: Option<String>,
    pub value: Option<String>,
    pub effective: EffectiveSettings,
    pub page: PageRequest,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireListAccountSettings {
    name: Option<String>,
    value: Option<String>,
    effective_settings: bool,
    next_token: Option<String>,
    max_results: Option<i64>,
}

impl Request for ListAccountSettings {
    type Wire = WireListAccountSettings;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        one_of(wire.name.as_deref(), "name", &SETTINGS)?;
        Ok(ListAccountSettings {
            name: wire.name,
            value: wire.value,
            effective: if wire.effective_settings { EffectiveSettings::Yes } else { EffectiveSettings::No },
            page: WirePage { next_token: wire.next_token, max_results: wire.max_results }.check(100)?,
        })
    }
}

/// PutAccountSetting and PutAccountSettingDefault.
#[derive(Clone, Debug, PartialEq)]
pub struct PutAccountSetting {
    pub name: String,
    pub value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireAccountSetting {
    name: Option<String>,
    value: Option<String>,
}

impl Request for PutAccountSetting {
    type Wire = WireAccountSetting;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        one_of(wire.name.as_deref(), "name", &SETTINGS)?;
        let name = required(wire.name, "Setting name can not be blank.")?;
        Ok(PutAccountSetting { name, value: required(wire.value, "Setting value can not be blank.")? })
    }
}

/// DeleteAccountSetting.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteAccountSetting {
    pub name: String,
}

impl Request for DeleteAccountSetting {
    type Wire = WireAccountSetting;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        one_of(wire.name.as_deref(), "name", &SETTINGS)?;
        Ok(DeleteAccountSetting { name: required(wire.name, "Setting name can not be blank.")? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::test_support::{read, refusal};
    use super::*;

    #[test]
    fn settings_are_known_by_name() {
        let request: ListAccountSettings = read(json!({"effectiveSettings": true})).expect("a request");
        assert_eq!((request.effective, request.page.size), (EffectiveSettings::Yes, 100));
        assert!(read::<PutAccountSetting>(json!({"name": "containerInsights", "value": "enabled"})).is_ok());
        let (code, message) = refusal::<PutAccountSetting>(json!({"name": "colour", "value": "red"}));
        assert_eq!(code, "InvalidParameterException");
        assert!(message.starts_with("name should be one of [awsvpcTrunking,"), "{message}");
    }
}
