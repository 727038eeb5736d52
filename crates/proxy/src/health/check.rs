//! Owns one health check: the question, and what counts as a pass.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use seatrial_model::TargetId;
use seatrial_model::load_balancing::{Matcher, ProtocolVersion, TargetHealthCheck};
use seatrial_routing::CheckOutcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::connect::connect;
use crate::http1::request::HeadSpace;
use crate::http1::response::{Asked, ResponseHead};
use crate::http1::scan::{HeadScan, Scanned};
use crate::limits::HEAD_SIZE_MAX;

/// How health checks name themselves, like ELB's: applications filter their logs by it.
const USER_AGENT: &str = "ELB-HealthChecker/2.0";
/// A gRPC message of no bytes, which is an empty request of any kind.
const EMPTY_GRPC_MESSAGE: Bytes = Bytes::from_static(&[0; 5]);
/// How much of a passing answer's body is read, and for how long, so that the target is not reset while it writes.
const DRAIN_SIZE_MAX: usize = 64 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// Asks a target once.
pub(crate) async fn check(target: TargetId, protocol: ProtocolVersion, settings: &TargetHealthCheck) -> CheckOutcome {
    let address = SocketAddr::new(target.address, settings.port.unwrap_or(target.port));
    let asked = async {
        let stream = connect(address).await.ok()?;
        match protocol {
            ProtocolVersion::Http1 => ask_http1(stream, address, &settings.path).await.ok(),
            ProtocolVersion::Http2 => ask_http2(stream, address, &settings.path).await.ok(),
            ProtocolVersion::Grpc => ask_grpc(stream, address, &settings.path).await.ok(),
        }
    };
    match tokio::time::timeout(settings.timeout, asked).await {
        Ok(Some(code)) if passes(&settings.matcher, code) => CheckOutcome::Passed,
        Ok(Some(code)) => CheckOutcome::WrongCode(code),
        Ok(None) => CheckOutcome::Failed,
        Err(_elapsed) => CheckOutcome::TimedOut,
    }
}

fn passes(matcher: &Matcher, code: u16) -> bool {
    match matcher {
        Matcher::Http(codes) | Matcher::Grpc(codes) => codes.contains(code),
    }
}

async fn ask_http1(mut stream: TcpStream, address: SocketAddr, path: &str) -> io::Result<u16> {
    let question = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: {USER_AGENT}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(question.as_bytes()).await?;
    let mut bytes = Vec::with_capacity(1024);
    let mut scan = HeadScan::default();
    loop {
        match scan.advance(&bytes) {
            Scanned::Complete(length) => {
                let mut space = HeadSpace::new();
                let head = ResponseHead::parse(&bytes[..length], &mut space, Asked::Other).map_err(io::Error::other)?;
                let (status, is_interim) = (head.status, head.is_interim());
                if !is_interim {
                    tokio::spawn(drain(stream));
                    return Ok(status);
                }
                bytes.drain(..length);
                scan = HeadScan::default();
            }
            Scanned::Partial if bytes.len() < HEAD_SIZE_MAX => {
                if stream.read_buf(&mut bytes).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Scanned::Partial | Scanned::Malformed => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// Reads what is left of an answer, within bounds.
async fn drain(mut stream: TcpStream) {
    let reading = async {
        let mut bytes = [0; 4096];
        let mut read = 0;
        while read < DRAIN_SIZE_MAX {
            match stream.read(&mut bytes).await {
                Ok(count) if count > 0 => read += count,
                Ok(_) | Err(_) => return,
            }
        }
    };
    // Out of time is as good as read.
    let _ = tokio::time::timeout(DRAIN_TIME, reading).await;
}

async fn ask_http2(stream: TcpStream, address: SocketAddr, path: &str) -> io::Result<u16> {
    let request = Request::get(uri(address, path)?).header("user-agent", USER_AGENT);
    let request = request.body(Full::new(Bytes::new())).map_err(io::Error::other)?;
    let response = send_http2(stream, request).await?;
    Ok(response.status().as_u16())
}

/// Returns the gRPC status: of the trailers, or of the head where there is no message.
async fn ask_grpc(stream: TcpStream, address: SocketAddr, path: &str) -> io::Result<u16> {
    let request = Request::post(uri(address, path)?)
        .header("user-agent", USER_AGENT)
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    let request = request.body(Full::new(EMPTY_GRPC_MESSAGE)).map_err(io::Error::other)?;
    let response = send_http2(stream, request).await?;
    let status = |headers: &http::HeaderMap| headers.get("grpc-status")?.to_str().ok()?.parse().ok();
    if let Some(code) = status(response.headers()) {
        return Ok(code);
    }
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(io::Error::other)?;
        if let Some(code) = frame.trailers_ref().and_then(status) {
            return Ok(code);
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

async fn send_http2(stream: TcpStream, request: Request<Full<Bytes>>) -> io::Result<http::Response<Incoming>> {
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(async move {
        // How it ended is told to the request that was on it.
        let _ = connection.await;
    });
    sender.send_request(request).await.map_err(io::Error::other)
}

fn uri(address: SocketAddr, path: &str) -> io::Result<Uri> {
    format!("http://{address}{path}").parse().map_err(io::Error::other)
}
