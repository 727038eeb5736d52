//! The query protocol's input: form parameters whose dotted names spell out a tree.
//!
//! `tree` turns the parameters into one JSON value, `form_value` lets serde read numbers and flags out of its texts.

mod form_value;
mod tree;

pub(crate) use form_value::FormValue;
pub(crate) use tree::decode;
pub use tree::{InvalidQuery, PARAMETER_DEPTH_MAX, PARAMETERS_MAX, PARTS_MAX};
