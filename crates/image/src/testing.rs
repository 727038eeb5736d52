//! Layers and images made for tests: also such as no tool would make.

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use seatrial_model::image::{Algorithm, Digest};
use tar::{EntryType, Header};

use crate::configuration::{ImageConfiguration, RunConfiguration};
use crate::hash::digest_of;
use crate::platform::Platform;
use crate::unpack::LayerFile;

pub(crate) const PLAIN: &str = "application/vnd.oci.image.layer.v1.tar";
pub(crate) const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A tar archive that is written entry by entry.
#[derive(Clone, Default)]
pub(crate) struct Archive {
    pub bytes: Vec<u8>,
}

impl Archive {
    pub fn file(self, path: &str, contents: &[u8]) -> Self {
        self.entry(EntryType::Regular, path.as_bytes(), b"", contents)
    }

    pub fn directory(self, path: &str) -> Self {
        self.with(path.as_bytes(), b"", b"", |header| {
            header.set_entry_type(EntryType::Directory);
            header.set_mode(0o755);
        })
    }

    pub fn symbolic_link(self, path: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, path.as_bytes(), target.as_bytes(), b"")
    }

    pub fn hard_link(self, path: &str, target: &str) -> Self {
        self.entry(EntryType::Link, path.as_bytes(), target.as_bytes(), b"")
    }

    pub fn entry(self, kind: EntryType, path: &[u8], link: &[u8], contents: &[u8]) -> Self {
        self.with(path, link, contents, |header| header.set_entry_type(kind))
    }

    /// Writes an entry whose header is changed before it gets its checksum. Names that the header has no room for go before it.
    pub fn with(mut self, path: &[u8], link: &[u8], contents: &[u8], change: impl FnOnce(&mut Header)) -> Self {
        for (name, kind) in [(path, EntryType::GNULongName), (link, EntryType::GNULongLink)] {
            if name.len() > 100 {
                self = self.entry(kind, b"longlink", b"", &[name, b"\0"].concat());
            }
        }
        let mut header = Header::new_gnu();
        let short = |name: &[u8]| name[..name.len().min(100)].to_owned();
        header.as_old_mut().name[..short(path).len()].copy_from_slice(&short(path));
        header.as_old_mut().linkname[..short(link).len()].copy_from_slice(&short(link));
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_700_000_000);
        header.set_size(contents.len() as u64);
        change(&mut header);
        header.set_cksum();
        self.bytes.extend(header.as_bytes());
        self.bytes.extend(contents);
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
        self
    }

    pub fn end(mut self) -> Vec<u8> {
        self.bytes.extend([0; 1024]);
        self.bytes
    }
}

/// An image whose layers are files in a directory.
pub(crate) struct Image {
    pub configuration: ImageConfiguration,
    pub layers: Vec<LayerFile>,
}

impl Image {
    /// Writes layers, given uncompressed, as they are.
    pub fn plain(directory: &Path, archives: &[Vec<u8>]) -> Self {
        let layers = archives.iter().map(|archive| (archive.clone(), PLAIN, archive.clone()));
        Image::of(directory, layers.collect())
    }

    /// Writes layers: what is in the file, its media type, and what it is when uncompressed.
    pub fn of(directory: &Path, layers: Vec<(Vec<u8>, &str, Vec<u8>)>) -> Self {
        let diff_ids = layers.iter().map(|(_, _, archive)| digest_of(Algorithm::Sha256, archive)).collect();
        let files = layers.iter().map(|(bytes, media_type, _)| {
            let digest = digest_of(Algorithm::Sha256, bytes);
            let path: PathBuf = directory.join(digest.hex());
            std::fs::write(&path, bytes).expect("written");
            LayerFile { path, media_type: (*media_type).to_owned(), digest }
        });
        Image { layers: files.collect(), configuration: configuration(diff_ids) }
    }
}

pub(crate) fn configuration(diff_ids: Vec<Digest>) -> ImageConfiguration {
    ImageConfiguration {
        platform: Platform::of_this_machine(),
        created: None,
        run: RunConfiguration::default(),
        diff_ids,
        history: Vec::new(),
    }
}

/// A record of an extended header, with its length.
pub(crate) fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let with_digits = |digits: usize| rest.len() + digits;
    let length = (1..5).map(with_digits).find(|length| with_digits(length.to_string().len()) == *length);
    format!("{}{rest}", length.expect("a short record")).into_bytes()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

/// Says in one line what went wrong, causes and all.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
