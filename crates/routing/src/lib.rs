//! Layer-7 decisions: rule match, weighted and sticky choice, target health and drain.
//!
//! Everything here is a function of its arguments: the instant, the random bits and the counters come from the caller, so that the
//! proxy, the simulator and a test decide alike. Behaviour follows Elastic Load Balancing's Application Load Balancer; where this
//! engine goes further (the fast first probe of [`checker`]), the module says so.
//!
//! One request passes through: [`rules::RuleSet::decide`] → [`weight`] or the cookie of [`stickiness`] → [`roster::Roster::choose`]
//! → [`occupancy`], which counts it in and refuses a target that is leaving. A copy of it may go elsewhere too: [`mirror`].

pub mod checker;
pub mod condition;
pub mod health;
pub mod mirror;
pub mod occupancy;
pub mod redirect;
pub mod request;
pub mod roster;
pub mod rules;
pub mod stickiness;
pub mod weight;
pub mod wildcard;

pub use checker::{CheckSettings, Checker};
pub use health::{CheckOutcome, HealthMachine};
pub use mirror::Mirror;
pub use occupancy::{Admission, Occupancy};
pub use request::RequestFacts;
pub use roster::{Draw, Roster, RosterSettings};
pub use rules::{CompiledAction, ForwardTo, RuleSet};
pub use stickiness::PinPolicy;
