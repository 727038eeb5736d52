//! What a supervisor is given over the socket it is born with: the values of its task's secrets, if the task has any.

use seatrial_model::task_definition::TaskDefinition;
use seatrial_ports::runtime::{LaunchSecrets, TaskEnd};

use super::tracked::Tracked;
use crate::secret_delivery;
use crate::supervisor::Refusal;

/// Waits for the order that has the values with it, unless none are needed, and packs them. The error is how a task ends that cannot have
/// them; without a reason when it has been ordered to stop.
pub(super) async fn wait_for(
    tracked: &Tracked,
    definition: Option<TaskDefinition>,
) -> Result<Vec<u8>, Option<TaskEnd>> {
    if !definition.as_ref().is_some_and(secret_delivery::is_wanted) {
        return Ok(Vec::new());
    }
    let packed = match tracked.take_secrets().await {
        None => return Err(None),
        Some(LaunchSecrets::Pulled(values)) => secret_delivery::pack(&values).map_err(|error| error.to_string()),
        Some(LaunchSecrets::Missing(why)) => Err(why),
    };
    packed.map_err(|why| {
        let Refusal { cause, reason } = Refusal::secrets(why);
        Some(TaskEnd { cause, reason })
    })
}
