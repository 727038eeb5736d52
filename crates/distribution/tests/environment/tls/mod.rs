//! A server behind TLS with a certificate of an authority that exists for these tests. Its key is no secret.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A server that gives the same answer to everything, one connection after another, until the test ends.
pub struct TlsServer {
    pub address: SocketAddr,
}

impl TlsServer {
    pub fn start(content: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let configuration = Arc::new(configuration());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = ServerConnection::new(Arc::clone(&configuration)).expect("a connection");
                // A client that does not trust it goes away in the middle.
                let _ = serve(StreamOwned::new(connection, stream), content);
            }
        });
        TlsServer { address }
    }
}

fn configuration() -> ServerConfig {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("server.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("server.key.pem")).expect("a key");
    ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("key and certificate belong together")
}

fn serve(mut stream: StreamOwned<ServerConnection, TcpStream>, content: &[u8]) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => head.extend_from_slice(&buffer[..length]),
        }
    }
    write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", content.len())?;
    stream.write_all(content)?;
    stream.conn.send_close_notify();
    stream.flush()
}
