//! Who is given a rule's requests: its weights (I3), and what a deployment leaves at its end (I7).

use seatrial_controller::{LiveRule, ServiceDeployment, ServiceDeploymentStatus};
use seatrial_model::{ListenerRuleArn, TargetGroupArn, Timestamp};

use super::{Seen, Watch, ensure};
use crate::routed::share_of;

impl Watch {
    /// I3.
    pub(super) fn set_weights(
        &mut self,
        now: Timestamp,
        rule: &ListenerRuleArn,
        weights: &[(TargetGroupArn, u32)],
    ) -> Result<(), String> {
        let sum: u32 = weights.iter().map(|(_, weight)| weight).sum();
        ensure(sum == 100 || sum == 1000, "I3: the weights are hundredths or thousandths")?;
        let serves = |group: &TargetGroupArn| {
            self.tasks.values().any(|task| self.is_healthy(task, now) && task.targets.contains_key(group))
        };
        // A service that is to have no task is about to answer nobody.
        let somebody_serves = self.settings.desired_count > 0 && weights.iter().any(|(group, _)| serves(group));
        let idle = weights.iter().find(|(group, weight)| *weight > 0 && !serves(group));
        ensure(!somebody_serves || idle.is_none(), "I3: traffic is sent to a target group without a healthy target")?;
        self.only_takes_back(rule, weights)?;
        self.rules.insert(rule.clone(), LiveRule::Forwards(weights.iter().cloned().collect()));
        self.tampered.remove(rule);
        Ok(())
    }

    /// I7: a rollback never gives the revision given up more of a rule's traffic than it had.
    fn only_takes_back(&self, rule: &ListenerRuleArn, weights: &[(TargetGroupArn, u32)]) -> Result<(), String> {
        let rolls_back = |latest: &&ServiceDeployment| latest.status == ServiceDeploymentStatus::RollbackInProgress;
        let Some(latest) = self.deployments.last().filter(rolls_back) else { return Ok(()) };
        let Some(before) = self.rules.get(rule).filter(|_| !self.tampered.contains(rule)) else { return Ok(()) };
        let after = LiveRule::Forwards(weights.iter().cloned().collect());
        let groups = &self.revisions[&latest.target].target_groups;
        let grows = groups.iter().any(|group| share_of(&after, &group.arn) > share_of(before, &group.arn));
        ensure(!grows, "I7: a rollback gives more traffic to the revision given up")
    }

    /// I7: where a deployment has come to a good end, the revision that stays has its full size and all of the traffic.
    pub(super) fn ended_well(&self, now: Timestamp) -> Result<(), String> {
        let Some(ended) = self.deployments.last() else { return Ok(()) };
        let stays = match (ended.status, &ended.rollback) {
            (ServiceDeploymentStatus::Successful, None) => ended.target,
            (ServiceDeploymentStatus::RollbackSuccessful, Some(rollback)) => rollback.revision,
            (ServiceDeploymentStatus::Successful | ServiceDeploymentStatus::RollbackSuccessful, _) => {
                return Err("I7: only a rollback brings a revision back".to_owned());
            }
            _ => return Ok(()),
        };
        let size = self.tasks.values().filter(|task| task.revision == stays && self.is_healthy(task, now)).count();
        let wanted = self.settings.desired_count as usize;
        let is_early = self.settings.deployment.early_success.is_some();
        ensure(is_early || size == wanted, &format!("I7: {size} of {wanted} tasks are healthy at the end"))?;
        let idle = self.revisions[&stays].target_groups.iter().find(|group| {
            let Some(route) = &group.route else { return false };
            let serving = self.rules.get(&route.production_rule).map(LiveRule::serving).unwrap_or_default();
            let is_alone = serving.len() == 1 && *serving[0].0 == group.arn;
            !is_alone && !self.tampered.contains(&route.production_rule)
        });
        match idle {
            Some(group) => {
                Err(format!("I7: {} does not have all of the traffic at the end: {:?}", group.arn, self.rules))
            }
            None => Ok(()),
        }
    }

    /// Tells whether production requests come to a task: they do unless its target groups have no weight.
    pub(super) fn is_given_requests(&self, task: &Seen) -> bool {
        let weight = |rule: &ListenerRuleArn, group: &TargetGroupArn| match self.rules.get(rule) {
            Some(LiveRule::Forwards(weights)) => weights.get(group).copied().unwrap_or(0),
            Some(LiveRule::Missing | LiveRule::Elsewhere) | None => 0,
        };
        let groups = &self.revisions[&task.revision].target_groups;
        groups
            .iter()
            .all(|group| group.route.as_ref().is_none_or(|route| weight(&route.production_rule, &group.arn) > 0))
    }

    /// Tells whether two tasks can stand in for one another: no rule tells them apart.
    pub(super) fn share_requests(&self, one: &Seen, other: &Seen) -> bool {
        let groups = |task: &Seen| {
            let groups = &self.revisions[&task.revision].target_groups;
            groups.iter().filter(|group| group.route.is_some()).map(|group| group.arn.clone()).collect::<Vec<_>>()
        };
        groups(one) == groups(other)
    }
}
