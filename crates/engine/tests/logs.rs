//! Log groups, and the streams of tasks in them.

mod common;

use common::World;
use seatrial_engine::state::{Document, Tags};
use seatrial_engine::tasks::RunTask;
use seatrial_engine::{clusters, logs, task_definitions, tasks};
use seatrial_model::ClusterName;
use seatrial_model::task_definition::TaskDefinition;
use serde_json::{Value, json};

fn container(name: &str, options: Value) -> Value {
    json!({
        "name": name, "image": "app", "command": ["app"],
        "logConfiguration": {"logDriver": "awslogs", "options": with_region(options)},
    })
}

fn with_region(mut options: Value) -> Value {
    options["awslogs-region"] = json!("us-east-1");
    options
}

fn definition(containers: Value) -> Document {
    match json!({"family": "f", "memory": "512", "containerDefinitions": containers}) {
        Value::Object(object) => object,
        _ => panic!("an object"),
    }
}

#[test]
fn a_log_group_is_made_for_the_container_that_asks_for_it() {
    let mut world = World::new();
    let containers = json!([
        container("a", json!({"awslogs-group": "wanted", "awslogs-create-group": "true"})),
        container("b", json!({"awslogs-group": "not-wanted"})),
        container("c", json!({"awslogs-group": "there", "awslogs-create-group": "true"})),
    ]);
    let parsed = TaskDefinition::parse(&Value::Object(definition(containers))).expect("a task definition");
    world.run(|tx| logs::create_group(tx, "there", Tags::new()));
    world.run(|tx| logs::set_retention(tx, "there", Some(7)));
    for _ in 0..2 {
        world.run(|tx| {
            logs::create_wanted_groups(tx, &parsed);
            Ok(())
        });
    }
    world.restart();
    let groups = world.engine.read(|state| {
        state.log_groups.values().map(|group| (group.name.clone(), group.retention_days)).collect::<Vec<_>>()
    });
    assert_eq!(groups, [("there".to_owned(), Some(7)), ("wanted".to_owned(), None)]);
}

#[test]
fn streams_are_named_by_prefix_container_and_task() {
    let world = World::new();
    let containers = json!([
        container("b", json!({"awslogs-group": "g", "awslogs-stream-prefix": "p"})),
        container("a", json!({"awslogs-group": "g", "awslogs-stream-prefix": "p"})),
        container("c", json!({"awslogs-group": "other", "awslogs-stream-prefix": "p"})),
    ]);
    let cluster = ClusterName::parse("c").expect("a name");
    let request = RunTask {
        cluster: cluster.clone(),
        task_definition: "f".to_owned(),
        group: None,
        started_by: None,
        overridden: None,
        document: Document::new(),
        network_configuration: None,
    };
    let task = world.run(|tx| {
        clusters::create(tx, cluster, Document::new())?;
        task_definitions::register(tx, definition(containers))?;
        tasks::run(tx, request)
    });
    let names =
        world.engine.read(|state| logs::streams(state, "g").into_iter().map(|stream| stream.name).collect::<Vec<_>>());
    assert_eq!(names, [format!("p/a/{}", task.id), format!("p/b/{}", task.id)]);
}
