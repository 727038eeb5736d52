//! Reads streamed answers, one after the other, each on a connection of its own
//! and each checked to be whole.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::connection::Reuse;
use crate::exchange;
use crate::failure::{Failure, FailureKind};
use crate::pending::PendingStream;
use crate::plan::Streams;
use crate::request::Template;
use crate::run::Run;
use crate::stop::Stop;
use crate::stream_check::StreamCheck;

/// Pause after a failed stream, so that a dead target is not hammered.
const FAILURE_PAUSE: Duration = Duration::from_millis(250);

/// Reads one stream after the other until the load stops; the last one is read to its end.
pub(crate) async fn read_streams(run: Arc<Run>, streams: Streams, template: Template, mut stop: Stop) {
    while !stop.is_requested() {
        let pending = run.tally.start_stream();
        match read_one(&run, &template, &pending).await {
            Ok(()) => pending.completed(),
            Err(failure) => {
                pending.failed(streams.path.as_str(), failure);
                stop.pause(FAILURE_PAUSE).await;
            }
        }
    }
}

async fn read_one(run: &Run, template: &Template, pending: &PendingStream) -> Result<(), Failure> {
    let began = Instant::now();
    let patience = run.plan.timeout;
    let mut sender = run.dialer.open(began + patience).await?;
    let (head, mut body) = exchange::head(&mut sender, template.request(), Reuse::New, began + patience).await?;
    if !head.status.is_success() {
        let kind = if head.status.is_server_error() { FailureKind::Status5xx } else { FailureKind::ProtocolError };
        return Err(Failure::new(kind, format!("status {}", head.status.as_u16())));
    }
    let mut check = StreamCheck::default();
    let mut received = 0;
    while let Some(data) = exchange::piece(&mut body, Instant::now() + patience, began, received).await? {
        received += data.len() as u64;
        pending.received(data.len() as u64);
        check.take(&data).map_err(|why| Failure::new(FailureKind::ProtocolError, why))?;
    }
    check.end().map_err(|why| Failure::new(FailureKind::BodyTruncated, why))
}
