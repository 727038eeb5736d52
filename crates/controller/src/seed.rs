//! Identities without randomness: every id the controller makes is derived from one seed and a counter.

use seatrial_model::{DeploymentId, HookId, HookKind, RevisionId, TaskId};
use serde::{Deserialize, Serialize};

/// The seed of a service's identities, drawn at random by the caller when the service is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seed {
    high: u64,
    low: u64,
}

impl Seed {
    pub const fn from_bits(bits: u128) -> Self {
        Seed { high: (bits >> 64) as u64, low: bits as u64 }
    }

    pub(crate) fn task(self, ordinal: u64) -> TaskId {
        let bits = (u128::from(mix(self.high ^ mix(ordinal))) << 64) | u128::from(mix(self.low.wrapping_add(ordinal)));
        TaskId::from_bits(bits)
    }

    pub(crate) fn deployment(self, ordinal: u64) -> DeploymentId {
        DeploymentId::new(RevisionId::from_bits(mix(self.low ^ mix(!ordinal))))
    }

    pub(crate) fn hook(self, kind: HookKind, ordinal: u64) -> HookId {
        let half = |high: u64, low: u64| (u128::from(mix(high)) << 64) | u128::from(mix(low));
        let (a, b) = (self.high ^ mix(ordinal), self.low.wrapping_add(mix(!ordinal)));
        HookId::from_bits(kind, half(a, b), half(mix(b), mix(a)))
    }

    /// Returns a number in `0..span` that depends on the ordinal alone.
    pub(crate) fn below(self, ordinal: u64, span: u64) -> u64 {
        if span == 0 { 0 } else { mix(self.high.wrapping_add(mix(ordinal))) % span }
    }
}

/// The finalizer of SplitMix64: a bijection on 64 bits that scatters neighbouring inputs.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
