//! The engine's own registry, which behaves as ECR does.

#[path = "../../engine/tests/common/mod.rs"]
mod common;
#[allow(dead_code, reason = "these tests use a part of it")]
#[path = "../../aws-api/tests/registry/hub.rs"]
mod hub;
mod kit;
#[path = "../../aws-api/tests/support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::time::Duration;

use hub::Hub;
use kit::{CuttingProxy, Image, noise, open, push_of, read, silent, tagged};
use seatrial_distribution::{
    Client, Credential, CredentialSource, DistributionError, ImagePush, PlatformChoice, Pushed, RepositoryPath,
};
use seatrial_engine::images::mutability::{Mutability, MutabilityKind};
use seatrial_engine::images::{repositories, tokens};
use seatrial_model::SecretText;

async fn address(hub: &Hub) -> SocketAddr {
    hub.connect().await.peer_addr().expect("an address")
}

fn ecr(hub: &Hub) -> CredentialSource {
    CredentialSource::Given(Credential::ecr(SecretText::new(hub.password())))
}

async fn client(hub: &Hub, repository: &str) -> Client {
    open(&format!("{}/{repository}", address(hub).await), &ecr(hub)).await
}

#[tokio::test]
async fn an_image_goes_to_the_registry_and_comes_back() {
    let hub = Hub::start().await;
    let image = Image::new();
    let layer = noise(1, 3_000_000);
    let (amd, arm) = (image.write("amd64", &[&layer]), image.write("arm64", &[&layer, &noise(2, 10)]));
    let index = image.index(&[("amd64", &amd), ("arm64", &arm)]);
    let signature = image.artifact("application/x-signature", &index);
    let push = ImagePush { referrers: vec![signature.clone()], ..push_of(&index, &["v1"]) };
    let client = client(&hub, "shop/web").await;
    let report = client.push_image(image.source(), &push, &silent()).await.expect("pushed");
    assert_eq!((report.blobs_uploaded, report.manifests_pushed, report.tags_set), (5, 4, 1));
    let again = client.push_image(image.source(), &push, &silent()).await.expect("pushed");
    assert_eq!((again.blobs_skipped, again.manifests_skipped, again.tags_set), (5, 4, 0));
    let referrers = client.referrers(&index, Some("application/x-signature")).await.expect("a list");
    assert_eq!(referrers.iter().map(|referrer| &referrer.digest).collect::<Vec<_>>(), [&signature]);
    assert_eq!(client.tags().await.expect("a list"), [kit::tag("v1")], "the registry lists referrers without a tag");

    let pulled = Image::new();
    client.pull_image(&tagged("v1"), &PlatformChoice::All, &pulled.layout, &silent()).await.expect("pulled");
    assert!(read(&pulled.layout.blob_path(&kit::digest_of(&layer))) == layer);
}

#[tokio::test]
async fn a_broken_upload_goes_on_where_it_broke() {
    let hub = Hub::start().await;
    let image = Image::new();
    let blob = image.blob(&noise(3, 20_000_000));
    let way = CuttingProxy::start(address(&hub).await, &[6_000_000, 6_000_000]).await;
    let client = open(&format!("{}/shop/web", way.address), &ecr(&hub)).await;
    let noted = std::sync::Arc::new(kit::Noted::default());
    let progress: std::sync::Arc<dyn seatrial_distribution::Progress> = noted.clone();
    assert_eq!(client.push_blob(&blob, None, &progress).await.expect("pushed"), Pushed::Uploaded);
    assert_eq!(way.cuts_left(), 0);
    let done: Vec<u64> = noted.all().iter().map(|(_, done, _)| *done).collect();
    let backwards = done.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert!(backwards <= 2 && done.iter().filter(|done| **done == 0).count() == 1, "it began once: {done:?}");
    hub.ask("HEAD", &format!("/v2/shop/web/blobs/{}", blob.digest), &[], b"").await.is(200, None);
}

#[tokio::test]
async fn a_blob_is_taken_over_from_another_repository() {
    let hub = Hub::start().await;
    let image = Image::new();
    let digest = image.write("amd64", &[&noise(4, 100)]);
    client(&hub, "shop/web").await.push_image(image.source(), &push_of(&digest, &[]), &silent()).await.expect("pushed");
    let mount_from = Some(RepositoryPath::parse("shop/web").expect("a repository"));
    let push = ImagePush { mount_from, ..push_of(&digest, &["v1"]) };
    let report = client(&hub, "shop/other").await.push_image(image.source(), &push, &silent()).await.expect("pushed");
    assert_eq!((report.blobs_mounted, report.blobs_uploaded, report.bytes), (2, 0, 0));
}

#[tokio::test]
async fn a_repository_that_is_not_there_and_a_tag_that_may_not_move_are_told() {
    let hub = Hub::start().await;
    let image = Image::new();
    let (one, two) = (image.write("amd64", &[&noise(5, 100)]), image.write("amd64", &[&noise(6, 100)]));
    let missing = client(&hub, "shop/none").await.push_image(image.source(), &push_of(&one, &["v1"]), &silent()).await;
    let told = missing.expect_err("no repository").tell();
    assert!(told.contains("no repository shop/none") && told.contains("created first"), "{told}");

    hub.world.run(|tx| {
        let immutable = Mutability::new(MutabilityKind::Immutable, Vec::new()).expect("no filters");
        repositories::change(tx, &hub::name("shop/web"))?.mutability = immutable;
        Ok(())
    });
    let client = client(&hub, "shop/web").await;
    client.push_image(image.source(), &push_of(&one, &["v1"]), &silent()).await.expect("pushed");
    client.push_image(image.source(), &push_of(&one, &["v1"]), &silent()).await.expect("the tag stays where it is");
    let refused = client.push_image(image.source(), &push_of(&two, &["v1"]), &silent()).await.expect_err("immutable");
    assert!(matches!(refused, DistributionError::TagImmutable { .. }), "{refused}");
    assert!(refused.to_string().contains("push under another tag"), "{refused}");
}

#[tokio::test]
async fn a_password_that_has_expired_is_told() {
    let hub = Hub::start().await;
    let client = client(&hub, "shop/web").await;
    client.head_manifest(&tagged("v1")).await.expect("let in");
    hub.world.clock.advance(tokens::LIFETIME + Duration::from_secs(1));
    let error = client.manifest(&tagged("v1")).await.expect_err("expired");
    assert!(matches!(error, DistributionError::Unauthorised { .. }), "{error}");
    assert!(error.to_string().contains("does not accept the credentials that were given"), "{error}");
}
