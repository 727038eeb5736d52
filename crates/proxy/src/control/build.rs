//! Owns telling one build of the program from another, so that an upgrade of the engine upgrades its proxy.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Identifies the build of the running program; 0 if that cannot be told.
///
/// Read once, at the start: later the file may have been replaced.
pub(crate) fn build_of_this_program() -> u64 {
    let itself = Path::new("/proc/self/exe");
    let metadata = std::fs::metadata(itself).or_else(|_| std::fs::metadata(std::env::current_exe()?));
    metadata.map_or(0, |metadata| build(&metadata))
}

/// Identifies the build of a program by its file; 0 if that cannot be told.
pub(crate) fn build_of(program: &Path) -> u64 {
    std::fs::metadata(program).map_or(0, |metadata| build(&metadata))
}

/// Size and time of change: what differs between any two builds.
fn build(metadata: &Metadata) -> u64 {
    let moment = (metadata.mtime() as u64).wrapping_mul(1_000_000_000).wrapping_add(metadata.mtime_nsec() as u64);
    moment.rotate_left(20) ^ metadata.size()
}
