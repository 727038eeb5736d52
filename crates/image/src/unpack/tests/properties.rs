//! Whatever the entries are and in whatever order they come, nothing outside of the image changes.

use proptest::prelude::*;
use tar::EntryType;

use super::formats::{ZSTD, stored_frame};
use super::world::World;
use crate::testing::{Archive, GZIP, Image, PLAIN, gzip};
use crate::unpack::Limits;

/// A name on a path: few of them, so that entries meet.
fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c", ".wh.a", ".wh.b", ".wh..wh..opq", "kept", "secret", ".", "..", ""])
}

fn path() -> impl Strategy<Value = String> {
    let relative = prop::collection::vec(name(), 1..4).prop_map(|names| names.join("/"));
    // The victim is known by its own path only when the world is there.
    (prop::sample::select(vec!["", "", "/", "VICTIM/", "../../victim/", "../../../victim/"]), relative)
        .prop_map(|(start, rest)| format!("{start}{rest}"))
}

#[derive(Clone, Debug)]
struct Planned {
    kind: u8,
    path: String,
    target: String,
}

fn entries() -> impl Strategy<Value = Vec<Vec<Planned>>> {
    let kind = prop::sample::select(b"0001112225556".to_vec());
    let entry = (kind, path(), path()).prop_map(|(kind, path, target)| Planned { kind, path, target });
    prop::collection::vec(prop::collection::vec(entry, 0..12), 1..4)
}

/// Bytes that replace others, at positions that are taken modulo the length.
fn patches() -> impl Strategy<Value = Vec<(usize, u8)>> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"\0/.0123567LKxgS\x80\xff".to_vec())];
    prop::collection::vec((any::<usize>(), byte), 0..6)
}

fn patch(bytes: &mut [u8], patches: &[(usize, u8)]) {
    for (position, byte) in patches {
        let position = position % bytes.len();
        bytes[position] = *byte;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn nothing_outside_changes(layers in entries()) {
        let world = World::new();
        let victim = world.victim();
        let here = |text: &str| text.replace("VICTIM", victim.to_str().expect("a path"));
        // An entry that is refused ends the unpacking: without those, more happens.
        let mut archives: Vec<Vec<u8>> = Vec::new();
        for layer in &layers {
            let mut archive = Archive::default();
            for Planned { kind, path, target } in layer {
                let (path, target) = (here(path), here(target));
                let next = archive.clone().entry(EntryType::new(*kind), path.as_bytes(), target.as_bytes(), b"");
                let tried = [&archives[..], &[next.clone().end()]].concat();
                if world.unpack(&tried).is_ok() {
                    crate::remove::remove_path(&world.root()).expect("removed");
                    archive = next;
                }
            }
            archives.push(archive.end());
        }
        world.unpack(&archives).expect("unpacked: every beginning could be");
    }

    #[test]
    fn headers_with_anything_in_them_do_no_harm(entries in prop::collection::vec((path(), path(), patches()), 1..6)) {
        let world = World::new();
        let victim = world.victim();
        let archive = entries.iter().fold(Archive::default(), |archive, (path, target, patches)| {
            let (path, target) = (path.replace("VICTIM", victim.to_str().expect("a path")), target.as_bytes());
            // With the right checksum: what is wrong with it would otherwise not be looked at.
            archive.with(path.as_bytes(), target, b"contents", |header| patch(header.as_mut_bytes(), patches))
        });
        let _ = world.unpack(&[archive.end()]);
    }

    #[test]
    fn damaged_layers_are_refused_or_were_not_damaged(
        patches in patches(), media_type in prop::sample::select(vec![PLAIN, GZIP, ZSTD]),
    ) {
        let plain = Archive::default().file("a", &b"text ".repeat(300)).symbolic_link("b", "a").end();
        let mut bytes = match media_type {
            PLAIN => plain.clone(),
            GZIP => gzip(&plain),
            _ => stored_frame(&plain),
        };
        patch(&mut bytes, &patches);
        let world = World::new();
        let image = Image::of(world.layers(), vec![(bytes, media_type, plain)]);
        if world.unpack_image(&image, &Limits::default()).is_ok() {
            prop_assert_eq!(world.files().len(), 2);
        }
    }
}
