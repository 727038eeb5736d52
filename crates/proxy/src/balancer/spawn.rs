//! Owns starting a proxy process and noticing that it has ended.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The running program, whatever has become of its file.
const THIS_PROGRAM: &str = "/proc/self/exe";
const LOG_NAME: &str = "proxy.log";
/// A log that has grown beyond this is begun anew when a proxy is started.
const LOG_SIZE_MAX: u64 = 16 * 1024 * 1024;

/// The program that is the proxy; `--directory DIRECTORY` is appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyCommand {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
}

impl ProxyCommand {
    /// The running program with a hidden command, as in `seatrial proxy`.
    ///
    /// Where the system allows it, it is the running program itself, even if its file has been replaced meanwhile.
    pub fn this_program(command: &str) -> io::Result<Self> {
        let itself = Path::new(THIS_PROGRAM);
        let program = if itself.exists() { itself.to_owned() } else { std::env::current_exe()? };
        Ok(ProxyCommand { program, arguments: vec![command.into()] })
    }

    /// Starts the process. It makes a session of its own and outlives this one.
    pub(super) fn spawn(&self, directory: &Path) -> io::Result<Child> {
        let log = open_log(&directory.join(LOG_NAME))?;
        let mut command = Command::new(&self.program);
        if self.program == Path::new(THIS_PROGRAM) {
            // For lists of processes.
            command.arg0(std::env::current_exe()?);
        }
        command
            .args(&self.arguments)
            .arg("--directory")
            .arg(directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
    }
}

fn open_log(path: &Path) -> io::Result<File> {
    let is_large = std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > LOG_SIZE_MAX);
    if is_large {
        std::fs::remove_file(path)?;
    }
    File::options().create(true).append(true).open(path)
}
