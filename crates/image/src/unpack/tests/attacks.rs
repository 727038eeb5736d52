//! Archives that nobody makes by accident. `World::unpack` makes sure each time that nothing outside has changed.

use seatrial_model::image::{Algorithm, Digest};
use tar::EntryType;

use super::world::World;
use crate::hash::digest_of;
use crate::testing::{Archive, GZIP, Image, gzip, record};
use crate::unpack::Limits;

fn layer() -> Archive {
    Archive::default()
}

/// Unpacks layers that are to be refused, and returns why they were.
fn refusal(layers: &[Archive]) -> String {
    let archives: Vec<Vec<u8>> = layers.iter().map(|layer| layer.clone().end()).collect();
    World::new().unpack(&archives).expect_err("refused")
}

#[test]
fn paths_that_cannot_be_are_refused() {
    let with_nul = layer().entry(EntryType::XHeader, b"x", b"", &record("path", "a\0b")).file("a", b"");
    let link_with_nul =
        layer().entry(EntryType::XHeader, b"x", b"", &record("linkpath", "a\0b")).symbolic_link("a", "b");
    let cases = [
        (layer().file("../victim/new", b"x"), "`..`"),
        (layer().file("a/../../../victim/new", b"x"), "`..`"),
        (layer().directory(".."), "`..`"),
        (layer().file("a/../.wh.b", b""), "`..`"),
        (layer().symbolic_link("../link", "a"), "`..`"),
        (layer().file("", b"x"), "the path is empty"),
        (layer().file(".", b"x"), "root can only be a directory"),
        (layer().symbolic_link("/", "/etc"), "root can only be a directory"),
        (with_nul, "NUL"),
        (link_with_nul, "NUL"),
        (layer().symbolic_link("a", ""), "the path is empty"),
        (layer().file(".wh.", b""), "whiteout of nothing"),
        (layer().file("a/.wh...", b""), "whiteout of nothing"),
        (layer().file(&"a".repeat(5000), b""), "more than 4096 bytes"),
        (layer().file(&"a/".repeat(200), b""), "more than 128 directories"),
        (layer().file(&"a".repeat(300), b""), "a name of more than 255 bytes"),
        (layer().file("a", b"").file("a/b", b""), "no directory"),
        (layer().symbolic_link("a", "b").symbolic_link("b", "a").file("a/c", b""), "more than 40 symbolic links"),
        (layer().symbolic_link("a", "a/a/a").file("a/c", b""), "more than 40 symbolic links"),
        (layer().symbolic_link("a", &"b/".repeat(300)).file("a/c", b""), "more than 128 directories"),
        (layer().hard_link("a", "b"), "which the image does not have"),
        (layer().hard_link("a", ""), "the path is empty"),
        (layer().hard_link("a", "/"), "which the image does not have"),
        (layer().hard_link("a", "../victim/secret"), "`..`"),
        (layer().directory("d").hard_link("a", "d"), "cannot make the hard link"),
        (layer().file("d/f", b"").hard_link("d", "d/f"), "which the image does not have"),
        (layer().entry(EntryType::GNUSparse, b"a", b"", b""), "sparse"),
        (layer().entry(EntryType::XHeader, b"x", b"", &record("GNU.sparse.major", "1")).file("a", b""), "sparse"),
        (layer().entry(EntryType::new(b'V'), b"a", b"", b""), "type 'V'"),
    ];
    for (layer, why) in cases {
        let error = refusal(&[layer]);
        assert!(error.contains(why), "{error:?} instead of {why:?}");
    }
}

#[test]
fn what_exists_outside_is_not_what_a_path_means() {
    let world = World::new();
    let victim = world.victim().to_str().expect("a path").to_owned();
    let absolute = layer().file(&format!("{victim}/secret"), b"x").file("/etc/passwd", b"x");
    world.unpack(&[absolute.end()]).expect("unpacked below the root");
    assert!(world.files().contains(&"etc/passwd: x".to_owned()));

    let outside = World::new();
    let victim = outside.victim().to_str().expect("a path").to_owned();
    let error = outside.unpack(&[layer().hard_link("a", "/etc/passwd").end()]).expect_err("refused");
    assert!(error.contains("\"/etc/passwd\", which the image does not have"), "{error}");
    let through = layer().symbolic_link("l", &victim).hard_link("a", "l/secret").end();
    assert!(outside.unpack(&[through]).expect_err("refused").contains("does not have"));
}

