//! What tasks are started from: images of the engine's own registry, told apart from all others.

mod common;
mod fixtures;

use common::{REGISTRY, World, wait};
use fixtures::{cluster_and_service, object, service};
use seatrial_engine::images::mutability::Mutability;
use seatrial_engine::images::putting::NewImage;
use seatrial_engine::images::repositories::NewRepository;
use seatrial_engine::images::{blobs, deleting, putting, repositories};
use seatrial_engine::services::{self, ForceNewDeployment, ServiceChange};
use seatrial_engine::state::{Document, Tags};
use seatrial_engine::tasks::RunTask;
use seatrial_engine::{clusters, task_definitions, tasks};
use seatrial_model::ClusterName;
use seatrial_model::image::{Digest, ImageTag, Manifest, RepositoryName};
use seatrial_ports::runtime::LaunchImage;
use serde_json::{Value, json};

fn repository() -> RepositoryName {
    RepositoryName::parse("shop/web").expect("a name")
}

fn digest(digit: char) -> Digest {
    Digest::parse(&format!("sha256:{}", digit.to_string().repeat(64))).expect("a digest")
}

fn create(world: &World) {
    let new = NewRepository {
        name: repository(),
        mutability: Mutability::MUTABLE,
        scans_on_push: false,
        encryption: Document::new(),
        tags: Tags::new(),
    };
    world.run(|tx| repositories::create(tx, new));
}

fn push(world: &World, own: char, tag: &str) {
    let part = json!({"mediaType": "application/x", "digest": digest('f'), "size": 5});
    let document = json!({"schemaVersion": 2, "config": part, "layers": []}).to_string();
    let manifest = Manifest::parse(document.as_bytes(), None).expect("a manifest");
    let image = NewImage { digest: digest(own), size: document.len() as u64, manifest };
    world.run(|tx| {
        blobs::add(tx, &repository(), &digest('f'), 5)?;
        putting::put(tx, &repository(), image, Some(&ImageTag::parse(tag).expect("a tag")))
    });
}

/// Runs a task of one container and returns what it was started from.
fn launched(world: &World, container: Value) -> Option<LaunchImage> {
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
    world.run(|tx| {
        clusters::create(tx, cluster, Document::new())?;
        let definition = json!({"family": "app", "memory": "512", "containerDefinitions": [container]});
        task_definitions::register(tx, object(definition))?;
        tasks::run(tx, request)
    });
    world.runtime.launches().pop().expect("a launch").images.into_values().next()
}

fn of_image(world: &World, image: &str) -> Option<LaunchImage> {
    launched(world, json!({"name": "app", "image": image}))
}

fn missing(world: &World, image: &str) -> String {
    match of_image(world, image) {
        Some(LaunchImage::Missing(why)) => why,
        other => panic!("{image} is there: {other:?}"),
    }
}

#[test]
fn an_image_is_found_by_the_address_of_the_registry_and_by_ecrs_name() {
    let world = World::new();
    create(&world);
    push(&world, 'a', "v1");
    let stored = Some(LaunchImage::Stored(digest('a')));
    let ecr = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    // Also where the engine had another port once.
    for registry in [REGISTRY, "localhost:4880", "127.0.0.1:5000", ecr] {
        assert_eq!(of_image(&world, &format!("{registry}/shop/web:v1")), stored, "{registry}");
        assert_eq!(of_image(&world, &format!("{registry}/shop/web@{}", digest('a'))), stored, "{registry}");
    }
    // Everything else is not looked at.
    for elsewhere in ["shop/web:v1", "docker.io/shop/web:v1", "127.0.0.1:5000/other/web:v1", "process", "?"] {
        assert_eq!(of_image(&world, elsewhere), None, "{elsewhere}");
    }
    let other_account = "210987654321.dkr.ecr.us-east-1.amazonaws.com/shop/web:v1";
    assert_eq!(of_image(&world, other_account), None);
}

