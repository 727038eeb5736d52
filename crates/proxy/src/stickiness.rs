//! Owns reading and issuing the stickiness cookies on a request's way through the proxy.

use std::time::Duration;

use seatrial_model::Timestamp;
use seatrial_routing::ForwardTo;
use seatrial_routing::stickiness::{
    GROUP_COOKIE, GroupStanding, TARGET_COOKIE, find_cookie, group_cookie, pinned_group, pinned_target, set_cookie,
    target_cookie,
};

use crate::plane::routes::{Group, Routes};

/// The cookies an answer will carry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stickiness {
    /// A new `AWSALBTG`.
    group: Option<String>,
    /// How long `AWSALB` lasts, when the group uses it.
    target: Option<Duration>,
}

/// The values of the `Cookie` fields of a request.
pub(crate) type Cookies<'a> = &'a dyn Fn(&str) -> Option<Vec<u8>>;

/// Picks the target group of a forward action: the one the client is pinned to as long as that holds, else by weight.
pub(crate) fn pick_group(
    forward: &ForwardTo<usize>,
    routes: &Routes,
    cookies: Cookies<'_>,
    now: Timestamp,
    entropy: u64,
) -> Option<(usize, Stickiness)> {
    let Some(lifetime) = forward.stickiness else {
        return forward.pick(entropy).map(|index| (*index, Stickiness::default()));
    };
    if let Some(value) = cookies(GROUP_COOKIE) {
        let known = forward.groups().map(|(index, weight)| (routes.groups[*index].digest, (*index, weight)));
        if let Some((index, weight)) = pinned_group(&value, now, known) {
            let standing = GroupStanding { weight, has_healthy_target: routes.groups[index].roster.has_healthy() };
            if routes.pin_policy.keeps(standing) {
                return Some((index, Stickiness::default()));
            }
        }
    }
    let index = *forward.pick(entropy)?;
    let value = group_cookie(&routes.groups[index].arn, now + lifetime);
    Some((index, Stickiness { group: Some(set_cookie(GROUP_COOKIE, &value, lifetime)), target: None }))
}

/// The target the client is pinned to within the group.
pub(crate) fn pinned(group: &Group, cookies: Cookies<'_>) -> Option<u64> {
    group.stickiness?;
    pinned_target(&cookies(TARGET_COOKIE)?)
}

/// Finds a cookie among the values of a request's `Cookie` fields.
pub(crate) fn cookie_of<'a>(fields: impl Iterator<Item = &'a [u8]>, name: &str) -> Option<Vec<u8>> {
    let mut fields = fields;
    fields.find_map(|field| find_cookie(field, name)).map(<[u8]>::to_vec)
}

impl Stickiness {
    pub fn of_group(mut self, group: &Group) -> Self {
        self.target = group.stickiness;
        self
    }

    /// The `Set-Cookie` values for an answer of this target.
    pub fn set_cookies(&self, target: u64) -> impl Iterator<Item = String> {
        let target = self.target.map(|lifetime| set_cookie(TARGET_COOKIE, &target_cookie(target), lifetime));
        self.group.clone().into_iter().chain(target)
    }
}
