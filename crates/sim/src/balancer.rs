//! The balancer of a world with traffic: which target a request goes to, and how many each has to answer. It chooses as the data plane
//! does: by the weights of the rule, then in turn among the healthy targets of the group ([`seatrial_routing`]).

use std::collections::BTreeMap;
use std::time::Duration;

use seatrial_controller::LiveRule;
use seatrial_model::load_balancing::{Algorithm, TargetState};
use seatrial_model::{TargetGroupArn, TaskId, Timestamp};
use seatrial_routing::roster::Standing;
use seatrial_routing::weight::pick_weighted;
use seatrial_routing::{Roster, RosterSettings};

use crate::draw::Draw;
use crate::routed;

const SETTINGS: RosterSettings = RosterSettings { algorithm: Algorithm::RoundRobin, slow_start: Duration::ZERO };

/// A task in a target group.
#[derive(Clone, Copy, Debug)]
struct Target {
    /// What its checks said last; they go on while it drains.
    verdict: TargetState,
    /// When it was taken out of rotation.
    left_at: Option<Timestamp>,
    in_flight: u32,
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub task: TaskId,
    pub group: TargetGroupArn,
    /// False where it goes to one of the others for want of healthy ones.
    pub is_healthy: bool,
}

/// Every target of a service.
#[derive(Debug, Default)]
pub struct Balancer {
    groups: BTreeMap<TargetGroupArn, BTreeMap<TaskId, Target>>,
    turn: u64,
}

impl Balancer {
    /// Puts a task into rotation. One that is taken back is what its checks have said of it meanwhile.
    pub fn register(&mut self, task: &TaskId, group: &TargetGroupArn) {
        let targets = self.groups.entry(group.clone()).or_default();
        let fresh = Target { verdict: TargetState::Initial, left_at: None, in_flight: 0 };
        targets.entry(task.clone()).or_insert(fresh).left_at = None;
    }

    /// Takes a task out of rotation; tells whether it has nothing left to answer.
    pub fn deregister(&mut self, task: &TaskId, group: &TargetGroupArn, now: Timestamp) -> bool {
        let Some(target) = self.target(task, group) else { return true };
        target.left_at.get_or_insert(now);
        target.in_flight == 0
    }

    /// Notes what the checks of a task say.
    pub fn judge(&mut self, task: &TaskId, verdict: TargetState) {
        self.groups
            .values_mut()
            .filter_map(|targets| targets.get_mut(task))
            .for_each(|target| target.verdict = verdict);
    }

    /// Forgets a task that has ended.
    pub fn remove(&mut self, task: &TaskId) {
        self.groups.values_mut().for_each(|targets| {
            targets.remove(task);
        });
    }

    /// Chooses where a request goes that a rule, or the only target group, takes; none where nobody could answer it.
    pub fn choose(&mut self, rule: Option<&LiveRule>, now: Timestamp, draw: &mut Draw) -> Option<Choice> {
        let group = match rule {
            None => routed::blue(),
            Some(LiveRule::Forwards(weights)) => {
                let shares = weights.values().map(|weight| u64::from(*weight));
                let place = pick_weighted(shares, draw.number())?;
                weights.keys().nth(place)?.clone()
            }
            Some(LiveRule::Missing | LiveRule::Elsewhere) => return None,
        };
        let targets = self.groups.get_mut(&group)?;
        let standing = |target: &Target| Standing {
            state: if target.left_at.is_some() { TargetState::Draining } else { target.verdict },
            reason: None,
            healthy_since: Timestamp::EPOCH,
        };
        let roster = Roster::new(SETTINGS, targets.values().map(standing).collect::<Vec<_>>());
        self.turn += 1;
        let chance = seatrial_routing::Draw { turn: self.turn, entropy: draw.number(), now };
        let place = roster.choose(chance, |_| 0, |_| false)?;
        let (task, target) = targets.iter_mut().nth(place).expect("a roster names places of its list");
        target.in_flight += 1;
        Some(Choice { task: task.clone(), group, is_healthy: roster.has_healthy() })
    }

    /// Notes that a request has been answered; tells whether that was the last of a target out of rotation.
    pub fn answered(&mut self, task: &TaskId, group: &TargetGroupArn) -> bool {
        let Some(target) = self.target(task, group) else { return false };
        target.in_flight = target.in_flight.saturating_sub(1);
        target.in_flight == 0 && target.left_at.is_some()
    }

    /// Returns when a task was taken out of rotation, if it is out in this group.
    pub fn left_at(&self, task: &TaskId, group: &TargetGroupArn) -> Option<Timestamp> {
        self.groups.get(group)?.get(task)?.left_at
    }

    fn target(&mut self, task: &TaskId, group: &TargetGroupArn) -> Option<&mut Target> {
        self.groups.get_mut(group)?.get_mut(task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn task(number: u128) -> TaskId {
        TaskId::from_bits(number)
    }

    fn two_in_blue() -> Balancer {
        let mut balancer = Balancer::default();
        for number in [1, 2] {
            balancer.register(&task(number), &routed::blue());
            balancer.judge(&task(number), TargetState::Healthy);
        }
        balancer
    }

    fn chosen(balancer: &mut Balancer, rule: Option<&LiveRule>) -> Option<(TaskId, bool)> {
        balancer.choose(rule, NOW, &mut Draw::new(1)).map(|choice| (choice.task, choice.is_healthy))
    }

    #[test]
    fn healthy_targets_take_turns_and_one_that_drains_gets_nothing() {
        let mut balancer = two_in_blue();
        assert_ne!(chosen(&mut balancer, None), chosen(&mut balancer, None));
        assert!(!balancer.deregister(&task(1), &routed::blue(), NOW), "it has a request to answer");
        assert_eq!(chosen(&mut balancer, None), Some((task(2), true)));
        assert_eq!(chosen(&mut balancer, None), Some((task(2), true)));
        assert!(balancer.answered(&task(1), &routed::blue()), "that was its last");
        balancer.register(&task(1), &routed::blue());
        let next_two = [(); 2].map(|()| chosen(&mut balancer, None));
        assert!(next_two.contains(&Some((task(1), true))), "taken back, it is as healthy as before");
    }

    #[test]
    fn without_a_healthy_target_the_others_are_used_and_without_any_nobody_answers() {
        let mut balancer = two_in_blue();
        balancer.judge(&task(1), TargetState::Unhealthy);
        balancer.judge(&task(2), TargetState::Unhealthy);
        assert!(chosen(&mut balancer, None).is_some_and(|(_, is_healthy)| !is_healthy));
        balancer.remove(&task(1));
        balancer.remove(&task(2));
        assert_eq!(chosen(&mut balancer, None), None);
    }

    #[test]
    fn a_rule_sends_requests_where_its_weights_say() {
        let mut balancer = two_in_blue();
        assert!(chosen(&mut balancer, Some(&routed::forwards(1, 0))).is_some());
        assert_eq!(chosen(&mut balancer, Some(&routed::forwards(0, 1))), None);
        assert_eq!(chosen(&mut balancer, Some(&LiveRule::Missing)), None);
    }
}
