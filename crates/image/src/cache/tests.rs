//! One image for many at once, in threads and as other processes would have it, and sweeps in between.

use std::fs::{self, OpenOptions};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use seatrial_model::image::Algorithm;
use tempfile::TempDir;

use super::*;
use crate::hash::digest_of;
use crate::testing::{Archive, Image};

const HOUR: Duration = Duration::from_secs(3600);
/// How long a sweeper may take to find a moment when nobody holds the image.
const SWEEPING_MAX: Duration = Duration::from_secs(120);

struct Fixture {
    directory: TempDir,
    _layers: TempDir,
    image: Image,
    digest: Digest,
}

impl Fixture {
    fn new() -> Self {
        let (directory, layers) =
            (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        let archive = (0..50).fold(Archive::default(), |archive, number| {
            archive.file(&format!("directory/{number}"), number.to_string().as_bytes())
        });
        let image = Image::plain(layers.path(), &[archive.end()]);
        let digest = digest_of(Algorithm::Sha256, b"the manifest");
        Fixture { directory, _layers: layers, image, digest }
    }

    fn cache(&self) -> Cache {
        Cache::new(&self.directory.path().join("images")).expect("a cache")
    }

    fn ensure(&self, cache: &Cache) -> Result<Held, UnpackError> {
        cache.ensure(&self.digest, &self.image.configuration, &self.image.layers, &Limits::default())
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path().join("images")).expect("readable");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn path(&self, suffix: &str) -> PathBuf {
        self.directory.path().join("images").join(format!("{}{suffix}", self.digest.hex()))
    }
}

fn later(duration: Duration) -> SystemTime {
    SystemTime::now() + duration
}

fn is_whole(held: &Held) -> bool {
    let number_of = |number: u32| fs::read_to_string(held.root().join(format!("directory/{number}"))).ok();
    (0..50).all(|number| number_of(number) == Some(number.to_string()))
}

#[test]
fn an_image_is_unpacked_once() {
    let fixture = Fixture::new();
    let first = fixture.ensure(&fixture.cache()).expect("an image");
    assert!(is_whole(&first));
    // Whoever comes later needs no layers: it is there.
    fs::remove_file(&fixture.image.layers[0].path).expect("removed");
    let second = fixture.ensure(&fixture.cache()).expect("the same image");
    assert_eq!(first.root(), second.root());
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(fixture.directory.path().join("images")).expect("there").permissions(),
    );
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn many_at_once_get_the_same_whole_image() {
    let fixture = Arc::new(Fixture::new());
    let start = Arc::new(Barrier::new(12));
    let callers: Vec<_> = (0..12)
        .map(|_| {
            let (fixture, start) = (fixture.clone(), start.clone());
            std::thread::spawn(move || {
                let cache = fixture.cache();
                start.wait();
                let held = fixture.ensure(&cache).expect("an image");
                assert!(is_whole(&held));
                let inode = fs::metadata(held.root()).map(|metadata| std::os::unix::fs::MetadataExt::ino(&metadata));
                (held, inode.expect("there"))
            })
        })
        .collect();
    // Nobody lets go before all have it, as tasks do not.
    let held: Vec<_> = callers.into_iter().map(|caller| caller.join().expect("no panic")).collect();
    let inodes: Vec<u64> = held.iter().map(|(_, inode)| *inode).collect();
    assert!(inodes.iter().all(|inode| *inode == inodes[0]), "one directory for all: {inodes:?}");
    assert_eq!(fixture.names(), [fixture.digest.hex().to_owned(), format!("{}.lock", fixture.digest.hex())]);
}

#[test]
fn what_a_crash_has_left_is_no_image() {
    let fixture = Fixture::new();
    let cache = fixture.cache();
    fs::create_dir_all(fixture.path(".partial/directory")).expect("made");
    fs::write(fixture.path(".partial/directory/0"), "half").expect("written");
    let held = fixture.ensure(&cache).expect("an image");
    assert!(is_whole(&held) && !fixture.path(".partial").exists());
}

#[test]
fn an_image_that_cannot_be_unpacked_leaves_nothing_and_can_be_tried_again() {
    let mut fixture = Fixture::new();
    let cache = fixture.cache();
    let right = std::mem::replace(&mut fixture.image.configuration.diff_ids[0], digest_of(Algorithm::Sha256, b""));
    assert!(matches!(fixture.ensure(&cache), Err(UnpackError::DiffId { .. })));
    assert!(!fixture.path("").exists() && !fixture.path(".partial").exists());
    fixture.image.configuration.diff_ids[0] = right;
    assert!(is_whole(&fixture.ensure(&cache).expect("an image")));
}

#[test]
fn a_sweep_takes_what_nobody_holds_or_has_wanted_for_a_while() {
    let fixture = Fixture::new();
    let cache = fixture.cache();
    let held = fixture.ensure(&cache).expect("an image");
    let swept = cache.sweep(HOUR, later(2 * HOUR)).expect("swept");
    assert_eq!((swept.held, swept.removed), (vec![fixture.digest.clone()], vec![]));
    drop(held);
    let swept = cache.sweep(HOUR, later(Duration::ZERO)).expect("swept");
    assert_eq!((swept.recent, swept.removed), (vec![fixture.digest.clone()], vec![]));
    assert!(fixture.path("").exists());
    let swept = cache.sweep(HOUR, later(2 * HOUR)).expect("swept");
    assert_eq!(swept.removed, std::slice::from_ref(&fixture.digest));
    assert_eq!(fixture.names(), Vec::<String>::new());
    assert!(is_whole(&fixture.ensure(&cache).expect("unpacked again")));
}

#[test]
fn wanting_an_image_again_makes_it_recent() {
    let fixture = Fixture::new();
    let cache = fixture.cache();
    drop(fixture.ensure(&cache).expect("an image"));
    let old = OpenOptions::new().write(true).open(fixture.path(".lock")).expect("a lock");
    old.set_modified(SystemTime::now() - 5 * HOUR).expect("made old");
    drop(fixture.ensure(&cache).expect("the image again"));
    assert_eq!(cache.sweep(HOUR, SystemTime::now()).expect("swept").recent.len(), 1);
}

#[test]
fn a_sweep_removes_leftovers_and_leaves_what_is_not_its_own() {
    let fixture = Fixture::new();
    let cache = fixture.cache();
    fs::create_dir_all(fixture.path(".partial/half")).expect("made");
    let stranger = fixture.directory.path().join("images/notes.txt");
    fs::write(&stranger, "mine").expect("written");
    let swept = cache.sweep(HOUR, later(2 * HOUR)).expect("swept");
    assert_eq!((swept.removed.len(), swept.failed.len()), (1, 0));
    assert_eq!(fixture.names(), ["notes.txt"]);
}

#[test]
fn a_lock_of_another_process_is_respected() {
    let fixture = Fixture::new();
    let cache = fixture.cache();
    drop(fixture.ensure(&cache).expect("an image"));
    // `flock` opens the file for itself, as another process of the engine would, and says so before it waits for its input.
    let mut other = std::process::Command::new("flock")
        .arg("--shared")
        .arg(fixture.path(".lock"))
        .args(["sh", "-c", "echo locked; read end"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("flock (util-linux) can be started");
    let mut said = [0; 7];
    io::Read::read_exact(other.stdout.as_mut().expect("a pipe"), &mut said).expect("locked");
    assert_eq!(cache.sweep(HOUR, later(2 * HOUR)).expect("swept").held.len(), 1);
    assert!(is_whole(&fixture.ensure(&cache).expect("shared with the other")));
    drop(other.stdin.take());
    other.wait().expect("ended");
    assert_eq!(cache.sweep(HOUR, later(2 * HOUR)).expect("swept").removed.len(), 1);
}

#[test]
fn sweeps_and_callers_do_not_get_in_each_others_way() {
    const SWEPT_MIN: usize = 4;
    let fixture = Arc::new(Fixture::new());
    let ended = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..2)
        .map(|_| {
            let (fixture, ended) = (fixture.clone(), ended.clone());
            std::thread::spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    match fixture.ensure(&fixture.cache()) {
                        Ok(held) => assert!(is_whole(&held), "whole as long as it is held"),
                        // The sweeper never pauses here.
                        Err(UnpackError::Swept(_)) => {}
                        Err(error) => panic!("{}", crate::testing::told(&error)),
                    }
                }
            })
        })
        .collect();
    let (cache, begun) = (fixture.cache(), Instant::now());
    let mut removed = 0;
    while removed < SWEPT_MIN && begun.elapsed() < SWEEPING_MAX && !callers.iter().any(JoinHandle::is_finished) {
        let swept = cache.sweep(HOUR, later(2 * HOUR)).expect("swept");
        assert!(swept.failed.is_empty(), "{:?}", swept.failed);
        removed += swept.removed.len();
    }
    ended.store(true, Ordering::Relaxed);
    callers.into_iter().for_each(|caller| caller.join().expect("no panic"));
    assert_eq!(removed, SWEPT_MIN, "images are swept between two uses");
}
