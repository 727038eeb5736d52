//! Unpacked images, each unpacked once however many containers and processes want it, and kept while somebody uses it.
//!
//! An image has up to three names in the cache's directory, all beginning with the digits of its digest: the directory with its files,
//! `.lock`, and `.partial`, which is a directory that is being unpacked or removed.
//!
//! I1: a directory under an image's name is complete and durable: it gets its name at the end, and loses it before anything is removed.
//! I2: it stays while anybody holds the lock shared; it is made and removed by who holds it exclusively.
//! I3: a lock counts only while its file is the one with the name: whoever waited for a removed one begins again.

mod image_lock;
mod sweep;

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use seatrial_model::image::Digest;

pub use sweep::Swept;

use crate::configuration::ImageConfiguration;
use crate::remove::remove_path;
use crate::unpack::{LayerFile, Limits, UnpackError, system, unpack};
use image_lock::ImageLock;

/// The contents are other people's programs, with set-id bits among them: nobody else gets to them.
const DIRECTORY_MODE: u32 = 0o700;

/// How often an image is unpacked for one caller when it is swept each time before the caller has it: once is already rare.
const ROUNDS_MAX: usize = 8;

/// How often it is looked whether another caller is done.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// A directory of unpacked images.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
}

/// An unpacked image, which stays as long as this lives.
#[derive(Debug)]
pub struct Held {
    root: PathBuf,
    lock: ImageLock,
}

impl Held {
    /// Returns the directory that is the image's root. It is shared with everybody who holds the image: write nothing into it.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Drop for Held {
    /// An image was in use until now, however long ago its last user came.
    fn drop(&mut self) {
        let _ = self.lock.touch();
    }
}

/// What came of making an image.
enum Making {
    Done,
    ByAnother,
}

impl Cache {
    /// Opens a cache, creating its directory (mode 0700) when it is missing.
    pub fn new(directory: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory)?;
        Ok(Cache { directory: directory.to_owned() })
    }

    /// Returns an image, unpacking it first when it is not here yet. Waits while another caller, in this process or another, unpacks it.
    pub fn ensure(
        &self,
        image: &Digest,
        configuration: &ImageConfiguration,
        layers: &[LayerFile],
        limits: &Limits,
    ) -> Result<Held, UnpackError> {
        let mut rounds = 0;
        while rounds < ROUNDS_MAX {
            if let Some(held) = self.hold(image)? {
                return Ok(held);
            }
            match self.make(image, configuration, layers, limits)? {
                Making::Done => rounds += 1,
                // Whoever waited for the lock itself would wait for as long as others hold the image that has come to be meanwhile.
                Making::ByAnother => std::thread::sleep(LOOK_INTERVAL),
            }
        }
        Err(UnpackError::Swept(image.clone()))
    }

    /// Holds an image that is here.
    fn hold(&self, image: &Digest) -> Result<Option<Held>, UnpackError> {
        let path = self.lock_file(image);
        let lock = ImageLock::share(&path).map_err(system("lock", &path))?;
        let root = self.root(image);
        if !is_directory(&root).map_err(system("look at", &root))? {
            return Ok(None);
        }
        lock.touch().map_err(system("touch", &path))?;
        Ok(Some(Held { root, lock }))
    }

    /// Unpacks an image, unless somebody else is at it or has it.
    fn make(
        &self,
        image: &Digest,
        configuration: &ImageConfiguration,
        layers: &[LayerFile],
        limits: &Limits,
    ) -> Result<Making, UnpackError> {
        let path = self.lock_file(image);
        let Some(lock) = ImageLock::try_acquire(&path).map_err(system("lock", &path))? else {
            return Ok(Making::ByAnother);
        };
        let (root, partial) = (self.root(image), self.partial(image));
        if is_directory(&root).map_err(system("look at", &root))? {
            return Ok(Making::Done);
        }
        // What a crash has left. Nobody else can be at it: the lock is here.
        remove_path(&partial).map_err(system("remove", &partial))?;
        unpack(configuration, layers, &partial, limits)?;
        sync_tree(&partial).map_err(system("sync", &partial))?;
        std::fs::rename(&partial, &root).map_err(system("rename", &partial))?;
        sync_directory(&self.directory).map_err(system("sync", &self.directory))?;
        // A sweep that comes before the caller holds the image shall find it new.
        lock.touch().map_err(system("touch", &path))?;
        Ok(Making::Done)
    }

    fn root(&self, image: &Digest) -> PathBuf {
        self.directory.join(image.hex())
    }

    fn lock_file(&self, image: &Digest) -> PathBuf {
        self.directory.join(format!("{}.lock", image.hex()))
    }

    fn partial(&self, image: &Digest) -> PathBuf {
        self.directory.join(format!("{}.partial", image.hex()))
    }
}

fn is_directory(path: &Path) -> io::Result<bool> {
    match path.symlink_metadata() {
        Ok(metadata) => Ok(metadata.is_dir()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Makes all files of a directory durable. One call for the file system takes less than one for each of a hundred thousand files.
#[cfg(target_os = "linux")]
fn sync_tree(directory: &Path) -> io::Result<()> {
    let parent = directory.parent().unwrap_or(directory);
    Ok(rustix::fs::syncfs(File::open(parent)?)?)
}

#[cfg(not(target_os = "linux"))]
fn sync_tree(_: &Path) -> io::Result<()> {
    rustix::fs::sync();
    Ok(())
}

#[cfg(test)]
mod tests;
