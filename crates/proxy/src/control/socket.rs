//! Owns where the control socket is, and reaching it however long its path.
//!
//! A socket's address holds about a hundred bytes. A longer path is reached through `/proc/self/fd` and a descriptor of its directory.

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

const SOCKET_NAME: &str = "proxy.sock";
const LOCK_NAME: &str = "proxy.lock";
/// The longest path that fits an address everywhere (104 bytes on macOS, 108 on Linux, both with a zero at the end).
const PATH_LENGTH_MAX: usize = 103;

/// Connects to the proxy of a directory.
pub(crate) fn connect(directory: &Path) -> io::Result<UnixStream> {
    with_short_path(directory, |path| UnixStream::connect(path))
}

/// Opens the control socket of a directory, replacing one that a dead proxy left. Only its user may connect.
pub(crate) fn listen(directory: &Path) -> io::Result<UnixListener> {
    let path = directory.join(SOCKET_NAME);
    remove(directory)?;
    let listener = with_short_path(directory, |path| UnixListener::bind(path))?;
    std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Removes the control socket, if it is there.
pub(crate) fn remove(directory: &Path) -> io::Result<()> {
    match std::fs::remove_file(directory.join(SOCKET_NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Takes the lock that only one proxy of a directory holds; `None` when another one does. The kernel releases it with the process.
pub(crate) fn lock(directory: &Path) -> io::Result<Option<File>> {
    let file = File::options().create(true).truncate(false).write(true).open(directory.join(LOCK_NAME))?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn with_short_path<T>(directory: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let path = directory.join(SOCKET_NAME);
    if OsStr::len(path.as_os_str()) <= PATH_LENGTH_MAX {
        return act(&path);
    }
    if !cfg!(target_os = "linux") {
        let message = format!("{} is too long for a socket's address; choose a shorter home directory", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let directory = File::open(directory)?;
    act(&PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(SOCKET_NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_reached_however_long_its_path_and_replaces_a_dead_one() {
        let home = tempfile::tempdir().expect("a directory");
        for directory in [home.path().to_owned(), home.path().join("d".repeat(200))] {
            std::fs::create_dir_all(&directory).expect("a directory");
            assert_eq!(connect(&directory).expect_err("nobody listens").kind(), io::ErrorKind::NotFound);
            drop(listen(&directory).expect("a socket"));
            assert_eq!(connect(&directory).expect_err("nobody listens").kind(), io::ErrorKind::ConnectionRefused);
            let listener = listen(&directory).expect("a socket in place of the dead one");
            connect(&directory).expect("a connection");
            listener.accept().expect("the same connection");
            let mode = std::fs::metadata(directory.join(SOCKET_NAME)).expect("metadata").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn only_one_holds_the_lock() {
        let home = tempfile::tempdir().expect("a directory");
        let held = lock(home.path()).expect("locked");
        assert!(held.is_some());
        assert!(lock(home.path()).expect("asked").is_none());
        drop(held);
        assert!(lock(home.path()).expect("asked").is_some());
    }
}
