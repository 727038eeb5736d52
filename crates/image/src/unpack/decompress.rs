//! The bytes of a layer as they were before compression.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// How much of the file is read at a time.
const BUFFER: usize = 128 * 1024;

/// How a layer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

/// What the media type of a layer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LayerType {
    Archive(Compression),
    /// Contents that only their owner may give out; the registry has no bytes of them.
    Foreign,
    Unknown,
}

impl LayerType {
    /// Reads the media types of the OCI image specification and of Docker's schema 2.
    pub fn of(media_type: &str) -> Self {
        match media_type.split(';').next().unwrap_or_default().trim() {
            "application/vnd.oci.image.layer.v1.tar" | "application/vnd.docker.image.rootfs.diff.tar" => {
                LayerType::Archive(Compression::None)
            }
            "application/vnd.oci.image.layer.v1.tar+gzip" | "application/vnd.docker.image.rootfs.diff.tar.gzip" => {
                LayerType::Archive(Compression::Gzip)
            }
            "application/vnd.oci.image.layer.v1.tar+zstd" | "application/vnd.docker.image.rootfs.diff.tar.zstd" => {
                LayerType::Archive(Compression::Zstd)
            }
            other if other.contains(".layer.nondistributable.") || other.contains(".rootfs.foreign.") => {
                LayerType::Foreign
            }
            _ => LayerType::Unknown,
        }
    }
}

pub(super) fn open(file: File, compression: Compression) -> Box<dyn Read> {
    let file = BufReader::with_capacity(BUFFER, file);
    match compression {
        Compression::None => Box::new(file),
        Compression::Gzip => Box::new(MultiGzDecoder::new(file)),
        Compression::Zstd => Box::new(Frames { source: file, decoder: FrameDecoder::new(), is_within_frame: false }),
    }
}

/// Zstandard frames, one after the other; some writers put tables for their own use between them, which are passed over.
struct Frames<R> {
    source: R,
    decoder: FrameDecoder,
    is_within_frame: bool,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.is_within_frame {
                let length = self.read_frame(buffer)?;
                if length > 0 || buffer.is_empty() {
                    return Ok(length);
                }
                self.is_within_frame = false;
            }
            if self.source.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.is_within_frame = self.begin_frame()?;
        }
    }
}

impl<R: BufRead> Frames<R> {
    /// Begins the next frame; false when it is none that has contents.
    fn begin_frame(&mut self) -> io::Result<bool> {
        match self.decoder.init(&mut self.source) {
            Ok(()) => Ok(true),
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let skipped = io::copy(&mut (&mut self.source).take(length.into()), &mut io::sink())?;
                if skipped == u64::from(length) { Ok(false) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
            }
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn read_frame(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            let one = BlockDecodingStrategy::UptoBlocks(1);
            self.decoder.decode_blocks(&mut self.source, one).map_err(io::Error::other)?;
        }
        self.decoder.read(buffer)
    }
}
