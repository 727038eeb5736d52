//! Commands on load balancers, listeners, rules and target groups, and what reaches the data plane.

mod common;
mod fixtures;

use std::collections::BTreeMap;
use std::time::Duration;

use common::World;
use fixtures::{
    attributes, balancer, create_group, fixed, forward, group, internal, listen, listener, rule, rule_at, tags,
    weighted,
};
use seatrial_engine::load_balancing::health_check::HealthCheckChange;
use seatrial_engine::load_balancing::listeners::{self, ListenerChange};
use seatrial_engine::load_balancing::rules::{self, RuleChange, RuleRef};
use seatrial_engine::load_balancing::{arn, load_balancers, tagging, target_groups};

const ELB_TABLES: [&str; 5] = ["load_balancers", "listeners", "rules", "target_groups", "tags"];

#[test]
fn a_listener_with_its_target_group_reaches_the_data_plane_scaled() {
    let world = World::with_scale(10);
    let (lb, tg) = (balancer(&world, "web"), group(&world, "web-1"));
    assert_eq!(world.balancer.config().target_groups, [], "a group without a listener gets no traffic");
    let listener = listener(&world, &lb, 8080, forward(&tg));
    world.run(|tx| load_balancers::set_attributes(tx, &lb, attributes(&[("idle_timeout.timeout_seconds", "30")])));
    world.run(|tx| load_balancers::set_attributes(tx, &lb, attributes(&[("client_keep_alive.seconds", "600")])));
    let changes = [
        ("deregistration_delay.timeout_seconds", "20"),
        ("slow_start.duration_seconds", "30"),
        ("seatrial.settle_time.seconds", "5"),
        ("stickiness.enabled", "true"),
    ];
    world.run(|tx| target_groups::set_attributes(tx, &tg, attributes(&changes)));

    let config = world.balancer.config();
    assert_eq!(config.listeners.len(), 1);
    assert_eq!(config.listeners[0].arn, listener);
    assert_eq!(config.listeners[0].address.to_string(), "127.0.0.1:8080");
    assert_eq!(config.listeners[0].idle_timeout, Duration::from_secs(30));
    assert_eq!(config.listeners[0].client_keep_alive, Duration::from_secs(600));
    assert_eq!(config.listeners[0].default_action, forward(&tg));
    let group = world.balancer.group(&tg).expect("the group is in use");
    assert_eq!(group.deregistration_delay, Duration::from_secs(2));
    assert_eq!(group.slow_start, Duration::from_secs(3));
    assert_eq!(group.settle_time, Duration::from_millis(500));
    assert_eq!(group.health_check.interval, Duration::from_secs(3));
    assert_eq!(group.stickiness, Some(Duration::from_secs(86_400)));
}

#[test]
fn creating_the_same_thing_twice_gives_the_one_that_is_there() {
    let world = World::new();
    let (lb, tg) = (balancer(&world, "web"), group(&world, "web-1"));
    let first = listener(&world, &lb, 8080, forward(&tg));
    let commits = world.journal.commits();
    assert_eq!(balancer(&world, "web"), lb);
    assert_eq!(group(&world, "web-1"), tg);
    assert_eq!(listener(&world, &lb, 8080, forward(&tg)), first);
    assert_eq!(world.journal.commits(), commits, "nothing was written");

    let name = fixtures::name("web");
    let other = world.refusal(|tx| load_balancers::create(tx, &name, internal(), tags(&[])));
    assert_eq!(other.0, "DuplicateLoadBalancerName");
    let checked = HealthCheckChange { path: Some("/ready".to_owned()), ..Default::default() };
    assert_eq!(world.refusal(|tx| create_group(tx, "web-1", checked)).0, "DuplicateTargetGroupName");
    assert_eq!(world.refusal(|tx| listen(tx, &lb, 8080, fixed(404))).0, "DuplicateListener");
}

#[test]
fn a_port_serves_one_listener_of_the_whole_engine() {
    let world = World::new();
    let (one, two) = (balancer(&world, "one"), balancer(&world, "two"));
    let first = listener(&world, &one, 8080, fixed(404));
    let (code, message) = world.refusal(|tx| listen(tx, &two, 8080, fixed(404)));
    assert_eq!(code, "DuplicateListener");
    assert!(message.contains(&first), "{message}");
    let second = listener(&world, &two, 8081, fixed(404));
    let moved = ListenerChange { port: Some(8080), ..Default::default() };
    assert_eq!(world.refusal(|tx| listeners::modify(tx, &second, moved)).0, "DuplicateListener");
}

