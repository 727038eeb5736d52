//! Layers on top of each other.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::{Duration, UNIX_EPOCH};

use tar::EntryType;

use super::world::World;
use crate::testing::Archive;

fn layer() -> Archive {
    Archive::default()
}

/// Applies layers and lists what is there then.
fn files(layers: &[Archive]) -> Vec<String> {
    let world = World::new();
    let archives: Vec<Vec<u8>> = layers.iter().map(|layer| layer.clone().end()).collect();
    world.unpack(&archives).expect("unpacked");
    world.files()
}

#[test]
fn later_layers_add_replace_and_take_away() {
    let lower =
        layer().directory("etc/").file("etc/old", b"1").file("etc/kept", b"2").file("bin/a/b", b"3").file("c", b"4");
    let upper = layer().file("etc/.wh.old", b"").file("etc/kept", b"5").file(".wh.bin", b"").file("new/d", b"6");
    assert_eq!(files(&[lower, upper]), ["c: 4", "etc/", "etc/kept: 5", "new/", "new/d: 6"]);
}

#[test]
fn an_opaque_directory_hides_what_earlier_layers_have_in_it_wherever_the_whiteout_stands() {
    let lower = layer().file("d/lower", b"1").file("d/sub/lower", b"2").file("d/both", b"3");
    for upper in [
        layer().file("d/.wh..wh..opq", b"").file("d/both", b"4").file("d/sub/upper", b"5"),
        layer().file("d/both", b"4").file("d/sub/upper", b"5").file("d/.wh..wh..opq", b""),
    ] {
        assert_eq!(files(&[lower.clone(), upper]), ["d/", "d/both: 4", "d/sub/", "d/sub/upper: 5"]);
    }
}

#[test]
fn a_whiteout_does_not_take_what_its_own_layer_has() {
    let lower = layer().file("d/lower", b"1").file("f", b"2");
    let upper = layer().file("d/upper", b"3").file("f", b"4").file(".wh.d", b"").file(".wh.f", b"");
    assert_eq!(files(&[lower.clone(), upper.clone()]), ["d/", "d/upper: 3", "f: 4"]);
    let next = layer().file(".wh.d", b"").file(".wh.f", b"");
    assert_eq!(files(&[lower, upper, next]), Vec::<String>::new());
}

#[test]
fn whiteouts_of_nothing_do_nothing() {
    let upper = layer().file("no/such/.wh.file", b"").file(".wh.none", b"").file("no/.wh..wh..opq", b"");
    assert_eq!(files(&[layer().file("a", b"1"), upper]), ["a: 1"]);
}

