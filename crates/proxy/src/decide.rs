//! Owns the decision about one request, whatever protocol it came in: an answer of the balancer's own, or a place at a target.

use std::sync::Arc;

use seatrial_model::Timestamp;
use seatrial_routing::redirect::{RedirectSource, location};
use seatrial_routing::{CompiledAction, RequestFacts};

use crate::answer::Answer;
use crate::limits::CHOICES_MAX;
use crate::mirror::Mirroring;
use crate::plane::listener::Listener;
use crate::plane::routes::{Choice, Group};
use crate::plane::target::InFlight;
use crate::random::random_bits;
use crate::stickiness::{Cookies, Stickiness, pick_group, pinned};

/// What to do with a request.
#[derive(Debug)]
pub(crate) enum Decision {
    Answer(Answer),
    Forward(Forwarding),
}

/// Where a request goes.
#[derive(Debug)]
pub(crate) struct Forwarding {
    pub place: InFlight,
    pub group: Arc<Group>,
    pub stickiness: Stickiness,
    /// A copy of it goes elsewhere too.
    pub mirror: Option<Mirroring>,
}

/// Decides by the listener's present rules.
pub(crate) fn decide(listener: &Listener, facts: &dyn RequestFacts, cookies: Cookies<'_>, now: Timestamp) -> Decision {
    for _ in 0..CHOICES_MAX {
        let routes = listener.routes.load();
        let forward = match routes.rules.decide(facts) {
            CompiledAction::Forward(forward) => forward,
            CompiledAction::FixedResponse(response) => return Decision::Answer(Answer::fixed(response)),
            CompiledAction::Redirect(redirect) => {
                let target = location(redirect, redirect_source(listener, facts));
                return Decision::Answer(Answer::redirect(redirect.status_code, target));
            }
        };
        let Some((index, stickiness)) = pick_group(forward, &routes, cookies, now, random_bits()) else { break };
        let group = &routes.groups[index];
        match group.choose(pinned(group, cookies), random_bits(), now, &[]) {
            Choice::Admitted(place) => {
                let stickiness = stickiness.of_group(group);
                let mirror = forward.mirror.as_ref();
                let mirror = mirror.and_then(|mirror| Mirroring::draw(mirror, &routes, index, facts));
                return Decision::Forward(Forwarding { place, group: Arc::clone(group), stickiness, mirror });
            }
            Choice::Nobody => break,
            Choice::Outdated => {}
        }
    }
    Decision::Answer(Answer::error(503))
}

/// Finds another place for a request that its target refused, among those of the same group that did not.
pub(crate) fn decide_again(
    listener: &Listener,
    group: &Arc<Group>,
    refused: &[u64],
    now: Timestamp,
) -> Option<InFlight> {
    for _ in 0..CHOICES_MAX {
        let routes = listener.routes.load();
        let present = routes.group(group.digest).unwrap_or(group);
        match present.choose(None, random_bits(), now, refused) {
            Choice::Admitted(place) => return Some(place),
            Choice::Nobody => return None,
            Choice::Outdated => {}
        }
    }
    None
}

fn redirect_source<'a>(listener: &Listener, facts: &'a dyn RequestFacts) -> RedirectSource<'a> {
    let text = |bytes: &'a [u8]| std::str::from_utf8(bytes).unwrap_or("");
    RedirectSource {
        protocol: "http",
        host: text(facts.host()),
        port: listener.address.port(),
        path: text(facts.path()),
        query: facts.query().map_or("", text),
    }
}
