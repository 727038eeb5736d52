//! Images in the engine's registry: skopeo pushes and pulls them, a push survives the engine, what is deleted leaves no bytes behind.

mod harness;
mod oci;
mod signed;

use std::path::Path;
use std::time::Duration;

use harness::{Trial, wait_until};
use oci::{Layout, skopeo};
use seatrial_model::image::Algorithm;
use seatrial_registry::storage::digest_of;
use serde_json::json;
use signed::Aws;

/// How long the engine may take to sweep: its grace period of two hours is seven seconds at this scale.
const SWEEP_LIMIT: Duration = Duration::from_secs(60);
const SCALE: &str = "1000";
/// Large beside everything else the engine has in memory.
const LARGE_LAYER: usize = 200 * 1024 * 1024;

struct Story {
    trial: Trial,
    aws: Aws,
    password: String,
}

impl Story {
    fn start(options: &[&str]) -> Self {
        let trial = Trial::new("app: unused\nservices: {}\n");
        trial.run(&[&["engine", "start"], options].concat(), &[]).exits(0);
        let aws = Aws::of(&trial);
        let password = aws.password();
        Story { trial, aws, password }
    }

    fn create(&self, name: &str) {
        self.aws.ecr("CreateRepository", &json!({"repositoryName": name}));
    }

    fn directory(&self, name: &str) -> std::path::PathBuf {
        self.trial.directory().join(name)
    }

    /// Pushes a layout with skopeo.
    fn push(&self, layout: &Layout, image: &str) -> (bool, String) {
        let from = format!("oci:{}", layout.directory.display());
        let to = format!("docker://{}/{image}", self.aws.address);
        let credentials = format!("AWS:{}", self.password);
        let options = ["--dest-tls-verify=false", "--dest-creds", &credentials];
        skopeo(self.trial.directory(), &[&["copy"], &options[..], &[&from, &to]].concat())
    }

    /// Pulls an image with skopeo into a layout.
    fn pull(&self, image: &str, to: &Path) -> (bool, String) {
        let from = format!("docker://{}/{image}", self.aws.address);
        let to = format!("oci:{}", to.display());
        let credentials = format!("AWS:{}", self.password);
        let options = ["--src-tls-verify=false", "--src-creds", &credentials];
        skopeo(self.trial.directory(), &[&["copy"], &options[..], &[&from, &to]].concat())
    }

    fn ask(&self, method: &str, path: &str) -> signed::Reply {
        self.aws.registry(&self.password, method, path, &[], b"")
    }

    /// Kills the engine as a crash does, and starts another one.
    fn crash_and_start(&self) {
        let engine = self.trial.engine_process().expect("a running engine").to_string();
        let killed = std::process::Command::new("kill").args(["-9", &engine]).status().expect("kill can be started");
        assert!(killed.success());
        self.trial.run(&["engine", "start"], &[]).exits(0);
        assert_eq!(Aws::of(&self.trial).address, self.aws.address, "the engine comes back on its port");
    }

