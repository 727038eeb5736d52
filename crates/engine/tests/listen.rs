//! Where load balancers listen, and that tasks do not.

mod common;
mod fixtures;

use std::net::{IpAddr, Ipv4Addr};

use common::{World, wait};
use fixtures::service;

#[test]
fn listeners_stand_at_the_address_given_and_tasks_on_the_loopback_one() {
    let everywhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    for (listen, host) in [
        (everywhere, "127.0.0.1"),
        (IpAddr::V4(Ipv4Addr::LOCALHOST), "127.0.0.1"),
        (IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), "192.0.2.1"),
        ("::1".parse().expect("an address"), "[::1]"),
        ("::".parse().expect("an address"), "[::1]"),
    ] {
        let mut world = World::listening(listen);
        assert_eq!(world.engine.settings().balancer_host(), host);
        let group = service(&world);
        let address = |world: &World| world.balancer.config().listeners.first().map(|listener| listener.address.ip());
        assert_eq!(address(&world), Some(listen));
        let _driver = world.drive();
        wait("the task to be started", || !world.runtime.launches().is_empty());
        let launch = world.runtime.launches().remove(0);
        assert_eq!(launch.address, IpAddr::V4(Ipv4Addr::LOCALHOST));
        world.runtime.report_running(&launch.task, world.engine.now());
        let target = || world.balancer.group(&group)?.targets.first().map(|target| target.id.address);
        wait("its target", || target().is_some());
        assert_eq!(target(), Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        drop(_driver);
        world.restart();
        assert_eq!(address(&world), Some(listen), "as the settings say, also after a restart");
    }
}
