//! Owns the choice of a target within a target group.
//!
//! A roster is computed when a target's state or the configuration changes, not per request. It holds the healthy targets; when there
//! is none, all registered ones ("fail open"); a draining target never. Choosing is a few steps and no memory.

use std::time::Duration;

use seatrial_model::Timestamp;
use seatrial_model::load_balancing::{Algorithm, TargetReason, TargetState};

use crate::weight::{below, pick_weighted};

/// The settings of a target group that choosing depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RosterSettings {
    pub algorithm: Algorithm,
    /// How long the share of a target grows after it became healthy; zero is at once. Only with round robin.
    pub slow_start: Duration,
}

/// A registered target, as far as choosing is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub state: TargetState,
    pub reason: Option<TargetReason>,
    /// When it became healthy.
    pub healthy_since: Timestamp,
}

/// What one choice is made from.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// Counts the choices of the target group.
    pub turn: u64,
    /// Random bits.
    pub entropy: u64,
    pub now: Timestamp,
}

/// The targets requests may go to. Positions are those of the list the roster was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    members: Vec<Member>,
    /// The members are those there are, for want of healthy ones.
    fail_open: bool,
    settings: RosterSettings,
    /// When the last member leaves slow start; before that the shares differ.
    ramp_ends: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Member {
    position: usize,
    healthy_since: Timestamp,
}

/// The resolution of a share in slow start.
const RAMP_STEPS: u64 = 1000;

impl Roster {
    pub fn new(settings: RosterSettings, targets: impl IntoIterator<Item = Standing> + Clone) -> Self {
        let members_if = |fits: fn(&Standing) -> bool| -> Vec<Member> {
            let fitting = targets.clone().into_iter().enumerate().filter(|(_, standing)| fits(standing));
            fitting.map(|(position, standing)| Member { position, healthy_since: standing.healthy_since }).collect()
        };
        let healthy = members_if(takes_requests);
        let fail_open = healthy.is_empty();
        let members = if fail_open { members_if(is_registered) } else { healthy };
        let ramps = !fail_open && settings.algorithm == Algorithm::RoundRobin && !settings.slow_start.is_zero();
        let ramp_ends = members.iter().map(|member| member.healthy_since + settings.slow_start).max().filter(|_| ramps);
        Roster { members, fail_open, settings, ramp_ends }
    }

    /// Tells whether there is no target at all to send a request to.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Tells whether a target is healthy, or has no health check that could say otherwise.
    pub fn has_healthy(&self) -> bool {
        !self.members.is_empty() && !self.fail_open
    }

    /// Tells whether requests may go to the target at this position.
    pub fn contains(&self, position: usize) -> bool {
        self.members.iter().any(|member| member.position == position)
    }

    /// Chooses a target, leaving out those that `refused` names; `None` when none is left.
    pub fn choose(
        &self,
        draw: Draw,
        outstanding: impl Fn(usize) -> u64,
        refused: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        match self.settings.algorithm {
            Algorithm::RoundRobin => match self.ramp_ends.filter(|end| draw.now < *end) {
                Some(_) => self.by_ramp(draw, refused),
                None => self.in_turn(draw.turn, refused),
            },
            Algorithm::LeastOutstandingRequests => self.least_busy(draw.turn, outstanding, refused),
            Algorithm::WeightedRandom => self.at_random(draw.entropy, refused),
        }
    }

    /// The members from the one whose turn it is, each once.
    fn turn_order(&self, turn: u64) -> impl Iterator<Item = &Member> {
        let count = self.members.len();
        let first = if count == 0 { 0 } else { (turn % count as u64) as usize };
        self.members[first..].iter().chain(&self.members[..first])
    }

    fn in_turn(&self, turn: u64, refused: impl Fn(usize) -> bool) -> Option<usize> {
        self.turn_order(turn).map(|member| member.position).find(|position| !refused(*position))
    }

    fn least_busy(
        &self,
        turn: u64,
        outstanding: impl Fn(usize) -> u64,
        refused: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let able = self.turn_order(turn).map(|member| member.position).filter(|position| !refused(*position));
        able.min_by_key(|position| outstanding(*position))
    }

    fn at_random(&self, entropy: u64, refused: impl Fn(usize) -> bool) -> Option<usize> {
        let able = || self.members.iter().map(|member| member.position).filter(|position| !refused(*position));
        let count = able().count() as u64;
        if count == 0 { None } else { able().nth(below(count, entropy) as usize) }
    }

    /// By growing shares, as long as at least one target has its full share; all equal otherwise.
    fn by_ramp(&self, draw: Draw, refused: impl Fn(usize) -> bool) -> Option<usize> {
        let able = || self.members.iter().filter(|member| !refused(member.position));
        if able().all(|member| self.share(member, draw.now) < RAMP_STEPS) {
            return self.in_turn(draw.turn, refused);
        }
        let shares = able().map(|member| self.share(member, draw.now));
        let chosen = pick_weighted(shares, draw.entropy)?;
        able().nth(chosen).map(|member| member.position)
    }

    fn share(&self, member: &Member, now: Timestamp) -> u64 {
        let ramp = self.settings.slow_start.as_millis().max(1);
        let elapsed = now.since(member.healthy_since).as_millis();
        (elapsed * u128::from(RAMP_STEPS) / ramp).clamp(1, u128::from(RAMP_STEPS)) as u64
    }
}

