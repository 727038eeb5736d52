//! What to do about the pauses a deployment waits in. Pure.
//!
//! Before the first shift ECS reports POST_TEST_TRAFFIC_SHIFT, between shifts PRODUCTION_TRAFFIC_SHIFT. Which of the pauses there are the
//! coordinator's own follows from what was configured: `config` sees to it that no other pause can be taken for one of them.

use std::collections::BTreeSet;
use std::time::Duration;

use time::OffsetDateTime;

use super::{ShiftStep, Steering, Tenths, Then};
use crate::report::Pause;
use crate::watch::words::scaled;

/// How far the coordinator goes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drive {
    /// As configured: each share is watched, and somebody is asked where somebody shall be asked.
    AsPlanned,
    /// On to the end: no share is watched any longer, and nobody is asked. The new version is verified all the same.
    Through,
}

/// What is known when it is decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'a> {
    /// ECS's word for the lifecycle stage.
    pub stage: &'a str,
    /// The new version's share of production traffic.
    pub share: Tenths,
    /// The pauses that are open, in ECS's order.
    pub pauses: &'a [Pause],
    /// The pauses this program has answered: they may be shown as open for a moment.
    pub answered: &'a BTreeSet<String>,
    pub is_verified: bool,
    pub is_held: bool,
    pub now: OffsetDateTime,
    /// How long the deployment's pauses last at this endpoint.
    pub pause_limit: Duration,
    /// How many times shorter the endpoint makes durations.
    pub time_scale: u32,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decision {
    /// Watch on: nothing is asked of the coordinator.
    Nothing,
    /// Watch on, and say what is waited for.
    Wait(String),
    /// Somebody holds the deployment; how long that lasts is up to them, and to the pause.
    Held(String),
    /// Try the new version; then answer the pause.
    Verify(Pause),
    /// Answer the pause, after which the share is `next` if the next share is one of the configured.
    Continue { pause: Pause, next: Option<Tenths> },
    /// Somebody decides.
    Ask(Pause),
}

impl Decision {
    /// Completes "waiting for …" where the coordinator knows better than ECS.
    pub fn waits_for(&self) -> Option<String> {
        match self {
            Decision::Nothing | Decision::Ask(_) => None,
            Decision::Wait(what) | Decision::Held(what) => Some(what.clone()),
            Decision::Verify(_) => Some("the new version to pass its checks".to_owned()),
            Decision::Continue { .. } => Some("the next step of the shift".to_owned()),
        }
    }
}

/// Decides what to do.
pub(crate) fn decide(steering: &Steering, drive: Drive, situation: &Situation<'_>) -> Decision {
    let open = situation.pauses.iter().filter(|pause| !situation.answered.contains(&pause.hook));
    let Some(pause) = open.clone().next() else { return Decision::Nothing };
    let is_before = situation.stage == "POST_TEST_TRAFFIC_SHIFT" && situation.share == Tenths::NONE;
    let is_between = situation.stage == "PRODUCTION_TRAFFIC_SHIFT";
    let verifies = is_before && !steering.checks.is_empty() && !situation.is_verified;
    let steers = (is_before || is_between) && !steering.steps.is_empty();
    match () {
        () if (verifies || steers || drive == Drive::Through) && situation.is_held => Decision::Held(held(pause)),
        () if verifies => Decision::Verify(pause.clone()),
        () if steers => step(steering, drive, pause, situation),
        () if drive == Drive::Through => Decision::Continue { pause: pause.clone(), next: None },
        () => Decision::Ask(pause.clone()),
    }
}

fn held(pause: &Pause) -> String {
    let until =
        pause.expires_at.map_or_else(String::new, |at| format!(", or until it is rolled back at {}", clock(at)));
    format!("`seatrial continue`: somebody holds it with `seatrial pause`{until}")
}

fn step(steering: &Steering, drive: Drive, pause: &Pause, situation: &Situation<'_>) -> Decision {
    let present = steering.steps.iter().find(|step| step.share == situation.share);
    let next = steering.steps.iter().map(|step| step.share).find(|share| *share > situation.share);
    let go_on =
        || Decision::Continue { pause: pause.clone(), next: present.is_some().then(|| next.unwrap_or(Tenths::ALL)) };
    match (present, drive) {
        (None, _) | (_, Drive::Through) => go_on(),
        (Some(ShiftStep { then: Then::Ask { .. }, .. }), Drive::AsPlanned) => Decision::Ask(pause.clone()),
        (Some(ShiftStep { then: Then::Bake(bake), .. }), Drive::AsPlanned) => match ends(*bake, pause, situation) {
            Some(end) if situation.now < end => {
                let bake = scaled(*bake, situation.time_scale);
                Decision::Wait(format!("{} % to have been watched for {bake}, until {}", situation.share, clock(end)))
            }
            Some(_) => go_on(),
            // Nobody knows since when it has been watched.
            None => Decision::Ask(pause.clone()),
        },
    }
}

/// When a share has been watched for long enough: counted from the pause, which began as soon as traffic had moved.
fn ends(bake: Duration, pause: &Pause, situation: &Situation<'_>) -> Option<OffsetDateTime> {
    let began = pause.expires_at? - situation.pause_limit / situation.time_scale;
    Some(began + bake / situation.time_scale)
}

