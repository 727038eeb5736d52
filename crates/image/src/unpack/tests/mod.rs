//! What becomes of layers: those that tools make, those that nobody should, and any sequence of entries.

mod applying;
mod attacks;
mod formats;
mod properties;
mod world;