#[test]
fn links_that_lead_out_are_not_followed_out() {
    // Each tries to reach `victim`, which is three directories up from where it would be planted, or an absolute path.
    let targets: [fn(&str) -> String; 4] = [
        |victim| victim.to_owned(),
        |_| "../../victim".to_owned(),
        |_| "../../../../../../victim".to_owned(),
        |victim| format!("/../..{victim}/."),
    ];
    let attacks: [fn(Archive) -> Archive; 9] = [
        |layer| layer.file("l/secret", b"x"),
        |layer| layer.file("l/kept/.wh.file", b"").file("l/.wh.secret", b"").file("l/.wh..wh..opq", b""),
        |layer| layer.directory("l/kept/new"),
        |layer| layer.directory("l"),
        |layer| layer.file("l", b"x"),
        |layer| layer.symbolic_link("l/secret", "x"),
        |layer| layer.file("f", b"x").hard_link("l/secret", "f"),
        |layer| layer.entry(EntryType::Fifo, b"l/pipe", b"", b""),
        |layer| layer.hard_link("h", "l").file("h/secret", b"x").file(".wh.h", b""),
    ];
    for target in targets {
        for attack in attacks {
            let world = World::new();
            let target = target(world.victim().to_str().expect("a path"));
            let planted = layer().symbolic_link("l", &target);
            world.unpack(&[attack(planted.clone()).end()]).expect("unpacked: links lead into the image");
            let world = World::new();
            let target = target.replace("victim", "victim/../victim");
            let planted = layer().symbolic_link("l", &target);
            world.unpack(&[planted.end(), attack(layer()).end()]).expect("unpacked, over two layers");
        }
    }
}

#[test]
fn a_file_is_never_written_through_a_link_in_its_place() {
    let world = World::new();
    let secret = world.victim().join("secret");
    let secret = secret.to_str().expect("a path");
    let first = layer().symbolic_link("a", secret).hard_link("b", "a");
    world.unpack(&[first.end(), layer().file("a", b"x").file("b", b"y").end()]).expect("unpacked");
    assert_eq!(world.files(), ["a: x", "b: y"]);
}

#[test]
fn archives_that_are_more_than_allowed_are_given_up() {
    let limits = Limits { bytes: 1_000_000, entries: 1000, path_length: 100, depth: 8 };
    // As large as its header says, which no test could write: the stream is what grows, not the file.
    let zeros = gzip(&layer().file("zeros", &vec![0; 50_000_000]).end());
    assert!(zeros.len() < 500_000, "a bomb");
    let many = (0..2000).fold(layer(), |layer, number| layer.file(&format!("f{number}"), b"")).end();
    let whiteouts = (0..2000).fold(layer(), |layer, _| layer.file(".wh.a", b"")).end();
    let implied = (0..200).fold(layer(), |layer, number| layer.file(&format!("a{number}/b/c/d/e/f"), b"")).end();
    let names = layer().entry(EntryType::GNULongName, b"x", b"", &vec![b'a'; 900_000]).file("a", b"").end();
    let twice = [layer().file("a", &vec![0; 600_000]).end(), layer().file("b", &vec![0; 600_000]).end()];
    for (archives, why) in [
        (vec![layer().file("zeros", &vec![0; 1_000_001]).end()], "more than 1000000 bytes"),
        (twice.to_vec(), "more than 1000000 bytes"),
        (vec![many], "more than 1000 files"),
        (vec![whiteouts], "more than 1000 files"),
        (vec![implied], "more than 1000 files"),
        (vec![names], "more than 100 bytes"),
    ] {
        let error = World::new().unpack_within(&archives, &limits).expect_err("given up");
        assert!(error.contains(why), "{error}");
    }
    let world = World::new();
    let image = Image::of(world.layers(), vec![(zeros, GZIP, Vec::new())]);
    assert!(world.unpack_image(&image, &limits).expect_err("given up").contains("more than 1000000 bytes"));
}

