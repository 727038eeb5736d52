//! The registry of the CNCF's distribution project, and skopeo as the other client.

mod kit;

use std::sync::Arc;

use kit::{
    CuttingProxy, DockerRegistry, Image, Noted, OCI_INDEX, OCI_MANIFEST, PASSWORD, anonymous, by_digest, hasty, name,
    noise, open, password, push_of, read, silent, skopeo, tagged,
};
use seatrial_distribution::{
    Client, CredentialFiles, CredentialSource, DistributionError, ImagePush, Platform, PlatformChoice, Progress,
    Pushed, RepositoryPath,
};
use serde_json::json;

#[tokio::test]
async fn what_is_pushed_is_pulled_by_skopeo() {
    let registry = DockerRegistry::open();
    let image = Image::new();
    let layers = [noise(1, 3_000_000), noise(2, 500), Vec::new()];
    let amd = image.write("amd64", &layers.each_ref().map(Vec::as_slice));
    let arm = image.write("arm64", &[&noise(3, 100_000), &layers[1]]);
    let index = image.index(&[("amd64", &amd), ("arm64", &arm)]);

    let client = Arc::new(anonymous(&registry.image("shop/web")).await);
    // On another thread, as the coordinator pushes several images at once.
    let pushing = tokio::spawn({
        let (client, source, push) = (Arc::clone(&client), image.source(), push_of(&index, &["v1", "latest"]));
        async move { client.push_image(source, &push, &silent()).await }
    });
    let report = pushing.await.expect("no panic").expect("pushed");
    assert_eq!((report.blobs_uploaded, report.blobs_skipped, report.manifests_pushed, report.tags_set), (6, 0, 3, 2));
    assert!(report.bytes > 3_100_500);

    let again = client.push_image(image.source(), &push_of(&index, &["v1"]), &silent()).await.expect("pushed");
    assert_eq!((again.blobs_uploaded, again.blobs_skipped, again.bytes), (0, 6, 0));
    assert_eq!((again.manifests_pushed, again.manifests_skipped, again.tags_set), (0, 3, 0));

    let home = tempfile::tempdir().expect("a directory");
    let address = format!("docker://{}", registry.image("shop/web:v1"));
    let raw = skopeo(home.path(), &["inspect", "--raw", "--tls-verify=false", &address]);
    assert_eq!(raw, read(&image.layout.blob_path(&index)));
    let to = home.path().join("pulled");
    let to_text = format!("dir:{}", to.display());
    skopeo(home.path(), &["copy", "--all", "--src-tls-verify=false", &address, &to_text]);
    for layer in &layers {
        assert_eq!(&read(&to.join(kit::digest_of(layer).hex())), layer);
    }
}

#[tokio::test]
async fn what_skopeo_pushed_is_pulled() {
    let registry = DockerRegistry::open();
    let image = Image::new();
    let layers = [noise(4, 2_000_000), noise(5, 10)];
    let amd = image.write("amd64", &layers.each_ref().map(Vec::as_slice));
    let arm = image.write("arm64", &[&noise(6, 1000)]);
    let index = image.index(&[("amd64", &amd), ("arm64", &arm)]);
    image.name(&index, OCI_INDEX, "v1");
    let home = tempfile::tempdir().expect("a directory");
    let from = format!("oci:{}:v1", image.path().display());
    let to = format!("docker://{}", registry.image("base:v1"));
    skopeo(home.path(), &["copy", "--all", "--preserve-digests", "--dest-tls-verify=false", &from, &to]);

    let client = anonymous(&registry.image("base")).await;
    let pulled = Image::new();
    let noted = Arc::new(Noted::default());
    let progress: Arc<dyn Progress> = noted.clone();
    let one = PlatformChoice::One(Platform::linux("amd64"));
    let report = client.pull_image(&tagged("v1"), &one, &pulled.layout, &progress).await.expect("pulled");
    assert_eq!((&report.digest, report.blobs_pulled, report.blobs_skipped), (&amd, 3, 0));
    for layer in &layers {
        assert_eq!(&read(&pulled.layout.blob_path(&kit::digest_of(layer))), layer);
        assert!(noted.all().contains(&(kit::digest_of(layer), layer.len() as u64, layer.len() as u64)));
    }
    let named: serde_json::Value = serde_json::from_slice(&read(&pulled.path().join("index.json"))).expect("JSON");
    assert_eq!(named["manifests"][0]["digest"], json!(amd));
    assert_eq!(named["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"], "v1");

    let all = client.pull_image(&tagged("v1"), &PlatformChoice::All, &pulled.layout, &silent()).await.expect("pulled");
    assert_eq!((&all.digest, all.blobs_pulled, all.blobs_skipped), (&index, 2, 3));
    let other = PlatformChoice::One(Platform::linux("s390x"));
    let error =
        client.pull_image(&tagged("v1"), &other, &pulled.layout, &silent()).await.expect_err("no such platform");
    assert!(error.to_string().contains("no variant for linux/s390x; it has linux/amd64, linux/arm64"), "{error}");

    // The layout is one that skopeo reads.
    let copy = format!("dir:{}", home.path().join("copy").display());
    skopeo(home.path(), &["copy", "--all", &format!("oci:{}:v1", pulled.path().display()), &copy]);
    assert_eq!(read(&home.path().join("copy/manifest.json")), read(&image.layout.blob_path(&index)));
}

