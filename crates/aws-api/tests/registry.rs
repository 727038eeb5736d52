//! The image registry over the wire: the distribution protocol over an engine's tables, and what looks after it.

#[path = "../../engine/tests/common/mod.rs"]
mod common;
#[path = "registry/hub.rs"]
mod hub;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hub::{Hub, digest, image, manifest, until};
use seatrial_aws_api::Limits;
use seatrial_engine::images::mutability::{Mutability, MutabilityKind};
use seatrial_engine::images::{LifecyclePolicyRecord, garbage, repositories, tokens};
use seatrial_model::image::Algorithm;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn only_who_has_a_password_that_is_good_gets_in() {
    let hub = Hub::start().await;
    hub.ask("GET", "/v2/", &[], b"").await.is(200, None);
    hub.world.clock.advance(tokens::LIFETIME - Duration::from_secs(1));
    hub.ask("GET", "/v2/", &[], b"").await.is(200, None);
    hub.world.clock.advance(Duration::from_secs(1));
    let refused = hub.ask("GET", "/v2/", &[], b"").await.is(401, Some("UNAUTHORIZED"));
    assert_eq!(refused.header("www-authenticate"), Some("Basic realm=\"seatrial\""));
    assert_eq!(refused.header("docker-distribution-api-version"), Some("registry/2.0"));

    hub.issue();
    let password = hub.password();
    let (id, secret) = password.split_once('.').expect("two parts");
    for wrong in ["", "guessed", id, &format!("{id}."), &format!("{id}.0000"), &format!("{password}0")] {
        let authorization = hub::basic("AWS", wrong);
        hub.ask_as(Some(&authorization), "GET", "/v2/", &[], b"").await.is(401, Some("UNAUTHORIZED"));
    }
    let other_user = hub::basic("root", &password);
    hub.ask_as(Some(&other_user), "GET", "/v2/", &[], b"").await.is(401, Some("UNAUTHORIZED"));
    hub.ask_as(None, "GET", "/v2/", &[], b"").await.is(401, Some("UNAUTHORIZED"));
    hub.ask_as(Some("Bearer x"), "GET", "/v2/", &[], b"").await.is(401, Some("UNAUTHORIZED"));
    let rows = hub.world.records(&["registry_tokens"]).concat();
    assert!(!rows.contains(secret), "the password is not stored");
}

#[tokio::test]
async fn a_foreign_host_name_and_an_aws_path_do_not_reach_the_registry() {
    let hub = Hub::start().await;
    let foreign = hub.send_raw("GET /v2/ HTTP/1.1\r\nhost: evil.example\r\n", &[], b"").await;
    assert_eq!((foreign.status, foreign.header("www-authenticate")), (403, None));
    let other = hub.ask("GET", "/v2x/", &[], b"").await;
    assert_eq!(other.header("www-authenticate"), None, "signatures are asked for");
}

#[tokio::test]
async fn blobs_are_pushed_in_one_piece_in_chunks_and_at_once() {
    let hub = Hub::start().await;
    let at_once = format!("/v2/shop/web/blobs/uploads/?digest={}", digest(b"at once"));
    let created = hub.ask("POST", &at_once, &[], b"at once").await.is(201, None);
    assert_eq!(created.header("location"), Some(&*format!("/v2/shop/web/blobs/{}", digest(b"at once"))));

    let upload = hub.begin("shop/web").await;
    let whole = format!("{upload}?digest={}", digest(b"one piece"));
    hub.ask("PUT", &whole, &[], b"one piece").await.is(201, None);
    hub.ask("GET", &upload, &[], b"").await.is(404, Some("BLOB_UPLOAD_UNKNOWN"));

    let upload = hub.begin("shop/web").await;
    let first = hub.ask("PATCH", &upload, &[("content-range", "0-3")], b"abcd").await.is(202, None);
    assert_eq!(first.header("range"), Some("0-3"));
    let again = hub.ask("PATCH", &upload, &[("content-range", "0-3")], b"abcd").await;
    assert_eq!(again.is(416, Some("BLOB_UPLOAD_INVALID")).header("range"), Some("0-3"));
    hub.ask("PATCH", &upload, &[("content-range", "9-12")], b"abcd").await.is(416, Some("BLOB_UPLOAD_INVALID"));
    hub.ask("PATCH", &upload, &[("content-range", "4-6")], b"efgh").await.is(400, Some("SIZE_INVALID"));
    hub.ask("PATCH", &upload, &[("content-range", "x")], b"efgh").await.is(416, Some("BLOB_UPLOAD_INVALID"));
    hub.ask("PATCH", &upload, &[], b"ef").await.is(202, None);
    assert_eq!(hub.ask("GET", &upload, &[], b"").await.is(204, None).header("range"), Some("0-5"));
    let end = format!("{upload}?digest={}", hub::digest_with(Algorithm::Sha512, b"abcdefgh"));
    hub.ask("PUT", &end, &[("content-range", "6-7")], b"gh").await.is(201, None);
    let long = format!("/v2/shop/web/blobs/{}", hub::digest_with(Algorithm::Sha512, b"abcdefgh"));
    assert_eq!(hub.ask("GET", &long, &[], b"").await.is(200, None).body, b"abcdefgh");
}

