//! What a release was asked for beside its configuration file, as far as it may be written down.

use serde::{Deserialize, Serialize};

use crate::config::{Overrides, RollbackOverride, ServiceName, StrategyWord};
use crate::deploy::DeployOptions;
use crate::ensure::{DefinitionChoice, Force};
use crate::images::StandIn;

/// The flags of a release. Values of variables are not kept: they may be secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The names of variables that were set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<StrategyWord>,
    pub rollback: RollbackOverride,
    pub definition: DefinitionChoice,
    /// Whether images were to be left as they are in the registry.
    #[serde(skip_serializing_if = "is_false")]
    pub no_build: bool,
    /// Whether something might stand in for a missing image.
    #[serde(skip_serializing_if = "is_false")]
    pub use_fallback_image: bool,
    /// Whether it was to stand in although an image is there.
    #[serde(skip_serializing_if = "is_false")]
    pub stand_in_anyway: bool,
    /// Whether new tasks were to be started even if nothing changed.
    pub force: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Asked {
    /// Collects what a command was given.
    pub fn of(overrides: &Overrides, options: &DeployOptions) -> Self {
        Asked {
            services: overrides.services.clone(),
            image: overrides.image.clone(),
            tag: overrides.tag.clone(),
            set: overrides.environment.keys().cloned().collect(),
            strategy: overrides.strategy,
            rollback: overrides.rollback,
            definition: options.definition,
            no_build: false,
            use_fallback_image: false,
            stand_in_anyway: false,
            force: options.force == Force::Always,
        }
    }

    /// When something was to stand in.
    pub fn stand_in(&self) -> StandIn {
        match (self.stand_in_anyway, self.use_fallback_image) {
            (true, _) => StandIn::Anyway,
            (false, true) => StandIn::Asked,
            (false, false) => StandIn::IfAllowed,
        }
    }

    /// The same again, with the values of the variables.
    pub fn overrides(&self, set: impl IntoIterator<Item = (String, String)>) -> Overrides {
        Overrides {
            services: self.services.clone(),
            image: self.image.clone(),
            built: Default::default(),
            stand_ins: Default::default(),
            tag: self.tag.clone(),
            environment: set.into_iter().collect(),
            strategy: self.strategy,
            rollback: self.rollback,
            settings: Vec::new(),
        }
    }
}
