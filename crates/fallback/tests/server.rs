//! The server as it is in the image.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use seatrial_fallback::{HEALTH_PATH_VARIABLE, SERVER, SERVICE_VARIABLE};

struct Server {
    process: Child,
    port: u16,
    _directory: tempfile::TempDir,
}

impl Server {
    /// Starts it with nothing but what it is told.
    fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let program = directory.path().join("server");
        std::fs::write(&program, SERVER.expect("this is Linux")).expect("writable");
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("ours");
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a port").port();
        let process = Command::new(&program)
            .env_clear()
            .env("PORT", port.to_string())
            .env(HEALTH_PATH_VARIABLE, "/health")
            .env(SERVICE_VARIABLE, "the <shop>")
            .stdout(Stdio::null())
            .spawn()
            .expect("it needs no library");
        let server = Server { process, port, _directory: directory };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < deadline, "it never listened");
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }

    fn ask(&self, request: &str) -> String {
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("it listens");
        client.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        match client.read_to_string(&mut answer) {
            Ok(_) => answer,
            // It was closed before everything sent was read.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => answer,
            Err(error) => panic!("it answers in text and ends: {error}"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn health_is_well_and_everything_else_is_said_not_to_be_there() {
    let server = Server::start();
    let health = server.ask("GET /health?from=balancer HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(health.starts_with("HTTP/1.1 200 OK\r\n"), "{health}");
    let page = server.ask("GET /cart HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 503 "), "{page}");
    assert!(page.contains("\r\nx-seatrial-fallback: true\r\n"), "{page}");
    assert!(page.contains("the &lt;shop&gt; is not deployed yet"), "{page}");
    let head = server.ask("HEAD /cart HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 503 ") && head.ends_with("\r\n\r\n"), "{head}");
    let posted = server.ask(&format!("POST /cart HTTP/1.1\r\ncontent-length: 9000\r\n\r\n{}", "x".repeat(9000)));
    assert!(posted.starts_with("HTTP/1.1 503 "), "{posted}");
}

#[test]
fn nonsense_is_not_answered_and_does_no_harm() {
    let server = Server::start();
    assert_eq!(server.ask(&"x".repeat(20_000)), "");
    assert!(server.ask("\r\n\r\n").starts_with("HTTP/1.1 503 "));
    assert!(server.ask("GET /health HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200 "));
}
