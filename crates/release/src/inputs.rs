//! What steps of a release are made of, as digests: the same digest, nothing to do.

use std::fmt::Debug;

use sha2::{Digest, Sha256};

use crate::plan::ServicePlan;
use crate::provision::InfraPlan;

/// The digest of data that is printed in an order of its own.
pub(crate) fn of(data: &impl Debug) -> String {
    text(Sha256::new().chain_update(format!("{data:?}")))
}

/// That of services: what is deployed of each.
pub(crate) fn of_services<'a>(services: impl IntoIterator<Item = &'a ServicePlan>) -> String {
    let mut hash = Sha256::new();
    for service in services {
        hash.update(format!("{service:?}"));
    }
    text(hash)
}

/// That of infrastructure: its settings and everything it is written in.
pub(crate) fn of_infra(infra: &InfraPlan) -> String {
    let mut hash = Sha256::new().chain_update(format!("{:?}", infra.without_places()));
    infra.each_source(&mut |content| hash.update(content));
    text(hash)
}

fn text(hash: Sha256) -> String {
    hex::encode(&hash.finalize()[..16])
}