#[tokio::test]
async fn an_upload_that_is_wrong_or_cancelled_leaves_nothing() {
    let hub = Hub::start().await;
    let upload = hub.begin("shop/web").await;
    hub.ask("PUT", &upload, &[], b"text").await.is(400, Some("DIGEST_INVALID"));
    let wrong = format!("{upload}?digest={}", digest(b"other"));
    hub.ask("PUT", &wrong, &[], b"text").await.is(400, Some("DIGEST_INVALID"));
    hub.ask("GET", &upload, &[], b"").await.is(404, Some("BLOB_UPLOAD_UNKNOWN"));
    let upload = hub.begin("shop/web").await;
    hub.ask("DELETE", &upload, &[], b"").await.is(204, None);
    hub.ask("DELETE", &upload, &[], b"").await.is(404, Some("BLOB_UPLOAD_UNKNOWN"));
    let elsewhere = hub.begin("shop/web").await.replace("shop/web", "shop/other");
    hub.ask("PATCH", &elsewhere, &[], b"text").await.is(404, Some("BLOB_UPLOAD_UNKNOWN"));
    assert_eq!(hub.blobs_on_disk(), 0);
}

#[tokio::test]
async fn an_upload_has_one_writer_and_goes_on_after_it_has_gone_away() {
    let hub = Hub::start().await;
    let upload = hub.begin("shop/web").await;
    let mut writer = hub.connect().await;
    writer.write_all(hub.head("PATCH", &upload, &[], 1_000_000).as_bytes()).await.expect("written");
    writer.write_all(&[7; 600_000]).await.expect("written");
    let status = async || hub.ask("GET", &upload, &[], b"").await;
    until("the writer to have the upload", async || status().await.status == 503).await;
    let busy = hub.ask("PATCH", &upload, &[], b"text").await.is(503, Some("BLOB_UPLOAD_INVALID"));
    assert_eq!(busy.header("retry-after"), Some("1"));
    drop(writer);
    until("the upload to be free again", async || status().await.status == 204).await;
    let arrived = status().await.is(204, None);
    let last: usize =
        arrived.header("range").and_then(|range| range.strip_prefix("0-")?.parse().ok()).expect("a range");
    assert!((1..600_000).contains(&last), "what had been written: {last}");
    let rest = vec![7; 1_000_000 - last - 1];
    let end = format!("{upload}?digest={}", digest(&[7; 1_000_000]));
    hub.ask("PUT", &end, &[("content-range", &format!("{}-999999", last + 1))], &rest).await.is(201, None);
}

