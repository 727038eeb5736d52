//! The key file: a line of text with 32 random bytes, for its owner alone, made whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_ports::{SealingKeyId, VaultError};

/// The length of a key of AES-256.
const KEY_BYTES: usize = 32;
/// What the line begins with.
const LABEL: &str = "seatrial-sealing-key-1 ";
/// The file is for its owner only.
const MODE: u32 = 0o600;

/// A key. It has no `Debug`.
pub(super) struct Key([u8; KEY_BYTES]);

impl Key {
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn digest(&self) -> [u8; KEY_BYTES] {
        let digest = digest(&SHA256, &self.0);
        std::array::from_fn(|index| digest.as_ref()[index])
    }

    pub fn id(&self) -> SealingKeyId {
        id_of(&self.digest()[..super::KEY_ID_BYTES])
    }
}

/// Spells the beginning of a key's digest.
pub(super) fn id_of(digest: &[u8]) -> SealingKeyId {
    SealingKeyId::new(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

#[derive(Debug)]
pub(super) struct KeyFile(PathBuf);

impl KeyFile {
    pub fn new(path: PathBuf) -> Self {
        KeyFile(path)
    }

    pub fn shown(&self) -> String {
        self.0.display().to_string()
    }

    /// Reads the key; none when there is no file.
    pub fn read(&self) -> Result<Option<Key>, VaultError> {
        match std::fs::read_to_string(&self.0) {
            Ok(text) => self.parse(&text).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(self.damaged()),
            Err(source) => Err(VaultError::Io { action: "read", path: self.shown(), source }),
        }
    }

    /// Reads the key, or makes one. A made key survives a crash of the machine before anything is sealed with it.
    pub fn read_or_make(&self) -> Result<Key, VaultError> {
        if let Some(key) = self.read()? {
            return Ok(key);
        }
        let mut bytes = [0; KEY_BYTES];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| VaultError::Library { action: "draw a key" })?;
        self.write(&format!("{LABEL}{}\n", STANDARD.encode(bytes))).map_err(|source| VaultError::Io {
            action: "write",
            path: self.shown(),
            source,
        })?;
        Ok(Key(bytes))
    }

    fn parse(&self, text: &str) -> Result<Key, VaultError> {
        let encoded = text.strip_prefix(LABEL).ok_or_else(|| self.damaged())?;
        let bytes = STANDARD.decode(encoded.trim_end()).map_err(|_| self.damaged())?;
        bytes.try_into().map(Key).map_err(|_| self.damaged())
    }

    fn damaged(&self) -> VaultError {
        VaultError::KeyDamaged { path: self.shown() }
    }

    fn write(&self, line: &str) -> io::Result<()> {
        let fresh = self.0.with_extension("new");
        let written = self.write_by_way_of(&fresh, line);
        if written.is_err() {
            // Half a key is of no use; when even this fails, the next attempt replaces it.
            let _ = std::fs::remove_file(&fresh);
        }
        written
    }

    fn write_by_way_of(&self, fresh: &Path, line: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(fresh)?;
        file.write_all(line.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(fresh, &self.0)?;
        self.0.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    }
}
