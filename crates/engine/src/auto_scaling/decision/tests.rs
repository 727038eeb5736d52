//! The decision as tables: what is asked, and what comes of it.

use proptest::prelude::*;

use super::*;

const COOLDOWN: Duration = Duration::from_secs(300);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

/// A service with 4 tasks that may have 2 to 10, at second 1000.
fn facts() -> Facts {
    Facts {
        now: at(1000),
        current: 4,
        bounds: Bounds { min: 2, max: 10 },
        suspended: Suspended::default(),
        cooldowns: Cooldowns::default(),
        deployment: Deployment::None,
        trackers: Trackers::AllReady,
    }
}

fn wish(policy: &str, asks: Asks) -> Wish {
    Wish { policy: policy.to_owned(), alarm: format!("{policy}-alarm"), asks, cooldown: COOLDOWN }
}

fn high(policy: &str, ratio: f64) -> Wish {
    wish(policy, Asks::More(Adjustment::Proportional(ratio)))
}

fn low(policy: &str, ratio: f64) -> Wish {
    wish(policy, Asks::Less(Adjustment::Proportional(ratio)))
}

fn step(policy: &str, by: i32) -> Wish {
    wish(policy, Asks::Step(Adjustment::Change(by)))
}

fn cooling_out(from: u32, until: i64) -> Cooldowns {
    Cooldowns { scaled_out: Some(ScaledOut { from, until: at(until) }), scale_in_until: None }
}

fn cooling_in(until: i64) -> Cooldowns {
    Cooldowns { scaled_out: None, scale_in_until: Some(at(until)) }
}

fn told(facts: &Facts, wishes: &[Wish]) -> String {
    match decide(facts, wishes) {
        Decision::Scale(Scale { to, wish, .. }) => format!("{} → {to} by {}", facts.current, wish.policy),
        Decision::Stay(why, wish) => format!("stays, {why:?}, {}", wish.policy),
        Decision::Idle => "idle".to_owned(),
    }
}

