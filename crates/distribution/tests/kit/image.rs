//! Images in a layout of their own.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use seatrial_distribution::{Blob, Layout};
use seatrial_model::image::{Algorithm, Digest};
use serde_json::{Value, json};

pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

pub fn digest_of(bytes: &[u8]) -> Digest {
    seatrial_registry::storage::digest_of(Algorithm::Sha256, bytes)
}

/// A directory to which images are written.
pub struct Image {
    pub layout: Layout,
    directory: tempfile::TempDir,
}

impl Image {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Image { layout: Layout::open(directory.path()).expect("a layout"), directory }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn source(&self) -> Arc<Layout> {
        Arc::new(self.layout.clone())
    }

    pub fn put(&self, bytes: &[u8]) -> Digest {
        let digest = digest_of(bytes);
        let path = self.layout.blob_path(&digest);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        File::create(path).and_then(|mut file| file.write_all(bytes)).expect("written");
        digest
    }

    /// Returns a blob of the directory, to be pushed.
    pub fn blob(&self, bytes: &[u8]) -> Blob {
        let digest = self.put(bytes);
        let path = self.layout.blob_path(&digest);
        Blob { digest, size: bytes.len() as u64, open: Arc::new(move || File::open(&path)) }
    }

    /// Writes an image of layers that hold noise, for an architecture; returns the digest of its manifest.
    pub fn write(&self, architecture: &str, layers: &[&[u8]]) -> Digest {
        let described: Vec<Value> =
            layers.iter().map(|layer| descriptor(LAYER, &self.put(layer), layer.len())).collect();
        let ids: Vec<&Value> = described.iter().map(|layer| &layer["digest"]).collect();
        let config = json!({"architecture": architecture, "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": ids}});
        let config = config.to_string();
        let config = descriptor(CONFIG, &self.put(config.as_bytes()), config.len());
        self.put_document(
            &json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": described}),
        )
    }

    /// Writes an index of images for architectures.
    pub fn index(&self, children: &[(&str, &Digest)]) -> Digest {
        let described = children.iter().map(|(architecture, digest)| {
            let mut part = descriptor(OCI_MANIFEST, digest, super::read(&self.layout.blob_path(digest)).len());
            part["platform"] = json!({"os": "linux", "architecture": architecture});
            part
        });
        let described: Vec<Value> = described.collect();
        self.put_document(&json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": described}))
    }

    /// Writes something that refers to a manifest.
    pub fn artifact(&self, kind: &str, subject: &Digest) -> Digest {
        let empty = descriptor("application/vnd.oci.empty.v1+json", &self.put(b"{}"), 2);
        let subject_size = super::read(&self.layout.blob_path(subject)).len();
        self.put_document(&json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": kind, "config": empty,
            "layers": [empty], "subject": descriptor(OCI_MANIFEST, subject, subject_size), "annotations": {"kind": kind}}))
    }

    pub fn put_document(&self, document: &Value) -> Digest {
        self.put(document.to_string().as_bytes())
    }

    /// Names an image in the layout's index, for skopeo.
    pub fn name(&self, digest: &Digest, media_type: &str, name: &str) {
        let size = super::read(&self.layout.blob_path(digest)).len();
        let mut part = descriptor(media_type, digest, size);
        part["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        let index = json!({"schemaVersion": 2, "manifests": [part]});
        std::fs::write(self.path().join("index.json"), index.to_string()).expect("written");
    }
}

pub fn descriptor(kind: &str, digest: &Digest, size: usize) -> Value {
    json!({"mediaType": kind, "digest": digest, "size": size})
}

/// Bytes without a pattern, the same for the same seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}
