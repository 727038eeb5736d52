//! What is drawn: services of every shape, histories, and versions that will not do.

use proptest::prelude::*;
use seatrial_controller::{FailFast, Settings, StopType};
use seatrial_model::deployment_configuration::SourceRevisionCleanup;
use seatrial_model::{CircuitBreaker, EarlySuccess, Percent, Threshold};

use crate::common::world::Behaviour;
use crate::common::{Checks, ms, secs, settings};
use crate::history::Act;

pub fn any_settings() -> impl Strategy<Value = Settings> {
    let percents =
        prop::sample::select(vec![(100, 200), (50, 100), (0, 100), (100, 150), (50, 200), (100, 100), (75, 125)]);
    let threshold = prop_oneof![
        (1u32..4).prop_map(Threshold::Count),
        Just(Threshold::BoundedPercent(50)),
        (1u32..101).prop_map(Threshold::UnboundedPercent),
    ];
    let breaker = (any::<bool>(), any::<bool>(), any::<bool>(), threshold).prop_map(
        |(enable, rollback, reset_on_healthy_task, threshold)| CircuitBreaker {
            enable,
            rollback,
            reset_on_healthy_task,
            threshold,
        },
    );
    let cleanup = prop::sample::select(vec![SourceRevisionCleanup::Blocking, SourceRevisionCleanup::Deferred]);
    let early = prop::option::weighted(0.2, cleanup);
    let grace = prop::sample::select(vec![secs(0), secs(3)]);
    let fail_fast = prop::sample::select(vec![FailFast::On, FailFast::Off]);
    let desired = prop::sample::select(vec![0u32, 1, 1, 2, 2, 3, 4]);
    (desired, percents, breaker, early, grace, fail_fast).prop_map(
        |(desired, (minimum, maximum), breaker, early, grace, fail_fast)| {
            let mut settings = settings(desired, minimum, maximum);
            settings.deployment.circuit_breaker = breaker;
            settings.deployment.early_success =
                early.map(|cleanup| EarlySuccess { healthy_percent: Percent::new(100), cleanup });
            Settings { health_check_grace_period: grace, fail_fast, ..settings }
        },
    )
}

pub fn any_checks() -> impl Strategy<Value = Checks> {
    use Checks::{Balancer, Both, Container, Nothing, TwoBalancers};
    prop::sample::select(vec![Balancer, Balancer, Balancer, Nothing, Container, Both, TwoBalancers])
}

pub fn any_act() -> impl Strategy<Value = Act> {
    let duration = prop_oneof![(1u64..2_000).prop_map(ms), (2u64..60).prop_map(secs)];
    prop_oneof![
        10 => any::<prop::sample::Index>().prop_map(Act::Happens),
        12 => any::<prop::sample::Index>().prop_map(Act::Prospers),
        6 => Just(Act::AllProsper),
        3 => any::<prop::sample::Index>().prop_map(Act::Again),
        5 => duration.clone().prop_map(Act::Passes),
        1 => (1u64..5_000).prop_map(|millis| Act::StepsBack(ms(millis))),
        3 => Just(Act::Deploys),
        2 => (0u32..5).prop_map(Act::Scales),
        1 => any_settings().prop_map(Act::Configures),
        1 => prop::sample::select(vec![StopType::Rollback, StopType::Rollback, StopType::Abort]).prop_map(Act::Stops),
        1 => any::<prop::sample::Index>().prop_map(Act::StopsTask),
        1 => prop::sample::select(vec![secs(0), secs(1), secs(10)]).prop_map(Act::ChangesDelay),
        1 => Just(Act::Restarts),
    ]
}

/// What a new version may be like that will not do.
pub fn any_fault() -> impl Strategy<Value = Behaviour> {
    prop::sample::select(vec![
        Behaviour::FAILS_TO_START,
        Behaviour::CANNOT_START,
        Behaviour::EXITS_AT_ONCE,
        Behaviour::NEVER_HEALTHY,
        Behaviour::GOOD.exits_after(secs(1)),
    ])
}
