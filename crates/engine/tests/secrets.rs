//! What a task is started with: the values of the moment, in the order and nowhere else.

mod common;

use std::collections::BTreeMap;

use common::World;
use seatrial_engine::secrets::NewSecret;
use seatrial_engine::state::Document;
use seatrial_engine::tasks::RunTask;
use seatrial_engine::{clusters, parameters, secrets, task_definitions, tasks};
use seatrial_model::{ClusterName, ContainerName, SecretText, TaskId};
use seatrial_parameters::parameter::{Overwrite, ParameterType, PutRequest};
use seatrial_parameters::secret::deletion::DeletionWish;
use seatrial_parameters::secret::{Form, NewValue, SecretId};
use seatrial_parameters::{Reference, SecretName, Tags};
use seatrial_ports::runtime::LaunchSecrets;
use serde_json::{Value, json};

const BY: &str = "arn:aws:iam::123456789012:user/seatrial";

fn put(world: &World, name: &str, value: &str) {
    let request = PutRequest {
        name: name.to_owned(),
        value: SecretText::new(value),
        kind: Some(ParameterType::SecureString),
        overwrite: Overwrite::Allowed,
        description: None,
        key_id: None,
        allowed_pattern: None,
        data_type: None,
        tier: None,
        policies: None,
        tags: Tags::new(),
    };
    world.run(|tx| parameters::put(tx, request, BY));
}

fn text(value: &str) -> NewValue {
    NewValue { form: Form::Text, text: SecretText::new(value) }
}

/// Makes a secret and returns its ARN.
fn create(world: &World, name: &str, value: NewValue) -> String {
    let request = NewSecret {
        name: SecretName::parse(name).expect("a name"),
        token: None,
        description: None,
        key_id: None,
        value: Some(value),
        tags: Tags::new(),
    };
    world.run(|tx| secrets::create(tx, request)).0.arn().to_owned()
}

/// Runs a task whose container asks for values.
fn run(world: &World, wanted: &[(&str, &str)]) -> TaskId {
    let list: Vec<Value> = wanted.iter().map(|(name, from)| json!({"name": name, "valueFrom": from})).collect();
    let container = json!({"name": "app", "image": "app", "command": ["app"], "secrets": list});
    let Value::Object(definition) = json!({"family": "app", "memory": "512", "containerDefinitions": [container]})
    else {
        unreachable!("it is an object")
    };
    let cluster = ClusterName::parse("default").expect("a name");
    let request = RunTask {
        cluster: cluster.clone(),
        task_definition: "app".to_owned(),
        group: None,
        started_by: None,
        overridden: None,
        document: Document::new(),
        network_configuration: None,
    };
    let task = world.run(|tx| {
        clusters::create(tx, cluster, Document::new())?;
        task_definitions::register(tx, definition)?;
        tasks::run(tx, request)
    });
    task.id
}

/// What the last order to start a task had with it.
fn pulled(world: &World) -> LaunchSecrets {
    world.runtime.launches().pop().expect("a launch").secrets
}

fn values(list: &[(&str, &str)]) -> LaunchSecrets {
    let variables = list.iter().map(|(name, value)| ((*name).to_owned(), SecretText::new(*value))).collect();
    LaunchSecrets::Pulled(BTreeMap::from([(ContainerName::parse("app").expect("a name"), variables)]))
}

fn why(world: &World) -> String {
    match pulled(world) {
        LaunchSecrets::Missing(why) => why,
        LaunchSecrets::Pulled(_) => panic!("the values are there"),
    }
}