#[tokio::test]
async fn a_blob_is_read_whole_or_in_part_and_only_where_it_is() {
    let hub = Hub::start().await;
    hub.push_blob("shop/web", b"0123456789").await;
    let path = format!("/v2/shop/web/blobs/{}", digest(b"0123456789"));
    let head = hub.ask("HEAD", &path, &[], b"").await.is(200, None);
    assert_eq!((head.header("content-length"), head.body.len()), (Some("10"), 0));
    assert_eq!(head.header("docker-content-digest"), Some(&*digest(b"0123456789")));
    let part = hub.ask("GET", &path, &[("range", "bytes=3-5")], b"").await.is(206, None);
    assert_eq!((part.body.as_slice(), part.header("content-range")), (&b"345"[..], Some("bytes 3-5/10")));
    let beyond = hub.ask("GET", &path, &[("range", "bytes=10-")], b"").await.is(416, Some("RANGE_INVALID"));
    assert_eq!(beyond.header("content-range"), Some("bytes */10"));
    hub.ask("GET", &path.replace("web", "other"), &[], b"").await.is(404, Some("BLOB_UNKNOWN"));
    let unknown = hub.ask("GET", &path.replace("web", "none"), &[], b"").await.is(404, Some("NAME_UNKNOWN"));
    assert!(unknown.text().contains("aws ecr create-repository --repository-name shop/none"), "{}", unknown.text());

    let mount = format!("/v2/shop/other/blobs/uploads/?mount={}&from=shop/web", digest(b"0123456789"));
    hub.ask("POST", &mount, &[], b"").await.is(201, None);
    hub.ask("GET", &path.replace("web", "other"), &[], b"").await.is(200, None);
    for missing in [mount.replace("from=shop/web", "from=shop/none"), mount.replace("&from=shop/web", "")] {
        let begun = hub.ask("POST", &missing, &[], b"").await.is(202, None);
        assert!(begun.header("location").is_some_and(|location| location.contains("/uploads/")), "uploads instead");
    }
    hub.ask("DELETE", &path, &[], b"").await.is(202, None);
    hub.ask("DELETE", &path, &[], b"").await.is(404, Some("BLOB_UNKNOWN"));
    hub.ask("GET", &path.replace("web", "other"), &[], b"").await.is(200, None);
}

#[tokio::test]
async fn a_manifest_is_taken_only_with_all_its_parts() {
    let hub = Hub::start().await;
    let bytes = image(&[b"config", b"layer"]);
    let put = |name: &str| format!("/v2/shop/web/manifests/{name}");
    hub.push_blob("shop/web", b"config").await;
    let missing = hub.put_manifest("shop/web", "v1", &bytes).await.is(400, Some("MANIFEST_BLOB_UNKNOWN"));
    assert!(missing.text().contains(&digest(b"layer")), "{}", missing.text());
    hub.push_blob("shop/web", b"layer").await;
    let created = hub.put_manifest("shop/web", "v1", &bytes).await.is(201, None);
    assert_eq!(created.header("docker-content-digest"), Some(&*digest(&bytes)));

    let got = hub.ask("GET", &put("v1"), &[], b"").await.is(200, None);
    assert_eq!((got.body.as_slice(), got.header("content-type")), (bytes.as_slice(), Some(manifest::OCI)));
    let head = hub.ask("HEAD", &put(&digest(&bytes)), &[], b"").await.is(200, None);
    assert_eq!(head.header("content-length"), Some(&*bytes.len().to_string()));
    hub.put_manifest("shop/web", &digest(b"other"), &bytes).await.is(400, Some("DIGEST_INVALID"));
    let long = hub::digest_with(Algorithm::Sha512, &bytes);
    hub.put_manifest("shop/web", &long, &bytes).await.is(201, None);
    hub.put_manifest("shop/web", "v1", b"{}").await.is(400, Some("MANIFEST_INVALID"));
    hub.put_manifest("shop/web", ".v1", &bytes).await.is(400, Some("MANIFEST_INVALID"));
    hub.put_manifest("shop/web", "v1", &vec![b' '; 4 * 1024 * 1024 + 1]).await.is(413, Some("MANIFEST_INVALID"));
    hub.ask("GET", &put(".v1"), &[], b"").await.is(404, Some("MANIFEST_UNKNOWN"));
    hub.ask("POST", &put("v1"), &[], b"").await.is(405, Some("UNSUPPORTED"));

    let index = manifest::index(&[&bytes], None);
    hub.put_manifest_as("shop/web", "all", &index, manifest::INDEX).await.is(201, None);
    let foreign = manifest::index(&[b"elsewhere"], None);
    hub.put_manifest_as("shop/web", "all", &foreign, manifest::INDEX).await.is(400, Some("MANIFEST_BLOB_UNKNOWN"));
    hub.ask("DELETE", &put(&digest(&bytes)), &[], b"").await.is(405, Some("DENIED"));
    let named = format!("/v2/shop/web/blobs/{}", digest(b"layer"));
    hub.ask("DELETE", &named, &[], b"").await.is(405, Some("DENIED"));
    hub.ask("DELETE", &put("all"), &[], b"").await.is(202, None);
    hub.ask("GET", &put(&digest(&index)), &[], b"").await.is(200, None);
    hub.ask("DELETE", &put(&digest(&index)), &[], b"").await.is(202, None);
    hub.ask("DELETE", &put(&digest(&bytes)), &[], b"").await.is(202, None);
    hub.ask("GET", &put("v1"), &[], b"").await.is(404, Some("MANIFEST_UNKNOWN"));
}

