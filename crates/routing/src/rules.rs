//! Owns a listener's compiled rules: the first that matches decides, else the default action.

use std::time::Duration;

use seatrial_model::TargetGroupArn;
use seatrial_model::load_balancing::{Action, Condition, FixedResponse, Forward, Redirect};

use crate::condition::CompiledCondition;
use crate::mirror::Mirror;
use crate::request::RequestFacts;
use crate::weight::pick_weighted;

/// A listener's rules in order of evaluation. `G` is how the caller names a target group.
#[derive(Clone, Debug)]
pub struct RuleSet<G> {
    rules: Vec<(Vec<CompiledCondition>, CompiledAction<G>)>,
    default: CompiledAction<G>,
}

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompiledAction<G> {
    Forward(ForwardTo<G>),
    FixedResponse(FixedResponse),
    Redirect(Redirect),
}

/// Where a forward action sends requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardTo<G> {
    groups: Vec<(G, u32)>,
    /// How long a client keeps its target group, when it does.
    pub stickiness: Option<Duration>,
    /// Where copies of some of the requests go.
    pub mirror: Option<Mirror<G>>,
}

impl<G: Clone> RuleSet<G> {
    /// Compiles rules given in order of evaluation; `resolve` names the target groups.
    pub fn new<'a>(
        rules: impl IntoIterator<Item = (&'a [Condition], &'a Action)>,
        default: &Action,
        resolve: impl Fn(&TargetGroupArn) -> G,
    ) -> Self {
        let compile = |(conditions, action): (&'a [Condition], &'a Action)| {
            (conditions.iter().map(CompiledCondition::new).collect(), CompiledAction::new(action, &resolve))
        };
        RuleSet { rules: rules.into_iter().map(compile).collect(), default: CompiledAction::new(default, &resolve) }
    }

    /// Has requests copied that the rule at this place in the order of evaluation forwards. One that answers itself has none.
    pub fn mirror_rule(&mut self, position: usize, mirror: Mirror<G>) {
        if let Some((_, action)) = self.rules.get_mut(position) {
            action.mirror(mirror);
        }
    }

    /// Has requests copied that the default action forwards.
    pub fn mirror_default(&mut self, mirror: Mirror<G>) {
        self.default.mirror(mirror);
    }

    /// Returns the action of the first rule all of whose conditions hold, else the default one.
    pub fn decide(&self, request: &dyn RequestFacts) -> &CompiledAction<G> {
        let matching = |(conditions, _): &&(Vec<CompiledCondition>, _)| conditions.iter().all(|c| c.matches(request));
        self.rules.iter().find(matching).map_or(&self.default, |(_, action)| action)
    }
}

impl<G: Clone> CompiledAction<G> {
    fn new(action: &Action, resolve: &impl Fn(&TargetGroupArn) -> G) -> Self {
        match action {
            Action::Forward(forward) => CompiledAction::Forward(ForwardTo::new(forward, resolve)),
            Action::FixedResponse(response) => CompiledAction::FixedResponse(response.clone()),
            Action::Redirect(redirect) => CompiledAction::Redirect(redirect.clone()),
        }
    }

    fn mirror(&mut self, mirror: Mirror<G>) {
        match self {
            CompiledAction::Forward(forward) => forward.mirror = Some(mirror),
            CompiledAction::FixedResponse(_) | CompiledAction::Redirect(_) => {}
        }
    }
}

impl<G> ForwardTo<G> {
    fn new(forward: &Forward, resolve: &impl Fn(&TargetGroupArn) -> G) -> Self {
        let groups = forward.target_groups.iter().map(|group| (resolve(&group.target_group), group.weight)).collect();
        ForwardTo { groups, stickiness: forward.stickiness, mirror: None }
    }

    /// Picks a target group by weight; `None` when every weight is zero.
    pub fn pick(&self, entropy: u64) -> Option<&G> {
        if let [(group, weight)] = &self.groups[..] {
            return (*weight > 0).then_some(group);
        }
        pick_weighted(self.groups.iter().map(|(_, weight)| u64::from(*weight)), entropy).map(|at| &self.groups[at].0)
    }

