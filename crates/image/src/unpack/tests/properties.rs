//! Whatever the entries are and in whatever order they come, nothing outside of the image changes.

use proptest::prelude::*;
use tar::EntryType;

use super::world::World;
use crate::testing::Archive;

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
}
