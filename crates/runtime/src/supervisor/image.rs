//! A container's image: its files, unpacked, and what its configuration says about running them.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, openat2, statat};
use rustix::io::Errno;
use seatrial_image::configuration::CONFIGURATION_BYTES_MAX;
use seatrial_image::{Cache, Held, ImageConfiguration, LayerFile, Limits, Platform, UnpackError};
use seatrial_model::image::{Descriptor, Digest, MANIFEST_BYTES_MAX, Manifest};
use seatrial_model::task_definition::ContainerDefinition;

use super::machine::Refusal;
use super::program::{Found, refused};
use crate::directory::ImageDirectories;

/// The largest `/etc/passwd` or `/etc/group` of an image that is read.
const ACCOUNTS_BYTES_MAX: u64 = 1 << 20;

/// How often a path is looked up again while other things are renamed.
const ATTEMPTS_MAX: u32 = 64;

/// Where a program is looked for in an image that says nothing about it; Docker's.
pub(super) const SEARCH_PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An image that can be run. Its files stay as long as this does.
#[derive(Debug)]
pub(super) struct ContainerImage {
    held: Held,
    directory: OwnedFd,
    pub configuration: ImageConfiguration,
}

/// What an image of the machine's registry is made of.
pub(crate) struct ResolvedImage {
    /// That of its manifest, for this machine where there are several.
    pub digest: Digest,
    pub configuration: ImageConfiguration,
    /// The configuration as it is written.
    pub configuration_bytes: Vec<u8>,
    pub layers: Vec<LayerFile>,
}

/// Reads what an image of the machine's registry is made of.
pub(crate) fn resolve(contents: &Path, digest: &Digest) -> Result<ResolvedImage, Refusal> {
    let manifest = read(contents, digest, MANIFEST_BYTES_MAX as u64).map_err(refuse("the manifest"))?;
    let parsed = Manifest::parse(&manifest, None).map_err(Refusal::image)?;
    let (digest, parsed) = if parsed.media_type.is_index() {
        let child = Platform::of_this_machine().choose(&manifest).map_err(Refusal::image)?;
        let manifest = read(contents, &child, MANIFEST_BYTES_MAX as u64).map_err(refuse("the manifest"))?;
        (child, Manifest::parse(&manifest, None).map_err(Refusal::image)?)
    } else {
        (digest.clone(), parsed)
    };
    let config = parsed.config.ok_or_else(|| Refusal::image("the image is an index of indexes"))?;
    let configuration_bytes = read(contents, &config.digest, CONFIGURATION_BYTES_MAX as u64)
        .map_err(refuse("the configuration of the image"))?;
    let configuration = ImageConfiguration::parse(&configuration_bytes).map_err(Refusal::image)?;
    let (wanted, own) = (&configuration.platform, Platform::of_this_machine());
    if (&wanted.os, &wanted.architecture) != (&own.os, &own.architecture) {
        let (wanted, own) =
            (format!("{}/{}", wanted.os, wanted.architecture), format!("{}/{}", own.os, own.architecture));
        return Err(Refusal::image(format_args!("the image is for {wanted}, and this machine is {own}")));
    }
    let layers = parsed.layers.into_iter().map(|layer| file_of(contents, layer)).collect();
    Ok(ResolvedImage { digest, configuration, configuration_bytes, layers })
}

/// Unpacks an image of the machine's registry, unless it is already.
pub(super) fn unpack(directories: &ImageDirectories, digest: &Digest) -> Result<ContainerImage, Refusal> {
    let ResolvedImage { digest, configuration, layers, .. } = resolve(&directories.contents, digest)?;
    let cache = Cache::new(&directories.unpacked).map_err(refuse("the directory of unpacked images"))?;
    let held = cache.ensure(&digest, &configuration, &layers, &Limits::default()).map_err(|error| explain(&error))?;
    let directory = File::open(held.root()).map_err(refuse("the unpacked image"))?.into();
    Ok(ContainerImage { held, directory, configuration })
}

fn refuse(what: &str) -> impl Fn(io::Error) -> Refusal {
    let what = what.to_owned();
    move |error: io::Error| Refusal::image_passing(format_args!("{what} cannot be read: {error}"))
}

