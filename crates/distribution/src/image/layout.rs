//! A directory that images are pulled into: an OCI image layout.
//!
//! ```text
//! DIRECTORY/oci-layout             says what this is
//! DIRECTORY/index.json             the images, by the names they were pulled under
//! DIRECTORY/blobs/sha256/abcd…     manifests, configurations, layers
//! ```
//!
//! A file is under its digest only when it is whole: it is written beside and renamed. The index comes last, so an image that it names
//! is complete.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use seatrial_model::image::{Digest, MANIFEST_BYTES_MAX};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::source::ImageSource;
use seatrial_image::hash::digest_of_reader;

/// The annotation by which an index names its images.
const NAME: &str = "org.opencontainers.image.ref.name";

const INDEX: &str = "index.json";
const MARK: &str = "oci-layout";
const VERSION: &str = "1.0.0";

/// A directory of images.
#[derive(Clone, Debug)]
pub struct Layout {
    directory: PathBuf,
}

/// An image as the index names it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub media_type: String,
    pub digest: Digest,
    pub size: u64,
    pub name: Option<String>,
}

impl Layout {
    /// Opens a layout, creating it when it is missing.
    pub fn open(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory.join("blobs"))?;
        let mark = directory.join(MARK);
        if !mark.exists() {
            write_whole(directory, &mark, json!({"imageLayoutVersion": VERSION}).to_string().as_bytes())?;
        }
        Ok(Layout { directory: directory.to_owned() })
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns where a blob is, or would be.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.directory.join("blobs").join(digest.algorithm().as_str()).join(digest.hex())
    }

    /// Tells whether a blob is there, and is what its name says: what a disk has spoilt is pulled again.
    pub(super) fn has(&self, digest: &Digest, size: u64) -> io::Result<bool> {
        let file = match File::open(self.blob_path(digest)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            opened => opened?,
        };
        Ok(file.metadata()?.len() == size && digest_of_reader(digest.algorithm(), file)? == *digest)
    }

    /// Begins a file that becomes a blob by [`Layout::keep`], and is gone if it does not.
    pub(super) fn begin(&self, digest: &Digest) -> io::Result<NamedTempFile> {
        let path = self.blob_path(digest);
        let parent = path.parent().expect("a blob is in a directory");
        fs::create_dir_all(parent)?;
        // Not among the blobs, whose names are digests.
        NamedTempFile::with_prefix_in(".incoming-", &self.directory)
    }

    pub(super) fn keep(&self, file: NamedTempFile, digest: &Digest) -> io::Result<()> {
        file.persist(self.blob_path(digest)).map_err(|error| error.error)?;
        Ok(())
    }

    /// Writes a manifest.
    pub(super) fn put(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.begin(digest)?;
        file.write_all(bytes)?;
        self.keep(file, digest)
    }

    /// Names an image in the index, in place of another of the same name.
    pub(super) fn name(&self, entry: &Entry) -> io::Result<()> {
        let path = self.directory.join(INDEX);
        let mut index = read_index(&path)?;
        let images = index["manifests"].as_array_mut().ok_or_else(|| malformed(&path))?;
        images.retain(|image| {
            let name = image["annotations"][NAME].as_str();
            name.is_none_or(|name| Some(name) != entry.name.as_deref())
                && !(name.is_none() && image["digest"] == entry.digest.as_str())
        });
        let mut image = json!({"mediaType": entry.media_type, "digest": entry.digest, "size": entry.size});
        if let Some(name) = &entry.name {
            image["annotations"] = json!({ NAME: name });
        }
        images.push(image);
        write_whole(&self.directory, &path, index.to_string().as_bytes())
    }
}

impl ImageSource for Layout {
    fn manifest(&self, digest: &Digest) -> io::Result<Vec<u8>> {
        let (file, _) = self.open_blob(digest)?;
        let mut bytes = Vec::new();
        // One more shows that it is too large.
        file.take(MANIFEST_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn open_blob(&self, digest: &Digest) -> io::Result<(File, u64)> {
        let file = File::open(self.blob_path(digest))?;
        let size = file.metadata()?.len();
        Ok((file, size))
    }
}

fn read_index(path: &Path) -> io::Result<Value> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(json!({"schemaVersion": 2, "manifests": []}));
        }
        opened => opened?,
    };
    let mut bytes = Vec::new();
    file.take(MANIFEST_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    let index: Value = serde_json::from_slice(&bytes).map_err(|_| malformed(path))?;
    if index.is_object() { Ok(index) } else { Err(malformed(path)) }
}

fn malformed(path: &Path) -> io::Error {
    let text = format!("{} is no index of an image layout; remove the directory, or name another one", path.display());
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn write_whole(directory: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = NamedTempFile::with_prefix_in(".incoming-", directory)?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use seatrial_model::image::Algorithm;

    use super::*;
    use seatrial_image::hash::digest_of;

    fn entry(content: &[u8], name: Option<&str>) -> Entry {
        Entry {
            media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
            digest: digest_of(Algorithm::Sha256, content),
            size: content.len() as u64,
            name: name.map(str::to_owned),
        }
    }

    fn names(layout: &Layout) -> Vec<(String, String)> {
        let index = read_index(&layout.directory.join(INDEX)).expect("an index");
        let images = index["manifests"].as_array().expect("images").clone();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        images.iter().map(|image| (text(&image["annotations"][NAME]), text(&image["digest"]))).collect()
    }

    #[test]
    fn a_name_belongs_to_one_image() {
        let directory = tempfile::tempdir().expect("a directory");
        let layout = Layout::open(directory.path()).expect("a layout");
        let (one, two) = (entry(b"one", Some("v1")), entry(b"two", Some("v1")));
        for entry in [&one, &two, &entry(b"one", Some("v2")), &entry(b"one", None), &entry(b"one", None)] {
            layout.name(entry).expect("named");
        }
        let own = |name: &str, entry: &Entry| (name.to_owned(), entry.digest.to_string());
        assert_eq!(names(&layout), [own("v1", &two), own("v2", &one), own("", &one)]);
    }

    #[test]
    fn a_blob_that_was_spoilt_is_not_there() {
        let directory = tempfile::tempdir().expect("a directory");
        let layout = Layout::open(directory.path()).expect("a layout");
        let digest = digest_of(Algorithm::Sha256, b"content");
        assert!(!layout.has(&digest, 7).expect("looked"));
        layout.put(&digest, b"content").expect("put");
        assert!(layout.has(&digest, 7).expect("looked") && !layout.has(&digest, 8).expect("looked"));
        fs::write(layout.blob_path(&digest), b"contemt").expect("written");
        assert!(!layout.has(&digest, 7).expect("looked"));
        drop(layout.begin(&digest).expect("begun"));
        let left = fs::read_dir(directory.path()).expect("a list").count();
        assert_eq!(left, 2, "blobs and oci-layout");
    }

    #[test]
    fn an_index_that_is_none_is_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let layout = Layout::open(directory.path()).expect("a layout");
        for text in ["", "[]", "{\"manifests\": 1}"] {
            fs::write(directory.path().join(INDEX), text).expect("written");
            let error = layout.name(&entry(b"one", None)).expect_err(text).to_string();
            assert!(error.contains("index.json is no index"), "{error}");
        }
    }
}
