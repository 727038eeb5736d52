//! Media types, compressions and kinds of tar archives.

use tar::EntryType;

use super::world::World;
use crate::testing::{Archive, GZIP, Image, PLAIN, gzip, record};
use crate::unpack::Limits;

pub(super) const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

fn archive() -> Vec<u8> {
    Archive::default().file("a", b"1").end()
}

/// A Zstandard frame whose blocks are stored as they are.
pub(super) fn stored_frame(bytes: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    frame.extend(u32::try_from(bytes.len()).expect("a small frame").to_le_bytes());
    let blocks = bytes.chunks(100_000);
    let last = blocks.len() - 1;
    for (number, block) in blocks.enumerate() {
        let header = (u32::try_from(block.len()).expect("a small block") << 3) | u32::from(number == last);
        frame.extend(&header.to_le_bytes()[..3]);
        frame.extend(block);
    }
    frame
}

#[test]
fn every_media_type_of_a_layer_is_read() {
    let plain = archive();
    let skipped = [&[0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0], &b"toc"[..]].concat();
    let (first, second) = plain.split_at(700);
    let frames = [&skipped[..], &stored_frame(first), &skipped, &stored_frame(second), &skipped].concat();
    let cases = [
        (plain.clone(), PLAIN),
        (plain.clone(), "application/vnd.docker.image.rootfs.diff.tar"),
        (gzip(&plain), GZIP),
        (gzip(&plain), "application/vnd.docker.image.rootfs.diff.tar.gzip"),
        ([gzip(first), gzip(second)].concat(), GZIP),
        (stored_frame(&plain), ZSTD),
        (frames, ZSTD),
    ];
    for (bytes, media_type) in cases {
        let world = World::new();
        let image = Image::of(world.layers(), vec![(bytes, media_type, plain.clone())]);
        world.unpack_image(&image, &Limits::default()).expect(media_type);
        assert_eq!(world.files(), ["a: 1"], "{media_type}");
    }
}

#[test]
fn layers_that_are_elsewhere_or_unknown_are_refused_with_words() {
    let cases = [
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "foreign"),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "foreign"),
        ("application/vnd.oci.image.layer.v1.tar+xz", "not known here: tar, tar+gzip and tar+zstd are"),
        ("", "not known here"),
    ];
    for (media_type, why) in cases {
        let world = World::new();
        let image = Image::of(world.layers(), vec![(archive(), media_type, archive())]);
        let error = world.unpack_image(&image, &Limits::default()).expect_err("refused");
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn manifest_and_configuration_have_to_agree() {
    let world = World::new();
    let mut image = Image::plain(world.layers(), &[archive(), archive()]);
    image.layers.pop();
    let error = world.unpack_image(&image, &Limits::default()).expect_err("refused");
    assert!(error.contains("knows 2 layers, but the manifest has 1"), "{error}");
}

#[test]
fn an_image_is_not_unpacked_over_another() {
    let world = World::new();
    world.unpack(&[archive()]).expect("unpacked");
    let image = Image::plain(world.layers(), &[archive()]);
    let again = crate::unpack(&image.configuration, &image.layers, &world.root(), &Limits::default());
    assert!(again.expect_err("refused").to_string().contains("exists already"));
    assert_eq!(world.files(), ["a: 1"], "the first one is still there");
}

#[test]
fn long_names_and_extended_headers_belong_to_the_next_entry() {
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(200));
    let world = World::new();
    let records = [record("mtime", "1500000000.500000000"), record("uid", "1000"), record("path", "from/extended")];
    let archive = Archive::default()
        .file(&long, b"1")
        .symbolic_link("link", &long)
        .entry(EntryType::XHeader, b"x", b"", &records.concat())
        .file("short", b"2")
        .entry(EntryType::XGlobalHeader, b"g", b"", &record("comment", "a commit"))
        .file("plain", b"3")
        .entry(EntryType::Regular, b"old-directory/", b"", b"")
        .with(b"sized-link", b"plain", b"", |header| {
            header.set_entry_type(EntryType::Link);
            header.set_size(9999);
        });
    world.unpack(&[archive.end()]).expect("unpacked");
    let (directory, _) = long.split_once('/').expect("two names");
    let wanted = [
        format!("{directory}/"),
        format!("{long}: 1"),
        "from/".to_owned(),
        "from/extended: 2".to_owned(),
        format!("link -> {long}"),
        "old-directory/".to_owned(),
        "plain: 3".to_owned(),
        "sized-link: 3".to_owned(),
    ];
    assert_eq!(world.files(), wanted);
    let modified = std::fs::metadata(world.root().join("from/extended")).expect("there").modified().expect("a time");
    let since = modified.duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    assert_eq!(since.as_millis(), 1_500_000_000_500);
}

#[test]
fn what_follows_the_end_of_the_archive_is_part_of_the_layer() {
    let world = World::new();
    let mut padded = archive();
    padded.extend([0; 10_000]);
    padded.extend(b"whatever this is");
    world.unpack(&[padded]).expect("unpacked: the digest covers it");
    let world = World::new();
    world.unpack(&[Archive::default().file("a", b"1").bytes]).expect("unpacked: some writers leave the end out");
    assert_eq!(world.files(), ["a: 1"]);
    let world = World::new();
    world.unpack(&[Vec::new()]).expect("unpacked: nothing is an archive of nothing");
}