#[tokio::test]
async fn user_and_password_let_in_and_nothing_else_does() {
    let registry = DockerRegistry::locked();
    let image = Image::new();
    let digest = image.write("amd64", &[&noise(7, 1000)]);
    let push = push_of(&digest, &["v1"]);
    let at = registry.image("shop/web");
    let client = open(&at, &password("user", PASSWORD)).await;
    assert_eq!(client.push_image(image.source(), &push, &silent()).await.expect("pushed").blobs_uploaded, 2);

    let nobody = anonymous(&at).await.manifest(&tagged("v1")).await.expect_err("nobody").tell();
    assert!(
        nobody.contains(&format!("docker login {}", registry.address)) && nobody.contains("no credentials"),
        "{nobody}"
    );
    let wrong = open(&at, &password("user", "wrong-password")).await.manifest(&tagged("v1")).await.expect_err("wrong");
    assert!(matches!(wrong, DistributionError::Unauthorised { .. }), "{wrong}");
    let told = format!("{wrong} {wrong:?}");
    assert!(told.contains("does not accept the credentials") && !told.contains("wrong-password"), "{told}");

    let home = tempfile::tempdir().expect("a directory");
    let login = ["login", "--tls-verify=false", "-u", "user", "-p", PASSWORD, "--authfile"];
    let file = home.path().join("auth.json");
    skopeo(home.path(), &[&login[..], &[&file.display().to_string(), &registry.address.to_string()]].concat());
    let files = CredentialSource::Files(CredentialFiles::only(file));
    assert!(open(&at, &files).await.head_manifest(&tagged("v1")).await.expect("let in").is_some());
    let missing = CredentialSource::Files(CredentialFiles::only(home.path().join("missing.json")));
    let error = Client::open(&name(&at), &missing, &hasty()).await.expect_err("no file").to_string();
    assert!(error.contains("missing.json is not there"), "{error}");
}

