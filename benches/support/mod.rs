//! What the benchmarks share: figures of several rounds, what the kernel knows of a process, a client of the engine's ECS.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

pub mod client;
pub mod figures;
pub mod machine;
pub mod sampler;
pub mod usage;
