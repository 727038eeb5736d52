//! Owns a connection that has been upgraded: bytes both ways, whatever they mean, until both sides have ended.
//!
//! The tunnel keeps its place at the target, so a draining target is not drained while one is open. When one side ends its direction,
//! the end is passed on and the other direction goes on; but once the target has ended its own, there is nothing left to wait for, and the
//! client gets only a moment to finish. Without a byte for the idle timeout the tunnel is closed.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

use crate::buffer::Buffer;
use crate::http1::connection::{Connection, Next};
use crate::http1::upload::poll_write;
use crate::limits::{BUFFER_SIZE, TUNNEL_END_TIME};
use crate::plane::target::InFlight;

/// One direction of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Open,
    /// Its end has been read and is passed on once everything before it has been.
    Ending,
    Ended,
}

impl Connection {
    /// Sends the answer's head, then relays until the end.
    pub(super) async fn tunnel(&mut self, mut target: TcpStream, place: InFlight) -> Next {
        if self.write_answer().await.is_err() {
            return Next::Abort;
        }
        self.watchdog.extend(self.idle_timeout);
        let (mut up, mut down) = (Direction::Open, Direction::Open);
        let mut is_ending = false;
        poll_fn(|context| {
            loop {
                let (mut moved_up, mut moved_down) = (0, 0);
                let relayed_up =
                    poll_relay(context, &mut up, &mut self.client, &mut self.input, &mut target, &mut moved_up);
                let relayed_down =
                    poll_relay(context, &mut down, &mut target, &mut self.reply, &mut self.client, &mut moved_down);
                if matches!((&relayed_up, &relayed_down), (Poll::Ready(Err(_)), _) | (_, Poll::Ready(Err(_)))) {
                    return Poll::Ready(());
                }
                if (up, down) == (Direction::Ended, Direction::Ended) {
                    return Poll::Ready(());
                }
                if down == Direction::Ended && !is_ending {
                    is_ending = true;
                    self.watchdog.extend(TUNNEL_END_TIME);
                }
                if moved_up + moved_down == 0 {
                    return self.watchdog.poll(context);
                }
                if !is_ending {
                    self.watchdog.extend(self.idle_timeout);
                }
            }
        })
        .await;
        drop(place);
        Next::Abort
    }
}

/// Moves what can be moved from one side to the other; adds the bytes to `moved`.
fn poll_relay(
    context: &mut Context<'_>,
    direction: &mut Direction,
    from: &mut TcpStream,
    buffer: &mut Buffer,
    to: &mut TcpStream,
    moved: &mut usize,
) -> Poll<io::Result<()>> {
    // One buffer's worth a turn, so that neither direction starves the other.
    while *direction != Direction::Ended && *moved < BUFFER_SIZE {
        if !buffer.is_empty() {
            let count = ready!(poll_write(to, context, [buffer.filled()]))?;
            buffer.consume(count);
            *moved += count;
            continue;
        }
        if *direction == Direction::Ending {
            ready!(Pin::new(&mut *to).poll_shutdown(context))?;
            *direction = Direction::Ended;
            break;
        }
        buffer.release();
        ready!(from.poll_read_ready(context))?;
        buffer.make_room(BUFFER_SIZE);
        if ready!(buffer.poll_fill(from, context))? == 0 {
            *direction = Direction::Ending;
        }
    }
    Poll::Ready(Ok(()))
}
