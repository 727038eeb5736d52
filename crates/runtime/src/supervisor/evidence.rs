//! Proof, in what a container wrote before it ended, that starting it again is of no use.
//!
//! A process gives one number when it ends, and programs that cannot listen end with any. What they write is the only evidence; it is
//! asked for only when a container ends by itself soon after its start, and only in its last lines.

use std::time::Duration;

use super::machine::Refusal;

/// A container that has run longer than this had come up; what it writes at its end is about something else. Applications that load
/// for long before they listen still fit.
pub(super) const START_WINDOW: Duration = Duration::from_secs(30);

/// How POSIX shells say that a command could not be run, and that there is none.
const CODE_NOT_EXECUTABLE: i32 = 126;
const CODE_NOT_FOUND: i32 = 127;

/// Ways of saying EADDRINUSE: by the C library, by its number, and by frameworks with words of their own.
const ADDRESS_IN_USE: [&str; 5] = ["address already in use", "eaddrinuse", "os error 98", "errno 98", "address in use"];

/// Judges the end of a container from its exit code and its last lines, oldest first.
pub(super) fn refusal(code: i32, last_lines: &[String]) -> Option<Refusal> {
    let says =
        |line: &&String| refused_to_bind(&line.to_ascii_lowercase()) || not_a_command(code, &line.to_ascii_lowercase());
    let line = last_lines.iter().rev().find(says)?;
    Some(Refusal::permanent(line.trim()))
}

fn refused_to_bind(line: &str) -> bool {
    let in_use = ADDRESS_IN_USE.iter().any(|words| line.contains(words));
    let port_in_use = line.contains("port") && line.contains("already in use");
    let forbidden =
        line.contains("permission denied") && ["bind:", "bind()", "listen"].iter().any(|call| line.contains(call));
    in_use || port_in_use || forbidden
}

fn not_a_command(code: i32, line: &str) -> bool {
    match code {
        CODE_NOT_FOUND => line.contains("not found") || line.contains("no such file"),
        CODE_NOT_EXECUTABLE => line.contains("permission denied") || line.contains("cannot execute"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(code: i32, lines: &[&str]) -> Option<String> {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        refusal(code, &lines).map(|refusal| refusal.reason)
    }

    #[test]
    fn an_address_in_use_is_recognised_in_many_tongues() {
        for line in [
            "Error: listen EADDRINUSE: address already in use 127.0.0.1:8080",
            "OSError: [Errno 98] Address already in use",
            "panic: listen tcp :8080: bind: address already in use",
            "Error: Os { code: 98, kind: AddrInUse, message: \"Address already in use\" }",
            "could not listen: Address already in use (os error 98)",
            "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)",
            "Web server failed to start. Port 8080 was already in use.",
            "listen tcp :80: bind: permission denied",
        ] {
            let reason = judge(1, &["starting", line, "exiting"]).expect(line);
            assert_eq!(reason, format!("CannotStartContainerError: {line}"));
        }
    }

    #[test]
    fn a_shell_that_finds_no_command_says_so_with_its_code() {
        assert!(judge(127, &["sh: 1: serve: not found"]).is_some());
        assert!(judge(126, &["sh: 1: ./serve: Permission denied"]).is_some());
        assert_eq!(judge(1, &["page not found"]), None);
        assert_eq!(judge(127, &["goodbye"]), None);
    }

    #[test]
    fn an_ordinary_end_is_no_evidence() {
        assert_eq!(judge(1, &["could not connect to the database: connection refused"]), None);
        assert_eq!(judge(0, &[]), None);
    }
}
