//! Targets: what clients and services register, what the data plane reports of them, what DescribeTargetHealth tells.

mod common;
mod fixtures;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use common::{World, wait};
use fixtures::{attributes, balancer, cluster_and_service, fixed, forward, group, listener, name, rule, service};
use seatrial_engine::State;
use seatrial_engine::load_balancing::target_health::{TargetReference, describe};
use seatrial_engine::load_balancing::{listeners, load_balancers, registration, target_groups};
use seatrial_engine::state::{Tags, service_key};
use seatrial_model::TargetId;
use seatrial_model::load_balancing::{TargetHealth, TargetReason, TargetState};
use seatrial_ports::Journal;
use seatrial_ports::balancer::TargetIntent;

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn target(port: u16) -> TargetReference {
    TargetReference { address: LOCALHOST, port: Some(port) }
}

fn id(port: u16) -> TargetId {
    TargetId { address: LOCALHOST, port }
}

/// Returns the states of a group's targets as `port state reason`.
fn states(state: &State, group: &str, asked: Option<&[TargetReference]>) -> Vec<String> {
    let group = target_groups::find(state, group).expect("the group");
    describe(state, group, asked)
        .into_iter()
        .map(|found| {
            let reason = found.health.reason.map_or("", TargetReason::as_str);
            format!("{} {} {reason}", found.target.port, found.health.state.as_str()).trim_end().to_owned()
        })
        .collect()
}

fn shown(world: &World, group: &str) -> Vec<String> {
    world.engine.read(|state| states(state, group, None))
}

#[test]
fn a_target_goes_through_elbs_states() {
    let world = World::new();
    let _driver = world.drive();
    let (lb, tg) = (balancer(&world, "web"), group(&world, "g"));
    world.run(|tx| registration::register(tx, &tg, &[target(9001), target(9002)]));
    assert_eq!(shown(&world, &tg), ["9001 unused Target.NotInUse", "9002 unused Target.NotInUse"]);

    listener(&world, &lb, 8080, forward(&tg));
    assert_eq!(shown(&world, &tg)[0], "9001 initial Elb.RegistrationInProgress");
    world.balancer.report_health(&tg, id(9001), TargetHealth::healthy());
    let bad = TargetHealth::because(
        TargetState::Unhealthy,
        TargetReason::ResponseCodeMismatch,
        "Health checks failed with these codes: [503]",
    );
    world.balancer.report_health(&tg, id(9002), bad);
    world.until("both reports", |state| {
        states(state, &tg, None) == ["9001 healthy", "9002 unhealthy Target.ResponseCodeMismatch"]
    });

    world.run(|tx| registration::deregister(tx, &tg, &[target(9001)]));
    assert_eq!(shown(&world, &tg)[0], "9001 draining Target.DeregistrationInProgress");
    let intents: Vec<_> =
        world.balancer.group(&tg).expect("in use").targets.iter().map(|target| target.intent).collect();
    assert_eq!(intents, [TargetIntent::Draining, TargetIntent::Registered]);

    world.run(|tx| registration::register(tx, &tg, &[target(9001)]));
    assert_eq!(shown(&world, &tg)[0], "9001 healthy", "taken back, it has the health it had");
    world.run(|tx| registration::deregister(tx, &tg, &[target(9001)]));
    world.balancer.report_applied();
    world.balancer.report_drained(&tg, id(9001));
    world.until("the drained target to be gone", |state| states(state, &tg, None).len() == 1);

    let asked = [target(9001), target(9002)];
    let answered = world.engine.read(|state| states(state, &tg, Some(&asked)));
    assert_eq!(answered, ["9001 unused Target.NotRegistered", "9002 unhealthy Target.ResponseCodeMismatch"]);
}

/// The data plane may never say that it applied a configuration: a newer one has come before it could.
#[test]
fn a_drained_target_is_gone_whatever_else_has_been_heard() {
    let world = World::new();
    let _driver = world.drive();
    let (lb, tg) = (balancer(&world, "web"), group(&world, "g"));
    listener(&world, &lb, 8080, forward(&tg));
    world.run(|tx| registration::register(tx, &tg, &[target(9001), target(9002)]));
    world.run(|tx| registration::deregister(tx, &tg, &[target(9001)]));
    world.balancer.report_drained(&tg, id(9001));
    world.until("the drained target to be gone", |state| states(state, &tg, None).len() == 1);
}