fn file_of(contents: &Path, layer: Descriptor) -> LayerFile {
    LayerFile { path: layer.digest.file_in(contents), media_type: layer.media_type, digest: layer.digest }
}

fn read(contents: &Path, digest: &Digest, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(digest.file_in(contents))?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        Err(io::Error::other(format!("it has more than {limit} bytes")))
    } else {
        Ok(bytes)
    }
}

fn explain(error: &UnpackError) -> Refusal {
    let mut text = error.to_string();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(deeper) = cause {
        text.push_str(": ");
        text.push_str(&deeper.to_string());
        cause = deeper.source();
    }
    // What the image says of itself is the same the next time; what the disk says may not be.
    match error {
        UnpackError::System { .. } | UnpackError::Swept(_) => Refusal::image_passing(text),
        _ => Refusal::image(text),
    }
}

impl ContainerImage {
    pub fn root(&self) -> &Path {
        self.held.root()
    }

    /// Returns the words a container runs: what its definition says instead of what the image says, by Docker's rules.
    pub fn words(&self, container: &ContainerDefinition) -> Vec<String> {
        let run = &self.configuration.run;
        let (entry_point, command) = match (container.entry_point.is_empty(), container.command.is_empty()) {
            (false, _) => (&container.entry_point, &container.command),
            (true, false) => (&run.entry_point, &container.command),
            (true, true) => (&run.entry_point, &run.command),
        };
        entry_point.iter().chain(command).cloned().collect()
    }

    /// Finds a program as the container's process will see it.
    pub fn find(&self, name: &str, search_path: &str, working_directory: &str) -> Result<String, Refusal> {
        if name.contains('/') {
            let path = if name.starts_with('/') { name.to_owned() } else { format!("{working_directory}/{name}") };
            return match self.assess(&path)? {
                Found::Executable => Ok(path),
                Found::Forbidden => Err(refused(name, "permission denied")),
                Found::Directory => Err(refused(name, "is a directory")),
                Found::Nothing => Err(refused(name, "no such file or directory in the image")),
            };
        }
        let mut forbidden = false;
        for directory in search_path.split(':') {
            let directory = if directory.is_empty() { working_directory } else { directory };
            let path = format!("{directory}/{name}");
            match self.assess(&path)? {
                Found::Executable if !name.is_empty() => return Ok(path),
                Found::Forbidden => forbidden = true,
                Found::Executable | Found::Directory | Found::Nothing => {}
            }
        }
        let missing = "executable file not found in $PATH of the image";
        Err(refused(name, if forbidden { "permission denied" } else { missing }))
    }

    /// Looks at a file by its path in the image; links lead nowhere else.
    fn assess(&self, path: &str) -> Result<Found, Refusal> {
        let status = self.open(path, OFlags::PATH).and_then(|file| statat(&file, "", AtFlags::EMPTY_PATH));
        let status = match status {
            Ok(status) => status,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG) => return Ok(Found::Nothing),
            Err(error) => {
                return Err(Refusal::passing(format_args!("{path:?} in the image cannot be looked at: {error}")));
            }
        };
        Ok(match FileType::from_raw_mode(status.st_mode) {
            FileType::Directory => Found::Directory,
            _ if Mode::from_raw_mode(status.st_mode).intersects(Mode::XUSR | Mode::XGRP | Mode::XOTH) => {
                Found::Executable
            }
            _ => Found::Forbidden,
        })
    }

    /// Reads `/etc/passwd` or `/etc/group`; an image without has no names.
    pub fn accounts(&self, path: &str) -> String {
        let Ok(file) = self.open(path, OFlags::RDONLY | OFlags::NONBLOCK) else { return String::new() };
        let mut text = Vec::new();
        let read = File::from(file).take(ACCOUNTS_BYTES_MAX).read_to_end(&mut text);
        read.map(|_| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
    }

    fn open(&self, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let open = || openat2(&self.directory, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve);
        // The kernel gives up on `..` while anything on the machine is renamed or mounted.
        let mut attempts = 0;
        loop {
            match open() {
                Err(Errno::AGAIN) if attempts < ATTEMPTS_MAX => attempts += 1,
                opened => return opened,
            }
        }
    }
}
