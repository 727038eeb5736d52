//! Parameters of Parameter Store: which of them do not exist.

use std::collections::BTreeSet;

use crate::aws::{CallError, Connection, DoingExt};

/// Most names in one GetParameters.
const NAMES_MAX: usize = 10;

/// What is known of some parameters.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub missing: BTreeSet<String>,
    /// Those that could not be looked at, and why.
    pub unseen: Vec<(String, String)>,
}

/// Looks which of these parameters are not there.
pub(super) async fn look(connection: &Connection, names: &[String]) -> Result<Known, CallError> {
    let mut known = Known::default();
    for some in names.chunks(NAMES_MAX) {
        let answer = connection.ssm.get_parameters().set_names(Some(some.to_vec())).send().await;
        match answer.doing(|| "looking whether the parameters of containers are there".into()) {
            // Whoever deploys need not be able to read what the tasks' role reads.
            Err(error) if error.is_closed() => {
                let why = format!("it could not be looked at ({error})");
                known.unseen.extend(some.iter().map(|name| (name.clone(), why.clone())));
            }
            answer => known.missing.extend(answer?.invalid_parameters.unwrap_or_default()),
        }
    }
    Ok(known)
}