#[test]
fn ten_gigabytes_of_zeros_are_not_written() {
    // Members of a gzip file follow each other: one compressed part makes as many bytes as one likes.
    let mut bomb = gzip(&layer().with(b"zeros", b"", b"", |header| header.set_size(10 * 1024 * 1024 * 1024)).bytes);
    let part = gzip(&vec![0; 16 * 1024 * 1024]);
    bomb.extend(std::iter::repeat_n(part, 640).flatten());
    let world = World::new();
    let image = Image::of(world.layers(), vec![(bomb, GZIP, Vec::new())]);
    let limits = Limits { bytes: 20 * 1024 * 1024, ..Limits::default() };
    assert!(world.unpack_image(&image, &limits).expect_err("given up").contains("more than 20971520 bytes"));
}

#[test]
fn archives_that_are_not_what_they_say_are_refused() {
    let whole = layer().file("a", &[b'x'; 5000]).end();
    let lying = layer().with(b"a", b"", b"x", |header| header.set_size(u64::MAX >> 1)).end();
    let lying_name = layer().with(b"n", b"", b"a", |header| {
        header.set_entry_type(EntryType::GNULongName);
        header.set_size(1 << 60);
    });
    let mut damaged = whole.clone();
    damaged[0] = b'b';
    let mut worded = layer().file("a", b"");
    worded.bytes[124..136].copy_from_slice(b"not a number");
    let extended = layer().entry(EntryType::XHeader, b"x", b"", b"5 a=b\n").file("a", b"").end();
    let endless = (0..20).fold(layer(), |layer, _| layer.entry(EntryType::XHeader, b"x", b"", b"6 a=b\n")).end();
    let owner = layer().with(b"a", b"", b"", |header| header.set_uid(u64::from(u32::MAX))).end();
    for (archive, why) in [
        (whole[..3000].to_vec(), "ends in the middle of a file"),
        (whole[..300].to_vec(), "ends in the middle of a header"),
        (lying, "ends in the middle of a file"),
        (lying_name.end(), "longer than any path"),
        (damaged, "checksum"),
        (worded.end(), "no tar archive"),
        (vec![b'x'; 512], "no tar archive"),
        (extended, "extended header is damaged"),
        (endless, "too many extended headers"),
        (owner, "owner 4294967295"),
    ] {
        let error = World::new().unpack(&[archive]).expect_err("refused");
        assert!(error.contains(why), "{error:?} instead of {why:?}");
    }
}

#[test]
fn layers_that_are_cut_off_or_others_are_refused() {
    let plain = layer().file("a", b"1").end();
    let compressed = gzip(&plain);
    let cut = compressed[..compressed.len() - 10].to_vec();
    let mut garbled = compressed.clone();
    garbled[15] ^= 0xff;
    let trailing = [&compressed[..], b"garbage"].concat();
    const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
    for (bytes, media_type) in [
        (cut, GZIP),
        (garbled, GZIP),
        (trailing, GZIP),
        (plain.clone(), GZIP),
        (compressed, ZSTD),
        (vec![0x28, 0xb5], ZSTD),
    ] {
        let world = World::new();
        let image = Image::of(world.layers(), vec![(bytes, media_type, plain.clone())]);
        let error = world.unpack_image(&image, &Limits::default()).expect_err("refused");
        assert!(error.contains("pull the image again"), "{error}");
    }
    let world = World::new();
    let mut image = Image::plain(world.layers(), std::slice::from_ref(&plain));
    image.configuration.diff_ids = vec![digest_of(Algorithm::Sha256, b"something else")];
    assert!(world.unpack_image(&image, &Limits::default()).expect_err("refused").contains("has the diff_id"));
    let sha512: Digest = digest_of(Algorithm::Sha512, &plain);
    image.configuration.diff_ids = vec![sha512];
    world.unpack_image(&image, &Limits::default()).expect("unpacked: every algorithm is computed");
}
