//! The parameters of the environment whose services are all gone.

use super::{Deleting, Named, ParameterScope};
use crate::error::ReleaseError;
use crate::parameters::{Depth, Parameters, Realm};
use crate::report::{Change, Resource};

/// Codes with which a look at parameters is refused to somebody who may not.
const REFUSED: &str = "AccessDeniedException";

impl Deleting<'_> {
    /// Deletes what is below the environment's path, or tells how much of it stays.
    pub(super) async fn parameters(&mut self, scope: ParameterScope) -> Result<(), ReleaseError> {
        if scope == ParameterScope::Untouched {
            return Ok(());
        }
        let realm = Realm::of(self.plan);
        let store = Parameters { connection: self.connection, realm: &realm };
        let names: Vec<String> = match store.below("", Depth::Everything).await {
            Ok(found) => found.into_iter().map(|parameter| parameter.name).collect(),
            Err(error) if scope == ParameterScope::Kept && error.has_code(REFUSED) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if names.is_empty() {
            return Ok(());
        }
        let named =
            Named { resource: Resource::Parameters, name: format!("{}* ({})", realm.parameter(""), names.len()) };
        match scope {
            ParameterScope::Deleted => {
                store.delete(&names).await?;
                self.report.ensured(named.resource, &named.name, None, Change::Deleted);
                self.done.deleted.push(named);
            }
            ParameterScope::Kept | ParameterScope::Untouched => self.done.kept_parameters = Some(named),
        }
        Ok(())
    }
}
