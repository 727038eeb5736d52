//! Passes on what a container writes.

use tokio::io::{AsyncWriteExt, stderr, stdout};

use crate::container_engine::FrameReader;
use crate::log::Stream;

/// Copies output to this process's own, to the end. A supervisor that reads no more is noticed elsewhere.
pub(crate) async fn copy(output: &mut FrameReader) {
    let (mut to_output, mut to_error) = (stdout(), stderr());
    loop {
        let frame = match output.next().await {
            Ok(Some(frame)) => frame,
            Ok(None) | Err(_) => return,
        };
        let written = match frame.stream {
            Stream::Output => write(&mut to_output, &frame.bytes).await,
            Stream::Error => write(&mut to_error, &frame.bytes).await,
        };
        if written.is_err() {
            return;
        }
    }
}

async fn write(target: &mut (impl AsyncWriteExt + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    target.write_all(bytes).await?;
    target.flush().await
}