    /// The most memory the engine has had, in bytes.
    fn memory_peak(&self) -> usize {
        let engine = self.trial.engine_process().expect("a running engine");
        let status = std::fs::read_to_string(format!("/proc/{engine}/status")).expect("a living process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        let kibibytes: usize = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kibibytes * 1024
    }

    /// Counts the blobs on disk.
    fn blobs(&self) -> usize {
        let root = self.trial.home().join("registry/blobs/sha256");
        let groups = std::fs::read_dir(root).expect("readable");
        groups.map(|group| std::fs::read_dir(group.expect("readable").path()).expect("readable").count()).sum()
    }
}

#[test]
fn an_image_goes_in_with_skopeo_and_comes_out_the_same() {
    let story = Story::start(&[]);
    let layout = Layout::write(&story.directory("image"), 1, &[3_000_000, 70_000]);
    let (pushed, said) = story.push(&layout, "shop/web:1.0");
    assert!(!pushed && said.contains("aws ecr create-repository --repository-name shop/web"), "{said}");

    story.create("shop/web");
    let (pushed, said) = story.push(&layout, "shop/web:1.0");
    assert!(pushed, "{said}");
    let (again, said) = story.push(&layout, "shop/web:also");
    assert!(again, "{said}");
    let tags = story.ask("GET", "/v2/shop/web/tags/list").is(200).json();
    assert_eq!(tags, json!({"name": "shop/web", "tags": ["1.0", "also"]}));

    let out = story.directory("out");
    let (pulled, said) = story.pull("shop/web:1.0", &out);
    assert!(pulled, "{said}");
    assert_eq!(oci::manifest_of(&out), layout.digest);
    for digest in layout.layers.iter().chain([&layout.config, &layout.digest]) {
        assert!(oci::read_blob(&out, digest) == layout.blob(digest), "{digest} came out as it went in");
    }
    let (pulled, said) = story.pull(&format!("shop/web@{}", layout.digest), &story.directory("by-digest"));
    assert!(pulled, "{said}");

    let copied = Layout::write(&story.directory("same-layers"), 1, &[3_000_000, 70_000]);
    story.create("shop/copy");
    let (pushed, said) = story.push(&copied, "shop/copy:1.0");
    assert!(pushed, "{said}");

    let stranger = Story { password: "0123456789abcdef.guessed".to_owned(), ..story };
    let (pulled, said) = stranger.pull("shop/web:1.0", &stranger.directory("none"));
    assert!(!pulled && said.to_lowercase().contains("unauthorized"), "{said}");
}

#[test]
fn a_push_goes_on_where_a_killed_engine_left_it() {
    let story = Story::start(&[]);
    story.create("shop/web");
    let layout = Layout::write(&story.directory("image"), 2, &[4_000_000]);
    let layer = layout.blob(&layout.layers[0]);
    let begun = story.ask("POST", "/v2/shop/web/blobs/uploads/").is(202);
    let upload = begun.header("location").expect("a location").to_owned();
    let half = layer.len() / 2;
    let range = format!("0-{}", half - 1);
    story.aws.registry(&story.password, "PATCH", &upload, &[("content-range", &range)], &layer[..half]).is(202);

    // The engine dies in the middle of the next chunk.
    let data = story.trial.home().join("registry").join(upload.trim_start_matches("/v2/shop/web/blobs/")).join("data");
    let sent = &layer[half..layer.len() - 1000];
    let connection = story.aws.break_off(&story.password, "PATCH", &upload, layer.len() - half, sent);
    wait_until(Duration::from_secs(20), "a part of the chunk to be written", || {
        std::fs::metadata(&data).is_ok_and(|metadata| metadata.len() > half as u64)
    });
    story.crash_and_start();
    drop(connection);

    let whole = format!("{upload}?digest={}", layout.layers[0]);
    assert!(!story.trial.home().join("registry/blobs/sha256").join(&layout.layers[0].hex()[..2]).exists());
    story.ask("HEAD", &format!("/v2/shop/web/blobs/{}", layout.layers[0])).is(404);
    let status = story.ask("GET", &upload).is(204);
    let last: usize = status.header("range").and_then(|range| range.strip_prefix("0-")?.parse().ok()).expect("a range");
    assert!(last + 1 > half && last + 1 < layer.len(), "{last} of {}", layer.len());
    let wrong = story.aws.registry(&story.password, "PATCH", &upload, &[("content-range", "0-9")], &[0; 10]).is(416);
    assert_eq!(wrong.header("range"), status.header("range"), "tells where to go on");
    let rest = &layer[last + 1..];
    let range = format!("{}-{}", last + 1, layer.len() - 1);
    story.aws.registry(&story.password, "PUT", &whole, &[("content-range", &range)], rest).is(201);

    let (pushed, said) = story.push(&layout, "shop/web:resumed");
    assert!(pushed, "{said}");
    let out = story.directory("out");
    let (pulled, said) = story.pull("shop/web:resumed", &out);
    assert!(pulled, "{said}");
    assert!(oci::read_blob(&out, &layout.layers[0]) == layer);
    story.crash_and_start();
    story.ask("GET", "/v2/shop/web/manifests/resumed").is(200);
}

#[test]
fn an_immutable_tag_is_not_moved_by_skopeo() {
    let story = Story::start(&[]);
    let made = json!({"repositoryName": "shop/web", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "latest*"}]});
    story.aws.ecr("CreateRepository", &made);
    let [first, second] = [5, 6].map(|seed| Layout::write(&story.directory(&format!("image{seed}")), seed, &[40_000]));
    for (layout, tag, is_taken) in [
        (&first, "1.0", true),
        (&first, "1.0", true),
        (&first, "latest", true),
        (&second, "latest", true),
        (&second, "1.0", false),
    ] {
        let (pushed, said) = story.push(layout, &format!("shop/web:{tag}"));
        assert_eq!(pushed, is_taken, "{tag}: {said}");
        assert!(is_taken || said.contains("cannot be overwritten because the tag is immutable"), "{said}");
    }
    let shown =
        story.aws.ecr("DescribeImages", &json!({"repositoryName": "shop/web", "imageIds": [{"imageTag": "1.0"}]}));
    assert_eq!(shown["imageDetails"][0]["imageDigest"], json!(first.digest));
}

