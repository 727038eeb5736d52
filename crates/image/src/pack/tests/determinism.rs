//! The same files give the same digest, whoever has them on whichever disk.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::super::*;
use crate::layout::LayoutWriter;
use crate::platform::Platform;

/// Writes the same files in another order, with other modes and times.
fn write(directory: &Path, is_reversed: bool) {
    let mut names: Vec<String> = (0..40).map(|number| format!("{}/file-{number}", number % 7)).collect();
    names.push(format!("{}/{}", "long".repeat(30), "name".repeat(40)));
    if is_reversed {
        names.reverse();
    }
    for (position, name) in names.iter().enumerate() {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(&path, name).expect("written");
        let mode = if name.ends_with('5') { 0o700 } else { 0o600 };
        let of_a_generous_umask = if is_reversed { mode | (mode >> 3) | (mode >> 6) } else { mode };
        fs::set_permissions(&path, fs::Permissions::from_mode(of_a_generous_umask)).expect("set");
        let file = fs::File::options().write(true).open(&path).expect("opened");
        let time = UNIX_EPOCH + Duration::from_secs(1_000_000 * (position as u64 + u64::from(is_reversed)));
        file.set_modified(time).expect("set");
    }
    let mode = if is_reversed { 0o777 } else { 0o700 };
    fs::set_permissions(directory.join("0"), fs::Permissions::from_mode(mode)).expect("set");
    symlink("0/file-0", directory.join("link")).expect("made");
}

fn pack(directory: &Path, modified: u64) -> (Packed, Vec<u8>) {
    let mut bytes = Vec::new();
    let options = PackOptions { modified, ..PackOptions::default() };
    let packed = pack_layer(&[Entry::from_path(directory, "/app")], &options, &mut bytes).expect("packed");
    (packed, bytes)
}

#[test]
fn order_times_and_umask_do_not_count() {
    let directories = [false, true].map(|is_reversed| {
        let directory = tempfile::tempdir().expect("a directory");
        write(directory.path(), is_reversed);
        directory
    });
    let [first, second] = directories.each_ref().map(|directory| pack(directory.path(), 0));
    assert!(first == second, "{} and {}", first.0.digest, second.0.digest);
    assert_ne!(pack(directories[0].path(), 1).0.diff_id, first.0.diff_id, "the time that is asked for counts");
    fs::write(directories[0].path().join("0/file-0"), "0/file-1").expect("written");
    assert_ne!(pack(directories[0].path(), 0).0.diff_id, first.0.diff_id, "contents count");
}

#[test]
fn a_digest_is_the_same_tomorrow() {
    let entries =
        [Entry::from_bytes("hello\n", "/app/greeting"), Entry::from_bytes("#!/bin/sh\n", "/app/run").with_mode(0o755)];
    let packed = pack_layer(&entries, &PackOptions::default(), std::io::sink()).expect("packed");
    // As it came out once. The compressed digest may change with the library that compresses, this one must not.
    let diff_id = "sha256:41237ec0b39b4d8883eea6415dd6844c4b981ae2748fd14d53ad82510dfbb67a";
    assert_eq!(packed.diff_id.as_str(), diff_id);
}

#[test]
fn an_image_is_the_same_in_every_layout() {
    let digests = [0, 1].map(|_| {
        let directory = tempfile::tempdir().expect("a directory");
        let layout = LayoutWriter::create(directory.path()).expect("a layout");
        let platform = Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None };
        let entries = vec![Entry::from_bytes("hello\n", "/app/greeting")];
        let image = ImageBuilder::from_scratch(platform)
            .layer(entries, PackOptions::default())
            .entry_point(vec!["/app/run".to_owned()])
            .label("b", "2")
            .label("a", "1");
        let built = image.build(&layout, Some("1.0")).expect("built");
        let sbom = attach_sbom(&layout, &built, "app", 0).expect("attached");
        let index = fs::read(directory.path().join("index.json")).expect("an index");
        (built.entry.digest, sbom.digest, index)
    });
    assert!(digests[0] == digests[1], "{digests:?}");
}
