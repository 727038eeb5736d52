//! The bodies of blobs: from a request to a writer, from a file to an answer.

use std::fmt::Display;
use std::io::SeekFrom;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http_body::{Body, Frame};
use http_body_util::{BodyExt, StreamBody};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::time::timeout;

use super::answer::AnswerBody;
use super::blocking;
use super::refusal::{Code, Refusal};
use crate::limits::{BODY_PAUSE_MAX, READ_BYTES, WRITE_BYTES};
use crate::storage::{Claim, OpenBlob};

/// Writes a body to an upload, at most so many bytes, and makes it durable. What arrived before the body broke off is kept.
pub(super) async fn receive<B>(mut body: B, mut claim: Claim, limit: u64) -> Result<Claim, Refusal>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display,
{
    let mut left = limit;
    let mut collected = BytesMut::new();
    loop {
        let part = next_part(&mut body).await;
        let is_whole = matches!(part, Ok(None));
        if let Ok(Some(part)) = &part {
            left = left.checked_sub(part.len() as u64).ok_or_else(|| {
                Refusal::new(Code::SizeInvalid, format!("The body is longer than the {limit} bytes it may have."))
            })?;
            collected.extend_from_slice(part);
        }
        let is_over = is_whole || part.is_err();
        if collected.len() >= WRITE_BYTES || is_over {
            let bytes = collected.split().freeze();
            claim = blocking(move || {
                claim.append(&bytes)?;
                if is_over {
                    claim.sync()?;
                }
                Ok(claim)
            })
            .await?;
        }
        part?;
        if is_whole {
            return Ok(claim);
        }
    }
}

/// Reads a small body whole.
pub(super) async fn collect<B>(mut body: B, limit: usize, too_large: Code) -> Result<Vec<u8>, Refusal>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display,
{
    let mut bytes = Vec::new();
    while let Some(part) = next_part(&mut body).await? {
        if bytes.len() + part.len() > limit {
            return Err(Refusal::new(too_large, format!("The body is longer than {limit} bytes.")));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

async fn next_part<B>(body: &mut B) -> Result<Option<Bytes>, Refusal>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display,
{
    loop {
        let Ok(frame) = timeout(BODY_PAUSE_MAX, body.frame()).await else {
            let text = format!("Nothing arrived for {} seconds.", BODY_PAUSE_MAX.as_secs());
            return Err(Refusal::new(Code::RequestTimeout, text));
        };
        let Some(frame) = frame else { return Ok(None) };
        let frame = frame
            .map_err(|error| Refusal::new(Code::BlobUploadInvalid, format!("The request body broke off: {error}")))?;
        // Trailers are of no interest.
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
}

/// Sends a part of a blob, read as the client takes it.
pub(super) fn send(blob: OpenBlob, first: u64, length: u64) -> AnswerBody {
    let file = tokio::fs::File::from_std(blob.file);
    let parts = stream::try_unfold((file, Some(first), length), |(mut file, first, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        if let Some(first) = first {
            file.seek(SeekFrom::Start(first)).await?;
        }
        let wanted = usize::try_from(left).unwrap_or(READ_BYTES).min(READ_BYTES);
        let mut bytes = BytesMut::zeroed(wanted);
        file.read_exact(&mut bytes).await?;
        Ok(Some((Frame::data(bytes.freeze()), (file, None, left - wanted as u64))))
    });
    StreamBody::new(parts).boxed_unsync()
}
