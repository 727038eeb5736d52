//! What is to be done when policies have been invoked. Pure: facts in, a decision out.
//!
//! Scaling out goes before scaling in. Of several policies the one that asks for the largest capacity decides, in both directions. A target
//! tracking policy scales in only when every other one that may scale in is ready to. Nothing scales in while the service is being deployed.
//! A count that somebody has set beyond the bounds is brought back to them by scaling towards them, before it goes any further; scaling away
//! from them leaves it.

use std::time::Duration;

use seatrial_model::Timestamp;

use super::adjustment::Adjustment;
use super::target::{Bounds, Cooldowns, ScaledOut, Suspended};

/// What is known of a service and its scalable target.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub now: Timestamp,
    pub current: u32,
    pub bounds: Bounds,
    pub suspended: Suspended,
    pub cooldowns: Cooldowns,
    pub deployment: Deployment,
    /// Whether every target tracking policy that may scale in is ready to.
    pub trackers: Trackers,
}

/// Whether the service is being deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deployment {
    None,
    Underway,
}

/// What the target tracking policies that may scale in think of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trackers {
    AllReady,
    SomeNot,
}

/// What one invoked policy asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wish {
    pub policy: String,
    pub alarm: String,
    pub asks: Asks,
    /// How long (real) the next one waits, when this is carried out.
    pub cooldown: Duration,
}

/// In which direction, if that is known before the capacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Asks {
    /// The high alarm of a target tracking policy: nothing but more.
    More(Adjustment),
    /// The low one: nothing but less.
    Less(Adjustment),
    /// A step scaling policy.
    Step(Adjustment),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Decision {
    Scale(Scale),
    /// With the wish that would have been carried out.
    Stay(Why, Wish),
    /// Nobody asks for anything.
    Idle,
}

/// A change of the desired count.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    pub to: u32,
    pub wish: Wish,
    pub cooldowns: Cooldowns,
}

/// Why nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    AtMax,
    AtMin,
    AtDesired,
    Cooling,
    Suspended,
    Deploying,
    OthersNotReady,
}

/// Decides. `wishes` are those of the policies invoked at this instant.
pub(super) fn decide(facts: &Facts, wishes: &[Wish]) -> Decision {
    let awaited = facts.cooldowns.scaled_out.filter(|scaled| scaled.until > facts.now);
    let base = awaited.map_or(facts.current, |scaled| scaled.from.min(facts.current));
    if let Some((capacity, wish)) = largest(wishes, |asks| more(asks, base)) {
        let is_below = facts.current < facts.bounds.min;
        let to = if is_below { facts.bounds.min } else { facts.bounds.clamp(capacity) };
        return match () {
            () if facts.suspended.scale_out => Decision::Stay(Why::Suspended, wish),
            () if is_below => Decision::Scale(Scale { to, wish, cooldowns: Cooldowns::default() }),
            () if to > facts.current => {
                let until = facts.now + wish.cooldown;
                let scaled_out = Some(ScaledOut { from: base, until });
                Decision::Scale(Scale { to, wish, cooldowns: Cooldowns { scaled_out, scale_in_until: None } })
            }
            () if facts.current >= facts.bounds.max => Decision::Stay(Why::AtMax, wish),
            () if awaited.is_some() => Decision::Stay(Why::Cooling, wish),
            () => Decision::Stay(Why::AtDesired, wish),
        };
    }
    let Some((_, first)) = largest(wishes, |asks| less(asks, facts.current)) else { return Decision::Idle };
    let may = |asks: Asks| match (asks, facts.trackers) {
        (Asks::Less(_), Trackers::SomeNot) => None,
        (Asks::Less(_) | Asks::More(_) | Asks::Step(_), _) => less(asks, facts.current),
    };
    let Some((capacity, wish)) = largest(wishes, may) else { return Decision::Stay(Why::OthersNotReady, first) };
    let is_above = facts.current > facts.bounds.max;
    let to = if is_above { facts.bounds.max } else { facts.bounds.clamp(capacity) };
    match () {
        () if facts.deployment == Deployment::Underway => Decision::Stay(Why::Deploying, wish),
        () if facts.suspended.scale_in => Decision::Stay(Why::Suspended, wish),
        () if facts.cooldowns.scale_in_until.is_some_and(|until| until > facts.now) => {
            Decision::Stay(Why::Cooling, wish)
        }
        () if is_above => Decision::Scale(Scale { to, wish, cooldowns: Cooldowns::default() }),
        () if to < facts.current => {
            let scale_in_until = Some(facts.now + wish.cooldown);
            Decision::Scale(Scale { to, wish, cooldowns: Cooldowns { scaled_out: None, scale_in_until } })
        }
        () if facts.current <= facts.bounds.min => Decision::Stay(Why::AtMin, wish),
        () => Decision::Stay(Why::AtDesired, wish),
    }
}

fn more(asks: Asks, base: u32) -> Option<u32> {
    match asks {
        Asks::More(adjustment) => Some(adjustment.of(base)),
        Asks::Step(adjustment) => Some(adjustment.of(base)).filter(|capacity| *capacity > base),
        Asks::Less(_) => None,
    }
}

fn less(asks: Asks, current: u32) -> Option<u32> {
    match asks {
        Asks::Less(adjustment) => Some(adjustment.of(current).min(current)),
        Asks::Step(adjustment) => Some(adjustment.of(current)).filter(|capacity| *capacity < current),
        Asks::More(_) => None,
    }
}

/// The wish with the largest capacity; of equal ones the first.
fn largest(wishes: &[Wish], capacity: impl Fn(Asks) -> Option<u32>) -> Option<(u32, Wish)> {
    let mut largest: Option<(u32, &Wish)> = None;
    for wish in wishes {
        if let Some(capacity) = capacity(wish.asks)
            && largest.is_none_or(|(known, _)| capacity > known)
        {
            largest = Some((capacity, wish));
        }
    }
    largest.map(|(capacity, wish)| (capacity, wish.clone()))
}

#[cfg(test)]
mod tests;
