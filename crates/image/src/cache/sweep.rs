//! Removes images that nobody uses and nobody has wanted for a while.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, SystemTime};

use seatrial_model::image::{Algorithm, Digest};

use super::image_lock::ImageLock;
use super::{Cache, is_directory, sync_directory};
use crate::remove::remove_path;

/// What a sweep did.
#[derive(Debug, Default)]
pub struct Swept {
    pub removed: Vec<Digest>,
    /// Images that somebody uses or is just unpacking.
    pub held: Vec<Digest>,
    /// Images that were wanted not long ago.
    pub recent: Vec<Digest>,
    /// Images that could not be removed; the next sweep tries again.
    pub failed: Vec<(Digest, io::Error)>,
}

enum Fate {
    Removed,
    Held,
    Recent,
}

impl Cache {
    /// Removes the images that nobody holds and that were last ensured at least `unused_for` before `now`, and what crashes have left of
    /// others. Fails only when the cache cannot be listed.
    pub fn sweep(&self, unused_for: Duration, now: SystemTime) -> io::Result<Swept> {
        let mut swept = Swept::default();
        for image in self.images()? {
            match self.sweep_image(&image, unused_for, now) {
                Ok(Fate::Removed) => swept.removed.push(image),
                Ok(Fate::Held) => swept.held.push(image),
                Ok(Fate::Recent) => swept.recent.push(image),
                Err(error) => swept.failed.push((image, error)),
            }
        }
        Ok(swept)
    }

    fn sweep_image(&self, image: &Digest, unused_for: Duration, now: SystemTime) -> io::Result<Fate> {
        let path = self.lock_file(image);
        let Some(lock) = ImageLock::try_acquire(&path)? else { return Ok(Fate::Held) };
        // Looked at under the lock: until here somebody may have wanted the image. A time in the future is a clock that was set back.
        let unused = now.duration_since(lock.touched()?).unwrap_or_default();
        if unused < unused_for {
            return Ok(Fate::Recent);
        }
        let (root, partial) = (self.root(image), self.partial(image));
        remove_path(&partial)?;
        if is_directory(&root)? {
            std::fs::rename(&root, &partial)?;
            sync_directory(&self.directory)?;
            remove_path(&partial)?;
        }
        // Last, and while it is held: who waits for it sees that it is no more.
        std::fs::remove_file(&path)?;
        Ok(Fate::Removed)
    }

    /// Lists the images of which there is anything.
    fn images(&self) -> io::Result<BTreeSet<Digest>> {
        let mut images = BTreeSet::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let name = entry?.file_name();
            let digits = name.to_str().and_then(|name| name.split('.').next()).unwrap_or_default();
            let digest = Algorithm::ALL
                .iter()
                .find_map(|algorithm| Digest::parse(&format!("{}:{digits}", algorithm.as_str())).ok());
            images.extend(digest);
        }
        Ok(images)
    }
}
