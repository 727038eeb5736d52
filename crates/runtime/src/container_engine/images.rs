//! Makes the container engine have an image: from the home's registry, from wherever it pulls, or the one that does nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use http_body_util::BodyExt;
use rustix::fs::FlockOperation;
use seatrial_distribution::{Credential, CredentialFiles, CredentialSource, ImageName};
use seatrial_model::image::Digest;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Digest as _;

use super::archive::{ArchiveLayer, ImageArchive};
use super::client::{escaped, shortened};
use super::place::{image_name, pause_image_name};
use super::{Client, ContainerPlace, EngineError, Method};

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
pub(crate) async fn ensure_stored(
    place: &ContainerPlace,
    home: &Path,
    image: StoredImage,
) -> Result<String, EngineError> {
    let name = format!("{}:{}", image_name(place), image.digest.hex());
    let layers = image.layers.into_iter().map(ArchiveLayer::File).collect();
    ensure(&place.client(), home, ImageArchive { name, configuration: image.configuration, layers }).await
}

/// The same for the image of the container that holds a task's network.
pub(crate) async fn ensure_pause(place: &ContainerPlace, home: &Path) -> Result<String, EngineError> {
    let unreadable = |source| EngineError::Unreadable { what: "the pause program".to_owned(), source };
    let layer = pause_layer().map_err(unreadable)?;
    let architecture = seatrial_image::Platform::of_this_machine().architecture;
    let digest = format!("sha256:{}", hex::encode(sha2::Sha256::digest(&layer)));
    let configuration = json!({
        "os": "linux", "architecture": architecture, "config": { "Entrypoint": ["/pause"] },
        "rootfs": { "type": "layers", "diff_ids": [digest] },
    });
    let configuration = configuration.to_string().into_bytes();
    let name = format!("{}:{}", pause_image_name(place), hex::encode(sha2::Sha256::digest(&configuration)));
    ensure(&place.client(), home, ImageArchive { name, configuration, layers: vec![ArchiveLayer::Bytes(layer)] }).await
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
    let _turn = turn(home, Shared::Images).await?;
    if has(client, &name).await? {
        return Ok(name);
    }
    let answer = client.within(LOAD_LIMIT).send_archive("/images/load?quiet=1", archive.into_body()).await?;
    match said_error(&answer.body) {
        Some(message) => Err(EngineError::Refused { status: answer.status, message }),
        None => Ok(name),
    }
}

/// Removes the images that a home has sent to the engine; what a container still has stays.
pub(crate) async fn remove_images(place: &ContainerPlace) -> Result<(), EngineError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Listed {
        #[serde(default)]
        repo_tags: Option<Vec<String>>,
    }
    let client = place.client();
    let names = [image_name(place), pause_image_name(place)];
    let filter = json!({ "reference": names }).to_string();
    let listed: Vec<Listed> = client.get(&format!("/images/json?filters={}", escaped(&filter))).await?.json()?;
    let tags = listed.into_iter().flat_map(|one| one.repo_tags.unwrap_or_default());
    let is_own = |tag: &String| tag.rsplit_once(':').is_some_and(|(name, _)| names.iter().any(|own| own == name));
    for tag in tags.filter(is_own) {
        match client.ask(Method::DELETE, &format!("/images/{}", path_of(&tag)), None).await {
            Ok(_) => {}
            Err(error) if matches!(error.status(), Some(404 | 409)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What the tasks of a home share in the container engine. An image may take minutes to load, which nobody waits for who wants the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shared {
    Images,
    Network,
}

/// Waits for the right to make something that all tasks of a home share: of two with the same new image one sends it.
pub(crate) async fn turn(home: &Path, shared: Shared) -> Result<std::fs::File, EngineError> {
    let name = match shared {
        Shared::Images => "container-images.lock",
        Shared::Network => "container-network.lock",
    };
    let failed = |source| EngineError::Unreadable { what: name.to_owned(), source };
    let file = std::fs::File::create(home.join(name)).map_err(failed)?;
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

/// Makes the engine pull an image, and returns its name there. As with ECS, a tag is pulled each time, since it may have moved, and what the
/// engine has counts when that fails; a digest is pulled once.
pub(crate) async fn ensure_named(client: &Client, image: &str) -> Result<String, EngineError> {
    let last = image.rsplit('/').next().unwrap_or_default();
    // Without a tag an engine would pull all there are.
    let name = if last.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") };
    if name.contains('@') && has(client, &name).await? {
        return Ok(name);
    }
    let pulled = tokio::time::timeout(PULL_LIMIT, pull(client, &name)).await;
    if !matches!(pulled, Ok(Ok(()))) && has(client, &name).await? {
        return Ok(name);
    }
    match pulled {
        Ok(Err(EngineError::Refused { status, message })) => {
            let (host, message) = (registry_of(&name), message.trim_end().to_owned());
            let instead = is_for_want_of_login(&message).then(|| format!(" (log in: docker login {host})"));
            Err(EngineError::Refused { status, message: message + instead.as_deref().unwrap_or_default() })
        }
        Ok(pulled) => pulled.map(|()| name),
        Err(_) => Err(EngineError::Silent(PULL_LIMIT)),
    }
}

/// Whether a refusal looks like that of a registry that lets in only those it knows.
fn is_for_want_of_login(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["no basic auth credentials", "unauthorized", "authentication required", "denied"]
        .iter()
        .any(|words| message.contains(words))
}

/// The registry of an image, as `docker login` takes it; nothing for Docker Hub.
fn registry_of(name: &str) -> String {
    ImageName::parse(name).map_or_else(|_| String::new(), |name| name.registry.to_string())
}

/// What a registry wants shown, as an engine takes it: what is kept for Docker's or Podman's command line on this machine.
async fn credential(name: &str) -> Option<String> {
    // An engine says best what is wrong with a name.
    let image = ImageName::parse(name).ok()?;
    let source = CredentialSource::Files(CredentialFiles::from_environment());
    let login = match source.find(&image).await {
        Ok(login) => login,
        Err(error) => {
            // It may be a public image.
            eprintln!("the credentials for {} cannot be read: {error}", image.registry);
            return None;
        }
    };
    let shown = login.credential.map(|credential| match credential {
        Credential::Password { user, password } => {
            json!({ "username": user, "password": password.expose(), "serveraddress": image.registry.to_string() })
        }
        Credential::IdentityToken(token) => {
            json!({ "identitytoken": token.expose(), "serveraddress": image.registry.to_string() })
        }
    });
    shown.map(|shown| URL_SAFE.encode(shown.to_string()))
}

async fn pull(client: &Client, name: &str) -> Result<(), EngineError> {
    let path = format!("/images/create?fromImage={}", escaped(name));
    let shown = credential(name).await;
    let mut body = client.within(PULL_LIMIT).pull(&path, shown.as_deref()).await?;
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
    messages.find_map(|message| message["error"].as_str().map(shortened))
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