#[tokio::test]
async fn the_operations_of_the_protocol_do_what_they_say() {
    let registry = DockerRegistry::open();
    let image = Image::new();
    let client = anonymous(&registry.image("shop/web")).await;
    assert_eq!(client.manifest(&tagged("v1")).await.expect("asked"), None);
    assert_eq!(client.head_manifest(&tagged("v1")).await.expect("asked"), None);
    assert!(matches!(client.tags().await, Err(DistributionError::RepositoryUnknown { .. })));

    let (small, large) = (image.blob(&noise(8, 1000)), image.blob(&noise(9, 5_000_000)));
    for blob in [&small, &large] {
        assert!(!client.has_blob(&blob.digest).await.expect("asked"));
        assert_eq!(client.push_blob(blob, None, &silent()).await.expect("pushed"), Pushed::Uploaded);
        assert!(client.has_blob(&blob.digest).await.expect("asked"));
        assert_eq!(client.push_blob(blob, None, &silent()).await.expect("pushed"), Pushed::Skipped);
    }
    let other = anonymous(&registry.image("shop/other")).await;
    let from = RepositoryPath::parse("shop/web").expect("a repository");
    assert_eq!(other.push_blob(&large, Some(&from), &silent()).await.expect("pushed"), Pushed::Mounted);
    let fresh = image.blob(&noise(10, 2_000_000));
    assert_eq!(other.push_blob(&fresh, Some(&from), &silent()).await.expect("pushed"), Pushed::Uploaded);

    let digest = image.write("amd64", &[&noise(11, 10)]);
    let tags: Vec<String> = (0..30).map(|number| format!("v{number:02}")).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    client.push_image(image.source(), &push_of(&digest, &tags), &silent()).await.expect("pushed");
    let listed = client.tags().await.expect("a list");
    assert_eq!(listed.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(), tags);
    let fetched = client.manifest(&tagged("v07")).await.expect("asked").expect("it is there");
    assert_eq!((&fetched.digest, fetched.media_type.as_str()), (&digest, OCI_MANIFEST));
    assert_eq!(client.manifest(&by_digest(&digest)).await.expect("asked"), Some(fetched));

    let missing = kit::digest_of(b"missing");
    let error = client.manifest(&by_digest(&missing)).await.expect("asked");
    assert_eq!(error, None);
    let file = tempfile::NamedTempFile::new().expect("a file");
    let pulled = client.pull_blob(&missing, 7, file.reopen().expect("a file"), file.path(), &silent()).await;
    assert!(matches!(pulled, Err(DistributionError::Refused { status, .. }) if status == 404), "{pulled:?}");
}

#[tokio::test]
async fn a_registry_without_lists_of_referrers_gets_a_tag_for_them() {
    let registry = DockerRegistry::open();
    let image = Image::new();
    let digest = image.write("amd64", &[&noise(12, 10)]);
    let (signature, bill) =
        (image.artifact("application/x-signature", &digest), image.artifact("application/x-bill", &digest));
    let push = ImagePush { referrers: vec![signature.clone(), bill.clone()], ..push_of(&digest, &["v1"]) };
    let client = anonymous(&registry.image("shop/web")).await;
    assert!(client.referrers(&digest, None).await.expect("a list").is_empty());
    client.push_image(image.source(), &push, &silent()).await.expect("pushed");
    let all = client.referrers(&digest, None).await.expect("a list");
    assert_eq!(all.iter().map(|referrer| &referrer.digest).collect::<Vec<_>>(), [&signature, &bill]);
    let bills = client.referrers(&digest, Some("application/x-bill")).await.expect("a list");
    assert_eq!(bills.len(), 1);
    assert_eq!(bills[0].annotations.as_ref().expect("annotations")["kind"], "application/x-bill");
    let tags: Vec<String> = client.tags().await.expect("a list").iter().map(ToString::to_string).collect();
    assert_eq!(tags, [digest.as_str().replace(':', "-"), "v1".to_owned()]);
}

#[tokio::test]
async fn a_connection_that_breaks_delays_a_push_and_a_pull() {
    let registry = DockerRegistry::open();
    let image = Image::new();
    let layer = noise(13, 20_000_000);
    let digest = image.write("amd64", &[&layer]);
    let way = CuttingProxy::start(registry.address, &[2_000_000, 15_000_000]).await;
    let at = format!("{}/shop/web", way.address);
    let client = anonymous(&at).await;
    client.push_image(image.source(), &push_of(&digest, &["v1"]), &silent()).await.expect("pushed");
    assert_eq!(way.cuts_left(), 0);

    let way = CuttingProxy::start(registry.address, &[2_000_000, 3_000_000, 9_000_000]).await;
    let client = anonymous(&format!("{}/shop/web", way.address)).await;
    let pulled = Image::new();
    let report =
        client.pull_image(&tagged("v1"), &PlatformChoice::All, &pulled.layout, &silent()).await.expect("pulled");
    assert_eq!((way.cuts_left(), report.blobs_pulled), (0, 2));
    assert!(read(&pulled.layout.blob_path(&kit::digest_of(&layer))) == layer);
}
