//! How many tasks to start and stop, in whole numbers: the arithmetic of a rolling update, free of identities.
//!
//! The invariants I1 (floor) and I2 (cap) are decided here and nowhere else. [`decide`] looks at counts only; which tasks are meant is
//! chosen by the strategy afterwards.

/// The tasks of one side of a rollout (the new revision, or all old ones together), by what they are worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Running and healthy.
    pub healthy: u32,
    /// Running and healthy, but not to be relied upon: others of its rollout have failed and it has yet to prove itself, or production
    /// goes past it.
    pub doubtful: u32,
    /// Pending, or running and neither healthy nor given up.
    pub unproven: u32,
    /// Failed their checks after having been healthy; kept until a replacement is healthy.
    pub condemned: u32,
}

impl Group {
    /// Counts what the cap bounds: running and pending tasks.
    pub const fn live(self) -> u32 {
        self.standing() + self.condemned
    }

    /// Counts the tasks that stand for wanted ones.
    pub const fn standing(self) -> u32 {
        self.healthy + self.doubtful + self.unproven
    }

    const fn without(self, stops: Stops) -> Group {
        Group {
            healthy: self.healthy - stops.healthy,
            doubtful: self.doubtful - stops.doubtful,
            unproven: self.unproven - stops.unproven,
            condemned: self.condemned - stops.condemned,
        }
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
    /// How many old tasks are still wanted, from the last decision; it rises only when leaving ones are taken back.
    pub old_wanted: u32,
    /// How many leaving tasks of each side could be taken back.
    pub new_returnable: u32,
    pub old_returnable: u32,
    pub new_starts: Starts,
    /// How many old tasks may be started at most: those whose deployment has failed or is throttled may not.
    pub old_startable: u32,
}

/// Whether tasks of the new revision may be started now.
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
    /// Tasks to take back, and on top of them tasks to start.
    pub return_new: u32,
    pub return_old: u32,
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
    pub doubtful: u32,
    pub healthy: u32,
}

impl Stops {
    pub const fn total(self) -> u32 {
        self.unproven + self.condemned + self.doubtful + self.healthy
    }
}

/// Decides one pass: stops first, as far as the floor allows, then starts, as far as the cap allows.
pub fn decide(facts: Facts) -> Decision {
    let Facts { desired, floor, new, old, .. } = facts;
    let old_limit = match facts.new_starts {
        // The new tasks that a failed deployment has will not be replaced, so the old ones must be able to carry everything.
        Starts::Forbidden => desired,
        Starts::Allowed | Starts::Throttled => floor.saturating_sub(new.healthy),
    };
    let old_wanted = facts.old_wanted.min(old_limit);
    let mut spare = (new.healthy + old.healthy).saturating_sub(floor);
    let mut stop_old = shrink(old, old_wanted, &mut spare);
    let mut stop_new = shrink(new, desired, &mut spare);
    stop_old.condemned = replaced(old.without(stop_old), old_wanted);
    stop_new.condemned = replaced(new.without(stop_new), desired);

    let demand = demand(facts, new.without(stop_new), old.without(stop_old), old_wanted);
    make_room(facts, demand, &mut stop_new, &mut stop_old);
    let (new_left, old_left) = (new.without(stop_new), old.without(stop_old));
    let room = facts.cap.saturating_sub(new_left.live() + old_left.live());
    let granted = share(demand, room, new_left);

    let stands_still = stop_new.total() + stop_old.total() + granted.total() == 0;
    let awaited = new.unproven + new.doubtful + old.unproven;
    Decision {
        return_new: granted.return_new,
        return_old: granted.return_old,
        start_new: granted.start_new,
        start_old: granted.start_old,
        stop_new,
        stop_old,
        old_wanted: match granted.return_old {
            0 => old_wanted,
            returned => old_wanted.max(old_left.standing() + returned),
        },
        blocked_by_cap: demand.missing_new > 0 && room == 0 && stands_still && awaited == 0,
    }
}

