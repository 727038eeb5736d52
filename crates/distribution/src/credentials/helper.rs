//! Credential helpers: programs named `docker-credential-NAME` that keep secrets for Docker.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use seatrial_model::SecretText;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;

use super::Credential;

/// How long a helper may take: one that asks a cloud needs a second, one that asks its user some more.
const TIME_MAX: Duration = Duration::from_secs(60);

/// The longest answer. Tokens have a few kilobytes.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;

/// How much of what a helper says about its failure is shown.
const SAID_LENGTH_MAX: usize = 300;

/// What helpers print who know of no credential. Its beginning, for some say more.
const NOT_FOUND: &str = "credentials not found";

/// The user by which a helper says that the secret is an identity token.
const TOKEN_USER: &str = "<token>";

/// Why a helper gives no credential.
#[derive(Debug, thiserror::Error)]
pub enum HelperError {
    #[error("could not start {program}, which {} names for registry credentials; install it, or take it out of there", file.display())]
    Start {
        program: String,
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{program} had no credentials for {server} after {} s and was ended", limit.as_secs())]
    TimedOut { program: String, server: String, limit: Duration },
    #[error("{program} failed to get the credentials for {server} ({status}): {said}")]
    Failed { program: String, server: String, status: ExitStatus, said: String },
    #[error("{program} answered something else than credentials for {server}")]
    Malformed { program: String, server: String },
}

/// The name of a helper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HelperName(String);

impl HelperName {
    /// Parses a name, which can be no path.
    pub fn parse(text: &str) -> Option<Self> {
        let is_fitting = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        ((1..=64).contains(&text.len()) && text.chars().all(is_fitting)).then(|| HelperName(text.to_owned()))
    }

    pub fn program(&self) -> String {
        format!("docker-credential-{}", self.0)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// Asks a helper for a server's credential; `None` when it knows of none. `file` is what names the helper.
pub(super) async fn get(name: &HelperName, server: &str, file: &Path) -> Result<Option<Credential>, HelperError> {
    run(&name.program(), server, file, TIME_MAX).await
}

/// Runs a program, which is looked up in `PATH`, and never by a shell.
async fn run(program: &str, server: &str, file: &Path, limit: Duration) -> Result<Option<Credential>, HelperError> {
    let (program, server_name) = (program.to_owned(), || server.to_owned());
    let start_error = |source| HelperError::Start { program: program.clone(), file: file.to_owned(), source };
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(start_error)?;
    const PIPED: &str = "the helper was started with pipes, and they are taken once";
    let (mut stdin, stdout) = (child.stdin.take().expect(PIPED), child.stdout.take().expect(PIPED));
    let asked = async {
        // A helper that does not read the server has no need of it.
        let _ = stdin.write_all(server.as_bytes()).await;
        drop(stdin);
        let printed = read(stdout).await?;
        Ok::<_, io::Error>((printed, child.wait().await?))
    };
    let Ok(asked) = timeout(limit, asked).await else {
        return Err(HelperError::TimedOut { program, server: server_name(), limit });
    };
    let (printed, status) = asked.map_err(start_error)?;
    if printed.len() as u64 >= ANSWER_BYTES_MAX {
        return Err(HelperError::Malformed { program, server: server_name() });
    }
    if !status.success() {
        let said = said(&printed);
        if said.starts_with(NOT_FOUND) {
            return Ok(None);
        }
        return Err(HelperError::Failed { program, server: server_name(), status, said });
    }
    let answer: Answer =
        serde_json::from_slice(&printed).map_err(|_| HelperError::Malformed { program, server: server_name() })?;
    if answer.secret.is_empty() {
        return Ok(None);
    }
    let secret = SecretText::new(answer.secret);
    Ok(Some(match answer.username.as_str() {
        TOKEN_USER => Credential::IdentityToken(secret),
        _ => Credential::password(answer.username, secret),
    }))
}

async fn read(stdout: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let mut printed = Vec::new();
    stdout.take(ANSWER_BYTES_MAX).read_to_end(&mut printed).await?;
    Ok(printed)
}

/// Returns what a helper that failed says. What looks like an answer is not shown: there might be a secret in it.
fn said(printed: &[u8]) -> String {
    let text = String::from_utf8_lossy(printed);
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID_LENGTH_MAX).collect();
    match text.trim() {
        text if text.is_empty() || text.contains(['{', '"']) => "it did not say why".to_owned(),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