#[test]
fn a_port_that_another_program_has_is_refused_with_what_to_do() {
    let world = World::new();
    let lb = balancer(&world, "web");
    world.balancer.occupy(9090);
    let (code, message) = world.refusal(|tx| listen(tx, &lb, 9090, fixed(404)));
    assert_eq!(code, "InvalidConfigurationRequest");
    assert_eq!(
        message,
        "The engine cannot listen on port 9090 of the loopback address: Address already in use (os error 98). End the \
         program that uses the port, or choose another one"
    );
    assert_eq!(world.balancer.config().listeners, []);
}

#[test]
fn a_port_that_a_listener_has_just_left_can_be_taken_at_once() {
    let world = World::new();
    let lb = balancer(&world, "web");
    let old = listener(&world, &lb, 8080, fixed(404));
    world.balancer.report_applied();
    world.run(|tx| listeners::delete(tx, &old));
    // The data plane has not heard of it yet and still holds the socket.
    world.balancer.occupy(8080);
    let new = listener(&world, &lb, 8080, fixed(404));
    assert_ne!(new, old);

    let _driver = world.drive();
    world.run(|tx| listeners::delete(tx, &new));
    world.balancer.report_applied();
    let generation = world.balancer.config().generation;
    common::wait("the report to be noted", || {
        world.engine.read_all(|_, volatile| volatile.applied_generation == generation)
    });
    assert_eq!(world.refusal(|tx| listen(tx, &lb, 8080, fixed(404))).0, "InvalidConfigurationRequest");
}

#[test]
fn rules_are_evaluated_by_priority_and_the_default_is_last() {
    let world = World::new();
    let lb = balancer(&world, "web");
    let on = listener(&world, &lb, 8080, fixed(404));
    let (late, early) = (rule(&world, &on, 20, fixed(200)), rule(&world, &on, 10, fixed(201)));
    let order = |world: &World| -> Vec<String> {
        world.balancer.config().listeners[0].rules.iter().map(|rule| rule.arn.clone()).collect()
    };
    assert_eq!(order(&world), [early.clone(), late.clone()]);
    assert_eq!(world.refusal(|tx| rule_at(tx, &on, 10, fixed(200))).0, "PriorityInUse");

    world.run(|tx| rules::set_priorities(tx, &[(early.clone(), 20), (late.clone(), 10)]));
    assert_eq!(order(&world), [late.clone(), early.clone()]);
    let taken = world.refusal(|tx| rules::set_priorities(tx, &[(late.clone(), 20)]));
    assert_eq!(taken, ("PriorityInUse".to_owned(), "Priority '20' is currently in use".to_owned()));

    let last_is_default = world.engine.read(|state| {
        let rules = rules::of(state, listeners::find(state, &on).expect("the listener"));
        matches!(rules.last(), Some(RuleRef::Default(listener)) if listener.arn == on) && rules.len() == 3
    });
    assert!(last_is_default);
}

#[test]
fn the_default_rule_is_changed_through_its_listener_only() {
    let world = World::new();
    let lb = balancer(&world, "web");
    let on = listener(&world, &lb, 8080, fixed(404));
    let default = arn::default_rule(&on);
    let found = world.engine.read(|state| matches!(rules::find(state, &default), Ok(RuleRef::Default(_))));
    assert!(found, "the default rule is found by its ARN");
    let change = RuleChange { action: Some(fixed(200)), ..Default::default() };
    assert_eq!(world.refusal(|tx| rules::modify(tx, &default, change)).0, "OperationNotPermitted");
    assert_eq!(world.refusal(|tx| rules::delete(tx, &default)).0, "OperationNotPermitted");
    assert_eq!(world.refusal(|tx| rules::set_priorities(tx, &[(default.clone(), 5)])).0, "OperationNotPermitted");

    let change = ListenerChange { default_action: Some(fixed(200)), ..Default::default() };
    world.run(|tx| listeners::modify(tx, &on, change));
    assert_eq!(world.balancer.config().listeners[0].default_action, fixed(200));
}

