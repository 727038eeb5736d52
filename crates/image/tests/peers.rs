//! Other tools read what is packed here, and what they make is unpacked here as they would: skopeo, buildah, umoci.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use seatrial_image::configuration::ExposedPort;
use seatrial_image::pack::{Entry, PackOptions, attach_sbom, write_index};
use seatrial_image::{ImageBuilder, Layout, LayoutWriter, Limits, Platform, unpack};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Runs a tool, and returns what it printed.
fn run(home: &Path, program: &str, arguments: &[&str]) -> String {
    let run = Command::new(program).args(arguments).env("HOME", home).output();
    let output = run.unwrap_or_else(|error| {
        panic!("{program} cannot be started: {error}; this test needs it: apt-get install -y skopeo buildah umoci")
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

/// A directory of its own for everything that the tools keep.
struct Workshop {
    directory: TempDir,
}

impl Workshop {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // Without random letters: buildah makes an image's name from the path, and takes no capitals.
        let name = format!("seatrial-peers-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let directory = tempfile::Builder::new().prefix(&name).rand_bytes(0).tempdir().expect("a directory");
        Workshop { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn skopeo(&self, arguments: &[&str]) -> String {
        run(self.directory.path(), "skopeo", &[&["--insecure-policy"], arguments].concat())
    }

    fn buildah(&self, arguments: &[&str]) -> String {
        let (storage, state) = (self.path("storage"), self.path("state"));
        let places = ["--root", text(&storage), "--runroot", text(&state), "--storage-driver", "vfs"];
        run(self.directory.path(), "buildah", &[&places, arguments].concat())
    }

    /// Names a layout of this directory in the way of the tools.
    fn oci(&self, layout: &str, name: &str) -> String {
        format!("oci:{}:{name}", self.path(layout).display())
    }

    /// Unpacks an image of a layout.
    fn unpack(&self, layout: &str, name: &str) -> PathBuf {
        let layout = Layout::open(&self.path(layout)).expect("a layout");
        let image = layout.image(Some(name), &Platform::of_this_machine()).expect("an image");
        let root = self.path(&format!("root-{name}-{}", image.digest.hex()));
        unpack(&image.configuration, &image.layers, &root, &Limits::default()).expect("unpacked");
        root
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        if is_root() {
            // Mounts of buildah's containers end with them.
            self.buildah(&["rm", "--all"]);
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Mounting an image's files takes root, or a user namespace that the test would have to live in.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// What can be seen of a directory's files: kind, mode, owner, time, contents or target, and which are the same file.
fn picture(root: &Path) -> BTreeMap<String, String> {
    fn draw(root: &Path, directory: &Path, names: &mut BTreeMap<u64, String>, picture: &mut BTreeMap<String, String>) {
        let mut children: Vec<PathBuf> =
            fs::read_dir(directory).expect("readable").map(|child| child.expect("readable").path()).collect();
        children.sort();
        for path in children {
            let name = path.strip_prefix(root).expect("below").to_str().expect("UTF-8").to_owned();
            let metadata = path.symlink_metadata().expect("there");
            let kind = if metadata.is_symlink() {
                format!("link to {}", fs::read_link(&path).expect("a link").display())
            } else if metadata.is_dir() {
                "directory".to_owned()
            } else if metadata.file_type().is_fifo() {
                "pipe".to_owned()
            } else {
                let first = names.entry(metadata.ino()).or_insert_with(|| name.clone());
                let contents = fs::read(&path).expect("readable");
                let sum: u64 = contents.iter().fold(0, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
                format!("the file {first} of {} bytes, {sum:x}", contents.len())
            };
            let (mode, time) = (metadata.permissions().mode() & 0o7777, metadata.mtime());
            picture.insert(name, format!("{mode:o} {}:{} {time} {kind}", metadata.uid(), metadata.gid()));
            if metadata.is_dir() {
                draw(root, &path, names, picture);
            }
        }
    }
    let mut picture = BTreeMap::new();
    draw(root, root, &mut BTreeMap::new(), &mut picture);
    picture
}

fn image(architecture: &str) -> ImageBuilder {
    let platform = Platform { architecture: architecture.to_owned(), ..Platform::of_this_machine() };
    let long = format!("/app/{}/{}", "directory".repeat(12), "file".repeat(30));
    let lower = vec![
        Entry::from_bytes("#!/bin/sh\n", "/app/server").with_mode(0o755),
        Entry::from_bytes(architecture, "/app/architecture"),
        Entry::from_bytes("deep", &long),
        Entry::symbolic_link("app/server", "/server"),
        Entry::symbolic_link(&"../".repeat(60), "/app/up"),
        Entry::directory("/tmp").with_mode(0o1777),
    ];
    let upper = vec![
        Entry::from_bytes("owned", "/data/file").with_owner(1000, 1000),
        Entry::from_bytes("second", "/app/architecture"),
    ];
    let options = PackOptions { modified: 1_700_000_000, ..PackOptions::default() };
    ImageBuilder::from_scratch(platform)
        .layer(lower, options.clone())
        .layer(upper, options)
        .entry_point(vec!["/app/server".to_owned()])
        .command(vec!["--fast".to_owned()])
        .environment("MODE", "test")
        .expose(ExposedPort::parse("8080/tcp").expect("a port"))
        .label("team", "shop")
        .user("1000")
        .created(1_700_000_000)
}

#[test]
fn skopeo_reads_and_copies_what_is_packed() {
    let workshop = Workshop::new();
    let layout = LayoutWriter::create(&workshop.path("packed")).expect("a layout");
    let built = image(&Platform::of_this_machine().architecture).build(&layout, Some("1.0")).expect("built");
    attach_sbom(&layout, &built, "shop/web", 1_700_000_000).expect("attached");

    let shown: Value =
        serde_json::from_str(&workshop.skopeo(&["inspect", &workshop.oci("packed", "1.0")])).expect("JSON");
    assert_eq!(shown["Digest"], json!(built.entry.digest));
    assert_eq!(shown["Labels"], json!({"team": "shop"}));
    assert_eq!((&shown["Env"], &shown["Created"]), (&json!(["MODE=test"]), &json!("2023-11-14T22:13:20Z")));
    let configuration = workshop.skopeo(&["inspect", "--config", &workshop.oci("packed", "1.0")]);
    let configuration: Value = serde_json::from_str(&configuration).expect("JSON");
    assert_eq!(configuration["config"]["Entrypoint"], json!(["/app/server"]));
    assert_eq!(configuration["config"]["ExposedPorts"], json!({"8080/tcp": {}}));

    workshop.skopeo(&["copy", &workshop.oci("packed", "1.0"), &workshop.oci("copied", "1.0")]);
    let copied = Layout::open(&workshop.path("copied")).expect("a layout");
    let found = copied.image(Some("1.0"), &Platform::of_this_machine()).expect("an image");
    assert_eq!(found.digest, built.entry.digest, "byte for byte");
    assert_eq!(picture(&workshop.unpack("copied", "1.0")).len(), 10);
    // Docker's schema needs another manifest, made from the configuration.
    workshop.skopeo(&["copy", &workshop.oci("packed", "1.0"), &format!("dir:{}", workshop.path("docker").display())]);
}

#[test]
fn skopeo_finds_the_images_of_an_index() {
    let workshop = Workshop::new();
    let layout = LayoutWriter::create(&workshop.path("packed")).expect("a layout");
    let images = ["amd64", "arm64"].map(|architecture| image(architecture).build_unlisted(&layout).expect("built"));
    write_index(&layout, &images, Some("1.0")).expect("written");
    workshop.skopeo(&["copy", "--all", &workshop.oci("packed", "1.0"), &workshop.oci("all", "1.0")]);
    for (image, architecture) in images.iter().zip(["amd64", "arm64"]) {
        let from = workshop.oci("packed", "1.0");
        workshop.skopeo(&["--override-arch", architecture, "copy", &from, &workshop.oci(architecture, "1.0")]);
        let only = Layout::open(&workshop.path(architecture)).expect("a layout").find(None).expect("an image");
        assert_eq!(only.digest, image.entry.digest, "{architecture}");
        let of_all = Layout::open(&workshop.path("all")).expect("a layout");
        let platform = Platform { architecture: architecture.to_owned(), ..Platform::of_this_machine() };
        assert_eq!(of_all.image(Some("1.0"), &platform).expect("an image").digest, image.entry.digest);
    }
}

#[test]
fn buildah_and_umoci_unpack_what_is_packed_as_it_is_unpacked_here() {
    if !is_root() {
        eprintln!("left out: mounting buildah's images takes root");
        return;
    }
    let workshop = Workshop::new();
    let layout = LayoutWriter::create(&workshop.path("packed")).expect("a layout");
    image(&Platform::of_this_machine().architecture).build(&layout, Some("1.0")).expect("built");
    let ours = picture(&workshop.unpack("packed", "1.0"));
    assert!(ours["tmp"].starts_with("1777 0:0 1700000000 directory"), "{}", ours["tmp"]);
    assert!(ours["data/file"].starts_with("644 1000:1000 1700000000 the file"), "{}", ours["data/file"]);

    let container = workshop.buildah(&["from", "--quiet", &workshop.oci("packed", "1.0")]);
    let mounted = workshop.buildah(&["mount", &container]);
    let theirs = without_times_of_implied_directories(picture(Path::new(&mounted)));
    assert_eq!(theirs, without_times_of_implied_directories(ours.clone()));

    let bundle = workshop.path("bundle");
    let image = format!("{}:1.0", workshop.path("packed").display());
    run(workshop.directory.path(), "umoci", &["unpack", "--image", &image, text(&bundle)]);
    let theirs = without_times_of_implied_directories(picture(&bundle.join("rootfs")));
    assert_eq!(theirs, without_times_of_implied_directories(ours));
}

/// A directory that no layer has an entry for was made when it was unpacked, and one that got a file after its entry may be said to
/// have been modified then.
fn without_times_of_implied_directories(mut picture: BTreeMap<String, String>) -> BTreeMap<String, String> {
    for name in ["app", "data"] {
        let seen = picture.get_mut(name).expect("a directory");
        let words: Vec<&str> = seen.split(' ').collect();
        *seen = [words[0], words[1], words[3]].join(" ");
    }
    picture
}

#[test]
fn what_buildah_makes_is_unpacked_as_buildah_mounts_it() {
    if !is_root() {
        eprintln!("left out: mounting buildah's images takes root");
        return;
    }
    let workshop = Workshop::new();
    let numbers: Vec<u8> = (0..700_000_u32).flat_map(|number| (number / 5).to_le_bytes()).collect();
    fs::write(workshop.path("numbers"), numbers).expect("written");
    let first = workshop.buildah(&["from", "scratch"]);
    let mounted = workshop.buildah(&["mount", &first]);
    workshop.buildah(&["copy", &first, text(&workshop.path("numbers")), "/data/numbers"]);
    script(&mounted, LOWER);
    workshop.buildah(&["config", "--entrypoint", r#"["/bin/x"]"#, "--env", "A=b", "--port", "80", &first]);
    workshop.buildah(&["commit", "--quiet", &first, "one"]);
    let second = workshop.buildah(&["from", "one"]);
    let mounted = workshop.buildah(&["mount", &second]);
    script(&mounted, UPPER);
    workshop.buildah(&["commit", "--quiet", &second, "two"]);
    let theirs = picture(Path::new(&mounted));
    assert!(!theirs.contains_key("gone/sub") && theirs.contains_key("again/new"), "{theirs:?}");

    for format in ["gzip", "zstd"] {
        let to = workshop.oci(format, format);
        workshop.buildah(&["push", "--quiet", "--compression-format", format, "two", &to]);
        let ours = picture(&workshop.unpack(format, format));
        assert_eq!(ours, theirs, "{format}");
    }
    let layout = Layout::open(&workshop.path("zstd")).expect("a layout");
    let image = layout.image(None, &Platform::of_this_machine()).expect("the only image");
    assert!(image.layers.iter().all(|layer| layer.media_type.ends_with("+zstd")), "{:?}", image.layers);
    let run = &image.configuration.run;
    assert_eq!(
        (run.entry_point.join(" "), &run.environment[..]),
        ("/bin/x".to_owned(), &[("A".to_owned(), "b".to_owned())][..])
    );

    // What is built on it is again what buildah takes.
    let layout = LayoutWriter::create(&workshop.path("on-top")).expect("a layout");
    let entries = vec![Entry::from_bytes("mine", "/lib/mine")];
    ImageBuilder::on(image).layer(entries, PackOptions::default()).build(&layout, Some("top")).expect("built");
    let container = workshop.buildah(&["from", "--quiet", &workshop.oci("on-top", "top")]);
    let mounted = workshop.buildah(&["mount", &container]);
    assert_eq!(fs::read_to_string(Path::new(&mounted).join("usr/lib/mine")).expect("there"), "mine");
}

/// Files of every kind.
const LOWER: &str = r"
    mkdir -p gone/sub again kept/locked usr/lib
    echo 1 > gone/file; echo 2 > gone/sub/file; echo 3 > again/old; echo 4 > kept/file; echo 5 > kept/locked/file
    ln -s usr/lib lib; ln -s /nowhere dangling; ln kept/file kept/same; mkfifo pipe
    echo 6 > program; chmod 4755 program; chown 1000:2000 kept/file; chmod 500 kept/locked
    touch -d @1500000000 kept/file program usr/lib; touch -h -d @1400000000 dangling
    mkdir $(printf 'l%.0s' $(seq 120)); echo 7 > $(printf 'l%.0s' $(seq 120))/$(printf 'n%.0s' $(seq 200)); echo 8 > 'ä ö'
";

/// What a later layer takes away, replaces and adds.
const UPPER: &str = r"
    rm -r gone; mkdir gone; rm -r again; mkdir again; echo 9 > again/new
    rm dangling; mkdir dangling; echo 10 > dangling/file; rm program; ln -s kept program
    rm kept/same; echo 11 > kept/locked/more; echo 12 > usr/lib/library; rm pipe; echo 13 > pipe
";

fn script(directory: &str, lines: &str) {
    let ran = Command::new("sh").args(["-euc", lines]).current_dir(directory).status().expect("sh can be started");
    assert!(ran.success());
}
