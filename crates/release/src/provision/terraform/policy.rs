//! The policy of an environment: a command that reads the plan as JSON on its standard input, and refuses it with an exit code that is not 0.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::super::Workshop;
use super::super::child::{Limit, Program, shortened};
use super::super::kind::Script;
use super::super::scratch::Scratch;
use crate::error::ReleaseError;

/// It reads a document and decides.
const POLICY: Limit = Limit { what: "the policy", limit: Duration::from_secs(10 * 60) };

/// Asks the policy about a plan, which is put into a file that nobody else can read.
pub(super) async fn ask(
    workshop: &Workshop<'_>,
    policy: &Script,
    document: &[u8],
    file: &Path,
) -> Result<(), ReleaseError> {
    std::fs::write(file, document).map_err(|error| {
        ReleaseError::not_possible(format!("{} cannot be written: {error}", file.display()), "check TMPDIR")
    })?;
    let (name, arguments) = policy.program();
    let program = Program {
        workshop,
        program: name.into(),
        directory: policy.directory.clone(),
        environment: Vec::new(),
        scratch: Arc::new(Scratch::new()?),
    };
    let ended = program.run(arguments, Some(file), POLICY, &mut |_| ()).await?;
    if ended.code == Some(0) {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.document()?).into_owned() + " " + &ended.complaint();
    Err(ReleaseError::RefusedByPolicy { said: shortened(&said) })
}
