use super::*;

fn facts(desired: u32, floor: u32, cap: u32, new: Group, old: Group) -> Facts {
    Facts {
        desired,
        floor,
        cap,
        new,
        old,
        old_wanted: old.standing(),
        new_returnable: 0,
        old_returnable: 0,
        new_starts: Starts::Allowed,
        old_startable: u32::MAX,
    }
}

fn healthy(count: u32) -> Group {
    Group { healthy: count, ..Group::default() }
}

fn group(healthy: u32, unproven: u32, condemned: u32) -> Group {
    Group { healthy, doubtful: 0, unproven, condemned }
}

/// Plays a rollout in which every started task becomes healthy before the next pass.
fn walk(desired: u32, floor: u32, cap: u32) -> Vec<String> {
    let (mut new, mut old) = (healthy(0), healthy(desired));
    let mut old_wanted = desired;
    let mut moves = Vec::new();
    for _ in 0..20 {
        let decision = decide(Facts { old_wanted, ..facts(desired, floor, cap, new, old) });
        old_wanted = decision.old_wanted;
        if decision.stop_old.total() > 0 {
            moves.push(format!("-{}", decision.stop_old.total()));
        }
        if decision.start_new > 0 {
            moves.push(format!("+{}", decision.start_new));
        }
        new.healthy += decision.start_new;
        old.healthy -= decision.stop_old.healthy;
    }
    assert_eq!((new, old), (healthy(desired), healthy(0)));
    moves
}

#[test]
fn the_documented_walks_are_followed() {
    assert_eq!(walk(6, 6, 8), ["+2", "-2", "+2", "-2", "+2", "-2"]);
    assert_eq!(walk(6, 3, 8), ["-3", "+5", "-3", "+1"]);
    assert_eq!(walk(6, 3, 10), ["-3", "+6", "-3"]);
    assert_eq!(walk(4, 4, 8), ["+4", "-4"]);
    assert_eq!(walk(4, 2, 4), ["-2", "+2", "-2", "+2"]);
    assert_eq!(walk(1, 0, 1), ["-1", "+1"]);
}

#[test]
fn a_configuration_that_cannot_move_is_named() {
    let decision = decide(facts(3, 3, 3, healthy(0), healthy(3)));
    assert!(decision.blocked_by_cap);
    assert_eq!((decision.start_new, decision.stop_old.total()), (0, 0));
}

#[test]
fn an_unhealthy_old_task_makes_room_where_the_cap_blocks() {
    let old = group(2, 0, 1);
    let decision = decide(Facts { old_wanted: 3, ..facts(3, 3, 3, healthy(0), old) });
    assert_eq!((decision.stop_old.condemned, decision.start_new), (1, 1));
}

#[test]
fn an_old_task_that_never_got_healthy_makes_room_for_the_first_new_one() {
    let old = group(1, 2, 0);
    let first = decide(facts(3, 3, 3, healthy(0), old));
    assert_eq!((first.stop_old, first.start_new), (Stops { unproven: 1, ..Stops::default() }, 1));
    let begun = Group { unproven: 1, ..Group::default() };
    let second = decide(facts(3, 3, 3, begun, Group { unproven: 1, ..old }));
    assert_eq!((second.stop_old.total(), second.start_new), (0, 0));
}

#[test]
fn a_condemned_task_stays_until_its_replacement_is_healthy() {
    let ailing = group(1, 0, 1);
    let first = decide(facts(2, 2, 4, ailing, healthy(0)));
    assert_eq!((first.start_new, first.stop_new.total()), (1, 0));
    let starting = group(1, 1, 1);
    assert_eq!(decide(facts(2, 2, 4, starting, healthy(0))).stop_new.total(), 0);
    let replaced = group(2, 0, 1);
    assert_eq!(decide(facts(2, 2, 4, replaced, healthy(0))).stop_new.condemned, 1);
}

#[test]
fn condemned_tasks_make_room_for_their_replacements_one_at_a_time() {
    let ailing = group(1, 0, 3);
    let first = decide(facts(4, 4, 4, ailing, healthy(0)));
    assert_eq!((first.stop_new.condemned, first.start_new), (1, 1));
    let replacing = group(1, 1, 2);
    assert_eq!(decide(facts(4, 4, 4, replacing, healthy(0))), Decision::default());
}

#[test]
fn a_condemned_old_task_of_a_failed_rollout_is_replaced_although_the_cap_is_reached() {
    let old = group(1, 0, 1);
    let failed = Facts { new_starts: Starts::Forbidden, old_wanted: 2, ..facts(2, 2, 2, healthy(0), old) };
    let decision = decide(failed);
    assert_eq!((decision.stop_old.condemned, decision.start_old), (1, 1));
}

#[test]
fn a_condemned_task_stays_while_its_replacement_may_not_start() {
    let ailing = group(0, 0, 1);
    let throttled = Facts { new_starts: Starts::Throttled, ..facts(1, 1, 1, ailing, healthy(0)) };
    assert_eq!(decide(throttled).stop_new.total(), 0);
}

