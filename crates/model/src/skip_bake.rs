//! Ending a bake early: an engine extension that travels as an existing AWS operation.
//!
//! ContinueServiceDeployment with this hook id. It can be no hook's, since ECS's all begin with `ecs-`; ECS itself refuses it for its form.

/// `hookId` of a ContinueServiceDeployment that ends the bake a deployment is in.
pub const SKIP_BAKE_HOOK: &str = "seatrial:skip-bake";

/// Begins the engine's refusal of it where there is no bake to end; then comes why.
pub const NO_BAKE: &str = "There is no bake time to end";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HookId;

    #[test]
    fn no_hook_can_have_the_id() {
        assert!(HookId::parse(SKIP_BAKE_HOOK).is_err());
    }
}
