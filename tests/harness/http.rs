//! The other side of a connection: what a server of a test's own reads.

use std::io::Read;
use std::net::TcpStream;

/// A request with its body.
pub fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).expect("the client sends a whole request");
        assert!(count > 0, "the request is cut short: {text}");
        bytes.extend_from_slice(&piece[..count]);
    }
}