#[test]
fn a_task_gets_the_values_of_the_moment_it_is_started() {
    let world = World::new();
    put(&world, "/app/token", "first");
    let arn = create(&world, "db", text(r#"{"user": "anna", "port": 5432}"#));
    let parameter = "arn:aws:ssm:us-east-1:123456789012:parameter/app/token";
    let (user, port) = (format!("{arn}:user::"), format!("{arn}:port:AWSCURRENT:"));
    let wanted =
        [("TOKEN", "/app/token"), ("AGAIN", parameter), ("WHOLE", &arn), ("USER_NAME", &user), ("DB_PORT", &port)];
    run(&world, &wanted);
    let whole = r#"{"user": "anna", "port": 5432}"#;
    let expected =
        [("TOKEN", "first"), ("AGAIN", "first"), ("WHOLE", whole), ("USER_NAME", "anna"), ("DB_PORT", "5432")];
    assert_eq!(pulled(&world), values(&expected));

    put(&world, "/app/token", "second");
    world.run(|tx| secrets::put_value(tx, &SecretId::new("db"), None, &text("{}"), None));
    let previous = format!("{arn}:user:AWSPREVIOUS:");
    run(&world, &[("TOKEN", "/app/token"), ("USER_NAME", &previous)]);
    assert_eq!(pulled(&world), values(&[("TOKEN", "second"), ("USER_NAME", "anna")]));
}

#[test]
fn an_engine_that_starts_pulls_again_and_keeps_nothing_of_it() {
    let mut world = World::new();
    put(&world, "/app/token", "hunter2");
    run(&world, &[("TOKEN", "/app/token")]);
    world.restart();
    assert_eq!(pulled(&world), values(&[("TOKEN", "hunter2")]));
    let rows = world.records(&["tasks", "task_definitions", "parameters", "secrets"]).join("\n");
    assert!(rows.contains("/app/token") && !rows.contains("hunter2"), "{rows}");
    let shown = format!("{:?}", world.runtime.orders());
    assert!(shown.contains("/app/token") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn what_is_missing_is_named_with_its_variable() {
    let world = World::new();
    let arn = create(&world, "db", text("no json"));
    let binary = create(&world, "binary", NewValue { form: Form::Binary, text: SecretText::new("AAAA") });
    create(&world, "gone", text("x"));
    let gone = "arn:aws:secretsmanager:us-east-1:123456789012:secret:gone";
    world.run(|tx| secrets::delete(tx, &SecretId::new("gone"), DeletionWish::After(7)));
    put(&world, "/app/nul", "a\0b");
    let key = format!("{arn}:user::");
    let stage = format!("{arn}::OTHER:");
    let odd = format!("{arn}:user");
    for (from, expected) in [
        ("/app/token", "unable to retrieve secrets from ssm: invalid parameters: /app/token does not exist"),
        (&key, "did not contain json key user"),
        (
            &stage,
            "ResourceNotFoundException: Secrets Manager can't find the specified secret value for staging label: OTHER",
        ),
        (&odd, "unexpected ARN format"),
        (&binary, "the secret is a SecretBinary"),
        (
            gone,
            "InvalidRequestException: You can't perform this operation on the secret because it was marked for deletion",
        ),
        (
            "arn:aws:ssm:eu-west-1:123456789012:parameter/a",
            "this engine has the account 123456789012 in us-east-1 only",
        ),
        ("/app/nul", "NUL character"),
    ] {
        run(&world, &[("TOKEN", from)]);
        let why = why(&world);
        let beginning = format!("execution resource retrieval failed: TOKEN of container app from {from}: ");
        assert!(why.starts_with(&beginning) && why.contains(expected), "{why}");
    }
    run(&world, &[("A", "/a"), ("B", "/b"), ("C", "/c"), ("D", "/d")]);
    assert!(why(&world).ends_with("; and 1 more"), "{}", why(&world));
}

#[test]
fn without_the_key_the_reason_says_so() {
    let world = World::new();
    put(&world, "/app/token", "hunter2");
    world.vault.take_key_away();
    run(&world, &[("TOKEN", "/app/token")]);
    assert!(why(&world).contains("put it back from a backup"), "{}", why(&world));
}

#[test]
fn when_the_key_is_gone_for_good_deleting_what_it_sealed_makes_room_for_another() {
    let world = World::new();
    put(&world, "/app/token", "hunter2");
    create(&world, "db", text("x"));
    world.vault.take_key_away();
    let again = || {
        let value = text("y");
        world.engine.transact(|tx| secrets::put_value(tx, &SecretId::new("db"), None, &value, None))
    };
    assert_eq!(again().map(|_| ()).map_err(|refusal| refusal.code), Err("EncryptionFailure"));
    let reference = Reference::parse("/app/token", &common::scope()).expect("a reference");
    world.run(|tx| parameters::delete(tx, &reference));
    world.run(|tx| secrets::delete(tx, &SecretId::new("db"), DeletionWish::AtOnce));
    put(&world, "/app/token", "anew");
}
