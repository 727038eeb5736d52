//! An image of a few programs of this machine, put where the registry keeps its contents.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use seatrial_model::image::{Algorithm, Digest};
use serde_json::{Value, json};

/// The programs of the image, by their places in it.
const PROGRAMS: [(&str, &str); 9] = [
    ("bin/bash", "/bin/bash"),
    ("bin/sh", "/bin/sh"),
    ("bin/cat", "/bin/cat"),
    ("bin/dd", "/bin/dd"),
    ("bin/env", "/usr/bin/env"),
    ("bin/id", "/usr/bin/id"),
    ("bin/ls", "/bin/ls"),
    ("bin/sleep", "/bin/sleep"),
    ("bin/touch", "/bin/touch"),
];

/// Puts an image into a home, with these members in its configuration, and returns its digest.
pub fn put(home: &Path, config: Value) -> Digest {
    put_for(home, if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }, config)
}

/// The same for an architecture, whatever its programs are for.
pub fn put_for(home: &Path, architecture: &str, config: Value) -> Digest {
    let layer = layer();
    let diff_id = digest_of(&layer);
    let configuration = json!({
        "os": "linux",
        "architecture": architecture,
        "config": config,
        "rootfs": { "type": "layers", "diff_ids": [diff_id] },
    });
    let layer = descriptor(home, "application/vnd.oci.image.layer.v1.tar", &layer);
    let configuration = configuration.to_string();
    let configuration = descriptor(home, "application/vnd.oci.image.config.v1+json", configuration.as_bytes());
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({ "schemaVersion": 2, "mediaType": media_type, "config": configuration, "layers": [layer] });
    put_blob(home, manifest.to_string().as_bytes())
}

fn descriptor(home: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let digest = put_blob(home, bytes);
    json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
}

fn put_blob(home: &Path, bytes: &[u8]) -> Digest {
    let digest = digest_of(bytes);
    let file = contents(home, &digest);
    std::fs::create_dir_all(file.parent().expect("below the home")).expect("writable");
    std::fs::write(file, bytes).expect("writable");
    digest
}

/// Where the registry of a home keeps a content.
pub fn contents(home: &Path, digest: &Digest) -> PathBuf {
    digest.file_in(&home.join("registry").join("blobs"))
}

fn digest_of(bytes: &[u8]) -> Digest {
    use sha2::Digest as _;
    Digest::of_hash(Algorithm::Sha256, &sha2::Sha256::digest(bytes)).expect("a digest")
}

fn layer() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (place, program) in PROGRAMS {
        archive.append_path_with_name(program, place).expect("a program of this machine");
    }
    let libraries: BTreeSet<String> = PROGRAMS.iter().flat_map(|(_, program)| libraries(program)).collect();
    for library in libraries {
        let resolved = std::fs::canonicalize(&library).expect("a library of this machine");
        archive.append_path_with_name(resolved, library.trim_start_matches('/')).expect("a library of this machine");
    }
    let accounts = b"root:x:0:0::/root:/bin/sh\nweb:x:1234:4321::/srv/web:/bin/sh\n";
    file(&mut archive, "etc/passwd", accounts);
    let server = seatrial_fallback::SERVER.expect("made for this machine");
    program(&mut archive, "bin/server", server);
    file(&mut archive, "greeting", b"hello from the image\n");
    // A link that leads out of every root but its own.
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    header.set_mode(0o777);
    archive.append_link(&mut header, "outside", "/../../../etc/hostname").expect("written");
    archive.into_inner().expect("written")
}

fn file(archive: &mut tar::Builder<Vec<u8>>, place: &str, contents: &[u8]) {
    append(archive, place, contents, 0o644);
}

fn program(archive: &mut tar::Builder<Vec<u8>>, place: &str, contents: &[u8]) {
    append(archive, place, contents, 0o755);
}

fn append(archive: &mut tar::Builder<Vec<u8>>, place: &str, contents: &[u8], mode: u32) {
    let mut header = tar::Header::new_gnu();
    header.set_size(contents.len() as u64);
    header.set_mode(mode);
    archive.append_data(&mut header, place, contents).expect("written");
}

/// What a program is linked with.
fn libraries(program: &str) -> Vec<String> {
    let output = Command::new("ldd").arg(program).output().expect("ldd is there");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let words = text.split_whitespace().filter(|word| word.starts_with('/'));
    words.map(|word| word.trim_end_matches(':').to_owned()).collect()
}
