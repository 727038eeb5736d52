//! Where images are kept on this machine between being built and being pushed, by what they were made of.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use seatrial_model::image::Digest;

use super::Found;
use super::passes::Passes;
use crate::config::{AppName, ServiceName};
use crate::error::ReleaseError;

/// The most builds kept of a service.
const KEPT_MAX: usize = 5;

/// How long a build stays at least that was asked for: it may wait for somebody to approve it.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);
/// What the name of a directory begins with in which something is being built.
const BUILDING_PREFIX: &str = ".building-";

/// A directory of builds.
#[derive(Clone, Debug)]
pub struct Shelf(PathBuf);

impl Shelf {
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Shelf(directory.into())
    }

    /// Finds a build by the digest of its image.
    pub(crate) fn by_digest(&self, app: &AppName, service: &ServiceName, digest: &Digest) -> Option<(PathBuf, Found)> {
        let directory = self.0.join(app.as_str()).join(service.as_str());
        let entries = fs::read_dir(directory).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        entries.into_iter().find_map(|layout| {
            let found = Found::of(&layout).ok().filter(|found| found.digest == *digest && found.is_whole(&layout))?;
            Some((layout, found))
        })
    }

    /// Which tests of a service have passed.
    pub(super) fn passes(&self, app: &AppName, service: &ServiceName) -> Passes {
        Passes::at(self.0.join(app.as_str()).join(service.as_str()).join("passed"))
    }

    /// The place of what is made of certain inputs.
    pub(crate) fn place(&self, app: &AppName, service: &ServiceName, inputs: &str) -> Place {
        let directory = self.0.join(app.as_str()).join(service.as_str());
        Place { path: directory.join(inputs), directory }
    }
}

/// The place of a build.
pub(crate) struct Place {
    directory: PathBuf,
    path: PathBuf,
}

impl Place {
    /// The build, if it has been made; that it was asked for keeps it.
    pub fn found(&self) -> Option<PathBuf> {
        let marker = fs::File::open(self.path.join("oci-layout")).ok()?;
        let _ = marker.set_modified(SystemTime::now());
        Some(self.path.clone())
    }

    /// An empty directory to build in.
    pub fn fresh(self) -> Result<Fresh, ReleaseError> {
        let made = fs::create_dir_all(&self.directory)
            .and_then(|()| tempfile::Builder::new().prefix(BUILDING_PREFIX).tempdir_in(&self.directory));
        let building = made.map_err(|error| unwritable(&self.directory, &error))?;
        Ok(Fresh { place: self, building })
    }
}

/// A build that is being made. It is gone again unless it is kept.
pub(crate) struct Fresh {
    place: Place,
    building: tempfile::TempDir,
}

impl Fresh {
    /// Where the layout belongs: a directory that does not exist yet.
    pub fn path(&self) -> PathBuf {
        self.building.path().join("image")
    }

    /// Puts the build into its place and forgets old ones.
    pub fn keep(self) -> Result<PathBuf, ReleaseError> {
        let Place { directory, path } = &self.place;
        // One that is there is broken, or was to be built anew.
        let former = self.building.path().join("former");
        let put = match fs::rename(path, &former) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => fs::rename(self.path(), path),
        };
        match put {
            // Somebody has made the same at the same time.
            Err(_) if path.join("oci-layout").exists() => {}
            put => put.map_err(|error| unwritable(path, &error))?,
        }
        // What cannot be tidied up now is the next time.
        let _ = forget_old(directory);
        Ok(path.clone())
    }
}

fn forget_old(directory: &Path) -> io::Result<()> {
    let mut builds = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if let Ok(used) = fs::metadata(path.join("oci-layout")).and_then(|metadata| metadata.modified()) {
            builds.push((used, path));
        }
    }
    builds.sort();
    let surplus = builds.len().saturating_sub(KEPT_MAX);
    let is_old = |used: SystemTime| used.elapsed().is_ok_and(|since| since >= KEPT_FOR);
    for (_, path) in builds.into_iter().take(surplus).filter(|(used, _)| is_old(*used)) {
        // First out of sight: what is half removed must not be found.
        let doomed = path.with_file_name(format!("{BUILDING_PREFIX}removed-{}", std::process::id()));
        fs::rename(&path, &doomed)?;
        fs::remove_dir_all(doomed)?;
    }
    // What builds have left that were killed.
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let is_left = entry.file_name().to_string_lossy().starts_with(BUILDING_PREFIX);
        if is_left && entry.metadata()?.modified().is_ok_and(is_old) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn unwritable(path: &Path, error: &io::Error) -> ReleaseError {
    let what = format!("the image cannot be kept at {}: {error}", path.display());
    ReleaseError::not_possible(what, "make room there, or name another data directory with SEATRIAL_HOME")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_found_by_what_it_was_made_of_and_few_are_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let shelf = Shelf::at(directory.path());
        let (app, service): (AppName, ServiceName) = ("shop".parse().expect("a name"), "web".parse().expect("a name"));
        let place = |inputs: &str| shelf.place(&app, &service, inputs);
        for build in 0..7 {
            let inputs = format!("inputs-{build}");
            assert_eq!(place(&inputs).found(), None);
            let fresh = place(&inputs).fresh().expect("writable");
            fs::create_dir(fresh.path()).expect("writable");
            fs::write(fresh.path().join("oci-layout"), "{}").expect("writable");
            let kept = fresh.keep().expect("writable");
            assert_eq!(place(&inputs).found(), Some(kept.clone()));
            let marker = fs::File::options().write(true).open(kept.join("oci-layout")).expect("it is there");
            let age = Duration::from_secs(if build == 0 { 0 } else { 2 * 24 * 3600 - build });
            marker.set_modified(SystemTime::now() - age).expect("ours");
        }
        let left = fs::read_dir(directory.path().join("shop/web")).expect("readable").count();
        assert_eq!(left, KEPT_MAX);
        assert_eq!((place("inputs-1").found(), place("inputs-2").found()), (None, None));
        assert!(place("inputs-0").found().is_some(), "it was asked for a moment ago");
        // One that fails leaves nothing.
        drop(place("failed").fresh().expect("writable"));
        assert_eq!(fs::read_dir(directory.path().join("shop/web")).expect("readable").count(), KEPT_MAX);
    }
}
