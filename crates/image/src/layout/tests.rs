//! Layouts that are not as they should be, and names.

use std::fs;
use std::io::Read;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::pack::{BuiltImage, Entry, ImageBuilder, PackOptions};
use crate::platform::Platform;
use crate::testing::told;

struct Fixture {
    _directory: TempDir,
    writer: LayoutWriter,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let writer = LayoutWriter::create(&directory.path().join("layout")).expect("a layout");
        Fixture { _directory: directory, writer }
    }

    fn build(&self, contents: &str, name: Option<&str>) -> BuiltImage {
        let entries = vec![Entry::from_bytes(contents, "/file")];
        let image = ImageBuilder::from_scratch(Platform::of_this_machine()).layer(entries, PackOptions::default());
        image.build(&self.writer, name).expect("built")
    }

    fn image(&self, name: Option<&str>) -> Result<LayoutImage, String> {
        let layout = Layout::open(self.writer.directory()).map_err(|error| told(&error))?;
        layout.image(name, &Platform::of_this_machine()).map_err(|error| told(&error))
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.writer.directory().join(name), text).expect("written");
    }
}

#[test]
fn images_are_found_by_name_or_by_being_the_only_one() {
    let fixture = Fixture::new();
    assert!(fixture.image(None).expect_err("none").contains("has no image"));
    let first = fixture.build("1", Some("1.0"));
    assert_eq!(fixture.image(None).expect("the only one").digest, first.entry.digest);
    fixture.writer.add(&first.entry, Some("latest")).expect("named");
    assert_eq!(fixture.image(None).expect("the same under two names").digest, first.entry.digest);
    let second = fixture.build("2", Some("latest"));
    assert_eq!(fixture.image(Some("latest")).expect("the new one").digest, second.entry.digest);
    assert_eq!(fixture.image(Some("1.0")).expect("the old one").digest, first.entry.digest);
    assert!(fixture.image(None).expect_err("two").contains("has 2 images: name one of 1.0, latest"));
    assert!(fixture.image(Some("2.0")).expect_err("none").contains("\"2.0\"; it has 1.0, latest"));
    let names: Vec<_> = fs::read_dir(fixture.writer.directory()).expect("readable").collect();
    assert_eq!(names.len(), 3, "no temporary file is left: {names:?}");
}

#[test]
fn damage_is_found_when_it_is_read() {
    let fixture = Fixture::new();
    let built = fixture.build("1", None);
    let layout = fixture.writer.layout().expect("a layout");
    let layer = &built.layers[0].digest;
    let path = layout.blob_path(layer);
    let whole = fs::read(&path).expect("readable");

    let mut damaged = whole.clone();
    damaged[12] ^= 1;
    fs::write(&path, damaged).expect("written");
    fixture.image(None).expect("layers are checked when they are read");
    let mut bytes = Vec::new();
    let error = layout.blob(layer).expect("there").read_to_end(&mut bytes).expect_err("damaged");
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);

    fs::write(&path, &whole[1..]).expect("written");
    assert!(fixture.image(None).expect_err("cut").contains("bytes instead of"));
    fs::remove_file(&path).expect("removed");
    assert!(fixture.image(None).expect_err("missing").contains("does not have"));
    fs::write(&path, &whole).expect("written");

    let configuration = layout.blob_path(&built.configuration);
    let text = fs::read_to_string(&configuration).expect("readable");
    fs::write(&configuration, text.replace("linux", "Linux")).expect("written");
    assert!(fixture.image(None).expect_err("damaged").contains("other contents than its digest says"));
}

#[test]
fn what_is_no_layout_is_told_why() {
    let fixture = Fixture::new();
    fixture.build("1", None);
    for (text, why) in [
        (r#"{"imageLayoutVersion": "2.0.0"}"#.to_owned(), "only 1.0.0 is known"),
        ("{}".to_owned(), "imageLayoutVersion"),
        (" ".repeat(5000), "more than 4096 bytes"),
    ] {
        fixture.write("oci-layout", &text);
        assert!(fixture.image(None).expect_err("no layout").contains(why), "{text}");
    }
    fixture.write("oci-layout", r#"{"imageLayoutVersion": "1.0.0"}"#);
    let missing = format!("sha256:{}", "a".repeat(64));
    let entry = |digest: &str| json!({"mediaType": "x", "digest": digest, "size": 1});
    for (index, why) in [
        (json!({"schemaVersion": 1, "manifests": []}), "schemaVersion 1"),
        (json!({"schemaVersion": 2, "manifests": [entry("sha256:../../../etc/passwd")]}), "digest"),
        (json!({"schemaVersion": 2, "manifests": [entry(&missing)]}), "does not have"),
        (json!({"schemaVersion": 2, "manifests": vec![entry(&missing); 5000]}), "5000 manifests"),
    ] {
        fixture.write("index.json", &index.to_string());
        let error = fixture.image(None).expect_err("no index");
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn an_image_for_other_machines_and_endless_indexes_are_refused() {
    let fixture = Fixture::new();
    let platform = Platform { os: "linux".to_owned(), architecture: "vax".to_owned(), variant: None };
    let entries = vec![Entry::from_bytes("x", "/file")];
    let image = ImageBuilder::from_scratch(platform).layer(entries, PackOptions::default());
    let built = image.build(&fixture.writer, Some("vax")).expect("built");
    assert!(fixture.image(Some("vax")).expect_err("another machine's").contains("is for linux/vax"));

    let mut nested = built.entry;
    for _ in 0..5 {
        nested.platform = None;
        let index = json!({"schemaVersion": 2, "manifests": [nested]}).to_string();
        nested.digest = fixture.writer.put(index.as_bytes()).expect("written");
        nested.size = index.len() as u64;
    }
    fixture.writer.add(&nested, Some("nested")).expect("named");
    assert!(fixture.image(Some("nested")).expect_err("too deep").contains("and so on"));
}
