//! The vault: values sealed with AES-256-GCM under a key in a file of its own, outside the database.
//!
//! Whoever has the database alone reads no value. The key file is read at each use and never kept, so a key that is put back works at
//! once, and one that is taken away stops working at once. One engine holds a data directory at a time, and it seals within its
//! transactions, so no two threads make a key at once.
//!
//! A sealed text is base64 of: one byte of layout, eight bytes of the key's digest, the nonce, the ciphertext with its tag. The place the
//! value belongs to is authenticated with it: moved to another row, it does not open.

mod key_file;

use std::path::PathBuf;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_model::SecretText;
use seatrial_ports::{Sealed, SealingKeyId, Vault, VaultError};

use key_file::{Key, KeyFile};

/// The layout of sealed texts written by this version.
const SEALED_LAYOUT: u8 = 1;
/// How many bytes of the key's digest a sealed text carries.
const KEY_ID_BYTES: usize = 8;

/// Seals values with the key in a file, which is made when the first value is sealed.
#[derive(Debug)]
pub struct FileVault {
    file: KeyFile,
}

impl FileVault {
    /// Names the key file; nothing is read or written yet.
    pub fn new(path: PathBuf) -> Self {
        FileVault { file: KeyFile::new(path) }
    }

    fn key(&self, wanted: Option<&SealingKeyId>) -> Result<Key, VaultError> {
        let Some(wanted) = wanted else { return self.file.read_or_make() };
        let key = self.file.read()?.ok_or_else(|| VaultError::KeyMissing { path: self.file.shown() })?;
        if key.id() == *wanted {
            return Ok(key);
        }
        let (wanted, found) = (wanted.as_str().to_owned(), key.id().as_str().to_owned());
        Err(VaultError::OtherKey { path: self.file.shown(), wanted, found })
    }
}

impl Vault for FileVault {
    fn seal(&self, key: Option<&SealingKeyId>, context: &str, value: &SecretText) -> Result<Sealed, VaultError> {
        let key = self.key(key)?;
        let failed = |_| VaultError::Library { action: "seal a value" };
        let mut bytes = value.expose().as_bytes().to_vec();
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, key.bytes()).map_err(failed)?;
        let nonce = cipher.seal_in_place_append_tag(Aad::from(context.as_bytes()), &mut bytes).map_err(failed)?;
        let mut sealed = vec![SEALED_LAYOUT];
        sealed.extend_from_slice(&key.digest()[..KEY_ID_BYTES]);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&bytes);
        Ok(Sealed { key: key.id(), text: STANDARD.encode(sealed) })
    }

    fn open(&self, context: &str, sealed: &str) -> Result<SecretText, VaultError> {
        let bytes = STANDARD.decode(sealed).map_err(|_| VaultError::ValueDamaged)?;
        let (layout, rest) = bytes.split_first().ok_or(VaultError::ValueDamaged)?;
        let (key_id, rest) = rest.split_at_checked(KEY_ID_BYTES).ok_or(VaultError::ValueDamaged)?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or(VaultError::ValueDamaged)?;
        if *layout != SEALED_LAYOUT {
            return Err(VaultError::ValueDamaged);
        }
        let key = self.key(Some(&key_file::id_of(key_id)))?;
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, key.bytes())
            .map_err(|_| VaultError::Library { action: "open a value" })?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::ValueDamaged)?;
        let mut text = text.to_vec();
        let opened = cipher
            .open_in_place(nonce, Aad::from(context.as_bytes()), &mut text)
            .map_err(|_| VaultError::ValueDamaged)?;
        String::from_utf8(opened.to_vec()).map(SecretText::new).map_err(|_| VaultError::ValueDamaged)
    }
}

#[cfg(test)]
mod tests;
