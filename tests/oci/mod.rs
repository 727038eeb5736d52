//! Images as files (the OCI image layout), made for a story, and skopeo to move them.

#![allow(dead_code, reason = "each story uses a part of it")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use seatrial_model::image::{Algorithm, Digest};
use seatrial_registry::storage::digest_of;
use serde_json::{Value, json};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An image in a directory of its own.
pub struct Layout {
    pub directory: PathBuf,
    /// Of the manifest.
    pub digest: Digest,
    pub layers: Vec<Digest>,
    pub config: Digest,
}

impl Layout {
    /// Writes an image whose layers hold some bytes that no other seed gives.
    pub fn write(directory: &Path, seed: u64, layer_lengths: &[usize]) -> Self {
        let put = |bytes: &[u8]| {
            let digest = digest_of(Algorithm::Sha256, bytes);
            let path = blob_path(directory, &digest);
            std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            std::fs::write(path, bytes).expect("written");
            digest
        };
        let mut layers = Vec::new();
        let mut described = Vec::new();
        for (number, length) in layer_lengths.iter().enumerate() {
            let bytes = compressed(&noise(seed.wrapping_mul(1000) + number as u64, *length));
            let digest = put(&bytes);
            described.push(json!({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest,
                "size": bytes.len()}));
            layers.push(digest);
        }
        let config = json!({"architecture": "amd64", "os": "linux", "config": {"Labels": {"seed": seed.to_string()}},
            "rootfs": {"type": "layers", "diff_ids": layers}});
        let config_bytes = config.to_string();
        let config = put(config_bytes.as_bytes());
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": config_bytes.len()},
            "layers": described});
        let manifest = manifest.to_string();
        let digest = put(manifest.as_bytes());
        let index = json!({"schemaVersion": 2, "manifests": [{"mediaType": MANIFEST, "digest": digest, "size": manifest.len()}]});
        std::fs::write(directory.join("index.json"), index.to_string()).expect("written");
        std::fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("written");
        Layout { directory: directory.to_owned(), digest, layers, config }
    }

    /// Returns the bytes of one of the image's blobs.
    pub fn blob(&self, digest: &Digest) -> Vec<u8> {
        read_blob(&self.directory, digest)
    }
}

/// Returns the bytes of a blob of a layout.
pub fn read_blob(directory: &Path, digest: &Digest) -> Vec<u8> {
    let path = blob_path(directory, digest);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the digest of the only manifest of a layout.
pub fn manifest_of(directory: &Path) -> Digest {
    let bytes = std::fs::read(directory.join("index.json")).expect("an index");
    let index: Value = serde_json::from_slice(&bytes).expect("JSON");
    Digest::parse(index["manifests"][0]["digest"].as_str().expect("a digest")).expect("a digest")
}

/// Runs skopeo; returns whether it succeeded, and everything it said.
pub fn skopeo(home: &Path, arguments: &[&str]) -> (bool, String) {
    let run = Command::new("skopeo").arg("--insecure-policy").args(arguments).env("HOME", home).output();
    let output = run.unwrap_or_else(|error| {
        panic!("skopeo cannot be started: {error}; this story needs it: apt-get install -y skopeo")
    });
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), said)
}

fn blob_path(directory: &Path, digest: &Digest) -> PathBuf {
    directory.join("blobs").join(digest.algorithm().as_str()).join(digest.hex())
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

/// Bytes that do not compress, the same for the same seed (xorshift).
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}
