//! Work for a processor, by order.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Rounds between two looks at the clock.
const ROUNDS: u64 = 10_000;

/// Keeps one processor busy for so long, counted in its own time: on a busy machine it takes longer and costs the same. Blocks the thread.
pub(crate) fn burn(length: Duration) {
    let began = spent();
    let mut value: u64 = 1;
    while spent().saturating_sub(began) < length {
        for round in 0..ROUNDS {
            value = std::hint::black_box(value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round));
        }
    }
}

/// Returns the processor time that this thread has had.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