#[test]
fn what_policies_ask_for_and_what_is_done() {
    let suspended = |scale_in, scale_out| Suspended { scale_in, scale_out, scheduled: false };
    let cases: Vec<(&str, Facts, Vec<Wish>, &str)> = vec![
        ("nobody asks", facts(), vec![], "idle"),
        ("in proportion, rounded up", facts(), vec![high("cpu", 1.3)], "4 → 6 by cpu"),
        ("the largest wins", facts(), vec![high("cpu", 1.3), high("memory", 2.0), step("s", 3)], "4 → 8 by memory"),
        ("no more than the maximum", facts(), vec![high("cpu", 9.0)], "4 → 10 by cpu"),
        ("out beats in", facts(), vec![low("cpu", 0.1), high("memory", 1.1)], "4 → 5 by memory"),
        (
            "also when it can do nothing",
            Facts { current: 10, ..facts() },
            vec![low("cpu", 0.1), high("memory", 1.1)],
            "stays, AtMax, memory",
        ),
        ("the metric has come down again", facts(), vec![high("cpu", 0.9)], "stays, AtDesired, cpu"),
        (
            "out is suspended",
            Facts { suspended: suspended(false, true), ..facts() },
            vec![high("cpu", 2.0)],
            "stays, Suspended, cpu",
        ),
        (
            "in is suspended, out is not",
            Facts { suspended: suspended(true, false), ..facts() },
            vec![high("cpu", 2.0)],
            "4 → 8 by cpu",
        ),
        (
            "a deployment does not hold up scaling out",
            Facts { deployment: Deployment::Underway, ..facts() },
            vec![high("cpu", 2.0)],
            "4 → 8 by cpu",
        ),
        ("in, in proportion", facts(), vec![low("cpu", 0.6)], "4 → 3 by cpu"),
        ("no less than the minimum", facts(), vec![low("cpu", 0.0)], "4 → 2 by cpu"),
        ("all agree, the largest wins", facts(), vec![low("cpu", 0.1), low("memory", 0.7)], "4 → 3 by memory"),
        (
            "one of several is not ready",
            Facts { trackers: Trackers::SomeNot, ..facts() },
            vec![low("cpu", 0.1)],
            "stays, OthersNotReady, cpu",
        ),
        (
            "a step policy asks nobody",
            Facts { trackers: Trackers::SomeNot, ..facts() },
            vec![low("cpu", 0.1), step("s", -1)],
            "4 → 3 by s",
        ),
        (
            "not while it is deployed",
            Facts { deployment: Deployment::Underway, ..facts() },
            vec![low("cpu", 0.1)],
            "stays, Deploying, cpu",
        ),
        (
            "in is suspended",
            Facts { suspended: suspended(true, false), ..facts() },
            vec![low("cpu", 0.1)],
            "stays, Suspended, cpu",
        ),
        ("at the minimum", Facts { current: 2, ..facts() }, vec![low("cpu", 0.1)], "stays, AtMin, cpu"),
        ("little to take away", facts(), vec![low("cpu", 0.89)], "stays, AtDesired, cpu"),
        (
            "cooling after a scale-in",
            Facts { cooldowns: cooling_in(1001), ..facts() },
            vec![low("cpu", 0.1)],
            "stays, Cooling, cpu",
        ),
        ("cooled down", Facts { cooldowns: cooling_in(1000), ..facts() }, vec![low("cpu", 0.1)], "4 → 2 by cpu"),
        (
            "that does not hold up scaling out",
            Facts { cooldowns: cooling_in(1001), ..facts() },
            vec![high("cpu", 2.0)],
            "4 → 8 by cpu",
        ),
        (
            "a scale-out does not hold up scaling in",
            Facts { cooldowns: cooling_out(2, 1001), ..facts() },
            vec![low("cpu", 0.5)],
            "4 → 2 by cpu",
        ),
        (
            "what was added counts while cooling",
            Facts { cooldowns: cooling_out(2, 1001), ..facts() },
            vec![step("s", 2)],
            "stays, Cooling, s",
        ),
        (
            "a larger one adds the difference",
            Facts { cooldowns: cooling_out(2, 1001), ..facts() },
            vec![step("s", 3)],
            "4 → 5 by s",
        ),
        (
            "then it counts no more",
            Facts { cooldowns: cooling_out(2, 1000), ..facts() },
            vec![step("s", 2)],
            "4 → 6 by s",
        ),
        ("set below the minimum by hand", Facts { current: 1, ..facts() }, vec![high("cpu", 9.0)], "1 → 2 by cpu"),
        ("also to nothing", Facts { current: 0, ..facts() }, vec![high("cpu", 2.0)], "0 → 2 by cpu"),
        ("which scaling in leaves", Facts { current: 1, ..facts() }, vec![low("cpu", 0.1)], "stays, AtMin, cpu"),
        (
            "and out while it is suspended",
            Facts { current: 1, suspended: suspended(false, true), ..facts() },
            vec![high("cpu", 2.0)],
            "stays, Suspended, cpu",
        ),
        ("set above the maximum by hand", Facts { current: 12, ..facts() }, vec![low("cpu", 0.1)], "12 → 10 by cpu"),
        ("by however little", Facts { current: 12, ..facts() }, vec![low("cpu", 0.99)], "12 → 10 by cpu"),
        ("which scaling out leaves", Facts { current: 12, ..facts() }, vec![high("cpu", 2.0)], "stays, AtMax, cpu"),
        (
            "and in during a deployment",
            Facts { current: 12, deployment: Deployment::Underway, ..facts() },
            vec![low("cpu", 0.1)],
            "stays, Deploying, cpu",
        ),
        (
            "from nothing there is no proportion",
            Facts { current: 0, bounds: Bounds { min: 0, max: 4 }, ..facts() },
            vec![high("cpu", 2.0)],
            "stays, AtDesired, cpu",
        ),
        ("exactly", facts(), vec![wish("s", Asks::Step(Adjustment::Exact(7)))], "4 → 7 by s"),
    ];
    for (name, facts, wishes, wanted) in cases {
        assert_eq!(told(&facts, &wishes), wanted, "{name}");
    }
}

