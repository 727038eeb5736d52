//! What looks after the registry by itself: unused bytes and idle uploads go, lifecycle policies are applied.

use std::io;
use std::time::Duration;

use seatrial_engine::images::{garbage, lifecycle};
use seatrial_engine::{Engine, Refusal};
use seatrial_registry::Storage;

/// How long between two passes; scaled, as every wait of the engine. Nothing a pass does is urgent, and one reads every blob's age.
pub const PASS_INTERVAL: Duration = Duration::from_secs(15 * 60);
/// How many blobs are looked at before the engine's other work gets its turn.
const BLOBS_AT_ONCE: usize = 64;

/// Looks after one registry.
#[derive(Clone)]
pub struct Caretaker {
    engine: Engine,
    storage: Storage,
}

/// Why a pass did not come to its end. What it did until then stays done; the next one does the rest.
#[derive(Debug, thiserror::Error)]
pub enum CaretakerError {
    #[error("could not change the tables")]
    Tables(#[source] Refusal),
    #[error("could not read or remove stored bytes")]
    Storage(#[source] io::Error),
}

/// What a pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    pub images_expired: usize,
    pub blobs_removed: usize,
    pub uploads_expired: usize,
}

impl Pass {
    pub fn is_empty(self) -> bool {
        self == Pass::default()
    }
}

impl Caretaker {
    pub fn new(engine: Engine, storage: Storage) -> Self {
        Caretaker { engine, storage }
    }

    /// Makes a pass. Waits for the disk; safe beside pushes and pulls at any time.
    pub fn pass(&self) -> Result<Pass, CaretakerError> {
        let uploads_expired = self.storage.uploads.expire(self.engine.now()).map_err(CaretakerError::Storage)?;
        let images_expired = self.engine.transact(|tx| {
            let expired = lifecycle::apply_all(tx);
            garbage::drop_loose_blobs(tx);
            Ok(expired)
        });
        let images_expired = images_expired.map_err(CaretakerError::Tables)?;
        let blobs_removed = self.sweep().map_err(CaretakerError::Storage)?;
        Ok(Pass { images_expired, blobs_removed, uploads_expired })
    }

    /// Removes bytes that no row names. Whoever puts bytes makes them young first and names them then, so that what is old and not
    /// named while the engine's state is held cannot be named afterwards.
    fn sweep(&self) -> io::Result<usize> {
        let oldest_kept = self.engine.now() - self.engine.settings().scale.apply(garbage::GRACE_PERIOD);
        let blobs = &self.storage.blobs;
        let mut removed = 0;
        for some in blobs.put_before(oldest_kept)?.chunks(BLOBS_AT_ONCE) {
            removed += self.engine.read(|state| {
                let named = garbage::named(state);
                let unnamed = some.iter().filter(|digest| !named.contains(digest));
                unnamed
                    .map(|digest| blobs.remove_if_put_before(digest, oldest_kept).map(usize::from))
                    .sum::<io::Result<usize>>()
            })?;
        }
        Ok(removed)
    }
}