/// Brings a group down to `wanted`: the unproven first, then healthy ones while some are to spare. Doubtful ones are not counted upon, so
/// they need not be spared; when they go, every task that remains is healthy.
fn shrink(group: Group, wanted: u32, spare: &mut u32) -> Stops {
    let surplus = group.standing().saturating_sub(wanted);
    let unproven = surplus.min(group.unproven);
    let doubtful = (surplus - unproven).min(group.doubtful);
    let healthy = (surplus - unproven - doubtful).min(group.healthy).min(*spare);
    *spare -= healthy;
    Stops { unproven, condemned: 0, doubtful, healthy }
}

/// Counts the condemned tasks whose replacements are healthy.
fn replaced(group: Group, wanted: u32) -> u32 {
    (group.healthy + group.doubtful + group.condemned).saturating_sub(wanted).min(group.condemned)
}

/// The tasks that should come, by kind.
#[derive(Clone, Copy, Debug)]
struct Demand {
    return_new: u32,
    return_old: u32,
    start_new: u32,
    start_old: u32,
    /// New tasks wanted, whether they may come now or not.
    missing_new: u32,
}

impl Demand {
    const fn total(self) -> u32 {
        self.return_new + self.return_old + self.start_new + self.start_old
    }
}

fn demand(facts: Facts, new: Group, old: Group, old_wanted: u32) -> Demand {
    let (missing_new, return_old_to) = match facts.new_starts {
        Starts::Forbidden => (0, old_wanted),
        Starts::Allowed | Starts::Throttled => {
            (facts.desired.saturating_sub(new.standing()), facts.floor.saturating_sub(new.healthy))
        }
    };
    let return_new = facts.new_returnable.min(missing_new);
    let return_old = facts.old_returnable.min(return_old_to.saturating_sub(old.standing()));
    let missing_old = old_wanted.saturating_sub(old.standing() + return_old);
    Demand {
        return_new,
        return_old,
        start_new: match facts.new_starts {
            Starts::Allowed => missing_new - return_new,
            Starts::Throttled | Starts::Forbidden => 0,
        },
        start_old: missing_old.min(facts.old_startable),
        missing_new,
    }
}

/// Where the cap leaves too little room, tasks that serve nobody give way; that costs nothing of the floor.
fn make_room(facts: Facts, demand: Demand, stop_new: &mut Stops, stop_old: &mut Stops) {
    let (new, old) = (facts.new.without(*stop_new), facts.old.without(*stop_old));
    let room = facts.cap.saturating_sub(new.live() + old.live());
    let mut shortage = demand.total().saturating_sub(room);
    let wanted_new = demand.return_new + demand.start_new;

    let outdated = old.condemned.min(shortage).min(wanted_new);
    stop_old.condemned += outdated;
    shortage -= outdated;
    // A replacement takes its predecessor's place one at a time: what fails its checks may still serve somebody.
    if shortage > 0 && wanted_new > 0 && new.unproven == 0 && new.condemned > 0 {
        stop_new.condemned += 1;
        shortage -= 1;
    }
    if shortage > 0 && demand.return_old + demand.start_old > 0 && old.unproven == 0 && old.condemned > outdated {
        stop_old.condemned += 1;
        shortage -= 1;
    }
    let nothing_under_way = room + outdated == 0 && new.unproven == 0 && stop_new.condemned == 0;
    // An old task gives way only where a new one gets its place, see `share`.
    let goes_to_new = new.standing() == 0 || demand.start_old == 0;
    if shortage > 0 && demand.start_new > 0 && nothing_under_way && goes_to_new && old.unproven > 0 {
        stop_old.unproven += 1;
    }
}

/// Shares the room under the cap: old tasks come back while the floor is not reached, then one new task before anything else, then
/// replacements of old ones, then the rest of the new.
fn share(demand: Demand, room: u32, new: Group) -> Demand {
    let return_old = demand.return_old.min(room);
    let room = room - return_old;
    let return_new = demand.return_new.min(room);
    let room = room - return_new;
    let first = u32::from(new.standing() + return_new == 0).min(demand.start_new).min(room);
    let start_old = demand.start_old.min(room - first);
    let start_new = demand.start_new.min(room - start_old);
    Demand { return_new, return_old, start_new, start_old, missing_new: demand.missing_new }
}

#[cfg(test)]
mod tests;