#[test]
fn a_dead_old_task_is_replaced_after_the_first_new_one_has_its_place() {
    let decision = decide(Facts { old_wanted: 2, ..facts(2, 2, 3, healthy(0), healthy(1)) });
    assert_eq!((decision.start_new, decision.start_old), (1, 1));
}

#[test]
fn leaving_old_tasks_come_back_when_new_ones_die() {
    let died = Facts { old_returnable: 4, ..facts(4, 4, 8, healthy(3), healthy(0)) };
    let decision = decide(died);
    assert_eq!((decision.return_old, decision.start_new, decision.old_wanted), (1, 1, 1));
}

#[test]
fn the_old_tasks_of_a_failed_deployment_follow_the_desired_count_down() {
    let failed = Facts { new_starts: Starts::Forbidden, ..facts(0, 0, 0, healthy(0), healthy(4)) };
    assert_eq!(decide(failed).stop_old.healthy, 4);
    let failed = Facts { new_starts: Starts::Forbidden, ..facts(2, 2, 4, healthy(1), healthy(4)) };
    assert_eq!(decide(failed).stop_old.healthy, 2);
}

#[test]
fn doubtful_new_tasks_do_not_displace_old_ones_and_go_first() {
    let new = Group { doubtful: 2, ..Group::default() };
    let decision = decide(facts(2, 2, 4, new, healthy(2)));
    assert_eq!((decision.stop_old.total(), decision.start_new, decision.blocked_by_cap), (0, 0, false));
    let new = Group { doubtful: 1, healthy: 1, ..Group::default() };
    assert_eq!(decide(facts(1, 1, 2, new, healthy(0))).stop_new, Stops { doubtful: 1, ..Stops::default() });
}

/// Small worlds: all of them.
fn every_small_world(mut check: impl FnMut(Facts)) {
    let groups =
        |max: u32| (0..=max).flat_map(move |h| (0..=max).flat_map(move |u| (0..=1).map(move |c| group(h, u, c))));
    for desired in 0..=3u32 {
        for (minimum, maximum) in [(0, 100), (50, 100), (100, 100), (50, 150), (100, 125), (100, 200)] {
            let floor = (desired * minimum).div_ceil(100);
            let cap = desired * maximum / 100;
            let doubts = |group: Group| [group, Group { healthy: 0, doubtful: group.healthy, ..group }];
            for new in groups(3).flat_map(doubts) {
                for old in groups(2) {
                    for old_wanted in 0..=2 {
                        for (new_starts, returnable) in
                            [(Starts::Allowed, 0), (Starts::Allowed, 1), (Starts::Throttled, 0), (Starts::Forbidden, 1)]
                        {
                            let counts = facts(desired, floor, cap, new, old);
                            let (new_returnable, old_returnable) = (returnable, returnable);
                            check(Facts { old_wanted, new_starts, new_returnable, old_returnable, ..counts });
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn no_decision_over_small_worlds_breaks_the_floor_or_the_cap() {
    every_small_world(|facts| {
        let decision = decide(facts);
        let Decision { stop_new, stop_old, .. } = decision;
        for (group, stops) in [(facts.new, stop_new), (facts.old, stop_old)] {
            assert!(stops.healthy <= group.healthy && stops.unproven <= group.unproven, "{facts:?}");
            assert!(stops.condemned <= group.condemned && stops.doubtful <= group.doubtful, "{facts:?}");
        }
        let stopped_healthy = stop_new.healthy + stop_new.doubtful + stop_old.healthy;
        let healthy = facts.new.healthy + facts.new.doubtful + facts.old.healthy;
        assert!(stopped_healthy == 0 || healthy - stopped_healthy >= facts.floor, "floor: {facts:?}");
        let live = facts.new.live() + facts.old.live() - stop_new.total() - stop_old.total();
        let come = decision.start_new + decision.start_old + decision.return_new + decision.return_old;
        assert!(come == 0 || live + come <= facts.cap, "cap: {facts:?}");
    });
}

/// Returns the facts after a decision has been carried out and before anything else has happened.
fn after(facts: Facts, decision: Decision) -> Facts {
    let (mut new, mut old) = (facts.new.without(decision.stop_new), facts.old.without(decision.stop_old));
    new.unproven += decision.start_new;
    old.unproven += decision.start_old;
    // A task that is taken back is as healthy as it was.
    new.healthy += decision.return_new;
    old.healthy += decision.return_old;
    Facts {
        new,
        old,
        new_returnable: facts.new_returnable - decision.return_new + decision.stop_new.healthy,
        old_returnable: facts.old_returnable - decision.return_old + decision.stop_old.healthy,
        old_wanted: decision.old_wanted,
        ..facts
    }
}

#[test]
fn decisions_over_small_worlds_come_to_rest() {
    const PASSES_MAX: usize = 4;
    every_small_world(|facts| {
        let mut now = facts;
        for _ in 0..PASSES_MAX {
            let decision = decide(now);
            let come = decision.start_new + decision.start_old + decision.return_new + decision.return_old;
            if come + decision.stop_new.total() + decision.stop_old.total() == 0 {
                return;
            }
            now = after(now, decision);
        }
        panic!("still moving: {facts:?} became {now:?}");
    });
}
