//! A place for unpacking with something around it that must stay as it is.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::testing::{Image, told};
use crate::unpack::{Limits, Unpacked, unpack};

pub(super) struct World {
    directory: TempDir,
    layers: TempDir,
}

/// Everything that can be seen of files: kind and mode, contents or target, links, time of modification.
pub(super) type Seen = BTreeMap<PathBuf, String>;

impl World {
    pub fn new() -> Self {
        let (directory, layers) =
            (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        let world = World { directory, layers };
        fs::create_dir_all(world.victim().join("kept")).expect("made");
        fs::create_dir(world.directory.path().join("home")).expect("made");
        for name in ["secret", "kept/file"] {
            fs::write(world.victim().join(name), "untouched").expect("written");
        }
        world
    }

    /// A directory beside the one for images, which attacks try to reach.
    pub fn victim(&self) -> PathBuf {
        self.directory.path().join("victim")
    }

    pub fn root(&self) -> PathBuf {
        self.directory.path().join("home/root")
    }

    /// Unpacks plain layers, and makes sure that nothing else has changed.
    pub fn unpack(&self, archives: &[Vec<u8>]) -> Result<Unpacked, String> {
        self.unpack_within(archives, &Limits { bytes: 16 * 1024 * 1024, ..Limits::default() })
    }

    pub fn unpack_within(&self, archives: &[Vec<u8>], limits: &Limits) -> Result<Unpacked, String> {
        self.unpack_image(&Image::plain(self.layers.path(), archives), limits)
    }

    pub fn unpack_image(&self, image: &Image, limits: &Limits) -> Result<Unpacked, String> {
        let before = self.surroundings();
        let result = unpack(&image.configuration, &image.layers, &self.root(), limits);
        assert_eq!(self.surroundings(), before, "nothing outside has changed: {result:?}");
        assert_eq!(self.root().exists(), result.is_ok(), "what failed leaves nothing behind: {result:?}");
        result.map_err(|error| told(&error))
    }

    pub fn layers(&self) -> &Path {
        self.layers.path()
    }

    /// Lists the paths of the unpacked image, links with their targets and files with their contents.
    pub fn files(&self) -> Vec<String> {
        fn list(root: &Path, directory: &Path, found: &mut Vec<String>) {
            for entry in fs::read_dir(directory).expect("readable") {
                let path = entry.expect("readable").path();
                let name = path.strip_prefix(root).expect("below the root").display();
                let metadata = path.symlink_metadata().expect("there");
                if metadata.is_symlink() {
                    found.push(format!("{name} -> {}", fs::read_link(&path).expect("a link").display()));
                } else if metadata.is_dir() {
                    found.push(format!("{name}/"));
                    list(root, &path, found);
                } else if metadata.is_file() {
                    found.push(format!("{name}: {}", String::from_utf8_lossy(&fs::read(&path).expect("readable"))));
                } else {
                    found.push(format!("{name} is special"));
                }
            }
        }
        let mut found = Vec::new();
        list(&self.root(), &self.root(), &mut found);
        found.sort();
        found
    }

    /// What is around the unpacked image, with a file that attacks like to reach.
    fn surroundings(&self) -> Seen {
        let mut seen = Seen::new();
        see(self.directory.path(), &self.root(), &mut seen);
        see(Path::new("/etc/passwd"), &self.root(), &mut seen);
        seen.remove(&self.root());
        // It gets the image's directory, and so another time.
        seen.remove(&self.directory.path().join("home"));
        seen
    }
}

impl Drop for World {
    /// An image may have directories that keep their owner out.
    fn drop(&mut self) {
        let _ = crate::remove::remove_path(&self.root());
    }
}

fn see(path: &Path, except: &Path, seen: &mut Seen) {
    if path == except {
        return;
    }
    let metadata = path.symlink_metadata().expect("there");
    let contents = if metadata.is_file() { fs::read(path).expect("readable") } else { Vec::new() };
    // The links of a directory are its subdirectories.
    let links = if metadata.is_dir() { 0 } else { metadata.nlink() };
    let time = metadata.modified().expect("a time");
    let mode = metadata.permissions().mode();
    seen.insert(
        path.to_owned(),
        format!("{mode:o} {}:{} {links} {time:?} {contents:?}", metadata.uid(), metadata.gid()),
    );
    if metadata.is_dir() {
        for entry in fs::read_dir(path).expect("readable") {
            see(&entry.expect("readable").path(), except, seen);
        }
    }
}
