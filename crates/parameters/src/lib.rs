//! Parameter Store and Secrets Manager, pure: no clock, no I/O, no randomness, no cryptography; `now`, ids and sealed values are
//! arguments (D2).
//!
//! [`parameter`] says what a parameter is and what may be put where; [`secret`] does so for secrets; [`value_from`] reads what a
//! container names in `secrets[].valueFrom`. A plaintext passes through here as a [`SecretText`](seatrial_model::SecretText) to be
//! judged, and never stays: what is kept is a [`StoredValue`], which its owner has sealed where it must be.

pub mod parameter;
pub mod refused;
pub mod secret;
pub mod stored_value;
pub mod tagging;
pub mod value_from;

pub use parameter::{Parameter, ParameterName, Reference};
pub use refused::Refused;
pub use secret::{Secret, SecretName, VersionId};
pub use stored_value::StoredValue;
pub use tagging::Tags;
pub use value_from::ValueFrom;
