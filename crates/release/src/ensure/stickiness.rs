//! `TargetGroupStickinessConfig` of a rule that shares requests between two target groups.

use aws_sdk_elasticloadbalancingv2::types::{Action, ForwardActionConfig, TargetGroupStickinessConfig};

/// How long a client stays with one target group of the actions, in seconds; none if it does not.
pub(super) fn stickiness_of(actions: &[Action]) -> Option<i32> {
    let mut forwards = actions.iter().filter_map(Action::forward_config);
    let config = forwards.find_map(ForwardActionConfig::target_group_stickiness_config)?;
    config.duration_seconds().filter(|_| config.enabled() == Some(true))
}

/// Gives a weighted forward action its stickiness; one to a single target group has no use for any.
pub(super) fn stick(action: Action, seconds: Option<i32>) -> Action {
    let Some(forward) = action.forward_config().cloned() else { return action };
    let config =
        TargetGroupStickinessConfig::builder().enabled(seconds.is_some()).set_duration_seconds(seconds).build();
    let groups = Some(forward.target_groups().to_vec());
    let forward =
        ForwardActionConfig::builder().set_target_groups(groups).target_group_stickiness_config(config).build();
    let builder = Action::builder().set_type(action.r#type().cloned()).set_order(action.order());
    builder.forward_config(forward).build()
}

/// The actions of a rule with another stickiness. The weights are the deployments' and stay.
pub(super) fn without_change_of_weights(actions: &[Action], seconds: Option<i32>) -> Vec<Action> {
    actions.iter().map(|action| stick(action.clone(), seconds)).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::types::TargetGroupTuple;

    use super::super::listener::{forward, forward_pair};
    use super::*;

    #[test]
    fn stickiness_is_set_changed_and_taken_away_and_the_weights_stay() {
        let tuple = |arn: &str, weight| TargetGroupTuple::builder().target_group_arn(arn).weight(weight).build();
        let weights =
            ForwardActionConfig::builder().target_groups(tuple("blue", 25)).target_groups(tuple("green", 975));
        let split = Action::builder().r#type("forward".into()).order(1).forward_config(weights.build()).build();
        assert_eq!(stickiness_of(std::slice::from_ref(&split)), None);
        let mut actions = vec![split.clone()];
        for seconds in [Some(3600), Some(60), None] {
            actions = without_change_of_weights(&actions, seconds);
            assert_eq!(stickiness_of(&actions), seconds);
            let config = actions[0].forward_config().expect("it forwards");
            assert_eq!(config.target_groups(), split.forward_config().expect("it forwards").target_groups());
            assert_eq!((actions[0].r#type(), actions[0].order()), (split.r#type(), Some(1)));
        }
        assert_eq!(stickiness_of(&[stick(forward_pair("blue", "green"), Some(5))]), Some(5));
        assert_eq!(stick(forward("blue"), Some(5)), forward("blue"));
    }
}
