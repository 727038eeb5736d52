//! No container outlives its task, whatever is killed, and none is touched that is somebody else's.

use seatrial_model::TaskId;
use seatrial_ports::runtime::{ContainerStatus, EndCause, TaskPhase};
use serde_json::json;

use crate::support::engines::Engine;
use crate::support::{
    World, all_processes, container, end_reason, engine_test, has_word, kill, processes_of, shell, supervisor_of,
    wait_until,
};

fn running(world: &World) -> TaskId {
    let task = world.start(json!([shell("app", "echo ready; while :; do sleep 0.1; done")]));
    world.wait_for_message(&task, "app", |line| line == "ready");
    world.wait_for_phase(&task, TaskPhase::Running);
    task
}

fn shims(world: &World, word: &str) -> Vec<u32> {
    let supervisors: Vec<u32> = crate::support::supervisors_of(&world.home);
    all_processes().filter(|id| has_word(*id, word) && supervisors.contains(&parent_of(*id))).collect()
}

fn parent_of(id: u32) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace().nth(1).map(str::to_owned));
    fields.flatten().and_then(|parent| parent.parse().ok()).unwrap_or(0)
}

fn wait_until_removed(world: &World) {
    wait_until("no container is left", || world.containers().is_empty().then_some(()));
}

engine_test!(a_killed_supervisor_takes_its_containers_along, |engine: &Engine| {
    let world = World::of_containers(engine);
    let task = running(&world);
    assert_eq!(world.containers().len(), 2, "the container and the one that holds its network");
    kill(supervisor_of(&world.home, &task));
    let report = world.wait_until_stopped(&task);
    assert_eq!(report.end.as_ref().map(|end| end.cause), Some(EndCause::Lost), "{report:?}");
    wait_until_removed(&world);
});

engine_test!(a_killed_shim_ends_its_container, |engine: &Engine| {
    let world = World::of_containers(engine);
    let task = running(&world);
    for shim in shims(&world, "--container") {
        kill(shim);
    }
    let report = world.wait_until_stopped(&task);
    assert_eq!(container(&report, "app").exit_code, Some(137));
    wait_until_removed(&world);
});

engine_test!(a_keeper_that_takes_anothers_place_leaves_the_network_as_it_is, |engine: &Engine| {
    let world = World::of_containers(engine);
    let task = running(&world);
    let started_at = |name: &str| engine.command(&["inspect", "--format", "{{.Id}} {{.State.StartedAt}}", name]);
    let holder = format!("seatrial-{task}");
    let before = started_at(&holder);
    let keepers = shims(&world, "--container-keeper");
    assert_eq!(keepers.len(), 1);
    kill(keepers[0]);
    wait_until("another keeper", || {
        let now = shims(&world, "--container-keeper");
        (now.len() == 1 && now != keepers).then_some(())
    });
    // Long enough for it to have looked.
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(started_at(&holder), before, "what ran in it is where it was");
    let report = world.stop(&task);
    assert!(report.end.is_none(), "{report:?}");
    wait_until_removed(&world);
});

engine_test!(a_task_that_loses_its_network_ends, |engine: &Engine| {
    let world = World::of_containers(engine);
    let task = running(&world);
    engine.command(&["kill", &format!("seatrial-{task}")]);
    let report = world.wait_until_stopped(&task);
    assert_eq!(container(&report, "app").exit_code, Some(137), "{report:?}");
    wait_until_removed(&world);
});

engine_test!(a_group_that_is_asked_to_end_ends_as_a_task_does, |engine: &Engine| {
    let world = World::of_containers(engine);
    let script = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.1; done";
    let task = world.start(json!([shell("app", script)]));
    world.wait_for_message(&task, "app", |line| line == "ready");
    world.wait_for_phase(&task, TaskPhase::Running);
    // As an init system does with all processes of a service.
    let all =
        [shims(&world, "--container"), shims(&world, "--container-keeper"), vec![supervisor_of(&world.home, &task)]];
    for id in all.concat() {
        crate::support::signal(id, rustix::process::Signal::TERM);
    }
    let report = world.wait_until_stopped(&task);
    assert_eq!(container(&report, "app").exit_code, Some(7), "{report:?}");
    assert!(world.messages(&task, "app").contains(&"bye".to_owned()));
    wait_until_removed(&world);
});

engine_test!(when_everything_is_killed_the_next_engine_removes_what_is_left, |engine: &Engine| {
    let mut world = World::of_containers(engine);
    let task = running(&world);
    world.close();
    let supervisor = supervisor_of(&world.home, &task);
    let all: Vec<u32> = [shims(&world, "--container"), shims(&world, "--container-keeper"), vec![supervisor]].concat();
    assert_eq!(all.len(), 3);
    // Stopped first, so that none sees the others' end.
    for id in all.iter().rev() {
        crate::support::signal(*id, rustix::process::Signal::STOP);
    }
    all.iter().for_each(|id| kill(*id));
    assert_eq!(world.containers().len(), 2, "nobody is left to remove them");
    assert_eq!(world.restart(), std::slice::from_ref(&task));
    let report = world.wait_until_stopped(&task);
    assert_eq!(report.end.map(|end| end.cause), Some(EndCause::Lost));
    wait_until_removed(&world);
});

engine_test!(a_restarted_engine_finds_its_tasks_in_containers, |engine: &Engine| {
    let mut world = World::of_containers(engine);
    let task = running(&world);
    assert_eq!(world.restart(), std::slice::from_ref(&task));
    let report = world.recorder.wait(&task, "it runs on", |report| report.phase == TaskPhase::Running);
    assert_eq!(container(&report, "app").status, ContainerStatus::Running);
    let report = world.stop(&task);
    assert_eq!(report.end, None);
    wait_until_removed(&world);
});

engine_test!(the_containers_of_another_home_are_left_alone, |engine: &Engine| {
    let other = World::of_containers(engine);
    let foreign = running(&other);
    let mut world = World::of_containers(engine);
    let task = running(&world);
    world.close();
    world.restart();
    world.stop(&task);
    wait_until_removed(&world);
    assert_eq!(other.containers().len(), 2);
    assert_eq!(other.recorder.all(&foreign).last().map(|report| report.phase), Some(TaskPhase::Running));
});

#[test]
fn a_task_whose_container_engine_goes_away_ends_and_says_so() {
    let Some(engine) = Engine::another(crate::support::engines::Brand::Docker) else { return };
    let world = World::of_containers(&engine);
    let task = running(&world);
    kill(engine.process);
    let report = world.wait_until_stopped(&task);
    assert_eq!(report.end.as_ref().map(|end| end.cause), Some(EndCause::Lost));
    assert!(end_reason(&report).starts_with("Task lost: the container engine is gone"), "{report:?}");
    // What it ran it has left to whoever comes after it.
    processes_of(&task).into_iter().for_each(kill);
}
