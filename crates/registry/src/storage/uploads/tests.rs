//! Uploads against a model of what they should be.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::storage::{Storage, digest_of};

const THEN: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn name() -> RepositoryName {
    RepositoryName::parse("shop/web").expect("a name")
}

fn storage(root: &Path) -> Storage {
    Storage::open(root, THEN).expect("a storage")
}

fn claim(storage: &Storage, id: &UploadId) -> Claim {
    storage.uploads.claim(&name(), id, THEN).expect("nobody else has it")
}

#[test]
fn an_upload_is_of_one_repository_and_has_one_writer() {
    let root = tempfile::tempdir().expect("a directory");
    let storage = storage(root.path());
    let id = storage.uploads.begin(&name(), THEN).expect("an upload");
    let other = RepositoryName::parse("shop/other").expect("a name");
    assert!(matches!(storage.uploads.claim(&other, &id, THEN), Err(UploadError::Unknown)));
    let first = claim(&storage, &id);
    assert!(matches!(storage.uploads.claim(&name(), &id, THEN), Err(UploadError::Busy)));
    assert!(matches!(storage.uploads.cancel(&name(), &id), Err(UploadError::Busy)));
    drop(first);
    assert_eq!(claim(&storage, &id).length(), 0);
    storage.uploads.cancel(&name(), &id).expect("cancelled");
    assert!(matches!(storage.uploads.length(&name(), &id), Err(UploadError::Unknown)));
}

#[test]
fn what_somebody_else_has_put_there_neither_stops_anything_nor_is_deleted() {
    let root = tempfile::tempdir().expect("a directory");
    drop(storage(root.path()));
    let uploads = root.path().join("uploads");
    std::fs::create_dir(uploads.join("backup")).expect("a directory");
    std::fs::write(uploads.join("backup/kept"), "x").expect("a file");
    std::fs::write(uploads.join(".DS_Store"), "x").expect("a file");
    std::fs::write(root.path().join("blobs/sha256/.DS_Store"), "x").expect("a file");
    let storage = storage(root.path());
    assert!(uploads.join("backup/kept").exists() && uploads.join(".DS_Store").exists());
    assert_eq!(storage.blobs.put_before(THEN).expect("it goes on"), Vec::new());
}

#[test]
fn a_wrong_digest_leaves_neither_blob_nor_upload() {
    let root = tempfile::tempdir().expect("a directory");
    let storage = storage(root.path());
    let id = storage.uploads.begin(&name(), THEN).expect("an upload");
    let mut writer = claim(&storage, &id);
    writer.append(b"text").expect("written");
    let wrong = digest_of(Algorithm::Sha256, b"other");
    let Err(UploadError::WrongDigest { actual }) = writer.finish(&wrong, THEN) else { panic!("it is wrong") };
    assert_eq!(actual, digest_of(Algorithm::Sha256, b"text"));
    assert!(storage.blobs.find(&wrong).expect("readable").is_none());
    assert!(storage.blobs.find(&actual).expect("readable").is_none());
    assert!(matches!(storage.uploads.length(&name(), &id), Err(UploadError::Unknown)));
}

#[test]
fn bytes_that_a_crash_of_the_machine_has_torn_do_not_become_a_blob() {
    let root = tempfile::tempdir().expect("a directory");
    let storage = storage(root.path());
    let id = storage.uploads.begin(&name(), THEN).expect("an upload");
    claim(&storage, &id).append(b"text").expect("written");
    fs::write(root.path().join("uploads").join(id.as_str()).join(DATA), b"te\0\0").expect("torn");
    let storage = self::storage(root.path());
    let mut writer = claim(&storage, &id);
    writer.append(b" and more").expect("written");
    let whole = digest_of(Algorithm::Sha256, b"text and more");
    assert!(matches!(writer.finish(&whole, THEN), Err(UploadError::WrongDigest { .. })));
    assert!(storage.blobs.find(&whole).expect("readable").is_none());
}

#[test]
fn idle_uploads_expire_and_the_longest_idle_one_makes_room() {
    let root = tempfile::tempdir().expect("a directory");
    let storage = storage(root.path());
    let first = storage.uploads.begin(&name(), THEN).expect("an upload");
    for _ in 1..UPLOADS_MAX {
        storage.uploads.begin(&name(), THEN + Duration::from_secs(1)).expect("an upload");
    }
    let soon = THEN + Duration::from_secs(2);
    assert!(matches!(storage.uploads.begin(&name(), soon), Err(UploadError::TooMany)));
    let later = THEN + UPLOAD_STALLED_AFTER;
    storage.uploads.begin(&name(), later).expect("the first makes room");
    assert!(matches!(storage.uploads.length(&name(), &first), Err(UploadError::Unknown)));
    let next_day = THEN + Duration::from_secs(2) + UPLOAD_RETENTION;
    assert_eq!(storage.uploads.expire(next_day).expect("expired"), UPLOADS_MAX - 1);
    assert_eq!(fs::read_dir(root.path().join("uploads")).expect("a list").count(), 1);
}

#[test]
fn a_crash_right_after_an_upload_became_a_blob_leaves_the_blob_alone() {
    let root = tempfile::tempdir().expect("a directory");
    let storage = storage(root.path());
    let id = storage.uploads.begin(&name(), THEN).expect("an upload");
    let mut writer = claim(&storage, &id);
    writer.append(b"text").expect("written");
    let digest = digest_of(Algorithm::Sha256, b"text");
    writer.place_only(&digest, THEN).expect("in its place");
    let storage = self::storage(root.path());
    assert!(matches!(storage.uploads.length(&name(), &id), Err(UploadError::Unknown)));
    assert_eq!(storage.blobs.read(&digest).expect("readable"), Some(b"text".to_vec()));
}

/// What may happen to an upload.
#[derive(Clone, Debug)]
enum Happening {
    Append(Vec<u8>),
    /// The process ends and another one opens the same directory.
    Restart,
    /// A client that is gone: a claim is made and dropped.
    Look,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..200).prop_map(Happening::Append),
        1 => Just(Happening::Restart),
        1 => Just(Happening::Look),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_upload_becomes_exactly_what_was_written(
        happenings in prop::collection::vec(happening(), 0..12),
        is_long in any::<bool>(),
        is_right in prop::bool::weighted(0.8),
    ) {
        let root = tempfile::tempdir().expect("a directory");
        let mut storage = storage(root.path());
        let id = storage.uploads.begin(&name(), THEN).expect("an upload");
        let mut expected = Vec::new();
        for happening in happenings {
            match happening {
                Happening::Append(bytes) => {
                    claim(&storage, &id).append(&bytes).expect("written");
                    expected.extend(bytes);
                }
                Happening::Restart => storage = self::storage(root.path()),
                Happening::Look => drop(claim(&storage, &id)),
            }
            prop_assert_eq!(storage.uploads.length(&name(), &id).expect("open"), expected.len() as u64);
            prop_assert_eq!(storage.blobs.put_before(THEN + Duration::from_secs(1)).expect("a list"), []);
        }
        let algorithm = if is_long { Algorithm::Sha512 } else { Algorithm::Sha256 };
        let actual = digest_of(algorithm, &expected);
        let named = if is_right { actual.clone() } else { digest_of(algorithm, b"something else") };
        let finished = claim(&storage, &id).finish(&named, THEN);
        prop_assert_eq!(finished.is_ok(), is_right);
        let stored = storage.blobs.read(&actual).expect("readable");
        prop_assert_eq!(stored, is_right.then_some(expected));
        prop_assert!(storage.blobs.find(&named).expect("readable").is_some() == is_right);
    }
}
