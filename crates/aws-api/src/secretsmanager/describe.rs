//! DescribeSecret.

use seatrial_aws_wire::Input;
use seatrial_engine::{Engine, secrets};
use serde_json::Value;

use super::answer::OfSecret;
use super::show;
use crate::operations::OperationError;

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfSecret = input.read()?;
    let id = request.id();
    engine.read(|state| {
        let secret = secrets::find(state, &id)?;
        let mut shown = show::secret(secret);
        shown["VersionIdsToStages"] = show::stages(secret);
        if let Some(deletion) = secret.deletion() {
            shown["DeletedDate"] = deletion.due_at.as_epoch_seconds().into();
        }
        Ok(shown)
    })
}