fn clock(at: OffsetDateTime) -> String {
    format!("{:02}:{:02}:{:02}Z", at.hour(), at.minute(), at.second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Check;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-27 12:00:00 UTC);
    const MINUTE: Duration = Duration::from_secs(60);

    fn pause(began: OffsetDateTime) -> Pause {
        Pause {
            hook: "ecs-pause-1".into(),
            stage: String::new(),
            expires_at: Some(began + 20 * MINUTE),
            on_timeout: "ROLLBACK".into(),
        }
    }

    fn steering() -> Steering {
        let step = |percent: u16, then| ShiftStep { share: Tenths::of(percent * 10), then };
        let steps = vec![step(10, Then::Bake(10 * MINUTE)), step(50, Then::Ask { limit: MINUTE })];
        Steering { steps, checks: vec![Check::get("/")], ..Steering::default() }
    }

    struct Case {
        stage: &'static str,
        percent: u16,
        is_verified: bool,
        is_held: bool,
        began: OffsetDateTime,
    }

    fn decided(steering: &Steering, drive: Drive, case: &Case) -> String {
        let pauses = [pause(case.began)];
        let situation = Situation {
            stage: case.stage,
            share: Tenths::of(case.percent * 10),
            pauses: &pauses,
            answered: &BTreeSet::new(),
            is_verified: case.is_verified,
            is_held: case.is_held,
            now: NOW,
            pause_limit: 20 * MINUTE,
            time_scale: 1,
        };
        match decide(steering, drive, &situation) {
            Decision::Nothing => "nothing".into(),
            Decision::Wait(what) | Decision::Held(what) => format!("wait for {what}"),
            Decision::Verify(_) => "verify".into(),
            Decision::Continue { next, .. } => format!("continue to {next:?}"),
            Decision::Ask(_) => "ask".into(),
        }
    }

    fn before(is_verified: bool) -> Case {
        Case { stage: "POST_TEST_TRAFFIC_SHIFT", percent: 0, is_verified, is_held: false, began: NOW }
    }

    fn between(percent: u16, minutes_ago: u32) -> Case {
        let began = NOW - minutes_ago * MINUTE;
        Case { stage: "PRODUCTION_TRAFFIC_SHIFT", percent, is_verified: true, is_held: false, began }
    }

    #[test]
    fn the_new_version_is_verified_before_anything_else() {
        assert_eq!(decided(&steering(), Drive::AsPlanned, &before(false)), "verify");
        assert_eq!(decided(&steering(), Drive::Through, &before(false)), "verify");
        assert_eq!(decided(&steering(), Drive::AsPlanned, &before(true)), "continue to None");
    }

    #[test]
    fn a_share_is_watched_for_its_time_and_shares_in_between_are_passed() {
        let cases = [
            (between(10, 9), "wait for 10 % to have been watched for 10 min, until 12:01:00Z"),
            (between(10, 10), "continue to Some(Tenths(500))"),
            (between(20, 0), "continue to None"),
            (between(50, 0), "ask"),
            (between(60, 0), "continue to None"),
        ];
        for (case, expected) in cases {
            assert_eq!(decided(&steering(), Drive::AsPlanned, &case), expected, "{} %", case.percent);
        }
        assert_eq!(decided(&steering(), Drive::Through, &between(10, 0)), "continue to Some(Tenths(500))");
        assert_eq!(decided(&steering(), Drive::Through, &between(50, 0)), "continue to Some(Tenths(1000))");
    }

    #[test]
    fn a_held_deployment_stays_where_it_is_however_it_is_driven() {
        for drive in [Drive::AsPlanned, Drive::Through] {
            for case in [before(false), before(true), between(10, 15), between(20, 0)] {
                let told = decided(&steering(), drive, &Case { is_held: true, ..case });
                assert!(told.starts_with("wait for `seatrial continue`"), "{told}");
            }
        }
    }

    #[test]
    fn a_pause_that_is_not_the_coordinators_own_is_for_somebody_to_decide() {
        let of_a_stage = Case { stage: "POST_PRODUCTION_TRAFFIC_SHIFT", ..between(100, 0) };
        assert_eq!(decided(&steering(), Drive::AsPlanned, &of_a_stage), "ask");
        assert_eq!(decided(&Steering::default(), Drive::AsPlanned, &before(false)), "ask");
        assert_eq!(decided(&Steering::default(), Drive::Through, &before(false)), "continue to None");
        let only_checks = Steering { steps: vec![], ..steering() };
        assert_eq!(decided(&only_checks, Drive::AsPlanned, &before(true)), "ask", "verified: the pause is somebody's");
    }

    #[test]
    fn an_answered_pause_is_not_answered_again() {
        let pauses = [pause(NOW)];
        let situation = Situation {
            stage: "PRODUCTION_TRAFFIC_SHIFT",
            share: Tenths::of(200),
            pauses: &pauses,
            answered: &BTreeSet::from(["ecs-pause-1".to_owned()]),
            is_verified: true,
            is_held: false,
            now: NOW,
            pause_limit: 20 * MINUTE,
            time_scale: 1,
        };
        assert_eq!(decide(&steering(), Drive::AsPlanned, &situation), Decision::Nothing);
    }

    #[test]
    fn a_faster_engine_shortens_what_is_waited_for() {
        let pauses = [Pause { expires_at: Some(NOW + Duration::from_secs(12)), ..pause(NOW) }];
        let situation = Situation {
            stage: "PRODUCTION_TRAFFIC_SHIFT",
            share: Tenths::of(100),
            pauses: &pauses,
            answered: &BTreeSet::new(),
            is_verified: true,
            is_held: false,
            now: NOW,
            pause_limit: 20 * MINUTE,
            time_scale: 60,
        };
        let decided = decide(&steering(), Drive::AsPlanned, &situation);
        let told = "10 % to have been watched for 10 min (10 s at time scale 60), until 12:00:02Z";
        assert_eq!(decided, Decision::Wait(told.into()));
    }
}
