//! Refusals for want of a permission: which statement of a policy would allow what was refused.

use serde_json::json;

/// What AWS says before the action that it refuses.
const PERFORM: &str = "is not authorized to perform: ";
/// And before the resource, where it names one.
const ON_RESOURCE: &str = " on resource: ";
/// What it says when no statement helps.
const EXPLICIT_DENY: &str = "explicit deny";

/// Returns what to do about a refusal, if that is what a message is.
pub(super) fn advice(message: &str) -> Option<String> {
    let (before, after) = message.split_once(PERFORM)?;
    let action = after.split([' ', ',']).next().filter(|action| action.contains(':'))?;
    let resource = after.split_once(ON_RESOURCE).and_then(|(_, after)| after.split(' ').next());
    let resource = resource.map(|resource| resource.trim_end_matches(['.', ',', '"'])).filter(|name| !name.is_empty());
    let who = before.rsplit("User: ").next().map(str::trim).filter(|who| who.starts_with("arn:"));
    let whose = who.map(|who| format!(" of {who}")).unwrap_or_default();
    let towards = who.map(|who| format!(" to {who}")).unwrap_or_default();
    if let Some(place) = message.split_once(EXPLICIT_DENY).map(|(_, place)| place.trim().trim_end_matches('.')) {
        return Some(format!(
            "{action} is denied {place}{towards}, which no permission outweighs: ask who looks after that policy"
        ));
    }
    let statement = json!({ "Effect": "Allow", "Action": action, "Resource": resource.unwrap_or("*") });
    Some(format!("add this statement to a policy{whose}: {statement}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_names_action_and_resource() {
        let message = "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecs:UpdateService on resource: \
                       arn:aws:ecs:eu-west-1:123456789012:service/shop/web because no identity-based policy allows the ecs:UpdateService action";
        assert_eq!(
            advice(message).as_deref(),
            Some(
                "add this statement to a policy of arn:aws:iam::123456789012:user/ci: {\"Action\":\"ecs:UpdateService\",\
                 \"Effect\":\"Allow\",\"Resource\":\"arn:aws:ecs:eu-west-1:123456789012:service/shop/web\"}"
            )
        );
        let without =
            "User: arn:aws:sts::1:assumed-role/ci/x is not authorized to perform: elasticloadbalancing:DescribeRules";
        assert!(advice(without).is_some_and(|advice| advice.contains("\"Resource\":\"*\"")));
    }

    #[test]
    fn an_explicit_deny_is_told_from_a_missing_permission() {
        let message = "User: arn:aws:iam::1:user/ci is not authorized to perform: ecr:PutImage on resource: arn:aws:ecr:r:1:repository/a \
                       with an explicit deny in a service control policy";
        assert_eq!(
            advice(message).as_deref(),
            Some(
                "ecr:PutImage is denied in a service control policy to arn:aws:iam::1:user/ci, which no permission outweighs: \
                 ask who looks after that policy"
            )
        );
        assert_eq!(advice("You are not authorized to do this"), None);
    }
}
