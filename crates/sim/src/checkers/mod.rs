//! What must hold whatever happens: [`watch`] objects to a step, [`audit`] to the state that it leaves behind.

pub mod audit;
pub mod watch;

pub use audit::audit;
pub use watch::Watch;
