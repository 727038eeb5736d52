//! What must hold whatever happens: [`watch`] objects to a step, [`audit`] to the state that it leaves behind, [`requests`] to what clients see.

pub mod audit;
pub mod requests;
pub mod watch;

pub use audit::audit;
pub use watch::Watch;