#[tokio::test]
async fn listings_come_in_pages_with_links() {
    let hub = Hub::start().await;
    hub.push_image("shop/web", &["b", "a", "c", "d"], b"layer").await;
    let (mut path, mut tags) = ("/v2/shop/web/tags/list?n=3".to_owned(), Vec::new());
    loop {
        let page = hub.ask("GET", &path, &[], b"").await.is(200, None);
        tags.push(page.json()["tags"].clone());
        let Some(link) = page.header("link") else { break };
        let (target, relation) = link.split_once(';').expect("a link");
        assert_eq!(relation.trim(), "rel=\"next\"");
        path = target.trim_matches(['<', '>']).to_owned();
    }
    assert_eq!(tags, [json!(["a", "b", "c"]), json!(["d"])]);
    assert_eq!(hub.ask("GET", "/v2/shop/web/tags/list?n=0", &[], b"").await.json()["tags"], json!([]));
    hub.ask("GET", "/v2/shop/web/tags/list?n=x", &[], b"").await.is(400, Some("PAGINATION_NUMBER_INVALID"));
    let catalog = hub.ask("GET", "/v2/_catalog?n=1", &[], b"").await.is(200, None);
    assert_eq!(catalog.json(), json!({"repositories": ["shop/other"]}));
    assert_eq!(catalog.header("link"), Some("</v2/_catalog?n=1&last=shop%2Fother>; rel=\"next\""));
}

#[tokio::test]
async fn the_images_that_refer_to_another_are_listed_by_kind() {
    let hub = Hub::start().await;
    let subject = hub.push_image("shop/web", &["v1"], b"layer").await;
    hub.push_blob("shop/web", b"{}").await;
    let mut referring = Vec::new();
    for kind in ["application/x-signature", "application/x-bill"] {
        let bytes = manifest::artifact(kind, &subject, b"{}");
        let put = hub.put_manifest("shop/web", &digest(&bytes), &bytes).await.is(201, None);
        assert_eq!(put.header("oci-subject"), Some(&*digest(&subject)));
        referring.push(digest(&bytes));
    }
    let path = format!("/v2/shop/web/referrers/{}", digest(&subject));
    let all = hub.ask("GET", &path, &[], b"").await.is(200, None);
    assert_eq!(all.header("content-type"), Some(manifest::INDEX));
    assert_eq!((all.json()["manifests"].as_array().map(Vec::len), all.header("oci-filters-applied")), (Some(2), None));
    let signatures = hub.ask("GET", &format!("{path}?artifactType=application/x-signature"), &[], b"").await;
    assert_eq!(signatures.header("oci-filters-applied"), Some("artifactType"));
    let found = &signatures.json()["manifests"];
    assert_eq!(
        (&found[0]["digest"], &found[0]["annotations"]["kind"], &found[1]),
        (&json!(referring[0]), &json!("application/x-signature"), &json!(null),)
    );
    let none = format!("/v2/shop/web/referrers/{}", digest(b"nothing"));
    assert_eq!(hub.ask("GET", &none, &[], b"").await.is(200, None).json()["manifests"], json!([]));
}

#[tokio::test]
async fn an_immutable_tag_is_not_moved_by_a_push() {
    let hub = Hub::start().await;
    let first = hub.push_image("shop/web", &["v1"], b"first").await;
    hub.world.run(|tx| {
        let immutable = Mutability::new(MutabilityKind::Immutable, Vec::new()).expect("no filters");
        repositories::change(tx, &hub::name("shop/web"))?.mutability = immutable;
        Ok(())
    });
    hub.put_manifest("shop/web", "v1", &first).await.is(201, None);
    let second = hub.push_image("shop/web", &[], b"second").await;
    let refused = hub.put_manifest("shop/web", "v1", &second).await.is(400, Some("TAG_INVALID"));
    assert!(refused.text().contains("immutable"), "{}", refused.text());
    assert_eq!(hub.ask("GET", "/v2/shop/web/manifests/v1", &[], b"").await.body, first);
}

