//! `Actions[]`: one routing action, given as `TargetGroupArn` or in the configuration of its type.

use std::time::Duration;

use seatrial_engine::Refusal;
use seatrial_model::TargetGroupArn;
use seatrial_model::load_balancing::{
    Action, FORWARD_TARGET_GROUPS_MAX, FixedResponse, Forward, WEIGHT_MAX, WeightedTargetGroup,
};
use serde::Deserialize;

use super::redirect::{RedirectMember, redirect};
use crate::elbv2::answer::{cut, not_implemented, validation, within};

/// The weight of a target group whose request names none.
const WEIGHT_DEFAULT: i64 = 1;
/// The longest stickiness to a target group: a week.
const STICKINESS_SECONDS_MAX: u32 = 604_800;
/// The longest body of a fixed response, in bytes.
const MESSAGE_BODY_LENGTH_MAX: usize = 1024;
/// The content types of a fixed response.
const CONTENT_TYPES: [&str; 5] = ["text/plain", "text/css", "text/html", "application/javascript", "application/json"];

/// One action on the wire.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::elbv2) struct ActionMember {
    r#type: String,
    order: Option<i64>,
    target_group_arn: Option<String>,
    forward_config: Option<ForwardMember>,
    fixed_response_config: Option<FixedResponseMember>,
    redirect_config: Option<RedirectMember>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ForwardMember {
    target_groups: Vec<TargetGroupMember>,
    target_group_stickiness_config: Option<StickinessMember>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TargetGroupMember {
    target_group_arn: String,
    weight: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct StickinessMember {
    enabled: bool,
    duration_seconds: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct FixedResponseMember {
    status_code: String,
    content_type: Option<String>,
    message_body: Option<String>,
}

/// Reads the action of a listener or rule.
pub(in crate::elbv2) fn action(members: Vec<ActionMember>) -> Result<Action, Refusal> {
    let [member] = <[ActionMember; 1]>::try_from(members).map_err(|members| match members.len() {
        0 => invalid("At least one action must be specified"),
        _ => invalid("Only one action of the types forward, redirect and fixed-response can be specified"),
    })?;
    if let Some(order) = member.order {
        within("Order", order, 1..=50_000_i32)?;
    }
    match member.r#type.as_str() {
        "forward" => forward(&member).map(Action::Forward),
        "fixed-response" => {
            let config =
                member.fixed_response_config.ok_or_else(|| missing("FixedResponseConfig", "fixed-response"))?;
            fixed_response(config).map(Action::FixedResponse)
        }
        "redirect" => {
            let config = member.redirect_config.ok_or_else(|| missing("RedirectConfig", "redirect"))?;
            redirect(config).map(Action::Redirect)
        }
        "authenticate-oidc" | "authenticate-cognito" | "jwt-validation" => {
            Err(not_implemented(format_args!("An action of type '{}'", member.r#type)))
        }
        other => Err(validation(format!("'{}' is not a valid action type", cut(other)))),
    }
}

fn forward(member: &ActionMember) -> Result<Forward, Refusal> {
    let config = member.forward_config.clone().unwrap_or_default();
    let mut groups = config.target_groups;
    if let Some(arn) = &member.target_group_arn {
        match groups.as_slice() {
            [] => groups.push(TargetGroupMember { target_group_arn: arn.clone(), weight: None }),
            [only] if only.target_group_arn == *arn => {}
            _ => return Err(invalid("TargetGroupArn and ForwardConfig name different target groups")),
        }
    }
    if groups.is_empty() {
        return Err(invalid("An action of type forward needs a target group"));
    }
    if groups.len() > FORWARD_TARGET_GROUPS_MAX {
        let message = format!("An action can forward to at most {FORWARD_TARGET_GROUPS_MAX} target groups");
        return Err(Refusal::new("TooManyTargetGroups", message));
    }
    let mut target_groups: Vec<WeightedTargetGroup> = Vec::new();
    for group in groups {
        let target_group = TargetGroupArn::new(group.target_group_arn);
        if target_groups.iter().any(|entry| entry.target_group == target_group) {
            return Err(invalid(format!("Target group '{}' is named twice", cut(target_group.as_str()))));
        }
        let weight = within("Weight", group.weight.unwrap_or(WEIGHT_DEFAULT), 0..=WEIGHT_MAX)?;
        target_groups.push(WeightedTargetGroup { target_group, weight });
    }
    Ok(Forward { target_groups, stickiness: stickiness(config.target_group_stickiness_config)? })
}

fn stickiness(config: Option<StickinessMember>) -> Result<Option<Duration>, Refusal> {
    let config = config.unwrap_or_default();
    let seconds = config
        .duration_seconds
        .map(|seconds| within("DurationSeconds", seconds, 1..=STICKINESS_SECONDS_MAX))
        .transpose()?;
    match (config.enabled, seconds) {
        (false, _) => Ok(None),
        (true, Some(seconds)) => Ok(Some(Duration::from_secs(seconds.into()))),
        (true, None) => Err(validation("DurationSeconds must be specified when target group stickiness is enabled")),
    }
}

fn fixed_response(config: FixedResponseMember) -> Result<FixedResponse, Refusal> {
    let code = &config.status_code;
    let fits =
        code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit()) && matches!(code.as_bytes()[0], b'2' | b'4' | b'5');
    let status_code = code
        .parse()
        .ok()
        .filter(|_| fits)
        .ok_or_else(|| validation(format!("StatusCode '{}' must be a 2XX, 4XX or 5XX code", cut(code))))?;
    let content_type = config.content_type.filter(|text| !text.is_empty());
    if let Some(given) = content_type.as_deref().filter(|given| !CONTENT_TYPES.contains(given)) {
        let message = format!("ContentType '{}' must be one of '{}'", cut(given), CONTENT_TYPES.join("', '"));
        return Err(validation(message));
    }
    let message_body = config.message_body.unwrap_or_default();
    if message_body.len() > MESSAGE_BODY_LENGTH_MAX {
        return Err(validation(format!("MessageBody can have at most {MESSAGE_BODY_LENGTH_MAX} characters")));
    }
    Ok(FixedResponse { status_code, content_type, message_body })
}

pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidLoadBalancerAction", message)
}

fn missing(config: &str, kind: &str) -> Refusal {
    invalid(format!("An action of type {kind} needs {config}"))
}

#[cfg(test)]
mod tests;
