//! The fallback server: answers the health path with 200 and everything else with 503 and a page that says why.
//!
//! One file that needs nothing but the standard library: it is compiled by this crate's build script into a program that needs nothing at
//! all, and so runs from an empty image.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The port where the environment names none.
const PORT_DEFAULT: u16 = 8080;
/// The health path where the environment names none.
const HEALTH_PATH_DEFAULT: &str = "/";
/// A request head longer than this is refused.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long a client may take over its request, or over an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections that are served at once; others are closed.
const CONNECTIONS_MAX: usize = 256;

fn main() -> io::Result<()> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let port = variable("PORT").and_then(|port| port.parse().ok()).unwrap_or(PORT_DEFAULT);
    let service = variable("FALLBACK_SERVICE").unwrap_or_else(|| "This service".to_owned());
    let health_path = variable("FALLBACK_HEALTH_PATH").unwrap_or_else(|| HEALTH_PATH_DEFAULT.to_owned());
    let site = Arc::new(Site { page: page(&service), health_path });
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
    println!("standing in for {service}, whose image is not there yet, on port {port}");
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        // A client that is gone again, or too few descriptors for a moment.
        let Ok((client, _)) = listener.accept() else {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        };
        if open.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS_MAX {
            open.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let (site, done) = (Arc::clone(&site), Arc::clone(&open));
        let serve = move || {
            // Whoever does not read has gone.
            let _ = serve(&site, client);
            done.fetch_sub(1, Ordering::Relaxed);
        };
        if std::thread::Builder::new().stack_size(64 * 1024).spawn(serve).is_err() {
            open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

struct Site {
    page: String,
    health_path: String,
}

fn serve(site: &Site, mut client: TcpStream) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let Some(head) = read_head(&mut client)? else { return Ok(()) };
    let mut words = head.split(|byte| *byte == b' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let (status, body) = if path == site.health_path.as_bytes() {
        ("200 OK", "standing in\n")
    } else {
        ("503 Service Unavailable", site.page.as_str())
    };
    let kind = if body.starts_with('<') { "text/html; charset=utf-8" } else { "text/plain; charset=utf-8" };
    write!(
        client,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\ncache-control: no-store\r\nretry-after: 30\r\n\
         x-seatrial-fallback: true\r\nconnection: close\r\n\r\n",
        body.len()
    )?;
    if method != b"HEAD" {
        client.write_all(body.as_bytes())?;
    }
    client.shutdown(Shutdown::Write)?;
    // What the client still sends is taken, so that the answer is not lost in a reset.
    let mut rest = [0; 4096];
    let mut patience = 64;
    while patience > 0 && client.read(&mut rest)? > 0 {
        patience -= 1;
    }
    Ok(())
}

/// Reads up to the end of a request's head; none when the client ends before, or says too much.
fn read_head(client: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    let mut some = [0; 1024];
    loop {
        let length = client.read(&mut some)?;
        head.extend_from_slice(&some[..length]);
        if head.windows(4).any(|end| end == b"\r\n\r\n") {
            return Ok(Some(head));
        }
        if length == 0 || head.len() > HEAD_BYTES_MAX {
            return Ok(None);
        }
    }
}

fn page(service: &str) -> String {
    let service: String = service
        .chars()
        .map(|character| match character {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            other => other.to_string(),
        })
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{service} is not deployed yet</title>\n\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:20vh auto;padding:0 1rem;color:#223}}</style>\n\
         <h1>{service} is not deployed yet</h1>\n\
         <p>Its image is not in the registry, so a stand-in answers here. It is replaced by the next deployment of the service.</p>\n"
    )
}
