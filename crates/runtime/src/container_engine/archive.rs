//! An image as `docker load` takes it, made while it is sent: nothing of it is held in memory but a few pieces.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Frame;
use serde_json::json;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::client::Body;

/// How many pieces wait to be sent at most.
const PIECES_MAX: usize = 4;

/// How large a piece is at most.
const PIECE_BYTES: usize = 128 * 1024;

/// A layer of an image.
#[derive(Clone, Debug)]
pub(crate) enum ArchiveLayer {
    Bytes(Vec<u8>),
    /// A file, compressed or not: whoever loads it looks.
    File(PathBuf),
}

/// An image to be sent.
#[derive(Clone, Debug)]
pub(crate) struct ImageArchive {
    /// The name it gets.
    pub name: String,
    pub configuration: Vec<u8>,
    pub layers: Vec<ArchiveLayer>,
}

impl ImageArchive {
    /// Begins to make the archive on a thread of its own.
    pub fn into_body(self) -> Body {
        let (sender, receiver) = channel(PIECES_MAX);
        tokio::task::spawn_blocking(move || {
            let mut pieces = Pieces { sender: sender.clone(), piece: Vec::with_capacity(PIECE_BYTES) };
            if let Err(error) = self.write(&mut pieces).and_then(|()| pieces.flush()) {
                // Nobody listens any more, or hears of it.
                let _ = sender.blocking_send(Err(error));
            }
        });
        ArchiveBody(receiver).boxed()
    }

    fn write(self, target: &mut Pieces) -> io::Result<()> {
        let mut archive = tar::Builder::new(target);
        append(&mut archive, "config.json", self.configuration.len() as u64, &self.configuration[..])?;
        let names: Vec<String> = (0..self.layers.len()).map(|number| format!("layer-{number}.tar")).collect();
        for (layer, name) in self.layers.iter().zip(&names) {
            match layer {
                ArchiveLayer::Bytes(bytes) => append(&mut archive, name, bytes.len() as u64, &bytes[..])?,
                ArchiveLayer::File(path) => {
                    let file = File::open(path)?;
                    let length = file.metadata()?.len();
                    append(&mut archive, name, length, file)?;
                }
            }
        }
        let manifest = json!([{ "Config": "config.json", "RepoTags": [self.name], "Layers": names }]).to_string();
        append(&mut archive, "manifest.json", manifest.len() as u64, manifest.as_bytes())?;
        archive.finish()
    }
}

fn append(archive: &mut tar::Builder<&mut Pieces>, name: &str, length: u64, contents: impl Read) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(length);
    header.set_mode(0o644);
    archive.append_data(&mut header, name, contents.take(length))
}

struct Pieces {
    sender: Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE_BYTES - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        if self.piece.len() == PIECE_BYTES {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        if piece.is_empty() {
            return Ok(());
        }
        self.sender.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

struct ArchiveBody(Receiver<io::Result<Bytes>>);

impl hyper::body::Body for ArchiveBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