/// Healthy, or without a health check that could say otherwise.
fn takes_requests(standing: &Standing) -> bool {
    match standing.state {
        TargetState::Healthy => true,
        TargetState::Unavailable => standing.reason == Some(TargetReason::HealthCheckDisabled),
        TargetState::Initial | TargetState::Unhealthy | TargetState::Unused | TargetState::Draining => false,
    }
}

fn is_registered(standing: &Standing) -> bool {
    match standing.state {
        TargetState::Healthy | TargetState::Initial | TargetState::Unhealthy | TargetState::Unavailable => true,
        TargetState::Unused | TargetState::Draining => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn standing(state: TargetState) -> Standing {
        Standing { state, reason: None, healthy_since: Timestamp::EPOCH }
    }

    fn roster(algorithm: Algorithm, states: &[TargetState]) -> Roster {
        let settings = RosterSettings { algorithm, slow_start: Duration::ZERO };
        Roster::new(settings, states.iter().copied().map(standing))
    }

    fn draw(turn: u64, entropy: u64) -> Draw {
        Draw { turn, entropy, now: NOW }
    }

    use TargetState::{Draining, Healthy, Initial, Unhealthy, Unused};

    #[test]
    fn round_robin_takes_turns_among_the_healthy() {
        let roster = roster(Algorithm::RoundRobin, &[Healthy, Unhealthy, Healthy, Draining, Healthy]);
        let chosen: Vec<_> = (0..6).map(|turn| roster.choose(draw(turn, 0), |_| 0, |_| false)).collect();
        assert_eq!(chosen, [0, 2, 4, 0, 2, 4].map(Some));
        assert_eq!(roster.choose(draw(0, 0), |_| 0, |position| position == 0), Some(2), "a refused one is passed over");
        assert_eq!(roster.choose(draw(0, 0), |_| 0, |_| true), None);
    }

    #[test]
    fn without_a_healthy_target_every_registered_one_is_used() {
        let roster = roster(Algorithm::RoundRobin, &[Initial, Unhealthy, Draining, Unused]);
        let chosen: Vec<_> = (0..3).map(|turn| roster.choose(draw(turn, 0), |_| 0, |_| false)).collect();
        assert_eq!(chosen, [0, 1, 0].map(Some));
        assert!(super::Roster::new(roster.settings, [standing(Draining)]).is_empty());
    }

    #[test]
    fn least_outstanding_requests_takes_the_idlest_and_shares_ties() {
        let roster = roster(Algorithm::LeastOutstandingRequests, &[Healthy; 3]);
        assert_eq!(roster.choose(draw(0, 0), |position| [3, 1, 2][position], |_| false), Some(1));
        let ties: Vec<_> = (0..3).map(|turn| roster.choose(draw(turn, 0), |_| 5, |_| false)).collect();
        assert_eq!(ties, [0, 1, 2].map(Some));
    }

    #[test]
    fn a_target_in_slow_start_gets_its_growing_share_only_beside_a_warm_one() {
        let settings = RosterSettings { algorithm: Algorithm::RoundRobin, slow_start: Duration::from_secs(100) };
        let healthy = |since: u64| Standing { healthy_since: NOW - Duration::from_secs(since), ..standing(Healthy) };
        let share_of_second = |roster: &Roster| {
            let draws = (0..1000u64).map(|step| draw(step, step.wrapping_mul(u64::MAX / 1000)));
            draws.filter(|draw| roster.choose(*draw, |_| 0, |_| false) == Some(1)).count()
        };
        let beside_warm = Roster::new(settings, [healthy(500), healthy(25)]);
        assert!((199..=201).contains(&share_of_second(&beside_warm)), "a quarter beside a whole: one in five");
        let both_cold = Roster::new(settings, [healthy(25), healthy(1)]);
        assert_eq!(share_of_second(&both_cold), 500);
        let both_warm = Roster::new(settings, [healthy(500), healthy(100)]);
        assert_eq!(share_of_second(&both_warm), 500);
        assert_eq!(beside_warm.choose(draw(0, 0), |_| 0, |position| position == 0), Some(1), "alone it takes all");
    }

    fn any_state() -> impl Strategy<Value = TargetState> {
        prop::sample::select(vec![Initial, Healthy, Unhealthy, Unused, Draining, TargetState::Unavailable])
    }

    proptest! {
        #[test]
        fn a_worse_target_is_never_chosen_while_a_healthy_one_exists(
            states in prop::collection::vec(any_state(), 0..8),
            algorithm in prop::sample::select(vec![Algorithm::RoundRobin, Algorithm::LeastOutstandingRequests, Algorithm::WeightedRandom]),
            slow_start in 0u64..5,
            turn: u64,
            entropy: u64,
            refused: u8,
            busy in prop::array::uniform8(0u64..4),
        ) {
            let settings = RosterSettings { algorithm, slow_start: Duration::from_secs(slow_start) };
            let roster = Roster::new(settings, states.iter().copied().map(standing));
            let is_refused = |position: usize| refused & (1 << position) != 0;
            let chosen = roster.choose(draw(turn, entropy), |position| busy[position], is_refused);
            let healthy = states.contains(&Healthy);
            let expected: Vec<_> = (0..states.len())
                .filter(|position| if healthy { states[*position] == Healthy } else { is_registered(&standing(states[*position])) })
                .collect();
            prop_assert_eq!(roster.is_empty(), expected.is_empty());
            prop_assert_eq!(roster.has_healthy(), healthy);
            match chosen {
                Some(position) => prop_assert!(expected.contains(&position) && !is_refused(position)),
                None => prop_assert!(expected.iter().all(|position| is_refused(*position))),
            }
        }
    }
}
