//! Images on nothing and on others, for several platforms, with lists of their files.

use std::fs;
use std::time::Duration;

use seatrial_model::image::{Algorithm, Manifest};
use serde_json::Value;
use tempfile::TempDir;

use super::super::*;
use crate::configuration::{ExposedPort, Healthcheck};
use crate::layout::{Layout, LayoutError, LayoutWriter};
use crate::platform::Platform;
use crate::testing::told;
use crate::unpack::{Limits, unpack};

fn platform(architecture: &str) -> Platform {
    Platform { os: "linux".to_owned(), architecture: architecture.to_owned(), variant: None }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn new_layout() -> (TempDir, LayoutWriter) {
    let directory = tempfile::tempdir().expect("a directory");
    let layout = LayoutWriter::create(&directory.path().join("layout")).expect("a layout");
    (directory, layout)
}

fn base() -> ImageBuilder {
    let entries = vec![Entry::from_bytes("base", "/usr/lib/base"), Entry::symbolic_link("usr/lib", "/lib")];
    ImageBuilder::from_scratch(platform("amd64"))
        .layer(entries, PackOptions::default())
        .entry_point(words("/bin/base"))
        .command(words("base command"))
        .environment("PATH", "/bin")
        .label("base", "yes")
        .stop_signal("SIGQUIT")
}

#[test]
fn an_image_is_what_it_was_built_to_be() {
    let (_directory, layout) = new_layout();
    let healthcheck = Healthcheck {
        test: words("CMD /bin/check"),
        interval: Some(Duration::from_secs(5)),
        retries: Some(2),
        ..Healthcheck::default()
    };
    let built = base()
        .working_directory("/app")
        .user("1000:1000")
        .expose(ExposedPort::parse("8080").expect("a port"))
        .healthcheck(healthcheck.clone())
        .annotation("org.opencontainers.image.revision", "abc")
        .created(1_700_000_000)
        .build(&layout, Some("1.0"))
        .expect("built");
    let image = layout.layout().expect("a layout").image(Some("1.0"), &platform("amd64")).expect("an image");
    assert_eq!((&image.digest, image.manifest_bytes.len() as u64), (&built.entry.digest, built.entry.size));
    assert_eq!(image.manifest.annotations["org.opencontainers.image.revision"], "abc");
    let run = &image.configuration.run;
    assert_eq!((run.entry_point.join(" "), run.command.join(" ")), ("/bin/base".to_owned(), "base command".to_owned()));
    assert_eq!((run.working_directory.as_deref(), run.user.as_deref()), (Some("/app"), Some("1000:1000")));
    assert_eq!(run.healthcheck.as_ref(), Some(&healthcheck));
    assert_eq!(image.configuration.created.as_deref(), Some("2023-11-14T22:13:20Z"));
    assert_eq!((run.exposed_ports.len(), image.configuration.diff_ids.len(), image.layers.len()), (1, 1, 1));
}

#[test]
fn an_image_on_a_base_has_its_layers_and_settings_and_own_ones() {
    let (_base_directory, from) = new_layout();
    base().build(&from, None).expect("built");
    let base = from.layout().expect("a layout").image(None, &platform("amd64")).expect("the only image");
    let (directory, layout) = new_layout();
    let built = ImageBuilder::on(base)
        .layer(vec![Entry::from_bytes("own", "/lib/own")], PackOptions::default())
        .entry_point(words("/lib/own"))
        .environment("PATH", "/lib")
        .environment("MODE", "fast")
        .build(&layout, Some("own"))
        .expect("built");
    assert_eq!(built.layers.len(), 1, "those of the base are not counted");
    let image = layout.layout().expect("a layout").image(Some("own"), &platform("amd64")).expect("an image");
    let run = &image.configuration.run;
    assert_eq!((run.entry_point.join(" "), run.command.len()), ("/lib/own".to_owned(), 0), "the base's command is not");
    assert_eq!(run.environment, [("PATH", "/lib"), ("MODE", "fast")].map(|(a, b)| (a.to_owned(), b.to_owned())));
    assert_eq!((run.labels["base"].as_str(), run.stop_signal.as_deref()), ("yes", Some("SIGQUIT")));
    assert_eq!(image.configuration.history.len(), 2);
    let root = directory.path().join("root");
    unpack(&image.configuration, &image.layers, &root, &Limits::default()).expect("unpacked");
    assert!(root.join("lib").is_symlink(), "the base's link is still one");
    assert_eq!(fs::read_to_string(root.join("usr/lib/own")).expect("there"), "own");
}

#[test]
fn an_index_has_an_image_for_each_platform() {
    let (_directory, layout) = new_layout();
    let images: Vec<BuiltImage> = ["arm64", "amd64"]
        .map(|architecture| {
            let entries = vec![Entry::from_bytes(architecture, "/architecture")];
            let image = ImageBuilder::from_scratch(platform(architecture)).layer(entries, PackOptions::default());
            image.build_unlisted(&layout).expect("built")
        })
        .into();
    let index = write_index(&layout, &images, Some("1.0")).expect("written");
    let reader = layout.layout().expect("a layout");
    assert_eq!(reader.find(Some("1.0")).expect("an index").digest, index.digest);
    for (image, architecture) in images.iter().zip(["arm64", "amd64"]) {
        let found = reader.image(Some("1.0"), &platform(architecture)).expect("an image");
        assert_eq!(found.digest, image.entry.digest);
    }
    let error = told(&reader.image(None, &platform("s390x")).expect_err("none"));
    assert!(error.contains("only for linux/amd64, linux/arm64"), "{error}");
    assert!(matches!(write_index(&layout, &[], None), Err(PackError::NoImages)));
}

#[test]
fn the_list_of_files_refers_to_its_image() {
    let (_directory, layout) = new_layout();
    let layers =
        [vec![Entry::from_bytes("1", "/a"), Entry::from_bytes("old", "/b")], vec![Entry::from_bytes("new", "/b")]];
    let image = layers.into_iter().fold(ImageBuilder::from_scratch(platform("amd64")), |image, entries| {
        image.layer(entries, PackOptions::default())
    });
    let built = image.build(&layout, Some("app")).expect("built");
    let sbom = attach_sbom(&layout, &built, "app", 1_700_000_000).expect("attached");
    let reader = layout.layout().expect("a layout");
    let bytes = reader.read(&sbom.digest, 1_000_000).expect("a manifest");
    let manifest = Manifest::parse(&bytes, None).expect("a manifest as registries take it");
    assert_eq!(manifest.subject, Some(built.entry.digest.clone()));
    assert_eq!(manifest.artifact_type.as_deref(), Some("application/spdx+json"));
    let document = reader.read(&manifest.layers[0].digest, 1_000_000).expect("a document");
    let document: Value = serde_json::from_slice(&document).expect("JSON");
    let files: Vec<(&str, &str)> = document["files"]
        .as_array()
        .expect("files")
        .iter()
        .map(|file| {
            let sha256 = &file["checksums"][1]["checksumValue"];
            (file["fileName"].as_str().expect("a name"), sha256.as_str().expect("a checksum"))
        })
        .collect();
    let digest = |text: &str| crate::hash::digest_of(Algorithm::Sha256, text.as_bytes());
    assert_eq!(files, [("./a", digest("1").hex()), ("./b", digest("new").hex())]);
    assert_eq!(document["creationInfo"]["created"], "2023-11-14T22:13:20Z");
    let only = reader.image(None, &platform("amd64")).expect("an artifact is no image, so there is one image");
    assert_eq!(only.digest, built.entry.digest);
}

#[test]
fn a_damaged_base_is_found_while_it_is_copied() {
    let (directory, from) = new_layout();
    base().build(&from, None).expect("built");
    let base = from.layout().expect("a layout").image(None, &platform("amd64")).expect("an image");
    let path = &base.layers[0].path;
    let mut bytes = fs::read(path).expect("readable");
    bytes[20] ^= 1;
    fs::write(path, bytes).expect("written");
    let other = LayoutWriter::create(&directory.path().join("other")).expect("a layout");
    let error = ImageBuilder::on(base).build(&other, None).expect_err("refused");
    assert!(matches!(error, PackError::Layout(LayoutError::Damaged(_))), "{error:?}");
    let blobs = fs::read_dir(directory.path().join("other/blobs/sha256")).expect("readable").count();
    assert_eq!(blobs, 0, "nothing is left of it");
    assert!(matches!(Layout::open(&directory.path().join("none")), Err(LayoutError::NotALayout(_))));
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let (_directory, layout) = new_layout();
    let image = ImageBuilder::from_scratch(platform("amd64"));
    assert!(matches!(image.clone().environment("A=B", "c").build(&layout, None), Err(PackError::Variable(_))));
    assert!(matches!(image.created(u64::MAX).build(&layout, None), Err(PackError::Time(_))));
}
