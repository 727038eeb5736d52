//! The line to the supervisor, in its two directions.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdUnixStream;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::Request;

/// The longest order: a container with as many variables as a kernel takes, written as JSON.
const ORDER_BYTES_MAX: u64 = 32 << 20;

/// What comes from the supervisor.
pub(super) struct Requests {
    reader: BufReader<OwnedReadHalf>,
    /// What has come of the next line so far.
    partial: Vec<u8>,
}

/// What goes to it.
pub(super) struct Voice(OwnedWriteHalf);

/// Takes the connection that is this process's standard input.
pub(super) fn open() -> io::Result<(Requests, Voice)> {
    let stream = StdUnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    stream.set_nonblocking(true)?;
    let (reader, writer) = UnixStream::from_std(stream)?.into_split();
    Ok((Requests { reader: BufReader::new(reader), partial: Vec::new() }, Voice(writer)))
}

impl Requests {
    pub async fn order<T: DeserializeOwned>(&mut self) -> io::Result<T> {
        let line = self.line().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        // The cause would quote what it could not read, which may be secret.
        serde_json::from_slice(&line).map_err(|_| io::ErrorKind::InvalidData.into())
    }

    /// Waits for what the supervisor asks next; none when it is gone. May be given up and called again.
    pub async fn next(&mut self) -> Option<Request> {
        let line = self.line().await.ok().flatten()?;
        serde_json::from_slice(&line).ok()
    }

    async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let room = ORDER_BYTES_MAX.saturating_sub(self.partial.len() as u64);
        (&mut self.reader).take(room).read_until(b'\n', &mut self.partial).await?;
        Ok(self.partial.ends_with(b"\n").then(|| std::mem::take(&mut self.partial)))
    }
}

impl Voice {
    /// Says something. That the supervisor is gone is noticed by who waits for its requests.
    pub async fn say(&mut self, news: &impl Serialize) {
        if let Ok(mut line) = serde_json::to_vec(news) {
            line.push(b'\n');
            let _ = self.0.write_all(&line).await;
        }
    }
}