#[test]
fn a_target_group_serves_one_load_balancer() {
    let world = World::new();
    let (one, two, tg) = (balancer(&world, "one"), balancer(&world, "two"), group(&world, "g"));
    let first = listener(&world, &one, 8080, forward(&tg));
    listener(&world, &one, 8081, forward(&tg));
    assert_eq!(world.refusal(|tx| listen(tx, &two, 8082, forward(&tg))).0, "TargetGroupAssociationLimit");
    let other = listener(&world, &two, 8082, fixed(404));
    assert_eq!(world.refusal(|tx| rule_at(tx, &other, 1, forward(&tg))).0, "TargetGroupAssociationLimit");

    assert_eq!(world.refusal(|tx| target_groups::delete(tx, &tg)).0, "ResourceInUse");
    world.run(|tx| load_balancers::delete(tx, &one));
    assert_eq!(world.refusal(|tx| listeners::delete(tx, &first)).0, "ListenerNotFound");
    world.run(|tx| target_groups::delete(tx, &tg));
    world.run(|tx| target_groups::delete(tx, &tg));
}

#[test]
fn deleting_a_load_balancer_deletes_its_listeners_rules_and_tags() {
    let world = World::new();
    let (lb, tg) = (balancer(&world, "web"), group(&world, "g"));
    let on = listener(&world, &lb, 8080, forward(&tg));
    let numbered = rule(&world, &on, 1, forward(&tg));
    let all = [lb.clone(), on.clone(), numbered, arn::default_rule(&on)];
    world.run(|tx| tagging::add(tx, &all, &tags(&[("team", "blue")])));
    assert_eq!(world.engine.read(|state| state.tags.len()), 4);

    world.run(|tx| load_balancers::set_attributes(tx, &lb, attributes(&[("deletion_protection.enabled", "true")])));
    assert_eq!(world.refusal(|tx| load_balancers::delete(tx, &lb)).0, "OperationNotPermitted");
    world.run(|tx| load_balancers::set_attributes(tx, &lb, attributes(&[("deletion_protection.enabled", "false")])));
    world.run(|tx| load_balancers::delete(tx, &lb));

    let left = world.records(&["load_balancers", "listeners", "rules", "tags"]);
    assert_eq!(left, Vec::<String>::new());
    assert_eq!(world.balancer.config().listeners, []);
    world.run(|tx| load_balancers::delete(tx, &lb));
}

#[test]
fn what_does_not_exist_is_named_in_the_refusal() {
    let world = World::new();
    let (lb, tg) = (balancer(&world, "web"), group(&world, "g"));
    let on = listener(&world, &lb, 8080, forward(&tg));
    let gone = |arn: &str| format!("{}0", &arn[..arn.len() - 1]);
    let unknown = rule(&world, &on, 1, fixed(200));
    let refusals = [
        world.refusal(|tx| listen(tx, &gone(&lb), 8081, fixed(404))).0,
        world.refusal(|tx| listeners::modify(tx, &gone(&on), ListenerChange::default())).0,
        world.refusal(|tx| rules::delete(tx, &gone(&unknown))).0,
        world.refusal(|tx| rule_at(tx, &on, 2, forward(&gone(&tg)))).0,
        world.refusal(|tx| target_groups::modify(tx, &gone(&tg), HealthCheckChange::default())).0,
        world.refusal(|tx| tagging::add(tx, &[gone(&tg)], &tags(&[("a", "b")]))).0,
        world.refusal(|tx| listeners::delete(tx, "8080")).0,
        world.refusal(|tx| target_groups::delete(tx, &lb)).0,
    ];
    let codes = [
        "LoadBalancerNotFound",
        "ListenerNotFound",
        "RuleNotFound",
        "TargetGroupNotFound",
        "TargetGroupNotFound",
        "TargetGroupNotFound",
        "ValidationError",
        "ValidationError",
    ];
    assert_eq!(refusals.each_ref().map(String::as_str), codes);
}

#[test]
fn a_sticky_target_group_among_several_needs_a_sticky_forward() {
    let world = World::new();
    let lb = balancer(&world, "web");
    let (one, two) = (group(&world, "one"), group(&world, "two"));
    let sticky = attributes(&[("stickiness.enabled", "true")]);
    world.run(|tx| target_groups::set_attributes(tx, &one, sticky.clone()));
    let loose = weighted(&[(&one, 90), (&two, 10)], None);
    let firm = weighted(&[(&one, 90), (&two, 10)], Some(Duration::from_secs(60)));
    assert_eq!(world.refusal(|tx| listen(tx, &lb, 8080, loose.clone())).0, "InvalidConfigurationRequest");
    let on = listener(&world, &lb, 8080, firm);

    world.run(|tx| target_groups::set_attributes(tx, &one, attributes(&[("stickiness.enabled", "false")])));
    world.run(|tx| listeners::modify(tx, &on, ListenerChange { default_action: Some(loose), ..Default::default() }));
    let refusal = world.refusal(|tx| target_groups::set_attributes(tx, &two, sticky));
    assert_eq!(refusal.0, "InvalidConfigurationRequest");
}