#[test]
fn pushes_that_an_engine_does_not_survive_leave_nothing_half_done() {
    let story = Story::start(&[]);
    story.create("shop/web");
    let layout = Layout::write(&story.directory("image"), 7, &[900_000; 12]);
    // However far a push has come, what can be seen is whole: a blob has its digest, and a tag has all of its image.
    for blobs_before_the_crash in [1, 5, 13] {
        std::thread::scope(|scope| {
            let push = scope.spawn(|| story.push(&layout, "shop/web:1.0"));
            wait_until(Duration::from_secs(30), "some blobs", || {
                story.blobs() >= blobs_before_the_crash || push.is_finished()
            });
            story.crash_and_start();
            push.join().expect("skopeo ends");
        });
        for digest in layout.layers.iter().chain([&layout.config]) {
            let reply = story.ask("GET", &format!("/v2/shop/web/blobs/{digest}"));
            assert!(reply.status == 404 || reply.body == layout.blob(digest), "{digest} is whole");
        }
        if story.ask("GET", "/v2/shop/web/manifests/1.0").status == 200 {
            let (pulled, said) = story.pull("shop/web:1.0", &story.directory(&format!("out{blobs_before_the_crash}")));
            assert!(pulled, "{said}");
        }
    }
    let (pushed, said) = story.push(&layout, "shop/web:1.0");
    assert!(pushed, "{said}");
    let out = story.directory("out");
    let (pulled, said) = story.pull("shop/web:1.0", &out);
    assert!(pulled && oci::manifest_of(&out) == layout.digest, "{said}");
}

#[test]
fn a_large_layer_is_not_held_in_memory() {
    let story = Story::start(&[]);
    story.create("shop/web");
    let before = story.memory_peak();
    let layer = vec![0x5e; LARGE_LAYER];
    let digest = digest_of(Algorithm::Sha256, &layer);
    let begun = story.ask("POST", "/v2/shop/web/blobs/uploads/").is(202);
    let whole = format!("{}?digest={digest}", begun.header("location").expect("a location"));
    story.aws.registry(&story.password, "PUT", &whole, &[], &layer).is(201);
    assert!(story.ask("GET", &format!("/v2/shop/web/blobs/{digest}")).is(200).body == layer);
    let grown = story.memory_peak() - before;
    assert!(grown < LARGE_LAYER / 4, "the engine grew by {grown} bytes");
}

#[test]
fn a_deleted_image_leaves_no_bytes_behind() {
    let story = Story::start(&["--time-scale", SCALE]);
    story.create("shop/web");
    let kept = Layout::write(&story.directory("kept"), 3, &[50_000]);
    let deleted = Layout::write(&story.directory("deleted"), 4, &[50_000, 60_000]);
    for (layout, tag) in [(&kept, "kept"), (&deleted, "deleted")] {
        let (pushed, said) = story.push(layout, &format!("shop/web:{tag}"));
        assert!(pushed, "{said}");
    }
    assert_eq!(story.blobs(), 7);
    let named = format!("/v2/shop/web/blobs/{}", deleted.layers[0]);
    story.ask("DELETE", &named).is(405);
    story.ask("DELETE", &format!("/v2/shop/web/manifests/{}", deleted.digest)).is(202);
    story.ask("GET", "/v2/shop/web/manifests/deleted").is(404);
    wait_until(SWEEP_LIMIT, "the deleted image's bytes to go", || story.blobs() == 3);
    story.ask("GET", &named).is(404);
    let (pulled, said) = story.pull("shop/web:kept", &story.directory("out"));
    assert!(pulled, "{said}");
}
