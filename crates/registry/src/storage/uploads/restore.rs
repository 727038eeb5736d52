//! Finding the uploads of an earlier process.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use seatrial_model::Timestamp;
use seatrial_model::image::RepositoryName;

use super::{DATA, Progress, REPOSITORY, Upload};
use crate::storage::upload_id::UploadId;

/// Returns every upload whose files are there; removes the rests of others.
pub(super) fn restore(directory: &Path, now: Timestamp) -> io::Result<BTreeMap<UploadId, Upload>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let id = entry.file_name().to_str().and_then(UploadId::parse).filter(|_| entry.path().is_dir());
        let Some(id) = id else {
            tracing::warn!(path = %entry.path().display(), "no upload of this registry; left alone");
            continue;
        };
        match read(&entry.path(), now) {
            Some(upload) => drop(found.insert(id, upload)),
            // It was just beginning, or its data had just become a blob.
            None => fs::remove_dir_all(entry.path())?,
        }
    }
    Ok(found)
}

fn read(directory: &Path, now: Timestamp) -> Option<Upload> {
    let repository = fs::read_to_string(directory.join(REPOSITORY)).ok()?;
    let repository = RepositoryName::parse(&repository).ok()?;
    let metadata = fs::metadata(directory.join(DATA)).ok()?;
    let modified = metadata.modified().ok().and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
    let modified = modified.and_then(|since| i64::try_from(since.as_millis()).ok());
    // A clock that was set back must not make an upload immortal.
    let touched_at = modified.map_or(now, |millis| Timestamp::from_millis(millis).min(now));
    let progress = Progress { length: metadata.len(), hasher: None };
    Some(Upload { repository, touched_at, progress: Some(progress) })
}