#[test]
fn a_target_without_a_port_is_at_the_groups_own() {
    let world = World::new();
    let tg = group(&world, "g");
    let unnamed = TargetReference { address: LOCALHOST, port: None };
    world.run(|tx| registration::register(tx, &tg, &[unnamed]));
    assert_eq!(shown(&world, &tg), ["80 unused Target.NotInUse"]);
    world.run(|tx| registration::deregister(tx, &tg, &[target(80)]));
    assert_eq!(shown(&world, &tg), Vec::<String>::new(), "nothing drains where nothing flows");
    world.run(|tx| registration::deregister(tx, &tg, &[target(81)]));
}

#[test]
fn addresses_out_of_reach_and_too_many_targets_are_refused() {
    let world = World::new();
    let tg = group(&world, "g");
    let public = TargetReference { address: Ipv4Addr::new(8, 8, 8, 8).into(), port: None };
    assert_eq!(world.refusal(|tx| registration::register(tx, &tg, &[public])).0, "InvalidTarget");
    let many: Vec<_> = (1..=1000).map(target).collect();
    world.run(|tx| registration::register(tx, &tg, &many));
    world.run(|tx| registration::register(tx, &tg, &many[..10]));
    assert_eq!(world.refusal(|tx| registration::register(tx, &tg, &[target(1001)])).0, "TooManyTargets");
}

#[test]
fn a_group_in_use_by_a_rule_of_weight_zero_is_checked_all_the_same() {
    let world = World::new();
    let (lb, tg) = (balancer(&world, "web"), group(&world, "g"));
    let on = listener(&world, &lb, 8080, fixed(404));
    rule(&world, &on, 1, fixtures::weighted(&[(&tg, 0)], None));
    assert!(world.balancer.group(&tg).is_some());
    world.run(|tx| listeners::delete(tx, &on));
    assert!(world.balancer.group(&tg).is_none());
}

#[test]
fn a_client_target_is_gone_when_its_delay_has_passed_and_a_command_wakes_the_driver() {
    let world = World::new();
    let (lb, tg) = (balancer(&world, "web"), group(&world, "g"));
    listener(&world, &lb, 8080, forward(&tg));
    world.run(|tx| registration::register(tx, &tg, &[target(9001)]));
    world.run(|tx| registration::deregister(tx, &tg, &[target(9001)]));
    let _driver = world.drive();
    world.clock.advance(Duration::from_secs(301));
    // Without being woken the driver would sleep for up to half a minute.
    world.run(|tx| {
        load_balancers::create(tx, &name("another"), fixtures::internal(), Tags::new()).map(|balancer| balancer.arn)
    });
    world.until("the target to be gone", |state| states(state, &tg, None).is_empty());
}

/// Lets the service's first task run and pass its checks; returns its target.
fn run_first_task(world: &World, tg: &str) -> TargetId {
    wait("a task to be started", || !world.runtime.started().is_empty());
    let task = world.runtime.started().remove(0);
    world.runtime.report_running(&task, world.engine.now());
    world.until("the target to be registered", |state| states(state, tg, None).len() == 1);
    let target = world.balancer.group(tg).expect("in use").targets[0].id;
    world.balancer.report_health(tg, target, TargetHealth::healthy());
    world.until("the target to be healthy", |state| states(state, tg, None)[0].ends_with(" healthy"));
    target
}

#[test]
fn a_task_whose_target_a_client_deregisters_is_replaced() {
    let world = World::new();
    let tg = service(&world);
    let _driver = world.drive();
    let target = run_first_task(&world, &tg);
    let reference = TargetReference { address: target.address, port: Some(target.port) };
    world.run(|tx| registration::register(tx, &tg, &[reference]));
    assert_eq!(shown(&world, &tg), [format!("{} healthy", target.port)], "the task's registration stays its own");

    world.run(|tx| registration::deregister(tx, &tg, &[reference]));
    wait("another task to be started", || world.runtime.started().len() == 2);
    let (cluster, name) = cluster_and_service();
    let told = world.engine.read(|state| {
        let events = &state.service(&cluster, &name).expect("the service").events;
        events.iter().any(|event| event.message.contains("TARGET IS NOT FOUND"))
    });
    assert!(told, "an event says why");
}

#[test]
fn a_changed_deregistration_delay_reaches_the_controllers() {
    let world = World::with_scale(10);
    let tg = service(&world);
    let changes = attributes(&[("deregistration_delay.timeout_seconds", "20")]);
    world.run(|tx| target_groups::set_attributes(tx, &tg, changes));
    let (cluster, name) = cluster_and_service();
    let entries = world.journal.entries(&service_key(&cluster, &name), 10).expect("the journal is read");
    let last = entries.last().expect("an entry");
    assert!(last.body.contains("SetDeregistrationDelay"), "{}", last.body);
    assert!(last.body.contains(r#""delay":{"nanos":0,"secs":2}"#), "scaled, to two seconds: {}", last.body);
}
