//! How long a client stays with the version it was first given, while two of them are served: `listener.stickiness`.

use super::deployment::{self, DeploymentEntry};
use super::document::{ListenerEntry, ServiceEntry};
use super::error::Fault;
use super::names::ServiceName;
use super::site::Site;
use crate::plan::{Extensions, Target};

/// Returns the time in seconds, if clients are kept at all. `site` is the listener's.
pub(crate) fn stickiness(
    entry: &ListenerEntry,
    deployment: Option<&DeploymentEntry>,
    site: &Site<'_>,
) -> Result<Option<i32>, Fault> {
    let Some(time) = entry.stickiness else { return Ok(None) };
    if deployment::strategy(deployment).shifts_traffic() {
        return Ok(Some(time.get()));
    }
    let what = "keeps clients on one of two versions, but this strategy never serves two side by side by weight";
    let advice = "it needs `deployment: { strategy: … }` with `blue_green`, `canary` or `linear`";
    Err(site.below("stickiness").fault(what).instead(advice))
}

/// Tells what a pinned client has to expect on AWS, where a pin outlives its version.
pub(crate) fn remark(target: &Target, name: &ServiceName, entry: &ServiceEntry) -> Option<String> {
    let seconds = entry.listener.as_ref()?.stickiness?.get();
    match target.extensions() {
        Extensions::Available => None,
        Extensions::Missing => Some(format!(
            "service {name}: on AWS a client stays with its version for the {seconds} s of `stickiness` even after a rollback, and is \
             answered 503 once that version's tasks have left; let `bake` last as long"
        )),
    }
}
