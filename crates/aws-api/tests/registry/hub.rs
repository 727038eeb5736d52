//! A registry over a fake machine's engine, a client of it, and things to push.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_aws_api::Limits;
use seatrial_aws_api::registry::{Caretaker, EngineCatalog};
use seatrial_engine::images::mutability::Mutability;
use seatrial_engine::images::repositories::{self, NewRepository};
use seatrial_engine::images::tokens;
use seatrial_engine::state::{Document, Tags};
use seatrial_model::TimeScale;
use seatrial_model::image::{Algorithm, RepositoryName};
use seatrial_registry::storage::digest_of;
use seatrial_registry::{Registry, Storage};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::common::World;
use crate::support::{self, Endpoint};

/// The longest a test waits for what the front does by itself.
const WAIT_MAX: Duration = Duration::from_secs(30);

pub struct Hub {
    pub world: World,
    password: Mutex<String>,
    root: tempfile::TempDir,
    storage: Storage,
    front: Endpoint,
    limits: Limits,
}

pub struct Answer {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// Asserts the status and the code of the error.
    #[track_caller]
    pub fn is(self, status: u16, code: Option<&str>) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.text());
        if let Some(code) = code {
            assert_eq!(self.json()["errors"][0]["code"], code, "{}", self.text());
        }
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

impl Hub {
    /// A registry with the repositories `shop/web` and `shop/other`.
    pub async fn start() -> Self {
        Hub::start_with(Limits::default()).await
    }

    pub async fn start_with(limits: Limits) -> Self {
        let world = World::new();
        let root = tempfile::tempdir().expect("a directory");
        let (storage, front) = serve(&world, root.path(), limits).await;
        for repository in ["shop/web", "shop/other"] {
            let new = NewRepository {
                name: name(repository),
                mutability: Mutability::MUTABLE,
                scans_on_push: false,
                encryption: Document::new(),
                tags: Tags::new(),
            };
            world.run(|tx| repositories::create(tx, new));
        }
        let hub = Hub { world, password: Mutex::default(), root, storage, front, limits };
        hub.issue();
        hub
    }

    /// Ends engine and registry, and starts others on what they left.
    pub async fn restart(&mut self) {
        self.front.ask_to_stop();
        self.world.restart();
        (self.storage, self.front) = serve(&self.world, self.root.path(), self.limits).await;
    }

    /// Gets a password, in place of one that has expired.
    pub fn issue(&self) {
        let password = self.world.run(|tx| Ok(tokens::issue(tx))).text;
        *self.password.lock().expect("no panic") = password;
    }

    pub fn password(&self) -> String {
        self.password.lock().expect("no panic").clone()
    }

    pub fn caretaker(&self) -> Caretaker {
        Caretaker::new(self.world.engine.clone(), self.storage.clone())
    }

    /// Makes a pass; returns how many blobs are gone.
    pub fn sweep(&self) -> usize {
        self.caretaker().pass().expect("a pass").blobs_removed
    }

    pub fn blobs_on_disk(&self) -> usize {
        let far = self.world.engine.now() + Duration::from_secs(1);
        self.storage.blobs.put_before(far).expect("a list").len()
    }

