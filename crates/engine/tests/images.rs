//! Rows of images: what belongs to a repository, what a restart finds, how many passwords there are.

mod common;

use std::time::Duration;

use common::World;
use seatrial_engine::images::mutability::Mutability;
use seatrial_engine::images::putting::NewImage;
use seatrial_engine::images::repositories::{NewRepository, WithImages};
use seatrial_engine::images::{blobs, deleting, finding, putting, repositories, tokens};
use seatrial_engine::state::{Document, Tags};
use seatrial_model::image::{Digest, ImageReference, ImageTag, Manifest, RepositoryName};
use serde_json::json;

const TABLES: [&str; 5] = ["repositories", "images", "image_tags", "image_blobs", "tags"];

fn name(text: &str) -> RepositoryName {
    RepositoryName::parse(text).expect("a name")
}

fn tag(text: &str) -> ImageTag {
    ImageTag::parse(text).expect("a tag")
}

fn digest(digit: char) -> Digest {
    Digest::parse(&format!("sha256:{}", digit.to_string().repeat(64))).expect("a digest")
}

/// An image whose only blob has a digit as its digest, and whose own digest is another.
fn image(own: char, blob: char) -> NewImage {
    let part = json!({"mediaType": "application/x", "digest": digest(blob), "size": 5});
    let document = json!({"schemaVersion": 2, "config": part, "layers": []}).to_string();
    let manifest = Manifest::parse(document.as_bytes(), None).expect("a manifest");
    NewImage { digest: digest(own), size: document.len() as u64, manifest }
}

fn create(world: &World, repository: &str) {
    let new = NewRepository {
        name: name(repository),
        mutability: Mutability::MUTABLE,
        scans_on_push: false,
        encryption: Document::new(),
        tags: Tags::from([("team".to_owned(), "blue".to_owned())]),
    };
    world.run(|tx| repositories::create(tx, new));
}

fn push(world: &World, repository: &str, own: char, blob: char, tagged: &str) {
    world.run(|tx| {
        blobs::add(tx, &name(repository), &digest(blob), 5)?;
        putting::put(tx, &name(repository), image(own, blob), Some(&tag(tagged)))
    });
}

#[test]
fn a_repository_takes_with_it_what_is_its_own_and_nothing_else() {
    let world = World::new();
    for repository in ["shop/web", "shop/web2", "shop/web-a", "shop/web/deep", "shop/we"] {
        create(&world, repository);
        push(&world, repository, 'a', 'b', "v1");
    }
    assert_eq!(world.records(&TABLES).len(), 5 * TABLES.len());
    let (code, _) = world.refusal(|tx| repositories::delete(tx, &name("shop/web"), WithImages::Refuse));
    assert_eq!(code, "RepositoryNotEmptyException");
    world.run(|tx| repositories::delete(tx, &name("shop/web"), WithImages::Delete));
    let left = world.records(&TABLES);
    assert_eq!(left.len(), 4 * TABLES.len());
    assert!(!left.iter().any(|row| row.contains("shop/web@") || row.contains("\"shop/web\"")), "{left:?}");
}

#[test]
fn what_was_pushed_is_found_after_a_restart() {
    let mut world = World::new();
    create(&world, "shop/web");
    push(&world, "shop/web", 'a', 'b', "v1");
    push(&world, "shop/web", 'c', 'd', "v1");
    world.restart();
    world.engine.read(|state| {
        let found = finding::find(state, &name("shop/web"), &ImageReference::Tag(tag("v1"))).expect("it is there");
        assert_eq!(found.digest, digest('c'), "the tag has moved");
        assert!(finding::by_digest(state, &name("shop/web"), &digest('a')).is_some(), "and left an image behind");
    });
}

#[test]
fn a_refused_push_changes_nothing() {
    let world = World::new();
    create(&world, "shop/web");
    let before = world.records(&TABLES);
    let (code, message) = world.refusal(|tx| putting::put(tx, &name("shop/web"), image('a', 'b'), Some(&tag("v1"))));
    assert_eq!(code, "LayersNotFoundException");
    assert!(message.contains(digest('b').as_str()), "{message}");
    let (code, _) = world.refusal(|tx| deleting::untag(tx, &name("shop/web"), &tag("v1")));
    assert_eq!(code, "ImageNotFoundException");
    assert_eq!(world.records(&TABLES), before);
}

#[test]
fn an_image_has_so_many_tags_and_no_more() {
    let world = World::new();
    create(&world, "shop/web");
    world.run(|tx| {
        blobs::add(tx, &name("shop/web"), &digest('b'), 5)?;
        for number in 0..1000 {
            putting::put(tx, &name("shop/web"), image('a', 'b'), Some(&tag(&format!("v{number}"))))?;
        }
        Ok(())
    });
    let put = |text: &str| {
        let text = tag(text);
        world.engine.transact(|tx| putting::put(tx, &name("shop/web"), image('a', 'b'), Some(&text)).map(drop))
    };
    assert_eq!(put("v7"), Ok(()), "it has this one");
    assert_eq!(put("one-more").map_err(|refusal| refusal.code), Err("LimitExceededException"));
    world.run(|tx| deleting::untag(tx, &name("shop/web"), &tag("v7")));
    assert_eq!(put("one-more"), Ok(()));
}

#[test]
fn passwords_end_and_do_not_pile_up() {
    let mut world = World::new();
    let admits = |world: &World, password: &str| {
        let now = world.engine.now();
        world.engine.read(|state| tokens::admits(state, tokens::USER, password, now))
    };
    let issue = |world: &World| world.run(|tx| Ok(tokens::issue(tx))).text;
    let first = issue(&world);
    world.restart();
    assert!(admits(&world, &first), "a restart changes nothing");
    world.clock.advance(Duration::from_secs(1));
    let newer: Vec<String> = (0..1000).map(|_| issue(&world)).collect();
    assert!(!admits(&world, &first), "the oldest has made room");
    assert!(newer.iter().all(|password| admits(&world, password)));
    world.clock.advance(tokens::LIFETIME);
    assert!(!newer.iter().any(|password| admits(&world, password)));
    issue(&world);
    assert_eq!(world.records(&["registry_tokens"]).len(), 1, "the rows of expired ones are gone");
}
