//! Owns what happens when a thread the whole proxy depends on fails an assertion: the process ends, and the engine starts another.
//!
//! A panic while one connection is served ends that connection alone; the runtime sees to it.

/// Ends the process if it is dropped by a panic.
pub(crate) struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}
