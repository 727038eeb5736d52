//! How many tasks to start and stop, in whole numbers: the arithmetic of a rolling update, free of identities.
//!
//! The invariants I1 (floor) and I2 (cap) are decided here and nowhere else. [`decide`] looks at counts only; which tasks are meant is
//! chosen by the strategy afterwards.

/// The tasks of one side of a rollout (the new revision, or all old ones together), by what they are worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Running and healthy.
    pub healthy: u32,
    /// Pending, or running and neither healthy nor given up.
    pub unproven: u32,
    /// Failed their checks after having been healthy; kept until a replacement is healthy.
    pub condemned: u32,
}

impl Group {
    /// Counts what the cap bounds: running and pending tasks.
    pub const fn live(self) -> u32 {
        self.healthy + self.unproven + self.condemned
    }

    /// Counts the tasks that stand for wanted ones.
    pub const fn standing(self) -> u32 {
        self.healthy + self.unproven
    }
}

/// What [`decide`] looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    pub desired: u32,
    /// Fewest running and healthy tasks an action may leave.
    pub floor: u32,
    /// Most running and pending tasks an action may reach.
    pub cap: u32,
    pub new: Group,
    pub old: Group,
    /// How many old tasks are still wanted, from the last decision; it only ever falls.
    pub old_wanted: u32,
    pub new_starts: Starts,
    pub old_starts: Starts,
}

/// Whether tasks of a side may be started now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starts {
    Allowed,
    /// Later: the throttle holds them back.
    Throttled,
    /// Never: the deployment has failed.
    Forbidden,
}

/// What to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    pub start_new: u32,
    pub start_old: u32,
    pub stop_new: Stops,
    pub stop_old: Stops,
    pub old_wanted: u32,
    /// Starts are wanted, and neither a start nor a stop is possible until the world changes.
    pub blocked_by_cap: bool,
}

/// How many tasks of each worth to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stops {
    pub unproven: u32,
    pub condemned: u32,
    pub healthy: u32,
}

impl Stops {
    pub const fn total(self) -> u32 {
        self.unproven + self.condemned + self.healthy
    }
}

/// Decides one pass: stops first, as far as the floor allows, then starts, as far as the cap allows.
pub fn decide(facts: Facts) -> Decision {
    let Facts { desired, floor, new, old, .. } = facts;
    let mut spare = (new.healthy + old.healthy).saturating_sub(floor);

    let old_wanted = match facts.new_starts {
        Starts::Forbidden => facts.old_wanted,
        Starts::Allowed | Starts::Throttled => facts.old_wanted.min(floor.saturating_sub(new.healthy)),
    };
    let mut stop_old = shrink(old, old_wanted, &mut spare);
    let stop_new = shrink(new, desired, &mut spare);

    let live = new.live() + old.live() - stop_old.total() - stop_new.total();
    let mut room = facts.cap.saturating_sub(live);
    let missing_new = desired.saturating_sub(new.standing() - stop_new.unproven - stop_new.healthy);
    let wanted_new = if facts.new_starts == Starts::Forbidden { 0 } else { missing_new };
    if wanted_new > room && old_wanted > 0 {
        // Stopping what is not healthy costs nothing of the floor and makes room.
        let worthless = old.condemned - stop_old.condemned;
        let freed = worthless.min(wanted_new - room);
        stop_old.condemned += freed;
        room += freed;
    }
    let stop_new = with_replaced(new, stop_new, desired, room, wanted_new);
    let stop_old = with_replaced(old, stop_old, old_wanted, room, 0);
    let live = new.live() + old.live() - stop_old.total() - stop_new.total();
    let room = facts.cap.saturating_sub(live);

    let (start_new, start_old) = share(facts, room, wanted_new, old_wanted, stop_old);
    let blocked_by_cap =
        wanted_new > 0 && room == 0 && stop_old.total() + stop_new.total() == 0 && new.unproven + old.unproven == 0;
    Decision { start_new, start_old, stop_new, stop_old, old_wanted, blocked_by_cap }
}

/// Brings a group down to `wanted`: the unproven first, then healthy ones while some are to spare.
fn shrink(group: Group, wanted: u32, spare: &mut u32) -> Stops {
    let surplus = group.standing().saturating_sub(wanted);
    let unproven = surplus.min(group.unproven);
    let healthy = (surplus - unproven).min(group.healthy).min(*spare);
    *spare -= healthy;
    Stops { unproven, condemned: 0, healthy }
}