#[test]
fn a_directory_that_came_back_is_another_one() {
    let world = World::new();
    let closed = |header: &mut tar::Header| {
        header.set_entry_type(EntryType::Directory);
        header.set_mode(0o500);
    };
    let lower = layer().with(b"d/", b"", b"", closed).file("d/a", b"1").end();
    let upper = layer().file(".wh.d", b"").end();
    world.unpack(&[lower, upper, layer().file("d/b", b"2").end()]).expect("unpacked");
    assert_eq!(world.files(), ["d/", "d/b: 2"]);
    let mode = fs::metadata(world.root().join("d")).expect("there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o755, "nothing says otherwise");
}

#[test]
fn each_kind_takes_the_place_of_each_other() {
    let kinds: [fn(Archive) -> Archive; 5] = [
        |layer| layer.file("x", b"1"),
        |layer| layer.directory("x").file("x/in", b"2"),
        |layer| layer.symbolic_link("x", "elsewhere"),
        |layer| layer.file("other", b"3").hard_link("x", "other"),
        |layer| layer.entry(EntryType::Fifo, b"x", b"", b""),
    ];
    for first in kinds {
        for second in kinds {
            let alone: Vec<String> = files(&[second(layer())]);
            let mut after = files(&[first(layer()), second(layer())]);
            after.retain(|file| !file.starts_with("other") || alone.contains(file));
            assert_eq!(after, alone);
        }
    }
}

#[test]
fn links_are_made_as_they_are_and_followed_within_the_image() {
    let lower = layer().directory("usr/lib").symbolic_link("lib", "usr/lib").symbolic_link("abs", "/usr/./lib/");
    let upper = layer().file("lib/a", b"1").file("abs/b", b"2").symbolic_link("up", "../../../usr").file("up/c", b"3");
    let next =
        layer().file("lib/.wh.a", b"").file("dangling/d", b"4").symbolic_link("to", "new/place").file("to/e", b"5");
    let wanted = [
        "abs -> /usr/./lib/",
        "dangling/",
        "dangling/d: 4",
        "lib -> usr/lib",
        "new/",
        "new/place/",
        "new/place/e: 5",
        "to -> new/place",
        "up -> ../../../usr",
        "usr/",
        "usr/c: 3",
        "usr/lib/",
        "usr/lib/b: 2",
    ];
    assert_eq!(files(&[lower, upper, next]), wanted);
}

#[test]
fn hard_links_share_a_file_until_one_name_is_replaced() {
    let world = World::new();
    let lower = layer().file("a", b"1").hard_link("b", "./a").hard_link("c", "/a").hard_link("a", "a").end();
    let upper = layer().file("b", b"2").hard_link("d", "c").end();
    world.unpack(&[lower, upper]).expect("unpacked");
    assert_eq!(world.files(), ["a: 1", "b: 2", "c: 1", "d: 1"]);
    let inode = |name: &str| fs::metadata(world.root().join(name)).expect("there").ino();
    assert_eq!((inode("a"), inode("a")), (inode("c"), inode("d")));
}

#[test]
fn modes_and_times_are_kept_and_owners_only_by_root() {
    let world = World::new();
    let of = |mode: u32, kind: EntryType| {
        move |header: &mut tar::Header| {
            header.set_entry_type(kind);
            header.set_mode(mode);
            header.set_mtime(1_600_000_000);
            header.set_uid(1234);
            header.set_gid(4321);
        }
    };
    let archive = layer()
        .with(b"./", b"", b"", of(0o711, EntryType::Directory))
        .with(b"locked/", b"", b"", of(0o500, EntryType::Directory))
        .with(b"locked/program", b"", b"x", of(0o4755, EntryType::Regular))
        .with(b"sticky/", b"", b"", of(0o1777, EntryType::Directory))
        .with(b"link", b"target", b"", of(0o777, EntryType::Symlink))
        .with(b"pipe", b"", b"", of(0o622, EntryType::Fifo))
        .file("locked/later", b"y");
    world.unpack(&[archive.end()]).expect("unpacked");
    let is_root = rustix::process::geteuid().is_root();
    let cases = [
        ("", 0o711),
        ("locked", 0o500),
        ("locked/program", if is_root { 0o4755 } else { 0o755 }),
        ("sticky", 0o1777),
        ("link", 0o777),
        ("pipe", 0o622),
    ];
    for (name, mode) in cases {
        let metadata = world.root().join(name).symlink_metadata().expect("there");
        assert_eq!(metadata.permissions().mode() & 0o7777, mode, "{name}");
        let time = metadata.modified().expect("a time");
        assert_eq!(time, UNIX_EPOCH + Duration::from_secs(1_600_000_000), "{name}");
        assert!(!is_root || (metadata.uid(), metadata.gid()) == (1234, 4321), "{name}");
    }
    crate::remove::remove_path(&world.root()).expect("removed, although a directory is locked");
}

#[test]
fn devices_are_left_out_and_counted() {
    let world = World::new();
    let archive = layer()
        .entry(EntryType::Char, b"dev/null", b"", b"")
        .entry(EntryType::Block, b"dev/sda", b"", b"")
        .file(".wh..wh.plnk/1.2", b"")
        .file(".wh..wh.aufs", b"")
        .file("a", b"1");
    let unpacked = world.unpack(&[archive.end()]).expect("unpacked");
    assert_eq!((unpacked.left_out, world.files()), (4, vec!["a: 1".to_owned()]));
}
