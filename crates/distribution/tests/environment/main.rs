//! What depends on the process's environment: whom TLS trusts, where credential files are, which helpers can be found.
//!
//! Each such test runs in another process of this binary, whose environment it makes.

#[path = "../kit/mod.rs"]
mod kit;
mod tls;
mod tunnel;

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use http::Request;
use hyper::body::Incoming;
use kit::{DockerRegistry, PASSWORD, Server, anonymous, answer, digest_of, hasty, name, open, silent, tagged};
use seatrial_distribution::{Blob, Client, CredentialFiles, CredentialSource, DistributionError, Options, Patience};
use serde_json::json;
use tls::TlsServer;
use tunnel::TunnelProxy;

/// Where another process finds the registry it is to ask.
const IMAGE: &str = "SEATRIAL_TEST_IMAGE";

/// What the server behind TLS answers.
const CONTENT: &[u8] = b"content behind TLS";

/// Large beside everything else such a process has in memory.
const LARGE: u64 = 200 << 20;

/// The digest of so many zeros.
const LARGE_DIGEST: &str = "sha256:72abf2ca8f36943ebe2e49ca3a51d409ca5f0bfcffab6c9d25643c17c32889da";

fn image() -> String {
    std::env::var(IMAGE).expect("started by another test")
}

/// Runs a test in another process.
fn run(test: &str, variables: &[(&str, OsString)]) {
    let output = Command::new(std::env::current_exe().expect("the test binary"))
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .output()
        .expect("started");
    let said = String::from_utf8_lossy(&output.stdout);
    let ended = output.status.success() && said.contains("1 passed");
    assert!(ended, "{test}: {said}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// A registry that redirects to where only TLS is spoken.
async fn redirecting(to: &TlsServer) -> Server {
    let location = format!("https://{}/layer", to.address);
    Server::start(move |_: Request<Incoming>| {
        let location = location.clone();
        async move { answer(307, &[("location", &location)], "") }
    })
    .await
}

async fn pull() -> Result<(), DistributionError> {
    let client = anonymous(&image()).await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    let into = file.reopen().expect("a file");
    client.pull_blob(&digest_of(CONTENT), CONTENT.len() as u64, into, file.path(), &silent()).await?;
    assert_eq!(kit::read(file.path()), CONTENT);
    Ok(())
}

fn authority() -> OsString {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/environment/tls/authority.pem").into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_behind_a_proxy_is_reached_through_it() {
    let server = TlsServer::start(CONTENT);
    let proxy = TunnelProxy::start(server.address).await;
    let at = |user: &str| {
        let proxy = format!("http://{user}@{}", proxy.address);
        [(IMAGE, "registry.test/a/b".into()), ("SSL_CERT_FILE", authority()), ("HTTPS_PROXY", proxy.into())]
    };
    run("pulls_from_a_trusted_server", &at("me:hunter2"));
    assert_eq!(proxy.asked(), ["CONNECT registry.test:443 HTTP/1.1"]);
    run("reaches_nothing", &at("me:wrong"));
    let unknown = format!("socks5://me:hunter2@{}", proxy.address);
    run("reaches_nothing", &[&at("me:hunter2")[..], &[("HTTPS_PROXY", unknown.into())]].concat());
    assert_eq!(proxy.asked().len(), 2, "with a wrong password, and not at all");
}

#[tokio::test]
#[ignore = "started by another test, in an environment of its own"]
async fn reaches_nothing() {
    let patience = Patience { attempts_max: 1, ..hasty().patience };
    let options = Options { patience, ..Options::default() };
    let client = Client::open(&name(&image()), &CredentialSource::Anonymous, &options).await.expect("a client");
    let error = client.manifest(&tagged("v1")).await.expect_err("no way");
    assert!(matches!(error, DistributionError::Unreachable { .. }), "{error:?}");
    assert!(!format!("{error:?} {}", error.tell()).contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_with_whom_the_machine_trusts_and_with_nobody_else() {
    let server = TlsServer::start(CONTENT);
    let registry = redirecting(&server).await;
    let at = (IMAGE, OsString::from(registry.image("a/b")));
    run("pulls_from_a_trusted_server", &[at.clone(), ("SSL_CERT_FILE", authority())]);
    run("does_not_pull_from_a_server_nobody_trusts", &[at]);
    assert_eq!(registry.count("GET"), 2, "trust does not come by trying again");
}

#[tokio::test]
#[ignore = "started by another test, in an environment of its own"]
async fn pulls_from_a_trusted_server() {
    pull().await.expect("pulled");
}

#[tokio::test]
#[ignore = "started by another test, in an environment of its own"]
async fn does_not_pull_from_a_server_nobody_trusts() {
    let error = pull().await.expect_err("nobody trusts it");
    assert!(matches!(error, DistributionError::Untrusted { .. }), "{error:?}");
    assert!(
        error.tell().contains("needs a certificate that this machine's authorities have signed"),
        "{}",
        error.tell()
    );
}

#[test]
fn a_helper_that_a_file_names_gives_the_password() {
    let registry = DockerRegistry::locked();
    let home = tempfile::tempdir().expect("a directory");
    let helper = home.path().join("docker-credential-seatrial-test");
    let script = format!("#!/bin/sh\nread server\necho '{{\"Username\":\"user\",\"Secret\":\"{PASSWORD}\"}}'\n");
    std::fs::write(&helper, script).expect("written");
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).expect("made executable");
    let address = registry.address.to_string();
    let configuration = json!({"credHelpers": {address: "seatrial-test"}});
    std::fs::write(home.path().join("config.json"), configuration.to_string()).expect("written");
    let mut path = OsString::from(home.path());
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let at = OsString::from(registry.image("a/b"));
    run(
        "is_let_in",
        &[(IMAGE, at), ("PATH", path), ("DOCKER_CONFIG", home.path().into()), ("HOME", "/nowhere".into())],
    );
}

#[test]
fn the_files_of_docker_and_podman_are_found() {
    let registry = DockerRegistry::locked();
    let at = OsString::from(registry.image("a/b"));
    let address = registry.address.to_string();
    let entry = json!({"auths": {address: {"username": "user", "password": PASSWORD}}}).to_string();
    for (variable, file) in [
        ("HOME", ".docker/config.json"),
        ("HOME", ".config/containers/auth.json"),
        ("DOCKER_CONFIG", "config.json"),
        ("XDG_RUNTIME_DIR", "containers/auth.json"),
        ("XDG_CONFIG_HOME", "containers/auth.json"),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(file);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        std::fs::write(&path, &entry).expect("written");
        let home = [("HOME", OsString::from("/nowhere"))];
        let own = [(IMAGE, at.clone()), (variable, directory.path().into())];
        run("is_let_in", &[&home[..], &own[..]].concat());
        run("is_let_in", &[&home[..], &[(IMAGE, at.clone()), ("REGISTRY_AUTH_FILE", path.into())]].concat());
    }
    run("is_not_let_in", &[(IMAGE, at), ("HOME", "/nowhere".into())]);
}

/// A registry that has one blob of zeros, and takes and forgets what it is sent.
async fn zeros() -> Server {
    Server::start(|request: Request<Incoming>| async move {
        let path = request.uri().path().to_owned();
        match request.method().as_str() {
            "GET" => Ok(kit::zeros(LARGE)),
            "POST" => answer(202, &[("location", "/v2/a/b/blobs/uploads/1")], ""),
            "PATCH" => {
                kit::forget(request).await;
                answer(202, &[], "")
            }
            "PUT" => answer(201, &[], ""),
            _ => answer(404, &[], path),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_blob_needs_little_memory() {
    let registry = zeros().await;
    let at = (IMAGE, OsString::from(registry.image("a/b")));
    run("pushes_and_pulls_a_large_blob", &[at]);
    assert_eq!((registry.count("PATCH"), registry.count("GET")), (1, 1));
}

#[tokio::test]
#[ignore = "started by another test, in an environment of its own"]
async fn pushes_and_pulls_a_large_blob() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    file.as_file().set_len(LARGE).expect("a sparse file");
    let path = file.path().to_owned();
    let digest = seatrial_model::image::Digest::parse(LARGE_DIGEST).expect("a digest");
    let blob = Blob { digest, size: LARGE, open: Arc::new(move || File::open(&path)) };
    let client = anonymous(&image()).await;
    client.push_blob(&blob, None, &silent()).await.expect("pushed");
    let into = tempfile::NamedTempFile::new().expect("a file");
    let pulled = client.pull_blob(&blob.digest, LARGE, into.reopen().expect("a file"), into.path(), &silent()).await;
    pulled.expect("pulled");
    let status = std::fs::read_to_string("/proc/self/status").expect("a living process");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().expect("kilobytes");
    assert!(peak * 1024 < LARGE / 2, "{peak} kB at the peak");
}

#[tokio::test]
#[ignore = "started by another test, in an environment of its own"]
async fn is_let_in() {
    let files = CredentialSource::Files(CredentialFiles::from_environment());
    assert_eq!(open(&image(), &files).await.manifest(&tagged("v1")).await.expect("let in"), None);
}

#[tokio::test]
#[ignore = "started by another test, in an environment of its own"]
async fn is_not_let_in() {
    let files = CredentialSource::Files(CredentialFiles::from_environment());
    let error = open(&image(), &files).await.manifest(&tagged("v1")).await.expect_err("no credentials").to_string();
    assert!(error.contains("/nowhere/.docker/config.json, /nowhere/.config/containers/auth.json"), "{error}");
}

#[tokio::test]
async fn a_required_file_that_is_named_alone_counts() {
    let variables = |name: &str| match name {
        "REGISTRY_AUTH_FILE" => Some("/nowhere/auth.json".into()),
        "HOME" => Some("/nowhere".into()),
        _ => None,
    };
    let files = CredentialFiles::from_variables(variables);
    assert_eq!(files, CredentialFiles::only("/nowhere/auth.json".into()));
    let error = CredentialSource::Files(files).find(&name("a.io/web")).await.expect_err("not there").to_string();
    assert!(error.contains("/nowhere/auth.json is not there"), "{error}");
    let nothing = CredentialSource::Files(CredentialFiles::from_variables(|_| None)).find(&name("a.io/web")).await;
    assert!(nothing.expect("no error").origin.contains("HOME is not set"));
}
