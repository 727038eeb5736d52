//! Makes the container engine have an image: from the home's registry, from wherever it pulls, or the one that does nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::BodyExt;
use rustix::fs::FlockOperation;
use seatrial_model::image::Digest;
use serde_json::{Value, json};
use sha2::Digest as _;

use super::archive::{ArchiveLayer, ImageArchive};
use super::client::escaped;
use super::{Client, EngineError};

/// The program that does nothing, so that a task's network has somebody in it.
const PAUSE_PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pause"));

/// How long an image may take to be sent to the engine on this machine.
const LOAD_LIMIT: Duration = Duration::from_secs(600);

/// How long a pull may take until it is given up: ECS waits no longer for an agent's pull that makes no progress.
const PULL_LIMIT: Duration = Duration::from_secs(600);

/// The longest line that an engine says about a pull.
const PROGRESS_BYTES_MAX: usize = 1 << 20;

/// How often the turn to load is asked for.
const TURN_INTERVAL: Duration = Duration::from_millis(50);

/// An image of the home's registry.
#[derive(Clone, Debug)]
pub(crate) struct StoredImage {
    /// That of its manifest.
    pub digest: Digest,
    pub configuration: Vec<u8>,
    pub layers: Vec<PathBuf>,
}

/// Sends an image of the home's registry to the engine, unless it has it, and returns its name there.
pub(crate) async fn ensure_stored(client: &Client, home: &Path, image: StoredImage) -> Result<String, EngineError> {
    let name = format!("localhost/seatrial:{}", image.digest.hex());
    let layers = image.layers.into_iter().map(ArchiveLayer::File).collect();
    ensure(client, home, ImageArchive { name, configuration: image.configuration, layers }).await
}

/// The same for the image of the container that holds a task's network.
pub(crate) async fn ensure_pause(client: &Client, home: &Path) -> Result<String, EngineError> {
    let unreadable = |source| EngineError::Unreadable { what: "the pause program".to_owned(), source };
    let layer = pause_layer().map_err(unreadable)?;
    let architecture = seatrial_image::Platform::of_this_machine().architecture;
    let digest = format!("sha256:{}", hex::encode(sha2::Sha256::digest(&layer)));
    let configuration = json!({
        "os": "linux", "architecture": architecture, "config": { "Entrypoint": ["/pause"] },
        "rootfs": { "type": "layers", "diff_ids": [digest] },
    });
    let configuration = configuration.to_string().into_bytes();
    let name = format!("localhost/seatrial-pause:{}", hex::encode(sha2::Sha256::digest(&configuration)));
    ensure(client, home, ImageArchive { name, configuration, layers: vec![ArchiveLayer::Bytes(layer)] }).await
}

fn pause_layer() -> std::io::Result<Vec<u8>> {
    let mut layer = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(PAUSE_PROGRAM.len() as u64);
    header.set_mode(0o755);
    layer.append_data(&mut header, "pause", PAUSE_PROGRAM)?;
    layer.into_inner()
}

async fn ensure(client: &Client, home: &Path, archive: ImageArchive) -> Result<String, EngineError> {
    let name = archive.name.clone();
    if has(client, &name).await? {
        return Ok(name);
    }
    let _turn = turn(home).await?;
    if has(client, &name).await? {
        return Ok(name);
    }
    let answer = client.within(LOAD_LIMIT).send_archive("/images/load?quiet=1", archive.into_body()).await?;
    match said_error(&answer.body) {
        Some(message) => Err(EngineError::Refused { status: answer.status, message }),
        None => Ok(name),
    }
}

/// Waits for the right to make something that all tasks of a home share: of two with the same new image one sends it.
pub(crate) async fn turn(home: &Path) -> Result<std::fs::File, EngineError> {
    let failed = |source| EngineError::Unreadable { what: "the lock of loading images".to_owned(), source };
    let file = std::fs::File::create(home.join("container-images.lock")).map_err(failed)?;
    while let Err(error) = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        if error != rustix::io::Errno::WOULDBLOCK {
            return Err(failed(error.into()));
        }
        tokio::time::sleep(TURN_INTERVAL).await;
    }
    Ok(file)
}

async fn has(client: &Client, name: &str) -> Result<bool, EngineError> {
    match client.get(&format!("/images/{}/json", path_of(name))).await {
        Ok(_) => Ok(true),
        Err(error) if error.status() == Some(404) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes the engine pull an image, unless it has it, and returns its name there.
pub(crate) async fn ensure_named(client: &Client, image: &str) -> Result<String, EngineError> {
    let last = image.rsplit('/').next().unwrap_or_default();
    // Without a tag an engine would pull all there are.
    let name = if last.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") };
    if has(client, &name).await? {
        return Ok(name);
    }
    match tokio::time::timeout(PULL_LIMIT, pull(client, &name)).await {
        Ok(pulled) => pulled.map(|()| name),
        Err(_) => Err(EngineError::Silent(PULL_LIMIT)),
    }
}

async fn pull(client: &Client, name: &str) -> Result<(), EngineError> {
    let path = format!("/images/create?fromImage={}", escaped(name));
    let mut body = client.within(PULL_LIMIT).follow(&path, None).await?;
    let mut line = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        for byte in data {
            if byte != b'\n' {
                line.push(byte);
            } else if let Some(message) = said_error(&line) {
                return Err(EngineError::Refused { status: 200, message });
            } else {
                line.clear();
            }
        }
        if line.len() > PROGRESS_BYTES_MAX {
            return Err(EngineError::Garbled("a line without end about a pull".to_owned()));
        }
    }
    match said_error(&line) {
        Some(message) => Err(EngineError::Refused { status: 200, message }),
        None => Ok(()),
    }
}

/// Finds an error among what is said of progress, which comes with the status of success.
fn said_error(body: &[u8]) -> Option<String> {
    let mut messages = body.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    messages.find_map(|message| message["error"].as_str().map(str::to_owned))
}

/// An image's name as part of a path.
fn path_of(name: &str) -> String {
    name.split('/').map(escaped).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_among_progress_is_found() {
        let progress = b"{\"status\":\"Pulling\"}\r\n{\"errorDetail\":{\"message\":\"no\"},\"error\":\"no\"}\r\n";
        assert_eq!(said_error(progress).as_deref(), Some("no"));
        assert_eq!(said_error(b"{\"stream\":\"Loaded image: error\"}"), None);
        assert_eq!(said_error(b"not json"), None);
    }
}