#[tokio::test]
async fn what_is_there_is_still_there_after_a_restart() {
    let mut hub = Hub::start().await;
    let bytes = hub.push_image("shop/web", &["v1"], b"layer").await;
    let upload = hub.begin("shop/web").await;
    hub.ask("PATCH", &upload, &[], b"half").await.is(202, None);
    hub.restart().await;
    assert_eq!(hub.ask("GET", "/v2/shop/web/manifests/v1", &[], b"").await.is(200, None).body, bytes);
    assert_eq!(hub.ask("GET", &upload, &[], b"").await.is(204, None).header("range"), Some("0-3"));
    let end = format!("{upload}?digest={}", digest(b"half of it"));
    hub.ask("PUT", &end, &[("content-range", "4-9")], b" of it").await.is(201, None);
}

#[tokio::test]
async fn a_push_whose_rows_cannot_be_stored_has_not_happened() {
    let hub = Hub::start().await;
    hub.push_blob("shop/web", b"layer").await;
    let bytes = image(&[b"layer"]);
    hub.world.journal.set_room(Some(0));
    let path = format!("/v2/shop/web/blobs/uploads/?digest={}", digest(b"more"));
    hub.ask("POST", &path, &[], b"more").await.is(500, Some("UNKNOWN"));
    hub.put_manifest("shop/web", "v1", &bytes).await.is(500, Some("UNKNOWN"));
    hub.ask("GET", &format!("/v2/shop/web/blobs/{}", digest(b"more")), &[], b"").await.is(404, Some("BLOB_UNKNOWN"));
    hub.ask("GET", "/v2/shop/web/manifests/v1", &[], b"").await.is(404, Some("MANIFEST_UNKNOWN"));
    hub.world.journal.set_room(None);
    hub.ask("POST", &path, &[], b"more").await.is(201, None);
    hub.put_manifest("shop/web", "v1", &bytes).await.is(201, None);
}

#[tokio::test]
async fn bytes_go_when_nobody_has_needed_them_for_the_grace_period() {
    let hub = Hub::start().await;
    let kept = hub.push_image("shop/web", &["kept"], b"kept").await;
    hub.push_blob("shop/web", b"loose").await;
    hub.push_blob("shop/web", b"asked for").await;
    let asked = format!("/v2/shop/web/blobs/{}", digest(b"asked for"));
    assert_eq!(hub.sweep(), 0, "everything is young");
    hub.world.clock.advance(garbage::GRACE_PERIOD - HOUR / 2);
    hub.issue();
    hub.ask("HEAD", &asked, &[], b"").await.is(200, None);
    hub.world.clock.advance(HOUR);
    assert_eq!(hub.sweep(), 1, "the loose one");
    hub.ask("HEAD", &format!("/v2/shop/web/blobs/{}", digest(b"loose")), &[], b"").await.is(404, None);
    // Whoever was told that it is there can use it now, though its bytes are old.
    let late = image(&[b"asked for"]);
    hub.put_manifest("shop/web", "late", &late).await.is(201, None);
    hub.world.clock.advance(garbage::GRACE_PERIOD * 2);
    hub.issue();
    assert_eq!(hub.sweep(), 0, "images name all of them");
    for (bytes, blob) in [(&kept, &b"kept"[..]), (&late, b"asked for")] {
        let path = format!("/v2/shop/web/manifests/{}", digest(bytes));
        hub.ask("DELETE", &path, &[], b"").await.is(202, None);
        assert_eq!(hub.sweep(), 1, "the manifest; its blobs have a grace period of their own");
        hub.ask("GET", &format!("/v2/shop/web/blobs/{}", digest(blob)), &[], b"").await.is(200, None);
    }
    hub.world.clock.advance(garbage::GRACE_PERIOD + HOUR);
    hub.sweep();
    assert_eq!(hub.blobs_on_disk(), 0);
}