/// Adds the condemned tasks whose replacements are healthy, or that stand in the way of their replacements.
fn with_replaced(group: Group, stops: Stops, wanted: u32, room: u32, missing: u32) -> Stops {
    let replaced = (group.healthy - stops.healthy + group.condemned).saturating_sub(wanted);
    let in_the_way = missing.saturating_sub(room);
    let condemned = replaced.max(in_the_way).max(stops.condemned).min(group.condemned);
    Stops { condemned, ..stops }
}

/// Shares the room under the cap: one new task before anything else, then replacements of old ones, then the rest of the new.
fn share(facts: Facts, room: u32, wanted_new: u32, old_wanted: u32, stop_old: Stops) -> (u32, u32) {
    let wanted_new = if facts.new_starts == Starts::Allowed { wanted_new } else { 0 };
    let standing_old = facts.old.standing() - stop_old.unproven - stop_old.healthy;
    let wanted_old = match facts.old_starts {
        Starts::Allowed => old_wanted.saturating_sub(standing_old),
        Starts::Throttled | Starts::Forbidden => 0,
    };
    let first = u32::from(facts.new.standing() == 0).min(wanted_new).min(room);
    let start_old = wanted_old.min(room - first);
    let start_new = wanted_new.min(room - start_old);
    (start_new, start_old)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(desired: u32, floor: u32, cap: u32, new: Group, old: Group) -> Facts {
        let (new_starts, old_starts) = (Starts::Allowed, Starts::Allowed);
        Facts { desired, floor, cap, new, old, old_wanted: old.standing(), new_starts, old_starts }
    }

    fn healthy(count: u32) -> Group {
        Group { healthy: count, ..Group::default() }
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
        let old = Group { healthy: 2, unproven: 0, condemned: 1 };
        let decision = decide(Facts { old_wanted: 3, ..facts(3, 3, 3, healthy(0), old) });
        assert_eq!((decision.stop_old.condemned, decision.start_new), (1, 1));
    }

    #[test]
    fn a_condemned_task_stays_until_its_replacement_is_healthy() {
        let ailing = Group { healthy: 1, unproven: 0, condemned: 1 };
        let first = decide(facts(2, 2, 4, ailing, healthy(0)));
        assert_eq!((first.start_new, first.stop_new.total()), (1, 0));
        let starting = Group { healthy: 1, unproven: 1, condemned: 1 };
        assert_eq!(decide(facts(2, 2, 4, starting, healthy(0))).stop_new.total(), 0);
        let replaced = Group { healthy: 2, unproven: 0, condemned: 1 };
        assert_eq!(decide(facts(2, 2, 4, replaced, healthy(0))).stop_new.condemned, 1);
    }

    #[test]
    fn a_dead_old_task_is_replaced_after_the_first_new_one_has_its_place() {
        let decision = decide(Facts { old_wanted: 2, ..facts(2, 2, 3, healthy(0), healthy(1)) });
        assert_eq!((decision.start_new, decision.start_old), (1, 1));
    }

    #[test]
    fn no_decision_over_small_worlds_breaks_the_floor_or_the_cap() {
        let groups = |max: u32| {
            (0..=max).flat_map(move |h| {
                (0..=max).flat_map(move |u| (0..=1).map(move |c| Group { healthy: h, unproven: u, condemned: c }))
            })
        };
        for desired in 0..=3u32 {
            for (minimum, maximum) in [(0, 100), (50, 100), (100, 100), (50, 150), (100, 125), (100, 200)] {
                let floor = (desired * minimum).div_ceil(100);
                let cap = desired * maximum / 100;
                for new in groups(3) {
                    for old in groups(3) {
                        for old_wanted in 0..=3 {
                            check(Facts { old_wanted, ..facts(desired, floor, cap, new, old) });
                        }
                    }
                }
            }
        }
    }

    fn check(facts: Facts) {
        let Decision { start_new, start_old, stop_new, stop_old, .. } = decide(facts);
        for (group, stops) in [(facts.new, stop_new), (facts.old, stop_old)] {
            assert!(stops.healthy <= group.healthy && stops.unproven <= group.unproven, "{facts:?}");
            assert!(stops.condemned <= group.condemned, "{facts:?}");
        }
        let stopped_healthy = stop_new.healthy + stop_old.healthy;
        let healthy = facts.new.healthy + facts.old.healthy;
        assert!(stopped_healthy == 0 || healthy - stopped_healthy >= facts.floor, "floor: {facts:?}");
        let live = facts.new.live() + facts.old.live() - stop_new.total() - stop_old.total();
        let started = start_new + start_old;
        assert!(started == 0 || live + started <= facts.cap, "cap: {facts:?}");
    }
}
