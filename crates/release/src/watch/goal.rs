//! How far a deployment is watched. Pure.

use std::fmt;
use std::str::FromStr;

use aws_sdk_ecs::types::{ServiceDeployment, ServiceDeploymentStatus};
use seatrial_model::LifecycleStage;

/// How far a deployment is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// Until it is over: the new version serves alone.
    #[default]
    Stable,
    /// Until the new version has all traffic at full size; the old one may still stand by.
    Deployed,
    /// Until it has entered this stage, or has gone past it.
    Stage(LifecycleStage),
    /// Until it waits for somebody's decision.
    Paused,
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Until::Stable => f.write_str("stable"),
            Until::Deployed => f.write_str("deployed"),
            Until::Stage(stage) => write!(f, "stage:{}", stage.as_str().to_ascii_lowercase()),
            Until::Paused => f.write_str("paused"),
        }
    }
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("stage:")) {
            ("stable", _) => Ok(Until::Stable),
            ("deployed", _) => Ok(Until::Deployed),
            ("paused", _) => Ok(Until::Paused),
            (_, Some(name)) => match LifecycleStage::parse(&name.to_ascii_uppercase().replace('-', "_")) {
                // ECS has no word for it in its answers, so nobody can see that it was reached.
                Some(LifecycleStage::PreProductionTrafficShift) | None => {
                    let shown = |stage: &LifecycleStage| *stage != LifecycleStage::PreProductionTrafficShift;
                    let names: Vec<String> = LifecycleStage::ALL
                        .iter()
                        .filter(|stage| shown(stage))
                        .map(|stage| stage.as_str().to_ascii_lowercase())
                        .collect();
                    Err(format!("`{name}` is no stage that can be waited for; there are {}", names.join(", ")))
                }
                Some(stage) => Ok(Until::Stage(stage)),
            },
            (_, None) => Err(format!("`{text}` is nothing to wait for: write deployed, stable, paused or stage:…")),
        }
    }
}

impl Until {
    /// Whether a deployment that goes on has come this far. Pauses are judged elsewhere: some are the coordinator's own.
    pub(crate) fn is_reached(self, deployment: &ServiceDeployment) -> bool {
        if deployment.status() != Some(&ServiceDeploymentStatus::InProgress) {
            return false;
        }
        let stage = deployment.lifecycle_stage().and_then(|stage| LifecycleStage::parse(stage.as_str()));
        match (self, stage) {
            (Until::Stable | Until::Paused, _) | (_, None) => false,
            (Until::Deployed, Some(stage)) => stage >= LifecycleStage::BakeTime,
            (Until::Stage(wanted), Some(stage)) => stage >= wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ecs::types::ServiceDeploymentLifecycleStage as Stage;

    #[test]
    fn goals_are_read_and_written_alike() {
        for text in ["stable", "deployed", "paused", "stage:bake_time"] {
            assert_eq!(text.parse::<Until>().expect(text).to_string(), text);
        }
        assert_eq!("stage:POST-SCALE-UP".parse(), Ok(Until::Stage(LifecycleStage::PostScaleUp)));
        assert!("stage:pre_production_traffic_shift".parse::<Until>().is_err());
        assert!("stage:x".parse::<Until>().expect_err("no stage").contains("bake_time"));
        assert!("done".parse::<Until>().is_err());
    }

    #[test]
    fn a_stage_is_reached_when_it_is_entered_or_passed() {
        let at = |stage: Stage| {
            ServiceDeployment::builder().status(ServiceDeploymentStatus::InProgress).lifecycle_stage(stage).build()
        };
        let scale_up = Until::Stage(LifecycleStage::ScaleUp);
        assert!(!scale_up.is_reached(&at(Stage::PreScaleUp)));
        assert!(scale_up.is_reached(&at(Stage::ScaleUp)));
        assert!(scale_up.is_reached(&at(Stage::BakeTime)));
        assert!(!Until::Deployed.is_reached(&at(Stage::ProductionTrafficShift)));
        assert!(Until::Deployed.is_reached(&at(Stage::BakeTime)));
        assert!(!Until::Stable.is_reached(&at(Stage::CleanUp)));
        let rolling_back = ServiceDeployment::builder()
            .status(ServiceDeploymentStatus::RollbackInProgress)
            .lifecycle_stage(Stage::BakeTime);
        assert!(!Until::Deployed.is_reached(&rolling_back.build()));
    }
}
