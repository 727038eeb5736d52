//! What can be done from the screen, with which key, and when. A new action is a variant here and an arm in `actions`.

use seatrial_release::view::{DeploymentView, ServiceView};

/// Something to do about a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To the next step: answers the pause, or leaves the share that is being watched.
    Promote,
    /// Answers the pause and every further one.
    PromoteToEnd,
    /// Holds the deployment at its next step.
    Pause,
    /// Lets a held deployment go on.
    Continue,
    /// Ends the bake time that ECS waits for.
    SkipBake,
    /// Undoes the deployment going on.
    Abort,
    /// Returns to the version before when no deployment is going on.
    RollBack,
}

impl Action {
    /// In the order in which they are offered.
    pub const ALL: [Action; 7] = [
        Action::Promote,
        Action::PromoteToEnd,
        Action::Pause,
        Action::Continue,
        Action::SkipBake,
        Action::Abort,
        Action::RollBack,
    ];

    /// The keys that mean it; the first is shown.
    pub fn keys(self) -> &'static [char] {
        match self {
            Action::Promote => &['p'],
            Action::PromoteToEnd => &['F'],
            Action::Pause => &['P'],
            Action::Continue => &['c'],
            Action::SkipBake => &['s'],
            Action::Abort => &['a'],
            Action::RollBack => &['r'],
        }
    }

    /// What the footer says.
    pub fn label(self) -> &'static str {
        match self {
            Action::Promote => "promote",
            Action::PromoteToEnd => "promote to the end",
            Action::Pause => "pause",
            Action::Continue => "continue",
            Action::SkipBake => "skip bake",
            Action::Abort => "abort",
            Action::RollBack => "roll back",
        }
    }

    /// Whether it makes sense now. Only then is it offered.
    pub fn applies(self, service: &ServiceView) -> bool {
        let running = service.running();
        match self {
            Action::Promote | Action::PromoteToEnd => {
                running.is_some_and(|deployment| deployment.open_pause().is_some())
            }
            Action::Pause => {
                let can_be_held = |deployment: &DeploymentView| deployment.is_steered && !deployment.is_held;
                running.is_some_and(|deployment| can_be_held(deployment) && !deployment.is_rolling_back())
            }
            Action::Continue => running.is_some_and(|deployment| deployment.is_held),
            Action::SkipBake => {
                running.is_some_and(|deployment| deployment.is_baking() && !deployment.is_rolling_back())
            }
            Action::Abort => running.is_some_and(|deployment| !deployment.is_rolling_back()),
            Action::RollBack => running.is_none() && service.status.is_some(),
        }
    }

    /// What is asked before it is done; none where it takes nothing away from users.
    pub fn question(self, service: &ServiceView) -> Option<String> {
        let name = &service.service;
        match self {
            Action::Promote | Action::PromoteToEnd | Action::Pause | Action::Continue => None,
            Action::SkipBake => Some(format!("End the bake time of {name} now?")),
            Action::Abort => Some(format!("Abort the deployment of {name} and roll it back?")),
            Action::RollBack => Some(format!("Deploy the version of {name} before the present one?")),
        }
    }

    /// The action a key means for a service, if it makes sense now.
    pub fn of_key(key: char, service: &ServiceView) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.keys().contains(&key) && action.applies(service))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;

    #[test]
    fn only_what_makes_sense_now_is_offered() {
        let offered = |view: seatrial_release::view::WatchView| {
            let applies = |action: &Action| action.applies(&view.services[0]);
            Action::ALL.into_iter().filter(applies).collect::<Vec<_>>()
        };
        assert_eq!(offered(fixtures::canary()), [Action::SkipBake, Action::Abort]);
        let steered = |is_held: bool| {
            let mut view = fixtures::paused();
            let deployment = view.services[0].deployment.as_mut().expect("it is deploying");
            (deployment.is_steered, deployment.is_held) = (true, is_held);
            view
        };
        let next = [Action::Promote, Action::PromoteToEnd];
        assert_eq!(offered(steered(false)), [&next[..], &[Action::Pause, Action::Abort]].concat());
        assert_eq!(offered(steered(true)), [&next[..], &[Action::Continue, Action::Abort]].concat());
        assert_eq!(offered(fixtures::paused()), [Action::Promote, Action::PromoteToEnd, Action::Abort]);
        assert_eq!(offered(fixtures::rolling_back()), []);
        assert_eq!(offered(fixtures::steady()), [Action::RollBack]);
    }

    #[test]
    fn no_key_means_two_things() {
        let mut keys: Vec<char> = Action::ALL.iter().flat_map(|action| action.keys()).copied().collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), Action::ALL.iter().map(|action| action.keys().len()).sum::<usize>());
    }
}