    pub async fn connect(&self) -> TcpStream {
        self.front.connect().await
    }

    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send_raw(&self.head_line(method, path, Some(&self.authorization())), headers, body).await
    }

    pub async fn ask_as(
        &self,
        authorization: Option<&str>,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.send_raw(&self.head_line(method, path, authorization), headers, body).await
    }

    /// Returns the whole head of a request.
    pub fn head(&self, method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> String {
        finish_head(&self.head_line(method, path, Some(&self.authorization())), headers, length)
    }

    fn authorization(&self) -> String {
        basic("AWS", &self.password())
    }

    fn head_line(&self, method: &str, path: &str, authorization: Option<&str>) -> String {
        let line = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.front.address);
        authorization.map_or(line.clone(), |value| format!("{line}authorization: {value}\r\n"))
    }

    pub async fn send_raw(&self, head: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(finish_head(head, headers, body.len()).as_bytes()).await.expect("written");
        // A refusal may come before all of the body is taken.
        let _ = stream.write_all(body).await;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.expect("an answer");
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, head, body: bytes[end + 4..].to_vec() }
    }

    /// Begins an upload; returns its path.
    pub async fn begin(&self, repository: &str) -> String {
        let begun = self.ask("POST", &format!("/v2/{repository}/blobs/uploads/"), &[], b"").await.is(202, None);
        begun.header("location").expect("a location").to_owned()
    }

    pub async fn push_blob(&self, repository: &str, bytes: &[u8]) {
        let path = format!("/v2/{repository}/blobs/uploads/?digest={}", digest(bytes));
        self.ask("POST", &path, &[], bytes).await.is(201, None);
    }

    pub async fn put_manifest(&self, repository: &str, reference: &str, bytes: &[u8]) -> Answer {
        self.put_manifest_as(repository, reference, bytes, manifest::OCI).await
    }

    pub async fn put_manifest_as(&self, repository: &str, reference: &str, bytes: &[u8], kind: &str) -> Answer {
        let path = format!("/v2/{repository}/manifests/{reference}");
        self.ask("PUT", &path, &[("content-type", kind)], bytes).await
    }

    /// Pushes an image of one blob under some tags, or none; returns its manifest.
    pub async fn push_image(&self, repository: &str, tags: &[&str], blob: &[u8]) -> Vec<u8> {
        self.push_blob(repository, blob).await;
        let bytes = image(&[blob]);
        self.put_manifest(repository, &digest(&bytes), &bytes).await.is(201, None);
        for tag in tags {
            self.put_manifest(repository, tag, &bytes).await.is(201, None);
        }
        bytes
    }
}

async fn serve(world: &World, root: &Path, limits: Limits) -> (Storage, Endpoint) {
    let storage = Storage::open(root, world.engine.now()).expect("a storage");
    let catalog = Arc::new(EngineCatalog::new(world.engine.clone()));
    let front = support::front(TimeScale::REAL, limits, Vec::new());
    let front = front.with_registry(Registry::new(storage.clone(), catalog));
    (storage, support::serve(front).await)
}

fn finish_head(head: &str, headers: &[(&str, &str)], length: usize) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{head}{headers}content-length: {length}\r\nconnection: close\r\n\r\n")
}

/// Asks until something is so; what it was asked for shows when it never is.
pub async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + WAIT_MAX;
    while !is_so().await {
        assert!(Instant::now() < deadline, "still waiting for {what}");
    }
}

pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

pub fn name(text: &str) -> RepositoryName {
    RepositoryName::parse(text).expect("a name")
}

pub fn digest(bytes: &[u8]) -> String {
    digest_with(Algorithm::Sha256, bytes)
}

pub fn digest_with(algorithm: Algorithm, bytes: &[u8]) -> String {
    digest_of(algorithm, bytes).to_string()
}

/// Returns the manifest of an image whose configuration is the first of some blobs, and whose layers are all of them.
pub fn image(blobs: &[&[u8]]) -> Vec<u8> {
    let parts: Vec<Value> = blobs.iter().map(|blob| manifest::part(blob)).collect();
    let document = json!({"schemaVersion": 2, "mediaType": manifest::OCI, "config": parts[0], "layers": parts});
    document.to_string().into_bytes()
}

pub mod manifest {
    //! Manifests of other kinds.

    use serde_json::{Value, json};

    use super::digest;

    pub const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

    pub fn part(bytes: &[u8]) -> Value {
        json!({"mediaType": "application/octet-stream", "digest": digest(bytes), "size": bytes.len()})
    }

    pub fn index(manifests: &[&[u8]], subject: Option<&[u8]>) -> Vec<u8> {
        let children: Vec<Value> = manifests.iter().map(|bytes| part(bytes)).collect();
        let mut document = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children});
        if let Some(subject) = subject {
            document["subject"] = part(subject);
        }
        document.to_string().into_bytes()
    }

    pub fn artifact(kind: &str, subject: &[u8], config: &[u8]) -> Vec<u8> {
        let document = json!({"schemaVersion": 2, "mediaType": OCI, "artifactType": kind, "config": part(config),
            "layers": [part(config)], "subject": part(subject), "annotations": {"kind": kind}});
        document.to_string().into_bytes()
    }
}