    /// The target groups with their weights, those of weight zero included: a pinned client may still belong to one.
    pub fn groups(&self) -> impl Iterator<Item = (&G, u32)> {
        self.groups.iter().map(|(group, weight)| (group, *weight))
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use seatrial_model::load_balancing::{QueryPattern, WeightedTargetGroup};

    use super::*;

    #[derive(Clone)]
    struct Facts {
        method: &'static str,
        host: &'static str,
        path: &'static str,
        query: Option<&'static str>,
        headers: Vec<(&'static str, &'static str)>,
        source: IpAddr,
    }

    impl RequestFacts for Facts {
        fn method(&self) -> &[u8] {
            self.method.as_bytes()
        }

        fn host(&self) -> &[u8] {
            self.host.as_bytes()
        }

        fn path(&self) -> &[u8] {
            self.path.as_bytes()
        }

        fn query(&self) -> Option<&[u8]> {
            self.query.map(str::as_bytes)
        }

        fn any_header(&self, name: &str, fits: &mut dyn FnMut(&[u8]) -> bool) -> bool {
            self.headers.iter().any(|(known, value)| known.eq_ignore_ascii_case(name) && fits(value.as_bytes()))
        }

        fn source(&self) -> IpAddr {
            self.source
        }
    }

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    fn forward(name: &str) -> Action {
        let target_groups = vec![WeightedTargetGroup { target_group: TargetGroupArn::new(name), weight: 1 }];
        Action::Forward(Forward { target_groups, stickiness: None })
    }

    fn decide(conditions: Vec<Condition>, facts: &Facts) -> bool {
        let rule = (conditions, forward("rule"));
        let rules = RuleSet::new([(&rule.0[..], &rule.1)], &forward("default"), |arn| arn.as_str() == "rule");
        match rules.decide(facts) {
            CompiledAction::Forward(to) => *to.pick(0).expect("a positive weight"),
            CompiledAction::FixedResponse(_) | CompiledAction::Redirect(_) => unreachable!("only forwards here"),
        }
    }

    #[test]
    fn each_kind_of_condition_sees_its_part_of_the_request() {
        let request = Facts {
            method: "GET",
            host: "App.Example.com",
            path: "/API/v1",
            query: Some("Version=V1&flag&x=a*b"),
            headers: vec![("x-env", "Test"), ("X-Env", "second"), ("accept", "*/*")],
            source: "::ffff:10.1.2.3".parse().expect("an address"),
        };
        let pair =
            |key: Option<&str>, value: &str| QueryPattern { key: key.map(str::to_owned), value: value.to_owned() };
        let header = |name: &str, value: &str| Condition::HttpHeader { name: name.to_owned(), values: texts(&[value]) };
        let network = |text: &str| text.parse().expect("a network");
        let table = [
            (Condition::HostHeader(texts(&["other", "*.EXAMPLE.com"])), true),
            (Condition::HostHeader(texts(&["example.com"])), false),
            (Condition::PathPattern(texts(&["/API/*"])), true),
            (Condition::PathPattern(texts(&["/api/*"])), false),
            (Condition::PathPattern(texts(&["*flag*"])), false),
            (header("X-ENV", "test"), true),
            (header("x-env", "SEC*"), true),
            (header("x-other", "*"), false),
            (Condition::QueryString(vec![pair(Some("version"), "v?")]), true),
            (Condition::QueryString(vec![pair(Some("version"), "v2")]), false),
            (Condition::QueryString(vec![pair(None, "V1")]), true),
            (Condition::QueryString(vec![pair(Some("flag"), "")]), true),
            (Condition::QueryString(vec![pair(Some("x"), r"a\*b")]), true),
            (Condition::QueryString(vec![pair(Some("x"), r"a\*c"), pair(Some("x"), "a?b")]), true),
            (Condition::HttpRequestMethod(texts(&["POST", "GET"])), true),
            (Condition::HttpRequestMethod(texts(&["get"])), false),
            (Condition::SourceIp(vec![network("192.168.0.0/16"), network("10.0.0.0/8")]), true),
            (Condition::SourceIp(vec![network("10.1.2.4/32")]), false),
        ];
        for (condition, expected) in table {
            assert_eq!(decide(vec![condition.clone()], &request), expected, "{condition:?}");
        }
        let no_query = Facts { query: None, ..request.clone() };
        assert!(!decide(vec![Condition::QueryString(vec![pair(None, "*")])], &no_query));
        let both = vec![Condition::PathPattern(texts(&["/API/*"])), Condition::HttpRequestMethod(texts(&["POST"]))];
        assert!(!decide(both, &request), "every condition has to hold");
        assert!(decide(vec![], &request), "no condition holds always");
    }

    #[test]
    fn the_first_matching_rule_wins() {
        let facts = Facts {
            method: "GET",
            host: "h",
            path: "/a/b",
            query: None,
            headers: vec![],
            source: "127.0.0.1".parse().expect("an address"),
        };
        let path = |pattern: &str| vec![Condition::PathPattern(texts(&[pattern]))];
        let rules = [(path("/z"), forward("1")), (path("/a/*"), forward("2")), (path("/*"), forward("3"))];
        let set = RuleSet::new(rules.iter().map(|(c, a)| (&c[..], a)), &forward("0"), |arn| arn.clone());
        let CompiledAction::Forward(to) = set.decide(&facts) else { panic!("a forward") };
        assert_eq!(to.pick(0).expect("a group").as_str(), "2");
    }

    #[test]
    fn a_mirror_belongs_to_the_rule_it_was_given_and_changes_nothing_else() {
        use seatrial_model::TrafficPercent;

        let facts = Facts {
            method: "GET",
            host: "h",
            path: "/a",
            query: None,
            headers: vec![],
            source: "127.0.0.1".parse().expect("an address"),
        };
        let rules = [(vec![Condition::PathPattern(texts(&["/a"]))], forward("1"))];
        let mut set = RuleSet::new(rules.iter().map(|(c, a)| (&c[..], a)), &forward("0"), |arn| arn.clone());
        let mirror = Mirror { group: TargetGroupArn::new("2"), percent: TrafficPercent::from_tenths(100) };
        set.mirror_rule(0, mirror.clone());
        set.mirror_rule(1, mirror.clone());
        let mirrored = |path: &'static str| match set.decide(&Facts { path, ..facts.clone() }) {
            CompiledAction::Forward(to) => (to.pick(0).expect("a group").as_str().to_owned(), to.mirror.clone()),
            CompiledAction::FixedResponse(_) | CompiledAction::Redirect(_) => unreachable!("only forwards here"),
        };
        assert_eq!(mirrored("/a"), ("1".to_owned(), Some(mirror)));
        assert_eq!(mirrored("/b"), ("0".to_owned(), None));
    }
}