#[test]
fn what_is_missing_is_said_with_what_there_is_instead() {
    let world = World::new();
    let web = format!("{REGISTRY}/shop/web");
    let said = |image: &str| missing(&world, image).replace(&web, "WEB");
    let resolve = "CannotPullContainerError: pull image manifest has failed: failed to resolve ref";
    assert_eq!(said(&web), format!("{resolve} WEB: there is no repository shop/web"));
    create(&world);
    assert_eq!(said(&web), format!("{resolve} WEB: not found; the repository shop/web is empty"));
    for (digit, tag) in ('1'..='7').zip(["v1", "v2", "v3", "v4", "v5", "v6", "v7"]) {
        push(&world, digit, tag);
    }
    let tags = "the repository shop/web has the tags v1, v2, v3, v4, v5 and 2 more";
    assert_eq!(said(&format!("{web}:v9")), format!("{resolve} WEB:v9: not found; {tags}"));
    assert!(said(&format!("{REGISTRY}/Shop:v9")).contains("repository name"));
}

#[test]
fn a_file_for_aws_is_rehearsed_with_the_machines_programs_unless_its_image_was_pushed() {
    let world = World::new();
    let image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/web:v1";
    let with_command = || json!({"name": "app", "image": image, "command": ["./server"]});
    assert_eq!(launched(&world, with_command()), None);
    assert!(missing(&world, image).ends_with("there is no repository shop/web"));
    create(&world);
    push(&world, 'a', "v1");
    assert_eq!(launched(&world, with_command()), Some(LaunchImage::Stored(digest('a'))));
}

#[test]
fn a_tag_means_the_same_for_every_task_of_a_revision() {
    let mut world = World::new();
    create(&world);
    push(&world, 'a', "v1");
    service(&world);
    let (cluster, name) = cluster_and_service();
    let image = format!("{REGISTRY}/shop/web:v1");
    let change = ServiceChange {
        task_definition: Some("web:2".to_owned()),
        desired_count: Some(2),
        force_new_deployment: ForceNewDeployment::No,
        ..ServiceChange::default()
    };
    world.run(|tx| {
        let container = json!({"name": "app", "image": image, "portMappings": [{"containerPort": 8080}]});
        let definition = json!({"family": "web", "memory": "512", "containerDefinitions": [container]});
        task_definitions::register(tx, object(definition))?;
        services::update(tx, &cluster, &name, change)
    });
    let launches = |world: &World| {
        let launches = world.runtime.launches();
        launches.into_iter().filter(|launch| launch.definition.containers[0].image == image).collect::<Vec<_>>()
    };
    wait("a task of the image", || !launches(&world).is_empty());
    push(&world, 'b', "v1");
    // A restart gives the orders again, the same ones.
    world.restart();
    let more = ServiceChange { desired_count: Some(6), ..ServiceChange::default() };
    world.run(|tx| services::update(tx, &cluster, &name, more));
    let started = launches(&world);
    assert!(started.len() > 2, "{started:?}");
    let is_first = |image: &LaunchImage| *image == LaunchImage::Stored(digest('a'));
    assert!(
        started.iter().all(|launch| launch.images.values().all(is_first) && launch.images.len() == 1),
        "{started:?}"
    );
    // What is gone is missing, not something else.
    world.run(|tx| deleting::delete(tx, &repository(), &digest('a')));
    let again = ServiceChange { desired_count: Some(8), ..ServiceChange::default() };
    world.run(|tx| services::update(tx, &cluster, &name, again));
    let last = launches(&world).pop().expect("more tasks");
    assert!(matches!(last.images.values().next(), Some(LaunchImage::Missing(_))), "{last:?}");
    // Another deployment looks anew.
    let forced = ServiceChange { force_new_deployment: ForceNewDeployment::Yes, ..ServiceChange::default() };
    world.run(|tx| services::update(tx, &cluster, &name, forced));
    let last = launches(&world).pop().expect("more tasks");
    assert_eq!(last.images.values().next(), Some(&LaunchImage::Stored(digest('b'))));
}