#[tokio::test]
async fn a_lifecycle_policy_is_applied_by_itself() {
    let hub = Hub::start().await;
    for number in 0..4 {
        let tag = format!("v{number}");
        hub.push_image("shop/web", &[&tag], tag.as_bytes()).await;
        hub.world.clock.advance(Duration::from_secs(60));
    }
    let policy = json!({"rules": [{"rulePriority": 1, "description": "the two newest stay", "action": {"type": "expire"},
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 2}}]});
    hub.world.run(|tx| {
        let record = LifecyclePolicyRecord { text: policy.to_string(), evaluated_at: None };
        repositories::change(tx, &hub::name("shop/web"))?.lifecycle_policy = Some(record);
        Ok(())
    });
    assert_eq!(hub.caretaker().pass().expect("a pass").images_expired, 2);
    let tags = hub.ask("GET", "/v2/shop/web/tags/list", &[], b"").await.json();
    assert_eq!(tags["tags"], json!(["v2", "v3"]));
}

#[tokio::test]
async fn a_connection_that_is_sending_a_layer_makes_no_room_for_others() {
    let hub = Hub::start_with(Limits { connections: 1, ..Limits::default() }).await;
    let layer = vec![7; 32 * 1024 * 1024];
    hub.push_blob("shop/web", &layer).await;
    let mut slow = hub.connect().await;
    let request = hub.head("GET", &format!("/v2/shop/web/blobs/{}", digest(&layer)), &[], 0);
    slow.write_all(request.as_bytes()).await.expect("written");
    let mut first = [0; 1];
    slow.read_exact(&mut first).await.expect("the answer begins");
    let refused = hub.ask("GET", "/v2/", &[], b"").await;
    assert_eq!(refused.status, 503, "there is room for one");
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).await.expect("all of it");
    assert!(rest.ends_with(&layer[..1024]) && rest.len() > layer.len());
}

#[tokio::test]
async fn a_client_that_takes_nothing_loses_its_place() {
    let limits = Limits { connections: 1, send_timeout: Duration::from_millis(300), ..Limits::default() };
    let hub = Hub::start_with(limits).await;
    let layer = vec![7; 32 * 1024 * 1024];
    hub.push_blob("shop/web", &layer).await;
    let mut still = hub.connect().await;
    let request = hub.head("GET", &format!("/v2/shop/web/blobs/{}", digest(&layer)), &[], 0);
    still.write_all(request.as_bytes()).await.expect("written");
    still.read_exact(&mut [0; 1]).await.expect("the answer begins");
    until("room for another", async || hub.ask("GET", "/v2/", &[], b"").await.status == 200).await;
    let mut rest = Vec::new();
    let read = still.read_to_end(&mut rest).await;
    assert!(read.is_err() || rest.len() < layer.len(), "not all of it was sent");
}

/// Pushes go on while the caretaker sweeps, with time passing so fast that everything is always old enough to be swept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweeping_takes_nothing_from_pushes_that_run_beside_it() {
    let hub = Hub::start().await;
    let caretaker = hub.caretaker();
    let is_over = Arc::new(AtomicBool::new(false));
    let sweeping = std::thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || {
            let mut removed = 0;
            while !is_over.load(Ordering::Relaxed) {
                removed += caretaker.pass().expect("a pass").blobs_removed;
            }
            removed
        }
    });
    for number in 0..40 {
        hub.issue();
        let own = format!("layer {number}");
        let blobs = [b"shared".as_slice(), own.as_bytes()];
        for blob in blobs {
            hub.push_blob("shop/web", blob).await;
        }
        let bytes = image(&blobs);
        hub.put_manifest("shop/web", "newest", &bytes).await.is(201, None);
        // Everything that was there before is old, and what the last image alone had is not needed any more.
        hub.world.clock.advance(garbage::GRACE_PERIOD + HOUR);
        hub.issue();
        for blob in blobs {
            let path = format!("/v2/shop/web/blobs/{}", digest(blob));
            assert_eq!(hub.ask("GET", &path, &[], b"").await.is(200, None).body, blob, "of image {number}");
        }
        let path = format!("/v2/shop/web/manifests/{}", digest(&bytes));
        hub.ask("DELETE", &path, &[], b"").await.is(202, None);
    }
    is_over.store(true, Ordering::Relaxed);
    let removed = sweeping.join().expect("no panic");
    assert!(removed > 40, "sweeping had something to do: {removed}");
}
