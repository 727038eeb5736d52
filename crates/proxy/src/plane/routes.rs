//! Owns what a listener's requests are decided by: an immutable snapshot, replaced as a whole.
//!
//! A request looks at one snapshot. It may choose by an older one than is in effect a moment later; what must not go wrong then is
//! caught by [`Target::enter`], which refuses a target that has begun to drain, and the choice is made again by the newer snapshot.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use seatrial_model::load_balancing::ProtocolVersion;
use seatrial_model::{TargetGroupArn, Timestamp};
use seatrial_routing::{Draw, PinPolicy, Roster, RuleSet};

use crate::mirror::counters::CopyCounters;
use crate::plane::target::{CopyPlace, InFlight, Target};
use crate::random::random_bits;

/// The rules of one listener with the target groups they name, by index.
#[derive(Debug)]
pub(crate) struct Routes {
    pub rules: Arc<RuleSet<usize>>,
    pub groups: Arc<[Arc<Group>]>,
    pub times: ClientTimes,
    pub pin_policy: PinPolicy,
}

/// How long a listener's clients may keep a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientTimes {
    /// Without a request.
    pub idle_timeout: Duration,
    /// At all: it is closed after the answer to its next request.
    pub keep_alive: Duration,
}

/// A target group in its present state.
#[derive(Debug)]
pub(crate) struct Group {
    pub arn: TargetGroupArn,
    /// What a stickiness cookie names it by.
    pub digest: u64,
    pub protocol: ProtocolVersion,
    /// How long a client keeps its target, when it does.
    pub stickiness: Option<Duration>,
    pub targets: Vec<Arc<Target>>,
    pub roster: Roster,
    /// Counts choices; goes on across configurations.
    pub turn: Arc<AtomicU64>,
    /// Counts copies, where a rule sends any; goes on across configurations.
    pub copies: Option<Arc<CopyCounters>>,
}

/// The outcome of choosing a target.
#[derive(Debug)]
pub(crate) enum Choice {
    Admitted(InFlight),
    /// The chosen one has begun to drain: a newer snapshot is in effect.
    Outdated,
    Nobody,
}

impl Routes {
    /// Finds the present state of a group that an older snapshot named.
    pub fn group(&self, digest: u64) -> Option<&Arc<Group>> {
        self.groups.iter().find(|group| group.digest == digest)
    }
}

impl Group {
    /// Chooses a target and takes a place there, leaving out the refused ones; `pinned` is preferred while it takes requests.
    pub fn choose(&self, pinned: Option<u64>, entropy: u64, now: Timestamp, refused: &[u64]) -> Choice {
        let is_refused = |position: usize| refused.contains(&self.targets[position].digest);
        let kept = pinned.and_then(|digest| self.targets.iter().position(|target| target.digest == digest));
        let kept = kept.filter(|position| self.roster.contains(*position) && !is_refused(*position));
        let position = kept.or_else(|| {
            let draw = Draw { turn: self.turn.fetch_add(1, Ordering::Relaxed), entropy, now };
            self.roster.choose(draw, |position| self.targets[position].in_flight(), is_refused)
        });
        match position {
            None => Choice::Nobody,
            Some(position) => self.targets[position].enter().map_or(Choice::Outdated, Choice::Admitted),
        }
    }

    /// Takes a place for a copy at a healthy target; `None` when there is none. Requests' turns are not touched.
    pub fn place_for_copy(&self, now: Timestamp) -> Option<CopyPlace> {
        if !self.roster.has_healthy() {
            return None;
        }
        let draw = Draw { turn: random_bits(), entropy: random_bits(), now };
        let position = self.roster.choose(draw, |position| self.targets[position].in_flight(), |_| false)?;
        self.targets[position].enter().map(CopyPlace::new)
    }
}
