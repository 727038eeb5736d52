//! The same from the same, and what comes out is what a layout's reader and the unpacker take.

mod building;
mod determinism;
mod planning;
