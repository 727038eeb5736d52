//! Single rules, each where it is easiest to get wrong.

#[path = "../common/mod.rs"]
mod common;
mod failing;
mod leaving;
mod rolling_back;
mod scaling;

use common::world::{Behaviour, Boot, World};
use common::{Checks, controller, deploy, revision, settings};
use seatrial_controller::{ServiceDeploymentStatus, StopType};

/// A service on its first version, at rest.
fn running(count: u32, minimum: u32, maximum: u32, checks: Checks) -> World {
    let mut world = World::new(controller());
    world.command("CreateService v1", deploy(settings(count, minimum, maximum), 1, checks));
    world.run();
    assert!(world.controller.is_steady(), "{}", world.story());
    world.log.clear();
    world
}

fn status(world: &World) -> ServiceDeploymentStatus {
    world.controller.service_deployment().expect("a service deployment").status
}

fn live_of(world: &World, number: u64) -> usize {
    let id = revision(number, Checks::Balancer).id;
    world.controller.tasks().filter(|task| task.is_live() && task.revision == id).count()
}

/// A deployment that has failed halfway and is not rolled back: two tasks each of v1 and of v2.
fn failed_halfway() -> World {
    let mut world = running(4, 50, 100, Checks::Balancer);
    world.behave(2, &[Behaviour { boot: Boot::Hangs, ..Behaviour::GOOD }]);
    world.command("UpdateService v2", deploy(settings(4, 50, 100), 2, Checks::Balancer));
    world.run();
    world.stop_deployment(2, StopType::Abort);
    assert_eq!((live_of(&world, 1), live_of(&world, 2)), (2, 2));
    world
}