#[test]
fn slow_start_goes_with_round_robin_only() {
    let world = World::new();
    let tg = group(&world, "g");
    world.run(|tx| target_groups::set_attributes(tx, &tg, attributes(&[("slow_start.duration_seconds", "60")])));
    let least = attributes(&[("load_balancing.algorithm.type", "least_outstanding_requests")]);
    assert_eq!(world.refusal(|tx| target_groups::set_attributes(tx, &tg, least)).0, "InvalidConfigurationRequest");
    let both = attributes(&[
        ("load_balancing.algorithm.type", "least_outstanding_requests"),
        ("slow_start.duration_seconds", "0"),
    ]);
    let all = world.run(|tx| target_groups::set_attributes(tx, &tg, both));
    assert_eq!(all.get("load_balancing.algorithm.type").map(String::as_str), Some("least_outstanding_requests"));
    assert_eq!(all.get("deregistration_delay.timeout_seconds").map(String::as_str), Some("300"));
}

#[test]
fn quotas_bound_what_one_load_balancer_has() {
    let world = World::new();
    let lb = balancer(&world, "web");
    let on = listener(&world, &lb, 8000, fixed(404));
    for priority in 1..=100 {
        rule(&world, &on, priority, fixed(200));
    }
    assert_eq!(world.refusal(|tx| rule_at(tx, &on, 101, fixed(200))).0, "TooManyRules");
    for port in 8001..8050 {
        listener(&world, &lb, port, fixed(404));
    }
    assert_eq!(world.refusal(|tx| listen(tx, &lb, 8050, fixed(404))).0, "TooManyListeners");
    for number in 2..=50 {
        balancer(&world, &format!("web-{number}"));
    }
    let name = fixtures::name("web-51");
    assert_eq!(world.refusal(|tx| load_balancers::create(tx, &name, internal(), tags(&[]))).0, "TooManyLoadBalancers");
    let many: BTreeMap<String, String> = (0..51).map(|n| (n.to_string(), String::new())).collect();
    assert_eq!(world.refusal(|tx| tagging::add(tx, std::slice::from_ref(&lb), &many)).0, "TooManyTags");
}

#[test]
fn everything_is_as_it_was_after_a_restart() {
    let mut world = World::new();
    let lb = balancer(&world, "web");
    let (one, two) = (group(&world, "one"), group(&world, "two"));
    let on = listener(&world, &lb, 8080, weighted(&[(&one, 95), (&two, 5)], Some(Duration::from_secs(60))));
    rule(&world, &on, 7, forward(&one));
    world.run(|tx| {
        target_groups::set_attributes(tx, &two, attributes(&[("deregistration_delay.timeout_seconds", "5")]))
    });
    world.run(|tx| load_balancers::set_attributes(tx, &lb, attributes(&[("idle_timeout.timeout_seconds", "10")])));
    world.run(|tx| tagging::add(tx, std::slice::from_ref(&lb), &tags(&[("team", "blue")])));
    let gone = listener(&world, &lb, 8081, fixed(404));
    world.run(|tx| listeners::delete(tx, &gone));
    let (records, config) = (world.records(&ELB_TABLES), world.balancer.config());

    world.restart();
    assert_eq!(world.records(&ELB_TABLES), records);
    let again = world.balancer.config();
    assert_eq!((again.listeners, again.target_groups), (config.listeners, config.target_groups));
    assert_eq!(balancer(&world, "web"), lb, "the name is still taken by the same load balancer");
}

#[test]
fn a_full_disk_refuses_the_command_and_changes_nothing() {
    let world = World::new();
    let (lb, tg) = (balancer(&world, "web"), group(&world, "g"));
    let applied = world.balancer.applied().len();
    world.journal.set_room(Some(0));
    let (code, message) = world.refusal(|tx| listen(tx, &lb, 8080, forward(&tg)));
    assert_eq!(code, "ServerException");
    assert!(message.contains("Free some space"), "{message}");
    assert_eq!(world.engine.read(|state| state.listeners.len()), 0);
    assert_eq!(world.balancer.applied().len(), applied, "the data plane was asked for nothing");
    world.journal.set_room(None);
    listener(&world, &lb, 8080, forward(&tg));
}