fn some_wish() -> impl Strategy<Value = Wish> {
    let adjustment = prop_oneof![
        (0.0..5.0_f64).prop_map(Adjustment::Proportional),
        (-20..20).prop_map(Adjustment::Change),
        ((-150..150), 0..4_u32).prop_map(|(percent, magnitude_min)| Adjustment::Percent { percent, magnitude_min }),
        (0..30_u32).prop_map(Adjustment::Exact),
    ];
    let directions: [fn(Adjustment) -> Asks; 3] = [Asks::More, Asks::Less, Asks::Step];
    (prop::sample::select(directions.to_vec()), adjustment).prop_map(|(asks, adjustment)| wish("p", asks(adjustment)))
}

prop_compose! {
    fn some_facts()(
        current in 0..20_u32, min in 0..10_u32, more in 0..10_u32, scale_in: bool, scale_out: bool, underway: bool, ready: bool,
        from in 0..20_u32, out_until in 900..1100_i64, in_until in 900..1100_i64,
    ) -> Facts {
        Facts {
            current,
            bounds: Bounds { min, max: min + more },
            suspended: Suspended { scale_in, scale_out, scheduled: false },
            cooldowns: Cooldowns {
                scaled_out: Some(ScaledOut { from, until: at(out_until) }),
                scale_in_until: Some(at(in_until)),
            },
            deployment: if underway { Deployment::Underway } else { Deployment::None },
            trackers: if ready { Trackers::AllReady } else { Trackers::SomeNot },
            ..facts()
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_asked_for_the_bounds_and_the_brakes_hold(
        facts in some_facts(),
        wishes in prop::collection::vec(some_wish(), 0..5),
    ) {
        let Decision::Scale(Scale { to, .. }) = decide(&facts, &wishes) else { return Ok(()) };
        prop_assert_ne!(to, facts.current);
        prop_assert_eq!(facts.bounds.clamp(to), to);
        if to > facts.current {
            prop_assert!(!facts.suspended.scale_out);
            prop_assert!(wishes.iter().any(|wish| !matches!(wish.asks, Asks::Less(_))), "somebody asks for more");
        } else {
            prop_assert!(!facts.suspended.scale_in);
            prop_assert_eq!(facts.deployment, Deployment::None);
            prop_assert!(facts.cooldowns.scale_in_until <= Some(facts.now));
            let is_step = |wish: &Wish| matches!(wish.asks, Asks::Step(_));
            prop_assert!(facts.trackers == Trackers::AllReady || wishes.iter().any(is_step));
            let asks_for_more = |wish: &Wish| matches!(wish.asks, Asks::More(_));
            prop_assert!(!wishes.iter().any(asks_for_more), "scaling out goes first");
        }
    }
}

#[test]
fn a_second_scale_out_is_still_counted_from_before_the_first() {
    let first = Facts { current: 2, ..facts() };
    let Decision::Scale(scale) = decide(&first, &[high("cpu", 2.0)]) else { panic!("it scales out") };
    assert_eq!((scale.to, scale.cooldowns), (4, cooling_out(2, 1300)));
    let second = Facts { now: at(1060), cooldowns: scale.cooldowns, ..facts() };
    let Decision::Scale(scale) = decide(&second, &[high("cpu", 3.0)]) else { panic!("it scales out again") };
    assert_eq!((scale.to, scale.cooldowns), (6, cooling_out(2, 1360)));
}

#[test]
fn a_scale_out_ends_the_cool_down_of_a_scale_in() {
    let cooling = Facts { cooldowns: cooling_in(2000), ..facts() };
    let Decision::Scale(scale) = decide(&cooling, &[high("cpu", 2.0)]) else { panic!("it scales out") };
    assert_eq!(scale.cooldowns.scale_in_until, None);
    let Decision::Scale(scale) = decide(&facts(), &[low("cpu", 0.5)]) else { panic!("it scales in") };
    assert_eq!(scale.cooldowns, cooling_in(1300));
}
