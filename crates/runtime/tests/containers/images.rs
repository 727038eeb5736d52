//! Where the images of containers come from.

use seatrial_ports::runtime::{EndCause, LaunchImage, TaskPhase};
use serde_json::json;

use crate::support::engines::Engine;
use crate::support::{World, container, end_reason, engine_test, image, with};

engine_test!(an_image_that_the_engine_has_is_used_by_its_name, |engine: &Engine| {
    let world = World::of_containers(engine);
    let digest = image::put(&world.home, json!({}));
    let script = json!({ "name": "app", "image": "i", "command": ["sh", "-c", "cat /greeting"] });
    let report = world.run(json!([script]));
    assert_eq!(world.messages(&report.task, "app"), ["hello from the image"]);
    let named = with(
        script,
        json!({ "image": format!("localhost/seatrial-{}:{}", world.identity().expect("it has containers"), digest.hex()) }),
    );
    let mut launch = world.launch(json!([named]));
    launch.images.clear();
    let task = launch.task.clone();
    world.runtime().start(launch);
    let report = world.wait_until_stopped(&task);
    assert_eq!(container(&report, "app").exit_code, Some(0), "{report:?}");
});

engine_test!(an_image_that_cannot_be_pulled_is_said_in_ecs_words, |engine: &Engine| {
    let world = World::of_containers(engine);
    let mut launch =
        world.launch(json!([{ "name": "app", "image": "127.0.0.1:9/nobody/nothing:1", "command": ["x"] }]));
    launch.images.clear();
    let task = launch.task.clone();
    world.runtime().start(launch);
    let report = world.wait_until_stopped(&task);
    assert!(end_reason(&report).starts_with("CannotPullContainerError: "), "{report:?}");
    assert_eq!(report.started_at, None);
    assert!(world.recorder.all(&task).iter().any(|report| report.phase == TaskPhase::Activating));
});

engine_test!(a_missing_image_is_told_as_it_was_given, |engine: &Engine| {
    let world = World::of_containers(engine);
    let mut launch = world.launch(json!([{ "name": "app", "image": "i", "command": ["x"] }]));
    let why = "CannotPullContainerError: pull image manifest has failed";
    launch.images.values_mut().for_each(|image| *image = LaunchImage::Missing(why.to_owned()));
    let task = launch.task.clone();
    world.runtime().start(launch);
    let report = world.wait_until_stopped(&task);
    let end = report.end.expect("it could not start");
    assert_eq!((end.cause, end.reason.as_str()), (EndCause::CannotStart, why));
});
