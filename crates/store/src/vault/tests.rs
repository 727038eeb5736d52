use std::os::unix::fs::PermissionsExt;

use super::*;

struct Place {
    directory: tempfile::TempDir,
    vault: FileVault,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let vault = FileVault::new(directory.path().join("sealing.key"));
        Place { directory, vault }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("sealing.key")
    }

    fn sealed(&self) -> Sealed {
        self.vault.seal(None, "parameter /a 1", &SecretText::new("hunter2")).expect("it seals")
    }
}

#[test]
fn a_value_opens_in_its_own_place_only() {
    let place = Place::new();
    let sealed = place.sealed();
    assert!(!STANDARD.decode(&sealed.text).expect("base64").windows(7).any(|window| window == b"hunter2"));
    let opened = place.vault.open("parameter /a 1", &sealed.text).expect("it opens");
    assert_eq!(opened.expose(), "hunter2");
    let elsewhere = place.vault.open("parameter /a 2", &sealed.text);
    assert!(matches!(elsewhere, Err(VaultError::ValueDamaged)));
    assert_ne!(place.sealed().text, sealed.text, "the nonce is drawn each time");
}

#[test]
fn the_key_is_made_once_for_its_owner_alone() {
    let place = Place::new();
    let first = place.sealed();
    let made = std::fs::read(place.path()).expect("a key file");
    assert_eq!(std::fs::metadata(place.path()).expect("a file").permissions().mode() & 0o777, 0o600);
    let second = place.vault.seal(Some(&first.key), "x", &SecretText::new("y")).expect("it seals");
    assert_eq!(second.key, first.key);
    assert_eq!(std::fs::read(place.path()).expect("a key file"), made);
    assert_eq!(std::fs::read_dir(place.directory.path()).expect("a directory").count(), 1);
}

#[test]
fn a_missing_key_is_never_made_anew_and_works_again_when_it_is_back() {
    let place = Place::new();
    let sealed = place.sealed();
    let kept = std::fs::read(place.path()).expect("a key file");
    std::fs::remove_file(place.path()).expect("a file");
    let again = place.vault.seal(Some(&sealed.key), "x", &SecretText::new("y"));
    assert!(matches!(again, Err(VaultError::KeyMissing { .. })));
    let opened = place.vault.open("parameter /a 1", &sealed.text);
    assert!(opened.expect_err("no key").to_string().contains("put it back from a backup"));
    assert!(!place.path().exists());
    std::fs::write(place.path(), kept).expect("written");
    assert!(place.vault.open("parameter /a 1", &sealed.text).is_ok());
}

#[test]
fn a_damaged_or_other_key_is_told_apart_and_left_alone() {
    let place = Place::new();
    let sealed = place.sealed();
    for damaged in [&b""[..], b"seatrial-sealing-key-1 AAAA\n", b"\xff\xff", b"something else"] {
        std::fs::write(place.path(), damaged).expect("written");
        let opened = place.vault.open("parameter /a 1", &sealed.text);
        assert!(matches!(opened, Err(VaultError::KeyDamaged { .. })));
        let made = place.vault.seal(None, "x", &SecretText::new("y"));
        assert!(matches!(made, Err(VaultError::KeyDamaged { .. })));
        assert_eq!(std::fs::read(place.path()).expect("a file"), damaged);
    }
    let other = Place::new();
    other.sealed();
    std::fs::copy(other.path(), place.path()).expect("copied");
    let opened = place.vault.open("parameter /a 1", &sealed.text);
    assert!(matches!(opened, Err(VaultError::OtherKey { .. })));
}

#[test]
fn a_damaged_value_is_told_apart() {
    let place = Place::new();
    let sealed = place.sealed();
    let mut bytes = STANDARD.decode(&sealed.text).expect("base64");
    *bytes.last_mut().expect("bytes") ^= 1;
    for damaged in [STANDARD.encode(&bytes), String::new(), "AQ==".to_owned(), "no base64!".to_owned()] {
        let opened = place.vault.open("parameter /a 1", &damaged);
        assert!(matches!(opened, Err(VaultError::ValueDamaged)), "{damaged}");
    }
}
